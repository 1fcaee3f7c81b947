//! How the requests of the Logs page are shown.

use super::InvalidFilter;

/// How the requests of the Logs page are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogView {
    /// One by one.
    #[default]
    Requests,
    /// Those that failed, by what failed.
    Errors,
    /// By endpoint.
    Endpoints,
    /// By the address of the caller.
    Addresses,
}

impl LogView {
    /// Its parameter in the address.
    pub const PARAMETER: &str = "view";

    pub const ALL: [Self; 4] = [Self::Requests, Self::Errors, Self::Endpoints, Self::Addresses];

    /// The name in the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Errors => "errors",
            Self::Endpoints => "endpoints",
            Self::Addresses => "addresses",
        }
    }

    /// The name on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Requests => "Requests",
            Self::Errors => "Errors",
            Self::Endpoints => "Endpoints",
            Self::Addresses => "Addresses",
        }
    }

    pub(crate) fn read(text: &str) -> Result<Self, InvalidFilter> {
        let view = Self::ALL.into_iter().find(|view| view.as_str() == text);
        view.ok_or(InvalidFilter {
            name: Self::PARAMETER,
            wants: "one of requests, errors, endpoints, addresses",
        })
    }
}

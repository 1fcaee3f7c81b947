//! The order of endpoints.

use super::InvalidFilter;

/// By what endpoints are ordered on the Logs page. The name comes first in the alphabet; of everything else there is most first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointOrder {
    #[default]
    Requests,
    Endpoint,
    /// The part with a status of 400 and above.
    Failed,
    /// The part with a status of 500 and above.
    ServerErrors,
    P50,
    P95,
    P99,
}

impl EndpointOrder {
    /// Its parameter in the address.
    pub const PARAMETER: &str = "sort";

    pub const ALL: [Self; 7] = [
        Self::Requests,
        Self::Endpoint,
        Self::Failed,
        Self::ServerErrors,
        Self::P50,
        Self::P95,
        Self::P99,
    ];

    /// The name in the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Endpoint => "endpoint",
            Self::Failed => "failed",
            Self::ServerErrors => "server_errors",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }

    pub(crate) fn read(text: &str) -> Result<Self, InvalidFilter> {
        let order = Self::ALL.into_iter().find(|order| order.as_str() == text);
        order.ok_or(InvalidFilter {
            name: Self::PARAMETER,
            wants: "one of requests, endpoint, failed, server_errors, p50, p95, p99",
        })
    }
}

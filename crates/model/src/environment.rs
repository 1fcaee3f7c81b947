//! The three environments a key, a request or a webhook belongs to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `sandbox`, `dev`, `prod` in data and addresses; Sandbox, Development, Production on pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Sandbox,
    Dev,
    Prod,
}

/// The text is not one of the three environments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownEnvironment;

impl Environment {
    /// In the order in which pages show them.
    pub const ALL: [Self; 3] = [Self::Sandbox, Self::Dev, Self::Prod];

    /// The name in data, addresses and secrets.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Dev => "dev",
            Self::Prod => "prod",
        }
    }

    /// The name on pages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sandbox => "Sandbox",
            Self::Dev => "Development",
            Self::Prod => "Production",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|environment| environment.as_str() == text)
            .ok_or(UnknownEnvironment)
    }
}

impl fmt::Display for UnknownEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an environment is one of sandbox, dev, prod")
    }
}

impl std::error::Error for UnknownEnvironment {}

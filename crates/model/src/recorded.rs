//! Which surface recorded a request.

use serde::{Deserialize, Serialize};

/// Which surface saw the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    Gateway,
    Verify,
    PublicApi,
}

impl Recorded {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Verify => "verify",
            Self::PublicApi => "public_api",
        }
    }

    pub fn from_name(text: &str) -> Option<Self> {
        [Self::Gateway, Self::Verify, Self::PublicApi]
            .into_iter()
            .find(|one| one.as_str() == text)
    }
}

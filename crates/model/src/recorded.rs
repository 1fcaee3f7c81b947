//! Which surface recorded a request.

use serde::{Deserialize, Serialize};

/// Which surface saw the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    Gateway,
    Verify,
    PublicApi,
    /// A program of the operator sent it afterwards. Gatehouse did not see the request.
    Sent,
}

impl Recorded {
    pub const ALL: [Self; 4] = [Self::Gateway, Self::Verify, Self::PublicApi, Self::Sent];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Verify => "verify",
            Self::PublicApi => "public_api",
            Self::Sent => "sent",
        }
    }

    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

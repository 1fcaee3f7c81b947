//! Where requests came from.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// An address that requests came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSource {
    pub address: String,
    pub requests: u64,
    pub last_at: Timestamp,
    /// Of its latest request, if that is among the latest 1,000 of all addresses.
    pub path: Option<String>,
    /// Likewise.
    pub user_agent: Option<String>,
}

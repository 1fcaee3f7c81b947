//! What may be set on a key: its name, when it ends, and what it may be used for.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Letters in a key's name.
pub const LONGEST_KEY_NAME: usize = 60;
/// Letters in a key's note.
pub const LONGEST_KEY_NOTE: usize = 500;
/// Networks in a key's allow-list.
pub const MOST_KEY_NETWORKS: usize = 50;
/// The most requests a minute that a key may have of its own.
pub const MOST_KEY_REQUESTS_A_MINUTE: u32 = 1_000_000;

/// The terms of a key. A key that was just generated has the default: no name, no end and no limit of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTerms {
    pub name: String,
    pub note: String,
    /// From this moment on, requests with the key are refused. It stays in the list, and can be given another date.
    pub expires_at: Option<Timestamp>,
    /// From this moment on, the key is deleted.
    pub delete_at: Option<Timestamp>,
    /// Only GET, HEAD and OPTIONS are accepted.
    pub read_only: bool,
    /// The networks that requests may come from, as CIDR. Empty: from anywhere.
    pub networks: Vec<String>,
    /// How many requests a minute the key may make, where the installation's limit allows more.
    pub requests_a_minute: Option<u32>,
}

impl KeyTerms {
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Whether it expires or is deleted at some moment.
    pub const fn has_end(&self) -> bool {
        self.expires_at.is_some() || self.delete_at.is_some()
    }

    /// Whether the moment of its deletion has come. The row may still be there for a moment.
    pub fn is_deleted(&self, now: Timestamp) -> bool {
        self.delete_at.is_some_and(|at| at <= now)
    }
}

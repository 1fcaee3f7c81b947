//! How a key is used, as far as the log knows.

use serde::{Deserialize, Serialize};

use crate::{LogRow, RequestId, Timestamp};

/// What the log has of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// Requests of the last 24 hours; a lower bound if there was no time to count all of them.
    pub requests: u64,
    /// The same in equal parts of that time, oldest first.
    pub parts: Vec<u64>,
    /// The newest request, with its caller.
    pub latest: Option<LogRow>,
    /// Of the last 7 days.
    pub addresses: KeyAddresses,
}

/// The addresses that requests with a key came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyAddresses {
    /// The most frequent first.
    pub seen: Vec<KeyAddress>,
    /// How many addresses are left out.
    pub more: u64,
    /// If there was no time to look at everything: requests from before this are missing.
    pub looked_back_to: Option<Timestamp>,
}

/// An address, and its requests with a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAddress {
    pub address: String,
    pub requests: u64,
    /// When the latest arrived.
    pub last: Timestamp,
}

/// The response to a request that a person made with a key from the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTest {
    pub status: u16,
    /// Milliseconds until the response was there.
    pub took_ms: u64,
    /// Its row in the log, which is written a moment later.
    pub request: Option<RequestId>,
    /// The beginning of the body, as text, without the secret.
    pub body: String,
    /// There is more of the body.
    pub is_cut: bool,
}

/// What was refused of a key since it was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRefusals {
    /// A lower bound if there was no time to count all of them.
    pub requests: u64,
    /// The newest, with its caller.
    pub latest: Option<LogRow>,
}

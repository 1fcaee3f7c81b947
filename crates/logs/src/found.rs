//! The answer to a [`crate::Question`].

use model::{
    Beyond, ClientId, EndpointGroup, Environment, ErrorReason, KeyAddress, KeyId, LogRow, Recorded,
    Timestamp, Verdict,
};

/// What a reader found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Newest first, that is by descending `seq`. `brand` has the name of the brand whose row it is, even if that brand reads;
    /// [`crate::Reading`] removes it where it would repeat the reader's own name.
    pub rows: Vec<LogRow>,
    /// Whether there are matching rows below the last of `rows`.
    pub more: bool,
    pub count: Count,
    /// The largest `seq` that this answer could include, as a bound for further pages.
    pub as_of: i64,
    /// For each part of the range, oldest first: the number of rows by the first digit of their status, at that index.
    /// Statuses that begin with another digit than 1 to 5 are at 0. Empty unless it was asked for.
    pub histogram: Vec<[u64; 6]>,
    /// Empty unless it was asked for.
    pub facets: Facets,
    /// For [`crate::Groups::Errors`], the most frequent first, then by key; at most [`crate::Groups::LISTED`].
    pub errors: Vec<FoundErrors>,
    /// For [`crate::Groups::Endpoints`], likewise.
    pub endpoints: Vec<EndpointGroup>,
    /// For [`crate::Groups::Addresses`], the most frequent first, then by address.
    pub addresses: Vec<KeyAddress>,
    /// Of all endpoints, listed or not, with [`model::EndpointGroup::ENOUGH`] requests, the one with the highest p95.
    pub slowest: Option<EndpointGroup>,
    /// Requests of the most frequent endpoint, listed or not.
    pub most_requests: u64,
    /// What `errors`, `endpoints` or `addresses` leaves out.
    pub beyond: Beyond,
    /// If the budget ended before everything was looked at.
    pub looked_back_to: Option<LookedBack>,
    /// Parts of the log in this range that cannot be read.
    pub damaged: Vec<Damaged>,
}

/// How many rows match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    #[default]
    NotAsked,
    Exactly(u64),
    /// There are too many to count in time.
    AtLeast(u64),
}

impl Count {
    /// The number that is certain.
    pub const fn at_least(self) -> u64 {
        match self {
            Self::NotAsked => 0,
            Self::Exactly(rows) | Self::AtLeast(rows) => rows,
        }
    }
}

/// For each field, its values with the number of matching rows. Each field ignores its own condition, so that it shows
/// what another choice would find. The most frequent value comes first; values with equally many rows are ordered. Rows
/// without a value are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    pub status: Vec<(u16, u64)>,
    pub client: Vec<(ClientId, u64)>,
    pub environment: Vec<(Environment, u64)>,
    pub key: Vec<(KeyId, u64)>,
    pub method: Vec<(String, u64)>,
    pub verdict: Vec<(Verdict, u64)>,
    pub recorded: Vec<(Recorded, u64)>,
    /// By the class of the duration: 0 below 1 ms, and n from 2^(n-1) ms up to 2^n ms.
    pub duration: Vec<(u8, u64)>,
}

/// What rows of one group of errors have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorKey {
    pub status: u16,
    pub method: String,
    /// The template of the path.
    pub endpoint: String,
    pub reason: ErrorReason,
}

/// A group of errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundErrors {
    pub key: ErrorKey,
    pub requests: u64,
    /// The earliest and the latest arrival.
    pub first: Timestamp,
    pub last: Timestamp,
    /// Rows in each part of the range, oldest first.
    pub counts: Vec<u64>,
    pub keys: Distinct<KeyId>,
    /// The companies whose rows they are.
    pub clients: Distinct<ClientId>,
}

/// Distinct values, ascending: all, or [`crate::Groups::AFFECTED`] of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distinct<T> {
    pub values: Vec<T>,
    /// There are more.
    pub is_more: bool,
}

/// How far a reader looked back before its budget ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookedBack {
    /// Every row with this `seq` or a larger one was looked at. A question with this `before` goes on from here.
    pub seq: i64,
    /// When the oldest of these rows arrived, as closely as the reader knows.
    pub at: Timestamp,
}

/// A part of the log that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Its rows arrived from this time
    pub from: Timestamp,
    /// to this time (included).
    pub to: Timestamp,
    /// The number of its rows, of all companies.
    pub rows: u64,
}

//! What a page of the log shows besides its rows: the histogram, the facets, and the groups of its requests. Each
//! is asked for on its own, so that the rows need not wait for it.

use crate::{FilterField, Timestamp};

/// Which parts of a page to answer. The others are left empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogParts {
    /// The rows, their number, and what the page says about them.
    pub rows: bool,
    /// Whether the rows have their [`crate::Caller`].
    pub callers: bool,
    pub histogram: bool,
    pub facets: bool,
    /// Failed requests in groups.
    pub errors: bool,
    /// Requests by endpoint.
    pub endpoints: bool,
    /// Requests by the address of the caller.
    pub addresses: bool,
}

impl LogParts {
    const NOTHING: Self = Self {
        rows: false,
        callers: false,
        histogram: false,
        facets: false,
        errors: false,
        endpoints: false,
        addresses: false,
    };
    pub const ROWS: Self = Self {
        rows: true,
        ..Self::NOTHING
    };
    pub const ROWS_WITH_CALLERS: Self = Self {
        callers: true,
        ..Self::ROWS
    };
    pub const HISTOGRAM: Self = Self {
        histogram: true,
        ..Self::NOTHING
    };
    pub const FACETS: Self = Self {
        facets: true,
        ..Self::NOTHING
    };
    pub const ERRORS: Self = Self {
        errors: true,
        ..Self::NOTHING
    };
    pub const ENDPOINTS: Self = Self {
        endpoints: true,
        ..Self::NOTHING
    };
    pub const ADDRESSES: Self = Self {
        addresses: true,
        ..Self::NOTHING
    };
}

impl Default for LogParts {
    fn default() -> Self {
        Self::ROWS
    }
}

/// The matching requests over the range of the page, by time and class of status. The cursor does not affect it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHistogram {
    /// When the first bucket begins: a multiple of the width since 1970 UTC. The first and the last bucket may reach beyond
    /// the range of the page, and count only requests in it.
    pub from: Timestamp,
    /// Milliseconds of each bucket.
    pub width: i64,
    /// Oldest first; at most 100. Requests by the first digit of their status, at that index; others are at 0.
    pub buckets: Vec<[u64; 6]>,
    /// If there was no time to count everything: requests from before this are missing.
    pub looked_back_to: Option<Timestamp>,
    /// When it was counted.
    pub now: Timestamp,
}

impl LogHistogram {
    /// From (included) and to (excluded) of a bucket, as a range for the filter.
    pub const fn bounds_of(&self, bucket: usize) -> (Timestamp, Timestamp) {
        let from = self.from.as_millis() + self.width * bucket as i64;
        (
            Timestamp::from_millis(from),
            Timestamp::from_millis(from + self.width),
        )
    }
}

/// The facets of a page. Each ignores the filter's values of its own field, so that it says what another choice would find.
/// The cursor does not affect them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFacets {
    /// Classes of statuses, statuses, brands, environments, keys, methods, verdicts, what recorded it, and durations, in
    /// this order. Without those that have no value. [`FilterField::Status`] is there twice.
    pub all: Vec<LogFacet>,
    /// If there was no time to count everything: requests from before this are missing.
    pub looked_back_to: Option<Timestamp>,
}

/// The values of one field with the numbers of their requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFacet {
    pub field: FilterField,
    /// The most frequent first, at most 50; durations and classes of statuses in their own order.
    pub values: Vec<FacetValue>,
    /// How many values there are beyond these.
    pub more: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetValue {
    /// As [`crate::LogFilter::add`] reads it.
    pub text: String,
    /// Its name on the page; empty where that is the text.
    pub label: String,
    /// What else tells it from others, such as "Production, deleted" of a key; may be empty.
    pub note: String,
    pub requests: u64,
}

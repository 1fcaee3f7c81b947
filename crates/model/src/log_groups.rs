//! The requests of the Logs page in groups: errors of one kind, and endpoints. Answered and drawn on the server, so nothing
//! here travels.

use crate::{
    EndpointOrder, ErrorCode, FilterField, LogFilter, LogView, NO_ERROR_CODE, RequestSource, Timestamp,
    Verdict,
};

/// Failed requests (a status of 400 or above), by what failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogErrors {
    /// The range that [`ErrorGroup::counts`] divides, from (included)
    pub from: Timestamp,
    /// to (excluded).
    pub to: Timestamp,
    /// The most frequent first, at most 50.
    pub groups: Vec<ErrorGroup>,
    pub beyond: Beyond,
    /// If there was no time to look at everything: requests from before this are missing.
    pub looked_back_to: Option<Timestamp>,
}

/// What a list of groups leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// Groups with fewer requests than those in the list.
    pub groups: u64,
    /// Requests of further groups, of which there were too many to tell them apart.
    pub requests: u64,
}

/// Requests that failed alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorGroup {
    pub status: u16,
    pub method: String,
    /// See [`crate::path_template`].
    pub endpoint: String,
    pub reason: ErrorReason,
    pub requests: u64,
    /// When the first and the last of them arrived.
    pub first: Timestamp,
    pub last: Timestamp,
    /// How many arrived in each of equal parts of the range, oldest first.
    pub counts: Vec<u64>,
    pub keys: Affected,
    /// Brands by name, and the company itself.
    pub brands: Affected,
}

impl ErrorGroup {
    /// The filter, narrowed to exactly these requests, which it shows one by one.
    #[must_use]
    pub fn narrow(&self, filter: &LogFilter) -> LogFilter {
        let status = self.status.to_string();
        let mut all = vec![
            (FilterField::Status, &*status),
            (FilterField::Method, &*self.method),
            (FilterField::Endpoint, &*self.endpoint),
        ];
        match &self.reason {
            ErrorReason::Code(code) => all.push((FilterField::Error, code.as_str())),
            ErrorReason::Refused(verdict) => all.push((FilterField::Verdict, verdict.as_str())),
            ErrorReason::Unknown => {
                all.push((FilterField::Error, NO_ERROR_CODE));
                all.push((FilterField::Verdict, Verdict::Accepted.as_str()));
            }
        }
        narrowed(filter, &all)
    }
}

fn narrowed(filter: &LogFilter, to: &[(FilterField, &str)]) -> LogFilter {
    let mut filter = filter.first_page();
    filter.view = LogView::Requests;
    filter.sort = EndpointOrder::default();
    for (field, text) in to {
        filter.clear(*field);
        // What cannot be written as a filter, such as a method in small letters, is left out.
        let _ = filter.add(*field, false, text);
    }
    filter
}

/// Why a request failed, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorReason {
    /// Accepted, and the API's response says nothing that is known as a code.
    Unknown,
    /// Accepted, and what the API's response says.
    Code(ErrorCode),
    /// Gatehouse refused it.
    Refused(Verdict),
}

/// Whom it concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// Their names in order; at most 50.
    pub names: Vec<String>,
    pub number: u64,
    /// There are more than `number`.
    pub is_more: bool,
}

/// Requests by endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogEndpoints {
    /// The first ones in the order that was asked for, at most 50.
    pub groups: Vec<EndpointGroup>,
    /// Of all endpoints, listed or not, with [`EndpointGroup::ENOUGH`] requests or more, the one with the highest p95.
    pub slowest: Option<EndpointGroup>,
    /// Requests of the most frequent endpoint, listed or not.
    pub most_requests: u64,
    /// Requests that are left out because no status of them is known.
    pub unknown: u64,
    pub beyond: Beyond,
    /// If there was no time to look at everything: requests from before this are missing.
    pub looked_back_to: Option<Timestamp>,
}

/// Requests by the address of the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogAddresses {
    /// The most frequent first, at most 1,000.
    pub groups: Vec<RequestSource>,
    pub beyond: Beyond,
    /// If there was no time to look at everything: requests from before this are missing.
    pub looked_back_to: Option<Timestamp>,
}

impl RequestSource {
    /// The address of the list of exactly its requests.
    pub fn narrow(&self, filter: &LogFilter) -> LogFilter {
        narrowed(filter, &[(FilterField::Address, &self.address)])
    }
}

/// The requests of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointGroup {
    pub method: String,
    /// See [`crate::path_template`].
    pub endpoint: String,
    pub requests: u64,
    /// With a status of 400 or above.
    pub failed: u64,
    /// With a status of 500 or above.
    pub server_errors: u64,
    /// Microseconds that half, 95 % and 99 % of the requests did not exceed: at most 1.6 % from an exact value.
    pub p50_us: u64,
    pub p95_us: u64,
    pub p99_us: u64,
}

impl EndpointGroup {
    /// With fewer requests, one slow request decides the percentiles.
    pub const ENOUGH: u64 = 100;

    /// The filter, narrowed to exactly these requests, which it shows one by one.
    #[must_use]
    pub fn narrow(&self, filter: &LogFilter) -> LogFilter {
        narrowed(
            filter,
            &[
                (FilterField::Method, &self.method),
                (FilterField::Endpoint, &self.endpoint),
            ],
        )
    }
}

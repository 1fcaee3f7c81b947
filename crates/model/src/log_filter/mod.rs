//! The filter of the Logs page: at once the address, the form, the search line, the server function's argument and the
//! store's query.

mod choice;
mod date_range;
mod field;
mod order;
mod values;
mod view;

use std::fmt;

pub use choice::Choice;
pub use date_range::DateRange;
pub use field::{FilterField, LONGEST_PATH, MOST_VALUES};
pub use order::EndpointOrder;
pub use values::{BrandFilter, DurationFilter, InvalidValue, KeyFilter, LastFour, StatusFilter};
pub use view::LogView;

use crate::{Environment, Recorded, RequestId, Verdict};

/// Which requests to list: those that match every field. `Display` writes a query string without `?`, in one canonical
/// order; `FromStr` reads it back; serde goes by that same text.
///
/// At most [`MOST_VALUES`] values of a field are read, and texts of a bounded length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    pub range: DateRange,
    pub status: Choice<StatusFilter>,
    pub brand: Choice<BrandFilter>,
    pub environment: Choice<Environment>,
    pub key: Choice<KeyFilter>,
    /// Upper-case methods.
    pub method: Choice<String>,
    /// What happened.
    pub verdict: Choice<Verdict>,
    /// What the API's response said went wrong, or [`crate::NO_ERROR_CODE`].
    pub error: Choice<String>,
    /// Which surface saw the request.
    pub recorded: Choice<Recorded>,
    /// The path contains one of these.
    pub path: Choice<String>,
    /// The path has one of these templates: see [`crate::path_template`].
    pub endpoint: Choice<String>,
    /// The caller's address.
    pub address: Choice<String>,
    pub duration: Choice<DurationFilter>,
    /// Requests by their id, whatever the date range is: an id names one request at most, so a range could only hide it.
    pub request: Choice<RequestId>,
    /// How they are shown.
    pub view: LogView,
    /// How endpoints are ordered.
    pub sort: EndpointOrder,
    /// Rows stored before this `seq`: the cursor of *Show older requests*.
    pub before: Option<i64>,
}

/// A part of a query string that no filter understands: which one, and what it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidFilter {
    pub name: &'static str,
    pub wants: &'static str,
}

impl fmt::Display for InvalidFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.wants)
    }
}

impl std::error::Error for InvalidFilter {}

impl LogFilter {
    /// Whether anything but the date range and the cursor narrows the list.
    pub fn narrows(&self) -> bool {
        // Names every field: one that is left out could not be told from none.
        let Self {
            range: _,
            status,
            brand,
            environment,
            key,
            method,
            verdict,
            error,
            recorded,
            path,
            endpoint,
            address,
            duration,
            request,
            view: _,
            sort: _,
            before: _,
        } = self;
        !(status.is_everything()
            && brand.is_everything()
            && environment.is_everything()
            && key.is_everything()
            && method.is_everything()
            && verdict.is_everything()
            && error.is_everything()
            && recorded.is_everything()
            && path.is_everything()
            && endpoint.is_everything()
            && address.is_everything()
            && duration.is_everything()
            && request.is_everything())
    }

    /// The same range, shown the same way, and nothing else.
    #[must_use]
    pub fn without_narrowing(&self) -> Self {
        Self {
            range: self.range,
            view: self.view,
            sort: self.sort,
            ..Self::default()
        }
    }

    /// The first page of the same filter.
    #[must_use]
    pub fn first_page(&self) -> Self {
        Self {
            before: None,
            ..self.clone()
        }
    }
}

//! Which filters need *More filters*.

use model::{FilterField, LogFilter};

/// Whether a filter is set that only *More filters* shows.
pub(super) fn has_more(filter: &LogFilter) -> bool {
    FilterField::ALL.into_iter().any(|field| match field {
        FilterField::Status | FilterField::Brand => is_several(filter, field),
        field => is_several(filter, field) || !first(filter, field).is_empty(),
    })
}

/// More than one value to include, or any to exclude: more than a menu can show.
pub(super) fn is_several(filter: &LogFilter, field: FilterField) -> bool {
    filter.texts(field, false).len() > 1 || !filter.texts(field, true).is_empty()
}

/// The first value that is included.
pub(super) fn first(filter: &LogFilter, field: FilterField) -> String {
    filter.texts(field, false).into_iter().next().unwrap_or_default()
}

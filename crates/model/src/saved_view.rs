//! Views of the Logs page that a person has given a name.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{InvalidFilter, LogFilter, ViewId};

/// One of a person's views of a company's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedView {
    pub id: ViewId,
    pub name: String,
    pub query: ViewQuery,
}

/// What an address of the Logs page shows: its filter, with a range that stays relative, and which of its lists. Without the
/// cursor. Two addresses that show the same are equal, and written alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ViewQuery(String);

impl ViewQuery {
    /// Reads a query string. Leaves out what it cannot read.
    pub fn of(query: &str) -> Self {
        let (filter, _) = LogFilter::parse_lenient(query);
        Self(filter.first_page().to_string())
    }

    /// Like [`Self::of`], but for keeping: what cannot be read is an error, because without it the view would show more.
    pub fn read(query: &str) -> Result<Self, InvalidFilter> {
        let (_, wrong) = LogFilter::parse_lenient(query);
        wrong.into_iter().next().map_or_else(|| Ok(Self::of(query)), Err)
    }

    /// The query string, without `?`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ViewQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_kept() {
        assert_eq!(
            ViewQuery::read("status=abc").map_err(|wrong| wrong.name),
            Err("status")
        );
        let kept = ViewQuery::read("status=4xx&open=x&more=1").expect("a view");
        assert_eq!(kept.as_str(), "status=4xx");
    }

    #[test]
    fn addresses_that_show_the_same_are_the_same_view() {
        for (address, view) in [
            ("", ""),
            ("?", ""),
            ("?range=24h&before=17", ""),
            ("status=4xx&range=7d", "range=7d&status=4xx"),
            (
                "?q=status%3A4xx&range=7d&status=9xx&unknown=1",
                "range=7d&status=4xx",
            ),
            ("view=errors&status=4xx", "status=4xx&view=errors"),
            ("view=errors", "view=errors"),
            ("view=Not%20a%20list&view=", ""),
            ("view=%22%3E%3Cscript", ""),
        ] {
            assert_eq!(ViewQuery::of(address).as_str(), view, "{address}");
            assert_eq!(ViewQuery::of(view).as_str(), view);
        }
    }
}

//! Views of the Logs page that a person has given a name.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::log_address::query_pairs;
use crate::{LogFilter, ViewId};

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
    /// The parameter that says which list is shown.
    const LIST: &str = "view";
    const LONGEST_LIST: usize = 20;

    /// Reads a query string. Leaves out what it cannot read.
    pub fn of(query: &str) -> Self {
        let (filter, _) = LogFilter::parse_lenient(query);
        let mut text = filter.first_page().to_string();
        let list = query_pairs(query).find(|(name, value)| name == Self::LIST && is_list(value));
        if let Some((_, list)) = list {
            let separator = if text.is_empty() { "" } else { "&" };
            text = format!("{text}{separator}{}={list}", Self::LIST);
        }
        Self(text)
    }

    /// The query string, without `?`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_list(name: &str) -> bool {
    (1..=ViewQuery::LONGEST_LIST).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
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

//! A page of the list as the browser gets it. The server makes its rows, and what is said around them, as HTML (`drawing.rs`,
//! `nothing.rs`, `../notices.rs`), so the browser loads no code for that. What travels besides is what it counts with.

#[cfg(feature = "ssr")]
pub(super) mod drawing;
#[cfg(feature = "ssr")]
mod nothing;

use model::{RequestId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::browser::html::Markup;

/// A [`model::LogPage`], drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// By descending `seq`.
    pub(super) rows: Vec<ListedRow>,
    pub(super) older: Option<i64>,
    pub(super) matching: Option<u64>,
    pub(super) at_least: u64,
    pub(super) as_of: i64,
    /// When the range begins.
    pub(super) from: Timestamp,
    /// When the newest row arrived; without rows, when the range ends.
    pub(super) newest: Timestamp,
    /// There has never been a request.
    pub(super) waits_for_first: bool,
    /// What may be missing from the list.
    pub(super) notices: Markup,
    /// In place of rows.
    pub(super) nothing: Markup,
    /// How far back the search looked, if it ran out of time.
    pub(super) looked_back: Markup,
    /// Where the log begins.
    pub(super) kept: Markup,
}

/// A row, as its `<tr>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedRow {
    pub(super) seq: i64,
    pub(super) request: RequestId,
    pub(super) html: Markup,
}

/// [`model::NewRows`], drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewListed {
    pub(super) count: u64,
    pub(super) and_more: bool,
    pub(super) page: Listed,
}

impl Listed {
    /// The search ran out of time before the page was full.
    pub(super) fn is_unfinished(&self) -> bool {
        !self.looked_back.is_empty()
    }
}

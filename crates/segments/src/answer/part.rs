//! A closed segment while a question is answered.

use roaring::RoaringBitmap;

use super::selection::{Rows, Selection};
use super::time::Times;
use crate::Head;

/// A closed segment while it is looked at.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) head: &'a Head,
    pub(super) selection: Selection,
    /// The rows that match everything, once the selection is complete.
    pub(super) matching: RoaringBitmap,
    /// Rows whose duration is in a class of which only a part is asked for.
    pub(super) durations: RoaringBitmap,
    pub(super) times: Times,
    pub(super) statuses: Vec<(usize, Option<Rows>)>,
}

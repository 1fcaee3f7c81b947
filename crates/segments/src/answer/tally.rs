//! What an answer has gathered so far: counts, and the newest matching rows.

use logs::Question;
use model::LogRow;
use roaring::RoaringBitmap;

use super::facets::FacetCounts;
use super::groups::GroupTally;
use super::plan::Plan;
use crate::Head;

/// The sums over all segments that have been looked at.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    pub(super) count: u64,
    pub(super) histogram: Vec<[u64; 6]>,
    pub(super) facets: FacetCounts,
    pub(super) groups: GroupTally,
    pub(super) page: Page<'a>,
}

impl Tally<'_> {
    pub(super) fn new(question: &Question) -> Self {
        Self {
            count: 0,
            histogram: vec![[0; 6]; question.histogram.unwrap_or(0) as usize],
            facets: FacetCounts::default(),
            groups: GroupTally::new(question.groups),
            page: Page {
                wanted: if question.rows == 0 { 0 } else { question.rows + 1 },
                rows: Vec::new(),
            },
        }
    }
}

/// The newest matching rows, one more than the question wants, so that it is known whether there are more.
#[derive(Debug)]
pub(super) struct Page<'a> {
    wanted: usize,
    /// By descending `seq`.
    rows: Vec<PageRow<'a>>,
}

/// A row of the page, which may still have to be read.
#[derive(Debug)]
pub(super) struct PageRow<'a> {
    pub(super) seq: i64,
    pub(super) origin: Origin<'a>,
}

#[derive(Debug)]
pub(super) enum Origin<'a> {
    Open(Box<LogRow>),
    Closed(&'a Head, u16),
}

impl<'a> Page<'a> {
    /// Whether rows with this `seq` or a smaller one can no longer change the page.
    pub(super) fn is_full_above(&self, seq: i64) -> bool {
        match self.wanted.checked_sub(1) {
            None => true,
            Some(last) => self.rows.get(last).is_some_and(|row| row.seq > seq),
        }
    }

    /// The last rows of this set, as many as the page can take, with numbers below `below`.
    pub(super) fn newest(&self, rows: &RoaringBitmap, below: u32) -> Vec<u32> {
        rows.range(..below).rev().take(self.wanted).collect()
    }

    pub(super) fn add(&mut self, rows: impl IntoIterator<Item = PageRow<'a>>) {
        self.rows.extend(rows);
        self.rows.sort_by_key(|row| std::cmp::Reverse(row.seq));
        self.rows.truncate(self.wanted);
    }

    /// The rows from this `seq` on, and whether there are more below them.
    pub(super) fn into_rows(mut self, from: Option<i64>) -> (Vec<PageRow<'a>>, bool) {
        if let Some(from) = from {
            self.rows.retain(|row| row.seq >= from);
        }
        let more = self.wanted > 0 && self.rows.len() == self.wanted;
        if more {
            self.rows.pop();
        }
        (self.rows, more)
    }
}

/// Which numbers of [`Tally::histogram`] a status belongs to.
pub(super) const fn digit(status: u16) -> usize {
    match status / 100 {
        digit @ 1..=5 => digit as usize,
        _ => 0,
    }
}

/// Whether an answer needs rows with a `seq` from `first_seq` on, of a part whose last is `last_seq`.
pub(super) fn wants_rows(plan: &Plan, page: &Page<'_>, first_seq: i64, last_seq: i64) -> bool {
    plan.rows > 0 && first_seq < plan.before && !page.is_full_above(last_seq)
}

//! Answers questions about the rows of many segments.
//!
//! Open segments are looked through in memory, all at one moment. Closed segments follow from the newest to the oldest,
//! a few at first and then more at a time, until the page is full and everything that was asked for is counted, or the
//! time is over.

mod closed;
mod entry;
mod facets;
mod groups;
mod hidden;
mod loader;
mod open;
mod part;
mod plan;
mod rows;
mod selection;
mod stored;
mod tally;
mod texts;
mod time;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use logs::{Count, Damaged, Found, LookedBack, Question, Scope};
use model::{LogEntry, RequestId, Timestamp};

use self::loader::Loader;
use self::plan::Plan;
use self::tally::Tally;
use crate::{Cache, Container, Erased, Head, Open, ReadError};

/// Where a count may stop if the question has a condition on texts: see [`Count::AtLeast`].
pub const COUNTED: u64 = 10_000;

/// Closed segments that are looked at together, at most. Bounds the memory of a question.
const TOGETHER: usize = 32;

/// All segments at one moment.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub closed: Vec<Closed>,
    /// Segments that are being written, or that are being closed and not yet among `closed`.
    pub open: Vec<Arc<RwLock<Open>>>,
    /// Closed segments that turned out to be damaged and are not among `closed`.
    pub set_aside: Vec<Damaged>,
    /// Rows that no answer has.
    pub erased: Arc<Erased>,
}

/// A closed segment that can be read.
#[derive(Clone, Debug)]
pub struct Closed {
    pub head: Arc<Head>,
    /// Whether the blob of bodies still exists, if there ever was one.
    pub bodies_kept: bool,
}

/// Where answers come from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub view: &'a View,
    pub container: &'a dyn Container,
    pub cache: &'a Cache,
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("container", &self.container)
            .finish_non_exhaustive()
    }
}

impl<'a> Source<'a> {
    /// Answers a question. Blocks while it reads.
    ///
    /// `is_late` is asked now and then, and says whether the budget of the question is spent. Once it is, the answer is
    /// what has been found, with [`Found::looked_back_to`]. At least one closed segment is looked at, so that a caller who
    /// goes on from there gets to the end.
    ///
    /// The count is [`Count::AtLeast`] if the time was over, or if there is a condition on texts, [`COUNTED`] rows or
    /// more match, and neither histogram nor facets nor groups are asked for. Otherwise it is exact, and so are
    /// histogram, facets and groups; if the time was over, they cover what was looked at. With a cursor, rows above it are counted last.
    pub fn answer(
        &self,
        scope: Scope,
        question: &Question,
        is_late: &dyn Fn() -> bool,
    ) -> Result<Found, ReadError> {
        let open: Vec<_> = self.view.open.iter().map(|open| read_lock(open)).collect();
        let last_seq = last_seq(self.view, &open);
        let plan = Plan::of(scope, question, last_seq, &self.view.erased);
        let mut tally = Tally::new(question);
        for open in &open {
            open::look(&plan, open, &mut tally)?;
        }
        // Released before anything is read, so that writers never wait for a disk.
        drop(open);
        let end = if plan.from < plan.to {
            self.look_back(&plan, &mut tally, is_late)?
        } else {
            End::Everything
        };
        let looked_back_to = end.looked_back(&plan);
        let (page, more) = tally.page.into_rows(looked_back_to.map(|back| back.seq));
        let mut found = Found {
            rows: rows::read(page, plan.callers, self.loader())?,
            more,
            count: match end {
                _ if !plan.count => Count::NotAsked,
                End::Everything => Count::Exactly(tally.count),
                End::Enough | End::Late { .. } => Count::AtLeast(tally.count),
            },
            as_of: plan.end - 1,
            histogram: tally.histogram,
            facets: tally.facets.into_facets(),
            looked_back_to,
            damaged: set_aside(self.view, &plan),
            ..Found::default()
        };
        tally.groups.finish(&mut found);
        Ok(found)
    }

    /// One entry, or `None` if this scope has no such request. Blocks while it reads.
    pub fn entry(&self, scope: Scope, id: RequestId) -> Result<Option<LogEntry>, ReadError> {
        entry::find(self, scope, id)
    }

    /// Which of these requests are stored with a larger `seq` than `above`, in any company. None of them may have a smaller
    /// one, unless `above` is 0. Blocks while it reads.
    pub fn stored(
        &self,
        requests: impl Iterator<Item = RequestId>,
        above: i64,
    ) -> Result<HashSet<RequestId>, ReadError> {
        stored::among(self, requests.collect(), above)
    }

    fn loader(&self) -> Loader<'a> {
        Loader {
            container: self.container,
            cache: self.cache,
            keeps: true,
        }
    }

    /// Looks at the closed segments.
    fn look_back(
        &self,
        plan: &Plan,
        tally: &mut Tally<'a>,
        is_late: &dyn Fn() -> bool,
    ) -> Result<End, ReadError> {
        let heads = candidates(self.view, plan);
        let mut rest = &heads[..];
        let mut together = 1;
        while let Some(next) = rest.first() {
            let page_is_full = !has_rows(plan, next) || tally.page.is_full_above(next.meta().last_seq);
            if page_is_full && !plan.counts() {
                return Ok(End::Everything);
            }
            if page_is_full && plan.count_may_stop() && tally.count >= COUNTED {
                return Ok(End::Enough);
            }
            let goes_on = !has_rows(plan, next) || next.meta().last_seq + 1 < plan.before;
            if rest.len() < heads.len() && goes_on && is_late() {
                return Ok(End::Late {
                    // With all rows of the page there, only counting is left.
                    seq: (plan.rows == 0 || has_rows(plan, next)).then(|| next.meta().last_seq + 1),
                    at: next.meta().max_at,
                });
            }
            let (window, older) = rest.split_at(together.min(rest.len()));
            closed::look(plan, window, self.loader(), tally)?;
            rest = older;
            together = (together * 4).min(TOGETHER);
        }
        Ok(End::Everything)
    }
}

/// Why an answer ended.
#[derive(Clone, Copy)]
enum End {
    /// There was nothing left that matters.
    Everything,
    /// The count is large enough.
    Enough,
    /// The time was over. Rows from `seq` on were looked at; `None` if the rows of the page are complete.
    Late { seq: Option<i64>, at: Timestamp },
}

impl End {
    fn looked_back(self, plan: &Plan) -> Option<LookedBack> {
        let Self::Late { seq: Some(seq), at } = self else {
            return None;
        };
        Some(LookedBack {
            seq,
            at: Timestamp::from_millis(at.as_millis().clamp(plan.from, plan.to)),
        })
    }
}

/// Whether the segment can have rows of the page.
fn has_rows(plan: &Plan, head: &Head) -> bool {
    plan.rows > 0 && head.meta().first_seq < plan.before
}

/// The closed segments that can matter. Those with rows of the page come first, from the newest to the oldest: then
/// everything above the last `seq` of the next one has been looked at, also where several writers' segments overlap.
fn candidates<'a>(view: &'a View, plan: &Plan) -> Vec<&'a Head> {
    let mut heads: Vec<&Head> = (view.closed.iter())
        .map(|closed| &*closed.head)
        .filter(|head| {
            let meta = head.meta();
            plan.overlaps(meta.min_at, meta.max_at)
                && plan.may_have(meta.first_seq, meta.last_seq)
                && (plan.counts() || has_rows(plan, head))
        })
        .collect();
    heads.sort_by_key(|head| (!has_rows(plan, head), std::cmp::Reverse(head.meta().last_seq)));
    heads
}

fn last_seq(view: &View, open: &[RwLockReadGuard<'_, Open>]) -> i64 {
    let closed = view.closed.iter().map(|closed| closed.head.meta().last_seq);
    let open = open.iter().filter_map(|open| open.last_seq());
    closed.chain(open).max().unwrap_or(0)
}

fn set_aside(view: &View, plan: &Plan) -> Vec<Damaged> {
    let damaged = view.set_aside.iter().copied();
    damaged
        .filter(|damaged| plan.overlaps(damaged.from, damaged.to))
        .collect()
}

fn read_lock(open: &RwLock<Open>) -> RwLockReadGuard<'_, Open> {
    open.read().unwrap_or_else(PoisonError::into_inner)
}

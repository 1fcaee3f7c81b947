//! Looks at closed segments, several at a time, in stages. Each stage asks for all that it needs of all segments at
//! once, and segments in which nothing can match are left out of the next.

use std::ops::Range;
use std::sync::Arc;

use logs::Choice;
use roaring::RoaringBitmap;

use super::hidden::{Hidden, SoughtHidden};
use super::loader::{Ask, Batch, Loader, Pieces, Ticket, stretches};
use super::part::Part;
use super::plan::{Clause, Plan, ValueClause, Wish, has_duration};
use super::selection::{Bits, Filter, Rows, Selection, rows_below};
use super::tally::{Origin, PageRow, Tally, digit, wants_rows};
use super::time::{self, Times};
use super::{facets, hidden, texts};
use crate::cache::Durations;
use crate::{Field, Head, Listed, Located, ReadError, ValueKey, Values, duration_class, duration_of_class};

/// Adds what these segments contain to the tally.
pub(super) fn look<'a>(
    plan: &Plan,
    heads: &[&'a Head],
    loader: Loader<'_>,
    tally: &mut Tally<'a>,
) -> Result<(), ReadError> {
    let mut batch = Batch::default();
    let mut sought: Vec<Sought<'a>> = Vec::new();
    for head in heads {
        if let Some(found) = Found::of(plan, head) {
            match found.count_without_reading(plan, tally) {
                Some(rows) => tally.count += rows,
                None => sought.push(found.ask(plan, &mut batch)),
            }
        }
    }
    let pieces = loader.load(batch)?;
    let mut parts: Vec<Part<'a>> = sought
        .into_iter()
        .map(|sought| sought.select(plan, &pieces))
        .collect();
    parts.retain_mut(|part| part.keep());
    look_closer(plan, &mut parts, loader)?;
    texts::narrow(plan, &mut parts, loader)?;
    for part in &mut parts {
        part.matching = part.selection.matching();
        part.add_to(plan, tally);
    }
    if plan.facets {
        facets::count(&parts, loader, &mut tally.facets)?;
    }
    tally.groups.add_closed(plan, &parts, loader)
}

/// The rows that match, for a count of blocks' edges: decodes arrivals and durations where blocks and classes are only
/// partly asked for.
fn look_closer(plan: &Plan, parts: &mut Vec<Part<'_>>, loader: Loader<'_>) -> Result<(), ReadError> {
    let mut batch = Batch::default();
    let mut asked = Vec::with_capacity(parts.len());
    for part in parts.iter_mut() {
        let candidates = part.selection.candidates();
        let times: Vec<(usize, Ticket)> = time::blocks_across_edges(plan, part.head, candidates)
            .into_iter()
            .map(|block| (block, batch.add(part.head, Ask::Times(block))))
            .collect();
        let unsure = &part.durations & candidates;
        let durations: Vec<(Range<u32>, Ticket)> = stretches(part.head, &unsure)
            .into_iter()
            .map(|(blocks, rows)| (rows, batch.add(part.head, Ask::Durations(blocks))))
            .collect();
        asked.push((times, unsure, durations));
    }
    let pieces = loader.load(batch)?;
    for (part, (times, unsure, durations)) in parts.iter_mut().zip(asked) {
        part.times = times
            .into_iter()
            .map(|(block, ticket)| (block, pieces.times(ticket)))
            .collect();
        part.selection
            .exclude(&time::outside(plan, part.head, &part.times));
        part.check_durations(plan, &unsure, durations, &pieces);
    }
    parts.retain_mut(|part| part.keep());
    Ok(())
}

impl Part<'_> {
    /// Whether anything can still match here.
    pub(super) fn keep(&mut self) -> bool {
        !self.selection.candidates().is_empty()
    }

    fn check_durations(
        &mut self,
        plan: &Plan,
        unsure: &RoaringBitmap,
        durations: Vec<(Range<u32>, Ticket)>,
        pieces: &Pieces,
    ) {
        let Some(choice) = plan.duration() else { return };
        let mut outside = Bits::new(self.head.rows());
        for (rows, ticket) in durations {
            match (&*pieces.durations(ticket), choice.one()) {
                (Durations::Short(durations), Some((from, to))) => {
                    // Where even the least is too long for them, no row matches.
                    let most = u32::try_from(to - 1).unwrap_or(u32::MAX);
                    let (least, most) = u32::try_from(*from).map_or((u32::MAX, 0), |least| (least, most));
                    let is_outside = |one| one < least || one > most;
                    outside.mark(durations, rows, unsure, is_outside, |_| true);
                }
                (Durations::Short(durations), None) => {
                    let is_outside = |one: u32| !has_duration(choice, one.into());
                    outside.mark(durations, rows, unsure, is_outside, |_| true);
                }
                (Durations::Long(durations), _) => {
                    let is_outside = |one| !has_duration(choice, one);
                    outside.mark(durations, rows, unsure, is_outside, |_| true);
                }
            }
        }
        let not = outside.into_rows() & unsure;
        if !not.is_empty() {
            let filter = Filter {
                only: None,
                not: Some(Rows::Own(not)),
            };
            self.selection.narrow(Some(Field::DurationClass), filter);
        }
    }
}

impl<'a> Part<'a> {
    fn add_to(&self, plan: &Plan, tally: &mut Tally<'a>) {
        let head = self.head;
        tally.count += self.matching.len();
        if plan.histogram.is_some() && !self.matching.is_empty() {
            time::count_parts(
                plan,
                head,
                &self.times,
                &self.matching,
                &self.statuses,
                &mut tally.histogram,
            );
        }
        let meta = head.meta();
        if wants_rows(plan, &tally.page, meta.first_seq, meta.last_seq) {
            let newest = tally.page.newest(&self.matching, head.rows_below(plan.before));
            tally.page.add(newest.into_iter().map(|row| PageRow {
                seq: head.seq_of(row),
                // Every row's number fits: a segment has 65,536 rows at most.
                origin: Origin::Closed(head, row as u16),
            }));
        }
    }
}

/// What a head says about a question, before anything is read.
struct Found<'a> {
    head: &'a Head,
    /// The rows above `after` and up to `as_of`.
    rows: Range<u32>,
    scope: Located,
    hidden: Vec<Hidden>,
    clauses: Vec<FoundClause>,
}

enum FoundClause {
    Values {
        /// `None`: every value.
        only: Option<Vec<(ValueKey, Located)>>,
        not: Vec<(ValueKey, Located)>,
    },
    /// Classes of durations, and whether all of a class is asked for.
    Durations(Vec<(ValueKey, Located, bool)>),
    Texts,
}

impl FoundClause {
    fn matches_nothing(&self) -> bool {
        match self {
            Self::Values { only, not } => {
                only.as_ref().is_some_and(Vec::is_empty)
                    || not.iter().any(|(_, one)| *one == Located::Everything)
            }
            Self::Durations(classes) => classes.is_empty(),
            Self::Texts => false,
        }
    }
}

impl<'a> Found<'a> {
    /// `None` if nothing can match.
    fn of(plan: &Plan, head: &'a Head) -> Option<Self> {
        let (field, key) = &plan.scope;
        let scope = head.locate(*field, key);
        let rows = head.rows_below(plan.start)..head.rows_below(plan.end);
        let meta = head.meta();
        if scope == Located::Nothing || rows.is_empty() || !plan.may_have(meta.first_seq, meta.last_seq) {
            return None;
        }
        let hidden = hidden::find(plan, head)?;
        let mut clauses = Vec::with_capacity(plan.clauses.len());
        let mut missed = 0;
        for clause in &plan.clauses {
            let found = match clause {
                Clause::Values(clause) => locate(head, clause),
                Clause::Duration(choice) => locate_durations(head, choice),
                Clause::Texts(_) => FoundClause::Texts,
            };
            if found.matches_nothing() {
                // A facet ignores one condition at most, and only the one on its own field.
                missed += if plan.facets && clause.field().is_some() {
                    1
                } else {
                    2
                };
            }
            clauses.push(found);
        }
        (missed < 2).then_some(Self {
            head,
            rows,
            scope,
            hidden,
            clauses,
        })
    }

    /// The number of matching rows, if it is all that is needed and the head knows it: at most one condition does not
    /// hold for all rows, and the head knows for how many it does.
    fn count_without_reading(&self, plan: &Plan, tally: &Tally<'_>) -> Option<u64> {
        let meta = self.head.meta();
        if plan.histogram.is_some()
            || plan.facets
            || plan.groups
            || !self.hidden.is_empty()
            || !plan.row.is_everything()
            || self.rows != (0..self.head.rows())
            || !plan.contains(meta.min_at, meta.max_at)
            || wants_rows(plan, &tally.page, meta.first_seq, meta.last_seq)
        {
            return None;
        }
        let mut narrowing = (self.scope != Located::Everything).then_some(&self.scope);
        for clause in &self.clauses {
            let FoundClause::Values {
                only: Some(only),
                not,
            } = clause
            else {
                return None;
            };
            let ([(_, located)], []) = (&only[..], &not[..]) else {
                return None;
            };
            if *located != Located::Everything && narrowing.replace(located).is_some() {
                return None;
            }
        }
        let rows = self.head.rows();
        narrowing
            .map_or(Some(rows), |located| located.rows(rows))
            .map(u64::from)
    }

    fn ask(self, plan: &Plan, batch: &mut Batch<'a>) -> Sought<'a> {
        let head = self.head;
        let clauses = self.clauses.into_iter().map(|clause| match clause {
            FoundClause::Values { only, not } => SoughtClause::Values {
                only: only.map(|only| ask_each(head, only, batch)),
                not: ask_each(head, not, batch),
            },
            FoundClause::Durations(classes) => SoughtClause::Durations(
                (classes.into_iter())
                    .map(|(key, located, whole)| (ask_rows(head, key, located, batch), whole))
                    .collect(),
            ),
            FoundClause::Texts => SoughtClause::Texts,
        });
        let clauses = clauses.collect();
        let hidden = self
            .hidden
            .into_iter()
            .map(|hidden| hidden.ask(head, batch))
            .collect();
        Sought {
            head,
            rows: self.rows,
            scope: ask_rows(head, plan.scope.1.clone(), self.scope, batch),
            hidden,
            clauses,
            statuses: plan.histogram.map(|_| ask_statuses(head, batch)),
        }
    }
}

fn locate(head: &Head, clause: &ValueClause) -> FoundClause {
    FoundClause::Values {
        only: (!clause.any_of.is_empty()).then(|| locate_each(head, clause.field, &clause.any_of)),
        not: locate_each(head, clause.field, &clause.none_of),
    }
}

/// The values that some row has.
fn locate_each(head: &Head, field: Field, wishes: &[Wish]) -> Vec<(ValueKey, Located)> {
    let mut found = Vec::new();
    for wish in wishes {
        match wish {
            Wish::Value(key) => found.push((key.clone(), head.locate(field, key))),
            Wish::Statuses(from, to) => match head.values(field) {
                Values::Listed(listed) => {
                    let in_range = |one: &Listed| {
                        one.key
                            .to_status()
                            .is_some_and(|status| (*from..*to).contains(&status))
                    };
                    let wished = listed.into_iter().filter(in_range);
                    found.extend(wished.map(|one| (one.key, one.located)));
                }
                Values::Grouped { .. } => found.extend((*from..*to).map(|status| {
                    let key = ValueKey::status(status);
                    let located = head.locate(field, &key);
                    (key, located)
                })),
            },
        }
    }
    found.retain(|(_, located)| *located != Located::Nothing);
    found
}

fn locate_durations(head: &Head, choice: &Choice<(u64, u64)>) -> FoundClause {
    let classes = (0..=duration_class(u64::MAX)).filter_map(|class| {
        let whole = takes_class(choice, class)?;
        let key = ValueKey::duration_class(class);
        let located = head.locate(Field::DurationClass, &key);
        (located != Located::Nothing).then_some((key, located, whole))
    });
    FoundClause::Durations(classes.collect())
}

/// Whether all durations of a class match; `None` if none does.
fn takes_class(choice: &Choice<(u64, u64)>, class: u8) -> Option<bool> {
    let (least, limit) = duration_of_class(class);
    // The last class has no limit of its own: its durations are compared one by one.
    let covers = |(from, to): &(u64, u64)| *from <= least && limit <= *to && limit < u64::MAX;
    let touches = |(from, to): &(u64, u64)| from < to && *from < limit && least < *to;
    let (any_of, none_of) = (&choice.any_of, &choice.none_of);
    let touched = any_of.is_empty() || any_of.iter().any(touches);
    if !touched || none_of.iter().any(covers) {
        return None;
    }
    let covered = any_of.is_empty() || any_of.iter().any(covers);
    Some(covered && !none_of.iter().any(touches))
}

/// What was asked for of a segment.
struct Sought<'a> {
    head: &'a Head,
    rows: Range<u32>,
    scope: SoughtRows,
    hidden: Vec<SoughtHidden>,
    clauses: Vec<SoughtClause>,
    statuses: Option<SoughtStatuses>,
}

pub(super) enum SoughtRows {
    Everything,
    Set(Ticket),
}

enum SoughtClause {
    Values {
        only: Option<Vec<SoughtRows>>,
        not: Vec<SoughtRows>,
    },
    Durations(Vec<(SoughtRows, bool)>),
    Texts,
}

enum SoughtStatuses {
    Listed(Vec<(usize, SoughtRows)>),
    Grouped(Ticket),
}

pub(super) fn ask_rows<'a>(
    head: &'a Head,
    key: ValueKey,
    located: Located,
    batch: &mut Batch<'a>,
) -> SoughtRows {
    if located == Located::Everything {
        return SoughtRows::Everything;
    }
    SoughtRows::Set(batch.add(head, Ask::Rows { located, key }))
}

fn ask_each<'a>(head: &'a Head, values: Vec<(ValueKey, Located)>, batch: &mut Batch<'a>) -> Vec<SoughtRows> {
    values
        .into_iter()
        .map(|(key, located)| ask_rows(head, key, located, batch))
        .collect()
}

fn ask_statuses<'a>(head: &'a Head, batch: &mut Batch<'a>) -> SoughtStatuses {
    match head.values(Field::Status) {
        Values::Listed(listed) => SoughtStatuses::Listed(
            listed
                .into_iter()
                .map(|one| {
                    let digit = one.key.to_status().map_or(0, digit);
                    (digit, ask_rows(head, one.key, one.located, batch))
                })
                .collect(),
        ),
        Values::Grouped { wanted, .. } => {
            SoughtStatuses::Grouped(batch.add(head, Ask::Values(Field::Status, wanted)))
        }
    }
}

impl<'a> Sought<'a> {
    fn select(self, plan: &Plan, pieces: &Pieces) -> Part<'a> {
        let head = self.head;
        let mut fixed = match self.scope.rows(pieces) {
            Some(rows) => (*rows).clone(),
            None => rows_below(self.rows.end),
        };
        fixed.remove_range(..self.rows.start);
        fixed.remove_range(self.rows.end..);
        if let Some(in_range) = time::rows_of_blocks_in_range(plan, head) {
            fixed &= in_range;
        }
        for hidden in self.hidden {
            fixed -= hidden.rows(head, pieces);
        }
        plan.narrow_to_asked(&mut fixed, |seq| {
            let row = head.rows_below(seq);
            (row < head.rows() && head.seq_of(row) == seq).then_some(row)
        });
        let mut part = Part {
            head,
            selection: Selection::new(fixed, plan.facets),
            matching: RoaringBitmap::new(),
            durations: RoaringBitmap::new(),
            times: Times::new(),
            statuses: self
                .statuses
                .map_or_else(Vec::new, |statuses| statuses.rows(pieces)),
        };
        for (clause, sought) in plan.clauses.iter().zip(self.clauses) {
            match sought {
                SoughtClause::Values { only, not } => {
                    let filter = Filter {
                        only: only.and_then(|only| union(only, pieces)),
                        not: if not.is_empty() {
                            None
                        } else {
                            Some(all_of(not, head, pieces))
                        },
                    };
                    part.selection.narrow(clause.field(), filter);
                }
                SoughtClause::Durations(classes) => part.select_durations(classes, pieces),
                SoughtClause::Texts => {}
            }
        }
        part
    }
}

impl Part<'_> {
    /// Rows of classes that are only partly asked for are taken for the time being, and checked later.
    fn select_durations(&mut self, classes: Vec<(SoughtRows, bool)>, pieces: &Pieces) {
        let mut only = RoaringBitmap::new();
        for (sought, whole) in classes {
            let rows = all_of(vec![sought], self.head, pieces);
            only |= &*rows;
            if !whole {
                self.durations |= &*rows;
            }
        }
        self.selection
            .narrow(Some(Field::DurationClass), Filter::only(only));
    }
}

impl SoughtRows {
    /// `None`: all rows.
    pub(super) fn rows(&self, pieces: &Pieces) -> Option<Arc<RoaringBitmap>> {
        match self {
            Self::Everything => None,
            Self::Set(ticket) => Some(pieces.rows(*ticket)),
        }
    }
}

impl SoughtStatuses {
    fn rows(self, pieces: &Pieces) -> Vec<(usize, Option<Rows>)> {
        match self {
            Self::Listed(statuses) => statuses
                .into_iter()
                .map(|(digit, sought)| (digit, sought.rows(pieces).map(Rows::Shared)))
                .collect(),
            Self::Grouped(ticket) => (pieces.values(ticket).iter())
                .map(|(key, rows)| (key.to_status().map_or(0, digit), Some(Rows::Own(rows.clone()))))
                .collect(),
        }
    }
}

/// The rows of any of these; `None` if that is all rows.
fn union(sought: Vec<SoughtRows>, pieces: &Pieces) -> Option<Rows> {
    let mut sets = sought
        .iter()
        .map(|sought| sought.rows(pieces))
        .collect::<Option<Vec<_>>>()?;
    if sets.len() == 1 {
        return sets.pop().map(Rows::Shared);
    }
    let mut all = RoaringBitmap::new();
    for set in sets {
        all |= &*set;
    }
    Some(Rows::Own(all))
}

/// The rows of any of these, also if that is all rows.
fn all_of(sought: Vec<SoughtRows>, head: &Head, pieces: &Pieces) -> Rows {
    union(sought, pieces).unwrap_or_else(|| Rows::Own(rows_below(head.rows())))
}

//! Looks at an open segment: its rows are in memory and are looked through.

use std::ops::Range;

use roaring::RoaringBitmap;

use super::facets::FIELDS;
use super::plan::{Clause, Plan, Wish, has_duration};
use super::selection::{Filter, Rows, Selection};
use super::tally::{Origin, PageRow, Tally, digit, wants_rows};
use super::texts::rows_in_memory;
use crate::{Column, Dictionary, Field, Open, ReadError};

/// Adds what this segment contains to the tally.
pub(super) fn look(plan: &Plan, open: &Open, tally: &mut Tally<'_>) -> Result<(), ReadError> {
    let (Some((min_at, max_at)), Some(last_seq)) = (open.times_of_all(), open.last_seq()) else {
        return Ok(());
    };
    let first_seq = open.seq_of(0);
    if !plan.overlaps(min_at, max_at) || !plan.may_have(first_seq, last_seq) {
        return Ok(());
    }
    let wants_rows = wants_rows(plan, &tally.page, first_seq, last_seq);
    if !plan.counts() && !wants_rows {
        return Ok(());
    }
    let mut selection = select(plan, open);
    let matching = selection.matching();
    tally.count += matching.len();
    if plan.histogram.is_some() {
        let (times, statuses) = (open.times(), open.numbers(Column::Status));
        for row in &matching {
            let part = plan.part_of(times[row as usize]);
            tally.histogram[part][digit(statuses[row as usize])] += 1;
        }
    }
    if plan.facets {
        count_facets(open, &selection, &matching, tally);
    }
    tally.groups.add_open(plan, open, &matching);
    if wants_rows {
        let newest = tally.page.newest(&matching, open.rows_below(plan.before));
        let rows = newest.into_iter().map(|row| {
            Ok(PageRow {
                seq: open.seq_of(row),
                origin: Origin::Open(Box::new(open.row(row, plan.callers)?)),
            })
        });
        tally.page.add(rows.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(())
}

fn select(plan: &Plan, open: &Open) -> Selection {
    // With a cursor these are few, and no other row is looked at.
    let rows = open.rows_below(plan.start)..open.rows_below(plan.end);
    let (field, key) = &plan.scope;
    let times = open.times();
    let scope = open.rows_with(*field, std::slice::from_ref(key), rows.clone());
    let in_range = |row: &u32| (plan.from..plan.to).contains(&times[*row as usize]);
    let mut fixed: RoaringBitmap = scope.iter().filter(in_range).collect();
    for (key, until) in &plan.hidden {
        let hidden = open.rows_with(Field::Client, std::slice::from_ref(key), rows.clone());
        for row in hidden.iter().filter(|row| times[*row as usize] <= *until) {
            fixed.remove(row);
        }
    }
    plan.narrow_to_asked(&mut fixed, |seq| {
        let row = open.rows_below(seq);
        (row < open.rows() && open.seq_of(row) == seq).then_some(row)
    });
    let mut selection = Selection::new(fixed, plan.facets);
    for clause in &plan.clauses {
        let candidates = selection.candidates();
        let filter = match clause {
            Clause::Values(clause) => Filter {
                only: (!clause.any_of.is_empty())
                    .then(|| Rows::Own(rows_with(open, clause.field, &clause.any_of, rows.clone()))),
                not: (!clause.none_of.is_empty())
                    .then(|| Rows::Own(rows_with(open, clause.field, &clause.none_of, rows.clone()))),
            },
            Clause::Duration(choice) => {
                let durations = open.microseconds(Column::Duration);
                let matches = |row: &u32| has_duration(choice, durations[*row as usize]);
                Filter::only(candidates.iter().filter(matches).collect())
            }
            Clause::Texts(clause) => {
                let accepted = clause.accepted(open.texts(clause.dictionary));
                let matching = rows_in_memory(&accepted, open.numbers(clause.column), candidates);
                matching.map_or_else(Filter::default, Filter::only)
            }
        };
        selection.narrow(clause.field(), filter);
    }
    selection
}

fn rows_with(open: &Open, field: Field, wishes: &[Wish], within: Range<u32>) -> RoaringBitmap {
    let mut keys = Vec::new();
    let mut rows = RoaringBitmap::new();
    for wish in wishes {
        match wish {
            Wish::Value(key) => keys.push(key.clone()),
            Wish::Statuses(from, to) => {
                let statuses = open.numbers(Column::Status);
                let wished = |row: &u32| (*from..*to).contains(&statuses[*row as usize]);
                rows.extend(within.clone().filter(wished));
            }
        }
    }
    if !keys.is_empty() {
        rows |= open.rows_with(field, &keys, within);
    }
    rows
}

fn count_facets(open: &Open, selection: &Selection, matching: &RoaringBitmap, tally: &mut Tally<'_>) {
    for field in FIELDS {
        let ignoring = selection.ignoring(field);
        let rows = ignoring.as_ref().unwrap_or(matching);
        for (key, count) in open.count_by_value(field, rows) {
            // Long methods that begin alike share a key.
            if field != Field::Method || !key.is_shared() {
                tally.facets.add(field, key.as_bytes(), count);
                continue;
            }
            let (methods, numbers) = (open.texts(Dictionary::Methods), open.numbers(Column::Method));
            for row in rows & open.rows_with(field, std::slice::from_ref(&key), 0..open.rows()) {
                let method = methods.get(numbers[row as usize]).unwrap_or_default();
                tally.facets.add(field, method.as_bytes(), 1);
            }
        }
    }
}

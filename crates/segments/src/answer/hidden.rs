//! The rows of a closed segment that are erased.

use roaring::RoaringBitmap;

use super::closed::{SoughtRows, ask_rows};
use super::loader::{Ask, Batch, Pieces, Ticket};
use super::plan::Plan;
use super::selection::rows_below;
use crate::{Field, Head, Located, ValueKey};

/// Rows of one company that arrived until some time.
pub(super) struct Hidden {
    key: ValueKey,
    located: Located,
    until: i64,
}

/// What is hidden in this segment. `None` if that is all that the scope has here.
pub(super) fn find(plan: &Plan, head: &Head) -> Option<Vec<Hidden>> {
    let meta = head.meta();
    let mut found = Vec::new();
    for (key, until) in &plan.hidden {
        if meta.min_at.as_millis() > *until {
            continue;
        }
        let located = head.locate(Field::Client, key);
        if located == Located::Nothing {
            continue;
        }
        let is_scope = plan.scope.0 == Field::Client && plan.scope.1 == *key;
        if meta.max_at.as_millis() <= *until && (is_scope || located == Located::Everything) {
            return None;
        }
        found.push(Hidden {
            key: key.clone(),
            located,
            until: *until,
        });
    }
    Some(found)
}

/// Asked for: the company's rows, and the arrivals of blocks of which only a part is hidden.
pub(super) struct SoughtHidden {
    rows: SoughtRows,
    until: i64,
    times: Vec<(usize, Ticket)>,
}

impl Hidden {
    pub(super) fn ask<'a>(self, head: &'a Head, batch: &mut Batch<'a>) -> SoughtHidden {
        let until = self.until;
        let is_split = |block: &usize| {
            let (min_at, max_at) = head.times_of_block(*block);
            min_at.as_millis() <= until && max_at.as_millis() > until
        };
        SoughtHidden {
            rows: ask_rows(head, self.key, self.located, batch),
            until,
            times: (0..head.blocks())
                .filter(is_split)
                .map(|block| (block, batch.add(head, Ask::Times(block))))
                .collect(),
        }
    }
}

impl SoughtHidden {
    pub(super) fn rows(self, head: &Head, pieces: &Pieces) -> RoaringBitmap {
        let mut rows = match self.rows.rows(pieces) {
            Some(rows) => (*rows).clone(),
            None => rows_below(head.rows()),
        };
        for block in 0..head.blocks() {
            if head.times_of_block(block).0.as_millis() > self.until {
                rows.remove_range(head.rows_of_block(block));
            }
        }
        for (block, ticket) in self.times {
            let times = pieces.times(ticket);
            let later = head.rows_of_block(block).zip(times.iter());
            for (row, _) in later.filter(|(_, at)| **at > self.until) {
                rows.remove(row);
            }
        }
        rows
    }
}

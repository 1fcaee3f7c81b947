//! Says which of many requests are stored, whatever company they belong to.

use std::collections::HashSet;

use model::RequestId;

use super::Source;
use super::loader::{Ask, Batch};
use crate::{Head, ReadError};

/// Which of these have a larger `seq` than `above`. Ids begin with their time, so only blocks of that time are read.
pub(super) fn among(
    source: &Source<'_>,
    mut sought: Vec<RequestId>,
    above: i64,
) -> Result<HashSet<RequestId>, ReadError> {
    sought.sort_unstable();
    let mut stored = HashSet::new();
    for open in &source.view.open {
        let open = super::read_lock(open);
        let from = open.rows_below(above.saturating_add(1)) as usize;
        note(&sought, &open.ids()[from..], &mut stored);
    }
    // What is read here is not what people look at, and must not drive that out of the cache.
    let loader = source.loader().keeping_nothing();
    for closed in &source.view.closed {
        let head: &Head = &closed.head;
        let meta = head.meta();
        if meta.last_seq <= above || !any_within(&sought, meta.min_id, meta.max_id) {
            continue;
        }
        let mut batch = Batch::default();
        let mut tickets = Vec::new();
        for block in head.blocks_with_ids(|from, to| any_within(&sought, from, to)) {
            tickets.push(batch.add(head, Ask::Ids(block)));
        }
        let pieces = loader.load(batch)?;
        for ticket in tickets {
            // An id of a row up to `above` is none of those that are still sought.
            note(&sought, &pieces.ids(ticket), &mut stored);
        }
    }
    Ok(stored)
}

/// Whether any of the sorted ids is between the two, both included.
fn any_within(sorted: &[RequestId], from: RequestId, to: RequestId) -> bool {
    let next = sorted.partition_point(|id| *id < from);
    sorted.get(next).is_some_and(|id| *id <= to)
}

fn note(sorted: &[RequestId], ids: &[RequestId], stored: &mut HashSet<RequestId>) {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
        return;
    };
    // Most ids are of another time, so two comparisons are enough for them.
    let near = ids.iter().filter(|id| (first..=last).contains(id));
    stored.extend(near.filter(|id| sorted.binary_search(id).is_ok()));
}

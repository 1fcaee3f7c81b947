//! Finds one entry by its request id.

use logs::{Place, Scope};
use model::{Body, BodyAbsence, LogEntry, RequestId};

use super::loader::{Ask, Batch, Loader};
use super::{Closed, Source, rows};
use crate::{Head, Located, ReadError, RowReader};

/// Segments whose ids are decoded with one call. Almost always the id is in the first one that it can be in.
const SEGMENTS: usize = 8;

pub(super) fn find(source: &Source<'_>, scope: Scope, id: RequestId) -> Result<Option<LogEntry>, ReadError> {
    for open in &source.view.open {
        let open = super::read_lock(open);
        if let Some(row) = open.row_of(id) {
            return Ok(seen_in(source, scope, open.entry(row)?));
        }
    }
    let loader = source.loader();
    let (field, key) = super::plan::scope_key(scope);
    let mut closed: Vec<&Closed> = (source.view.closed.iter())
        .filter(|closed| {
            let meta = closed.head.meta();
            (meta.min_id..=meta.max_id).contains(&id) && closed.head.locate(field, &key) != Located::Nothing
        })
        .collect();
    closed.sort_by_key(|closed| std::cmp::Reverse(closed.head.meta().last_seq));
    for closed in closed.chunks(SEGMENTS) {
        if let Some((closed, row)) = find_row(closed, id, loader)? {
            let found = read(closed, row, loader)?;
            return Ok(found.and_then(|found| seen_in(source, scope, found)));
        }
    }
    Ok(None)
}

/// Headers and bodies that cannot be read are said to be damaged, and hide nothing else.
fn read(closed: &Closed, row: u16, loader: Loader<'_>) -> Result<Option<(Place, LogEntry)>, ReadError> {
    let head: &Head = &closed.head;
    match read_with(RowReader::of_entries(head, &[row], closed.bodies_kept), loader) {
        Err(ReadError::Damaged { .. } | ReadError::Missing { .. })
            if closed.bodies_kept && head.meta().bodies_bytes > 0 =>
        {
            // Fails too if it is the row itself that cannot be read.
            let found = read_with(RowReader::of_entries(head, &[row], false), loader)?;
            Ok(found.map(|(place, entry)| (place, without_messages(entry))))
        }
        read => read,
    }
}

fn read_with(reader: RowReader<'_>, loader: Loader<'_>) -> Result<Option<(Place, LogEntry)>, ReadError> {
    let mut reader = [reader];
    rows::supply(&mut reader, loader)?;
    let [reader] = reader;
    Ok(reader.into_entries()?.into_iter().next())
}

/// Where the entry had headers and bodies, it says that they are damaged.
fn without_messages(mut entry: LogEntry) -> LogEntry {
    for body in [&mut entry.request_body, &mut entry.response_body] {
        if let Body::Absent { why, .. } = body
            && *why == BodyAbsence::NoLongerKept
        {
            *why = BodyAbsence::Damaged;
        }
    }
    entry
}

fn find_row<'a>(
    closed: &[&'a Closed],
    id: RequestId,
    loader: Loader<'_>,
) -> Result<Option<(&'a Closed, u16)>, ReadError> {
    let mut batch = Batch::default();
    let mut asked = Vec::new();
    for closed in closed {
        let head: &Head = &closed.head;
        for block in head.blocks_with_id(id) {
            asked.push((*closed, block, batch.add(head, Ask::Ids(block))));
        }
    }
    let pieces = loader.load(batch)?;
    for (closed, block, ticket) in asked {
        if let Some(place) = pieces.ids(ticket).iter().position(|one| *one == id) {
            let row = closed.head.rows_of_block(block).start as usize + place;
            // Every row's number fits: a segment has 65,536 rows at most.
            return Ok(Some((closed, row as u16)));
        }
    }
    Ok(None)
}

fn seen_in(source: &Source<'_>, scope: Scope, (place, entry): (Place, LogEntry)) -> Option<LogEntry> {
    let seen = match scope {
        Scope::WithBrands { company, .. } => place.root == company,
        Scope::Brand { company, .. } => place.company == company,
    };
    let is_erased = source.view.erased.covers(place.client_id, entry.row.at);
    (seen && !is_erased).then_some(entry)
}

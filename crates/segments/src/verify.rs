//! Checks a whole closed segment.

use std::collections::HashMap;

use roaring::RoaringBitmap;

use crate::container::Damage;
use crate::head_format::{BLOB_START, BODIES_MAGIC, ROWS_MAGIC, blob_start};
use crate::rewrite::read_block;
use crate::{
    Column, Container, Field, Head, Kind, Open, ReadError, ValueKey, Values, Wanted, duration_class, encode,
};

/// Reads and decodes all of a segment, and compares what the head and the sets of rows say with the rows. Without
/// `bodies_kept`, the blob of bodies has been removed.
pub fn verify(head: &Head, container: &dyn Container, bodies_kept: bool) -> Result<(), ReadError> {
    check_starts(head, container, bodies_kept)?;
    let mut open = Open::new(head.id(), head.day());
    for block in 0..head.blocks() {
        for (seq, entry) in read_block(head, container, block, bodies_kept)? {
            open.append(seq, std::slice::from_ref(&entry));
        }
    }
    if encode::bounds(&open) != head.blocks {
        return Err(head.damaged(Damage(
            "its times or ids are not within the bounds of their block",
        )));
    }
    for field in Field::ALL {
        let expected = values_of(&open, field);
        let found = read_values(head, container, field)?;
        if found.len() != expected.len() || found.iter().any(|(key, rows)| expected.get(key) != Some(rows)) {
            return Err(head.damaged(Damage("a set of rows does not have the rows with its value")));
        }
    }
    Ok(())
}

fn check_starts(head: &Head, container: &dyn Container, bodies_kept: bool) -> Result<(), ReadError> {
    let start = 0..u64::from(BLOB_START);
    let mut wanted = vec![head.wanted(start.clone())];
    let mut expected = vec![blob_start(&ROWS_MAGIC, head.version, head.id())];
    if bodies_kept && head.meta().bodies_bytes > 0 {
        wanted.push(Wanted {
            kind: Kind::Bodies,
            ..head.wanted(start)
        });
        expected.push(blob_start(&BODIES_MAGIC, head.version, head.id()));
    }
    if container.read(&wanted)? == expected {
        Ok(())
    } else {
        Err(head.damaged(Damage(
            "a blob belongs to another segment, or is of an unknown version",
        )))
    }
}

/// Each value of a field with its rows, as the columns have it.
fn values_of(open: &Open, field: Field) -> HashMap<ValueKey, RoaringBitmap> {
    let mut sets: HashMap<ValueKey, RoaringBitmap> = HashMap::new();
    let mut by_number: HashMap<u16, RoaringBitmap> = HashMap::new();
    for row in 0..open.rows() {
        let number = if field == Field::DurationClass {
            duration_class(open.microseconds(Column::Duration)[row as usize]).into()
        } else {
            open.numbers(field.column())[row as usize]
        };
        by_number.entry(number).or_default().insert(row);
    }
    for (number, rows) in by_number {
        *sets.entry(open.key_of(field, number)).or_default() |= rows;
    }
    sets
}

/// Each value of a field with its rows, as the segment has it.
fn read_values(
    head: &Head,
    container: &dyn Container,
    field: Field,
) -> Result<Vec<(ValueKey, RoaringBitmap)>, ReadError> {
    match head.values(field) {
        Values::Grouped { wanted, .. } => {
            let bytes = container.read(&[wanted])?;
            head.decode_values(field, bytes.first().map_or(&[], |bytes| bytes))
        }
        Values::Listed(listed) => {
            let wanted: Vec<Wanted> = listed
                .iter()
                .filter_map(|one| one.located.wanted().cloned())
                .collect();
            let mut bytes = container.read(&wanted)?.into_iter();
            let decode = |one: &crate::Listed| {
                let bytes = one
                    .located
                    .wanted()
                    .and_then(|_| bytes.next())
                    .unwrap_or_default();
                Ok((one.key.clone(), head.decode_rows(&one.located, &one.key, &bytes)?))
            };
            listed.iter().map(decode).collect()
        }
    }
}

//! The head as bytes. See the table in `lib.rs`.

use model::{RequestId, Timestamp};

use crate::bodies::BodyBlock;
use crate::container::Damage;
use crate::head::{Bounds, DictionaryChunk, DictionaryIndex, Head};
use crate::input::{Input, put_bytes, put_signed, put_varint, seal};
use crate::seqs::Seqs;
use crate::values::FieldIndex;
use crate::{BLOCK, Column, Day, Dictionary, Field, Meta, ROWS, SegmentId};

const MAGIC: [u8; 4] = *b"GHSH";

/// The version of everything in this crate that is written to a head or a blob.
pub(crate) const VERSION: u8 = 2;

/// The columns of a version: the first ones of [`Column::ALL`].
pub(crate) const fn columns(version: u8) -> &'static [Column] {
    if version == 1 {
        Column::ALL.split_at(16).0
    } else {
        &Column::ALL
    }
}

/// How many of [`Dictionary::ALL`] a version has.
const fn dictionaries(version: u8) -> usize {
    if version == 1 { 7 } else { Dictionary::ALL.len() }
}

/// How many bytes a blob has before its first section.
pub(crate) const BLOB_START: u32 = 16;

/// The first bytes of a blob.
pub(crate) fn blob_start(magic: &[u8; 4], version: u8, id: SegmentId) -> Vec<u8> {
    let mut out = Vec::with_capacity(BLOB_START as usize);
    out.extend_from_slice(magic);
    out.extend([version, 0, 0, 0]);
    out.extend_from_slice(&id.0.to_le_bytes());
    out
}

pub(crate) const ROWS_MAGIC: [u8; 4] = *b"GHSR";
pub(crate) const BODIES_MAGIC: [u8; 4] = *b"GHSB";

pub(crate) fn write(head: &Head) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 * 1024);
    out.extend_from_slice(&MAGIC);
    out.push(head.version);
    put_signed(&mut out, head.meta.id.0);
    put_signed(&mut out, i64::from(head.meta.day.0));
    put_varint(&mut out, u64::from(head.meta.rows));
    head.seqs.put(&mut out);
    for bounds in &head.blocks {
        put_signed(&mut out, bounds.min_at.as_millis());
        put_varint(
            &mut out,
            bounds.max_at.as_millis().abs_diff(bounds.min_at.as_millis()),
        );
        out.extend_from_slice(&bounds.min_id.to_bytes());
        out.extend_from_slice(&bounds.max_id.to_bytes());
    }
    let mut end = BLOB_START;
    put_ends(&mut out, &mut end, head.chunk_ends.iter().copied());
    for dictionary in &head.dictionaries {
        put_varint(&mut out, dictionary.chunks.len() as u64);
        let mut values = 0;
        put_ends(
            &mut out,
            &mut values,
            dictionary.chunks.iter().map(|chunk| chunk.values_end),
        );
        put_ends(
            &mut out,
            &mut end,
            dictionary.chunks.iter().map(|chunk| chunk.end),
        );
    }
    for field in &head.fields {
        put_field(&mut out, &mut end, field);
    }
    put_varint(&mut out, head.bodies.len() as u64);
    let mut row = 0;
    put_ends(
        &mut out,
        &mut row,
        head.bodies.iter().map(|block| u32::from(block.first_row)),
    );
    let mut end = BLOB_START;
    put_ends(&mut out, &mut end, head.bodies.iter().map(|block| block.end));
    seal(&mut out, 0);
    out
}

/// Writes numbers that ascend, each minus the one before it.
fn put_ends(out: &mut Vec<u8>, before: &mut u32, ends: impl Iterator<Item = u32>) {
    for end in ends {
        put_varint(out, u64::from(end - *before));
        *before = end;
    }
}

fn put_field(out: &mut Vec<u8>, end: &mut u32, field: &FieldIndex) {
    put_varint(out, u64::from(field.values) << 1 | u64::from(field.grouped));
    if field.grouped {
        put_varint(out, field.len() as u64);
    }
    for entry in 0..field.len() {
        put_bytes(out, field.key(entry));
        if !field.grouped {
            put_varint(out, u64::from(field.rows[entry]));
        }
        put_ends(out, end, [field.ends[entry]].into_iter());
    }
}

pub(crate) fn read(bytes: &[u8]) -> Result<Head, Damage> {
    let mut input = Input::sealed(bytes)?;
    let (magic, version) = (input.array()?, input.byte()?);
    if magic != MAGIC || !(1..=VERSION).contains(&version) {
        return Err(Damage("its head is of an unknown version"));
    }
    let id = SegmentId(input.signed()?);
    let day = i32::try_from(input.signed()?).map_err(|_| Damage("its day is out of range"))?;
    let rows = input.length(ROWS)? as u32;
    let seqs = Seqs::read(&mut input, rows)?;
    let block_count = (rows as usize).div_ceil(BLOCK);
    let blocks = (0..block_count)
        .map(|_| read_bounds(&mut input))
        .collect::<Result<Vec<_>, _>>()?;
    let mut end = BLOB_START;
    let chunks = block_count * columns(version).len();
    let chunk_ends = (0..chunks)
        .map(|_| read_end(&mut input, &mut end))
        .collect::<Result<Vec<_>, _>>()?;
    let stored = &Dictionary::ALL[..dictionaries(version)];
    let mut dictionaries = read_all(stored, || read_dictionary(&mut input, &mut end))?;
    // Those of later versions are empty.
    dictionaries.resize_with(Dictionary::ALL.len(), || DictionaryIndex {
        start: end,
        ..DictionaryIndex::default()
    });
    let fields = read_all(&Field::ALL, || read_field(&mut input, &mut end, rows))?;
    let bodies = read_bodies(&mut input)?;
    input.end()?;
    let meta = meta(id, Day(day), &seqs, &blocks, end, &bodies)?;
    Ok(Head {
        version,
        meta,
        seqs,
        blocks,
        chunk_ends,
        columns_start: BLOB_START,
        dictionaries,
        fields,
        bodies,
    })
}

fn read_all<T, U>(all: &[T], mut read: impl FnMut() -> Result<U, Damage>) -> Result<Vec<U>, Damage> {
    all.iter().map(|_| read()).collect()
}

fn read_bounds(input: &mut Input<'_>) -> Result<Bounds, Damage> {
    let min_at = input.signed()?;
    let max_at = min_at
        .checked_add_unsigned(input.varint()?)
        .ok_or(Damage("a time is out of range"))?;
    Ok(Bounds {
        min_at: Timestamp::from_millis(min_at),
        max_at: Timestamp::from_millis(max_at),
        min_id: RequestId::from_bytes(input.array()?),
        max_id: RequestId::from_bytes(input.array()?),
    })
}

/// Reads a number that was written as the difference to the one before it.
fn read_end(input: &mut Input<'_>, before: &mut u32) -> Result<u32, Damage> {
    let step = u32::try_from(input.varint()?).ok();
    let end = step.and_then(|step| before.checked_add(step));
    *before = end.ok_or(Damage("a section ends out of range"))?;
    Ok(*before)
}

fn read_dictionary(input: &mut Input<'_>, end: &mut u32) -> Result<DictionaryIndex, Damage> {
    let start = *end;
    let count = input.length(ROWS.min(input.rest().len()))?;
    let mut values = 0;
    let values_ends = (0..count)
        .map(|_| read_end(input, &mut values))
        .collect::<Result<Vec<_>, _>>()?;
    if values as usize > ROWS {
        return Err(Damage("a dictionary has too many values"));
    }
    let chunks = values_ends
        .into_iter()
        .map(|values_end| {
            Ok(DictionaryChunk {
                values_end,
                end: read_end(input, end)?,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(DictionaryIndex { start, chunks })
}

fn read_field(input: &mut Input<'_>, end: &mut u32, rows: u32) -> Result<FieldIndex, Damage> {
    let first = input.length(2 * ROWS + 1)?;
    let mut index = FieldIndex {
        values: (first >> 1) as u32,
        grouped: first & 1 == 1,
        start: *end,
        ..FieldIndex::default()
    };
    let entries = if index.grouped {
        input.length(ROWS.min(input.rest().len()))?
    } else {
        first >> 1
    };
    for entry in 0..entries {
        let key = input.bytes()?;
        if entry > 0 && index.key(entry - 1) >= key {
            return Err(Damage("the values of a field do not ascend"));
        }
        if !index.grouped {
            index.rows.push(input.length(rows as usize)? as u32);
        }
        let end = read_end(input, end)?;
        index.push(key, end);
    }
    Ok(index)
}

fn read_bodies(input: &mut Input<'_>) -> Result<Vec<BodyBlock>, Damage> {
    let count = input.length(ROWS.min(input.rest().len()))?;
    let mut row = 0;
    let first_rows = (0..count)
        .map(|_| read_end(input, &mut row))
        .collect::<Result<Vec<_>, _>>()?;
    let mut end = BLOB_START;
    first_rows
        .into_iter()
        .map(|row| {
            Ok(BodyBlock {
                first_row: u16::try_from(row).map_err(|_| Damage("a row's number is too large"))?,
                end: read_end(input, &mut end)?,
            })
        })
        .collect()
}

/// What follows from the rest. An error if there is no row.
pub(crate) fn meta(
    id: SegmentId,
    day: Day,
    seqs: &Seqs,
    blocks: &[Bounds],
    rows_bytes: u32,
    bodies: &[BodyBlock],
) -> Result<Meta, Damage> {
    let empty = Damage("it has no rows");
    Ok(Meta {
        id,
        day,
        rows: seqs.rows(),
        first_seq: seqs.of(0),
        last_seq: seqs.last().ok_or(empty)?,
        min_at: blocks.iter().map(|block| block.min_at).min().ok_or(empty)?,
        max_at: blocks.iter().map(|block| block.max_at).max().ok_or(empty)?,
        min_id: blocks.iter().map(|block| block.min_id).min().ok_or(empty)?,
        max_id: blocks.iter().map(|block| block.max_id).max().ok_or(empty)?,
        rows_bytes: u64::from(rows_bytes),
        bodies_bytes: bodies.last().map_or(0, |block| u64::from(block.end)),
    })
}

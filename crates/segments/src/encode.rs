//! Writes an open segment in the format of closed ones.

use model::Timestamp;

use crate::dictionary::{ChunkSize, DictionaryWriter, put_key, put_place, put_text};
use crate::head::{Bounds, DictionaryChunk, DictionaryIndex, Head};
use crate::head_format::{self, BLOB_START, BODIES_MAGIC, ROWS_MAGIC, VERSION, blob_start};
use crate::input::seal;
use crate::numbers::ChunkWriter;
use crate::values::{FieldIndex, put_field};
use crate::{BLOCK, Column, Dictionary, Field, Meta, Open, duration_class};

/// A segment, ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    pub meta: Meta,
    /// For [`crate::Head::parse`].
    pub head: Vec<u8>,
    /// The blob of rows.
    pub rows: Vec<u8>,
    /// The blob of headers and bodies. `None` if no row has any.
    pub bodies: Option<Vec<u8>>,
}

/// Encodes a segment. `None` if it has no row.
pub(crate) fn encode(open: &Open) -> Option<Encoded> {
    let blocks = bounds(open);
    let mut rows = blob_start(&ROWS_MAGIC, VERSION, open.id());
    let chunk_ends = put_columns(&mut rows, open);
    let dictionaries = put_dictionaries(&mut rows, open);
    let fields = Field::ALL.map(|field| put_index(&mut rows, open, field)).into();
    let (body_blocks, mut block_ends) = open.bodies.encode();
    for block in &mut block_ends {
        block.end += BLOB_START;
    }
    let bodies = (!block_ends.is_empty()).then(|| {
        let mut blob = blob_start(&BODIES_MAGIC, VERSION, open.id());
        blob.extend_from_slice(&body_blocks);
        blob
    });
    let rows_bytes = rows.len() as u32;
    let head = Head {
        version: VERSION,
        meta: head_format::meta(
            open.id(),
            open.day(),
            &open.seqs,
            &blocks,
            rows_bytes,
            &block_ends,
        )
        .ok()?,
        seqs: open.seqs.clone(),
        blocks,
        chunk_ends,
        columns_start: BLOB_START,
        dictionaries,
        fields,
        bodies: block_ends,
    };
    Some(Encoded {
        head: head_format::write(&head),
        meta: head.meta,
        rows,
        bodies,
    })
}

pub(crate) fn bounds(open: &Open) -> Vec<Bounds> {
    let blocks = open.times().chunks(BLOCK).zip(open.ids().chunks(BLOCK));
    let bounds = blocks.map(|(times, ids)| {
        let (mut min_at, mut max_at, mut min_id, mut max_id) = (times[0], times[0], ids[0], ids[0]);
        for (at, id) in times.iter().zip(ids) {
            (min_at, max_at) = (min_at.min(*at), max_at.max(*at));
            (min_id, max_id) = (min_id.min(*id), max_id.max(*id));
        }
        Bounds {
            min_at: Timestamp::from_millis(min_at),
            max_at: Timestamp::from_millis(max_at),
            min_id,
            max_id,
        }
    });
    bounds.collect()
}

/// Writes all columns, and says where each chunk ends.
fn put_columns(out: &mut Vec<u8>, open: &Open) -> Vec<u32> {
    let mut writer = ChunkWriter::default();
    let mut ends = Vec::new();
    for column in Column::ALL {
        for start in (0..open.rows() as usize).step_by(BLOCK) {
            let chunk = start..(start + BLOCK).min(open.rows() as usize);
            let begin = out.len();
            match column {
                Column::At => writer.times(out, open.times()[chunk].iter().copied()),
                Column::RequestId => writer.ids(out, &open.ids()[chunk]),
                Column::Duration | Column::Upstream => {
                    writer.numbers(out, open.microseconds(column)[chunk].iter().copied());
                }
                _ => writer.numbers(out, open.numbers(column)[chunk].iter().map(|one| u64::from(*one))),
            }
            seal(out, begin);
            ends.push(out.len() as u32);
        }
    }
    ends
}

fn put_dictionaries(out: &mut Vec<u8>, open: &Open) -> Vec<DictionaryIndex> {
    let mut writer = DictionaryWriter::default();
    let dictionaries = Dictionary::ALL.map(|dictionary| {
        let start = out.len() as u32;
        let sizes = match dictionary {
            Dictionary::Places => writer.write(out, open.places().iter(), put_place),
            Dictionary::Keys => writer.write(out, open.keys().iter().map(Option::as_ref), put_key),
            _ => {
                let texts = open.texts(dictionary);
                let all = (0..texts.len()).map(|number| texts.get(number as u16));
                writer.write(out, all, put_text)
            }
        };
        index(start, &sizes)
    });
    dictionaries.into()
}

fn index(start: u32, sizes: &[ChunkSize]) -> DictionaryIndex {
    let (mut values_end, mut end) = (0, start);
    let chunks = sizes.iter().map(|size| {
        values_end += size.values;
        end += size.bytes;
        DictionaryChunk { values_end, end }
    });
    DictionaryIndex {
        start,
        chunks: chunks.collect(),
    }
}

fn put_index(out: &mut Vec<u8>, open: &Open, field: Field) -> FieldIndex {
    let key_of = |number| open.key_of(field, number);
    if field == Field::DurationClass {
        let durations = open.microseconds(Column::Duration);
        let classes: Vec<u16> = durations.iter().map(|one| duration_class(*one).into()).collect();
        return put_field(out, &classes, key_of);
    }
    put_field(out, open.numbers(field.column()), key_of)
}

//! The head of a closed segment: everything that is needed to decide what to read of its blobs. The catalogue keeps it,
//! and it stays in memory.

use std::ops::Range;

use model::{RequestId, Timestamp};

use crate::bodies::BodyBlock;
use crate::container::Damage;
use crate::seqs::Seqs;
use crate::values::FieldIndex;
use crate::{
    BLOCK, Column, Day, Dictionary, Field, Kind, Listed, Located, Meta, ReadError, SegmentId, ValueKey,
    Values, Wanted,
};

/// What is known about a closed segment without reading its blobs.
///
/// A method that returns [`Wanted`] says what to read; the method that decodes it takes exactly those bytes.
#[derive(Clone, Debug)]
pub struct Head {
    /// Of the format of the segment.
    pub(crate) version: u8,
    pub(crate) meta: Meta,
    pub(crate) seqs: Seqs,
    pub(crate) blocks: Vec<Bounds>,
    /// Where each chunk of each column ends in the blob of rows, column by column. The first begins at `columns_start`.
    pub(crate) chunk_ends: Vec<u32>,
    pub(crate) columns_start: u32,
    /// In the order of [`Dictionary::ALL`].
    pub(crate) dictionaries: Vec<DictionaryIndex>,
    /// In the order of [`Field::ALL`].
    pub(crate) fields: Vec<FieldIndex>,
    pub(crate) bodies: Vec<BodyBlock>,
}

/// The bounds of a block, all included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) min_at: Timestamp,
    pub(crate) max_at: Timestamp,
    pub(crate) min_id: RequestId,
    pub(crate) max_id: RequestId,
}

/// The chunks of a dictionary.
#[derive(Clone, Debug, Default)]
pub(crate) struct DictionaryIndex {
    /// Where it begins in the blob of rows.
    pub(crate) start: u32,
    pub(crate) chunks: Vec<DictionaryChunk>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct DictionaryChunk {
    /// The number after its last value.
    pub(crate) values_end: u32,
    /// Where it ends in the blob of rows.
    pub(crate) end: u32,
}

impl Head {
    /// Reads a head that [`crate::Open::encode`] or [`crate::rewrite`] wrote for the segment `id`.
    pub fn parse(id: SegmentId, bytes: &[u8]) -> Result<Self, ReadError> {
        let head = crate::head_format::read(bytes).map_err(|damage| damage.of(id))?;
        if head.meta.id == id {
            Ok(head)
        } else {
            Err(Damage("its head belongs to another segment").of(id))
        }
    }

    pub const fn meta(&self) -> &Meta {
        &self.meta
    }

    pub const fn id(&self) -> SegmentId {
        self.meta.id
    }

    pub const fn day(&self) -> Day {
        self.meta.day
    }

    /// Rows are numbered from 0 in the order of their `seq`.
    pub const fn rows(&self) -> u32 {
        self.meta.rows
    }

    /// Bytes of memory.
    pub fn weight(&self) -> usize {
        let dictionaries: usize = self
            .dictionaries
            .iter()
            .map(|one| size_of_val(&one.chunks[..]))
            .sum();
        let fields: usize = self.fields.iter().map(FieldIndex::weight).sum();
        size_of::<Self>()
            + self.seqs.weight()
            + size_of_val(&self.blocks[..])
            + size_of_val(&self.chunk_ends[..])
            + size_of_val(&self.bodies[..])
            + dictionaries
            + fields
            + self.fields.len() * size_of::<FieldIndex>()
    }

    /// Whether the segment has this column: one of version 1 has no [`Column::Error`]. Its rows have no such value then.
    pub const fn has(&self, column: Column) -> bool {
        (column as usize) < crate::head_format::columns(self.version).len()
    }

    pub const fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The rows of a block.
    pub fn rows_of_block(&self, block: usize) -> Range<u32> {
        let start = (block * BLOCK) as u32;
        start.min(self.meta.rows)..(start + BLOCK as u32).min(self.meta.rows)
    }

    /// A row's `seq`. `row` must be below [`Self::rows`].
    pub fn seq_of(&self, row: u32) -> i64 {
        self.seqs.of(row)
    }

    /// How many rows have a `seq` below this one: they are the rows 0 up to this number (excluded).
    pub fn rows_below(&self, seq: i64) -> u32 {
        self.seqs.below(seq)
    }

    /// The earliest and the latest arrival in a block, both included.
    pub fn times_of_block(&self, block: usize) -> (Timestamp, Timestamp) {
        let bounds = &self.blocks[block];
        (bounds.min_at, bounds.max_at)
    }

    /// The blocks that may contain this request.
    pub fn blocks_with_id(&self, id: RequestId) -> Vec<usize> {
        self.blocks_with_ids(|from, to| from <= id && id <= to).collect()
    }

    /// The blocks that may contain a request between a first and a last id, both included.
    pub fn blocks_with_ids(&self, may: impl Fn(RequestId, RequestId) -> bool) -> impl Iterator<Item = usize> {
        let blocks = self.blocks.iter().enumerate();
        blocks.filter_map(move |(block, bounds)| may(bounds.min_id, bounds.max_id).then_some(block))
    }

    /// All values of a field.
    pub fn values(&self, field: Field) -> Values {
        let index = self.field(field);
        if index.grouped {
            let end = index.ends.last().copied().unwrap_or(index.start);
            return Values::Grouped {
                wanted: self.wanted(u64::from(index.start)..u64::from(end)),
                values: index.values,
            };
        }
        let listed = (0..index.len()).map(|entry| Listed {
            key: ValueKey(index.key(entry).to_vec()),
            rows: index.rows[entry],
            located: self.located(index, entry),
        });
        Values::Listed(listed.collect())
    }

    /// Where the rows with this value are.
    pub fn locate(&self, field: Field, key: &ValueKey) -> Located {
        let index = self.field(field);
        match index.find(key.as_bytes()) {
            Some(entry) => self.located(index, entry),
            None => Located::Nothing,
        }
    }

    fn located(&self, index: &FieldIndex, entry: usize) -> Located {
        let wanted = self.wanted(index.range(entry));
        if index.grouped {
            return Located::Group { wanted };
        }
        let rows = index.rows[entry];
        if rows == self.meta.rows {
            Located::Everything
        } else {
            Located::Set { wanted, rows }
        }
    }

    /// The chunks of these blocks, which must not be none. All blocks: `0..head.blocks()`. The segment must have the
    /// column.
    pub fn column(&self, column: Column, blocks: Range<usize>) -> Wanted {
        let first = self.chunk(column, blocks.start);
        let last = self.chunk(column, blocks.end - 1);
        self.wanted(first.start..last.end)
    }

    /// Where a chunk is in the blob of rows.
    pub(crate) fn chunk(&self, column: Column, block: usize) -> Range<u64> {
        let index = column as usize * self.blocks.len() + block;
        let start = index
            .checked_sub(1)
            .map_or(self.columns_start, |before| self.chunk_ends[before]);
        u64::from(start)..u64::from(self.chunk_ends[index])
    }

    /// A whole dictionary. Empty if the segment does not have its column.
    pub fn dictionary(&self, dictionary: Dictionary) -> Wanted {
        let index = self.dictionary_index(dictionary);
        let end = index.chunks.last().map_or(index.start, |chunk| chunk.end);
        self.wanted(u64::from(index.start)..u64::from(end))
    }

    /// The chunks of a dictionary: the numbers of its values, and where it is. They follow each other.
    pub fn dictionary_chunks(
        &self,
        dictionary: Dictionary,
    ) -> impl ExactSizeIterator<Item = (Range<u32>, Wanted)> {
        let index = self.dictionary_index(dictionary);
        (0..index.chunks.len()).map(|chunk| (index.numbers(chunk), self.wanted(index.range(chunk))))
    }

    /// How many values a dictionary has.
    pub fn dictionary_len(&self, dictionary: Dictionary) -> usize {
        let chunks = &self.dictionary_index(dictionary).chunks;
        chunks.last().map_or(0, |chunk| chunk.values_end as usize)
    }

    pub(crate) fn dictionary_index(&self, dictionary: Dictionary) -> &DictionaryIndex {
        &self.dictionaries[dictionary as usize]
    }

    pub(crate) fn field(&self, field: Field) -> &FieldIndex {
        &self.fields[field as usize]
    }

    pub(crate) const fn wanted(&self, range: Range<u64>) -> Wanted {
        Wanted {
            segment: self.meta.id,
            day: self.meta.day,
            kind: Kind::Rows,
            range,
        }
    }

    /// The block of bodies that has this row's headers and bodies, and its first row.
    pub(crate) fn body_block(&self, row: u16) -> Result<(Wanted, u16), Damage> {
        let after = self.bodies.partition_point(|block| block.first_row <= row);
        let Some(block) = after.checked_sub(1).map(|index| self.bodies[index]) else {
            return Err(Damage("a row has no headers and bodies where it should"));
        };
        let start = after
            .checked_sub(2)
            .map_or(crate::head_format::BLOB_START, |before| self.bodies[before].end);
        let wanted = Wanted {
            kind: Kind::Bodies,
            ..self.wanted(u64::from(start)..u64::from(block.end))
        };
        Ok((wanted, block.first_row))
    }
}

impl DictionaryIndex {
    /// The chunk that has the value with this number.
    pub(crate) fn chunk_of(&self, number: u16) -> Option<usize> {
        let chunk = self
            .chunks
            .partition_point(|chunk| chunk.values_end <= u32::from(number));
        (chunk < self.chunks.len()).then_some(chunk)
    }

    /// The numbers of a chunk's values.
    pub(crate) fn numbers(&self, chunk: usize) -> Range<u32> {
        let start = chunk
            .checked_sub(1)
            .map_or(0, |before| self.chunks[before].values_end);
        start..self.chunks[chunk].values_end
    }

    /// Where a chunk is in the blob of rows.
    pub(crate) fn range(&self, chunk: usize) -> Range<u64> {
        let start = chunk
            .checked_sub(1)
            .map_or(self.start, |before| self.chunks[before].end);
        u64::from(start)..u64::from(self.chunks[chunk].end)
    }
}

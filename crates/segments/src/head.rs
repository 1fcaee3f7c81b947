//! The head of a closed segment: everything that is needed to decide what to read of its blobs. The catalogue keeps it,
//! and it stays in memory.

use std::ops::Range;

use logs::{KeyTrace, Place};
use model::{RequestId, Timestamp};
use roaring::RoaringBitmap;

use crate::{
    Column, Day, Dictionary, Field, Located, Meta, ReadError, SegmentId, Texts, ValueKey, Values, Wanted,
};

/// What is known about a closed segment without reading its blobs.
///
/// A method that returns [`Wanted`] says what to read; the method that decodes it takes exactly those bytes.
#[derive(Clone, Debug)]
pub struct Head {
    meta: Meta,
}

impl Head {
    /// Reads a head that [`crate::Open::encode`] or [`crate::rewrite`] wrote for the segment `id`.
    pub fn parse(id: SegmentId, bytes: &[u8]) -> Result<Self, ReadError> {
        unimplemented!("{id:?} {bytes:?}")
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
        unimplemented!()
    }

    pub fn blocks(&self) -> usize {
        unimplemented!()
    }

    /// The rows of a block.
    pub fn rows_of_block(&self, block: usize) -> Range<u32> {
        unimplemented!("{block}")
    }

    /// A row's `seq`. `row` must be below [`Self::rows`].
    pub fn seq_of(&self, row: u32) -> i64 {
        unimplemented!("{row}")
    }

    /// How many rows have a `seq` below this one: they are the rows 0 up to this number (excluded).
    pub fn rows_below(&self, seq: i64) -> u32 {
        unimplemented!("{seq}")
    }

    /// The earliest and the latest arrival in a block.
    pub fn times_of_block(&self, block: usize) -> (Timestamp, Timestamp) {
        unimplemented!("{block}")
    }

    /// The blocks that may contain this request.
    pub fn blocks_with_id(&self, id: RequestId) -> Vec<usize> {
        unimplemented!("{id:?}")
    }

    // Values of indexed fields

    /// All values of a field.
    pub fn values(&self, field: Field) -> Values {
        unimplemented!("{field:?}")
    }

    /// Decodes what [`Values::Grouped`] wants: each value with its rows, ascending by key.
    pub fn decode_values(
        &self,
        field: Field,
        bytes: &[u8],
    ) -> Result<Vec<(ValueKey, RoaringBitmap)>, ReadError> {
        unimplemented!("{field:?} {bytes:?}")
    }

    /// Where the rows with this value are.
    pub fn locate(&self, field: Field, key: &ValueKey) -> Located {
        unimplemented!("{field:?} {key:?}")
    }

    /// The rows with this value. `bytes` is what `located` wants, or empty if it wants nothing.
    pub fn decode_rows(
        &self,
        located: &Located,
        key: &ValueKey,
        bytes: &[u8],
    ) -> Result<RoaringBitmap, ReadError> {
        unimplemented!("{located:?} {key:?} {bytes:?}")
    }

    // Columns

    /// The chunks of these blocks, which must not be none. All blocks: `0..head.blocks()`.
    pub fn column(&self, column: Column, blocks: Range<usize>) -> Wanted {
        unimplemented!("{column:?} {blocks:?}")
    }

    /// [`Column::At`] of the rows of these blocks, in milliseconds since 1970.
    pub fn times(&self, blocks: Range<usize>, bytes: &[u8]) -> Result<Vec<i64>, ReadError> {
        unimplemented!("{blocks:?} {bytes:?}")
    }

    /// [`Column::RequestId`] of the rows of these blocks.
    pub fn ids(&self, blocks: Range<usize>, bytes: &[u8]) -> Result<Vec<RequestId>, ReadError> {
        unimplemented!("{blocks:?} {bytes:?}")
    }

    /// [`Column::Duration`] or [`Column::Upstream`] of the rows of these blocks.
    pub fn microseconds(
        &self,
        column: Column,
        blocks: Range<usize>,
        bytes: &[u8],
    ) -> Result<Vec<u64>, ReadError> {
        unimplemented!("{column:?} {blocks:?} {bytes:?}")
    }

    /// Any other column of the rows of these blocks.
    pub fn numbers(&self, column: Column, blocks: Range<usize>, bytes: &[u8]) -> Result<Vec<u16>, ReadError> {
        unimplemented!("{column:?} {blocks:?} {bytes:?}")
    }

    // Dictionaries

    /// A whole dictionary.
    pub fn dictionary(&self, dictionary: Dictionary) -> Wanted {
        unimplemented!("{dictionary:?}")
    }

    /// How many values a dictionary has.
    pub fn dictionary_len(&self, dictionary: Dictionary) -> usize {
        unimplemented!("{dictionary:?}")
    }

    /// Any dictionary but places and keys.
    pub fn texts(&self, dictionary: Dictionary, bytes: &[u8]) -> Result<Texts, ReadError> {
        unimplemented!("{dictionary:?} {bytes:?}")
    }

    /// [`Dictionary::Places`].
    pub fn places(&self, bytes: &[u8]) -> Result<Vec<Place>, ReadError> {
        unimplemented!("{bytes:?}")
    }

    /// [`Dictionary::Keys`]. One of them may be `None`: the number that rows without a key have.
    pub fn keys(&self, bytes: &[u8]) -> Result<Vec<Option<KeyTrace>>, ReadError> {
        unimplemented!("{bytes:?}")
    }
}

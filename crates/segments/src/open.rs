//! The open segment: rows in memory, column by column, until the segment is closed.

use std::ops::Range;

use logs::{Place, StoredEntry};
use model::{LogEntry, LogRow, RequestId, Timestamp};
use roaring::RoaringBitmap;

use crate::{Column, Day, Dictionary, Encoded, Field, ReadError, SegmentId, Texts, ValueKey};

/// The rows of a segment that is still being written.
#[derive(Debug)]
pub struct Open {
    id: SegmentId,
    day: Day,
}

impl Open {
    pub fn new(id: SegmentId, day: Day) -> Self {
        Self { id, day }
    }

    pub const fn id(&self) -> SegmentId {
        self.id
    }

    pub const fn day(&self) -> Day {
        self.day
    }

    pub fn rows(&self) -> u32 {
        unimplemented!()
    }

    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// Whether these fit: by number, and by the bytes of all texts, headers and bodies (32 MiB). Up to
    /// [`crate::ROWS`] entries always fit into an empty segment.
    pub fn room_for(&self, entries: &[StoredEntry]) -> bool {
        unimplemented!("{}", entries.len())
    }

    /// Adds rows with `seq` from `first_seq`, which must be above every `seq` that is here.
    ///
    /// # Panics
    ///
    /// If there would be more than [`crate::ROWS`] rows.
    pub fn append(&mut self, first_seq: i64, entries: &[StoredEntry]) {
        unimplemented!("{first_seq} {}", entries.len())
    }

    /// The segment as it is kept from now on. `None` if it has no row.
    pub fn encode(&self) -> Option<Encoded> {
        unimplemented!()
    }

    /// A row's `seq`. `row` must be below [`Self::rows`].
    pub fn seq_of(&self, row: u32) -> i64 {
        unimplemented!("{row}")
    }

    /// How many rows have a `seq` below this one: they are the rows 0 up to this number (excluded).
    pub fn rows_below(&self, seq: i64) -> u32 {
        unimplemented!("{seq}")
    }

    /// The `seq` of the last row.
    pub fn last_seq(&self) -> Option<i64> {
        unimplemented!()
    }

    /// The earliest and the latest arrival. `None` if it has no row.
    pub fn times_of_all(&self) -> Option<(Timestamp, Timestamp)> {
        unimplemented!()
    }

    /// [`Column::At`], in milliseconds since 1970.
    pub fn times(&self) -> &[i64] {
        unimplemented!()
    }

    /// [`Column::Duration`] or [`Column::Upstream`].
    pub fn microseconds(&self, column: Column) -> &[u64] {
        unimplemented!("{column:?}")
    }

    /// Any column but At, RequestId, Duration and Upstream.
    pub fn numbers(&self, column: Column) -> &[u16] {
        unimplemented!("{column:?}")
    }

    /// Any dictionary but places and keys.
    pub fn texts(&self, dictionary: Dictionary) -> &Texts {
        unimplemented!("{dictionary:?}")
    }

    /// The rows within `rows` that have one of these values.
    pub fn rows_with(&self, field: Field, keys: &[ValueKey], rows: Range<u32>) -> RoaringBitmap {
        unimplemented!("{field:?} {keys:?} {rows:?}")
    }

    /// How many of these rows have each value, in no particular order.
    pub fn count_by_value(&self, field: Field, rows: &RoaringBitmap) -> Vec<(ValueKey, u64)> {
        unimplemented!("{field:?} {rows:?}")
    }

    /// The row of this request.
    pub fn row_of(&self, id: RequestId) -> Option<u32> {
        unimplemented!("{id}")
    }

    pub fn row(&self, row: u32) -> LogRow {
        unimplemented!("{row}")
    }

    /// With the company it belongs to, so that the caller can check the scope.
    pub fn entry(&self, row: u32) -> Result<(Place, LogEntry), ReadError> {
        unimplemented!("{row}")
    }
}

//! A segment's name, its day, and the facts about it that the catalogue keeps.

use std::fmt;

use model::{RequestId, Timestamp};

/// Rows in a segment at most. A row's number within its segment is a `u16`.
pub const ROWS: usize = 65_536;

/// Rows in a block. Columns are stored, and bounds of times and ids are kept, for each block.
pub const BLOCK: usize = 1_024;

/// A segment's number in the catalogue, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub i64);

/// A day in UTC, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The day that contains this moment.
    pub fn of(at: Timestamp) -> Self {
        let days = at.as_millis().div_euclid(86_400_000);
        Self(i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }))
    }

    /// Its first moment.
    pub fn start(self) -> Timestamp {
        Timestamp::from_millis(i64::from(self.0) * 86_400_000)
    }
}

/// `2026-11-26`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.start().to_rfc3339();
        f.write_str(text.split('T').next().unwrap_or(&text))
    }
}

/// What the catalogue keeps about a segment beside its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub id: SegmentId,
    /// The day on which the rows were stored.
    pub day: Day,
    /// 1 to [`ROWS`].
    pub rows: u32,
    pub first_seq: i64,
    pub last_seq: i64,
    /// The earliest arrival.
    pub min_at: Timestamp,
    /// The latest arrival.
    pub max_at: Timestamp,
    pub min_id: RequestId,
    pub max_id: RequestId,
    /// The size of the blob of rows, in bytes.
    pub rows_bytes: u64,
    /// The size of the blob of bodies, in bytes. 0 if no row has headers or bodies.
    pub bodies_bytes: u64,
}

//! Which `seq` each row has: rows of one batch have consecutive ones.

use crate::container::Damage;
use crate::input::{Input, put_signed, put_varint};

/// Ranges of rows with consecutive `seq`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seqs {
    /// The first row of each range, and its `seq`. Both ascend.
    ranges: Vec<(u32, i64)>,
    rows: u32,
}

impl Seqs {
    /// Adds rows with `seq` from `first`. It must be above all that are here.
    pub(crate) fn push(&mut self, first: i64, rows: u32) {
        if rows == 0 {
            return;
        }
        if self.last().and_then(|last| last.checked_add(1)) != Some(first) {
            self.ranges.push((self.rows, first));
        }
        self.rows += rows;
    }

    pub(crate) const fn rows(&self) -> u32 {
        self.rows
    }

    pub(crate) fn last(&self) -> Option<i64> {
        let (row, seq) = self.ranges.last()?;
        Some(seq + i64::from(self.rows - 1 - row))
    }

    pub(crate) fn of(&self, row: u32) -> i64 {
        let after = self.ranges.partition_point(|(first, _)| *first <= row);
        let (first, seq) = after.checked_sub(1).map_or((0, 0), |range| self.ranges[range]);
        seq + i64::from(row - first)
    }

    /// How many rows have a lower `seq`.
    pub(crate) fn below(&self, seq: i64) -> u32 {
        let after = self.ranges.partition_point(|(_, first)| *first < seq);
        let Some((row, first)) = after.checked_sub(1).map(|range| self.ranges[range]) else {
            return 0;
        };
        let end = self.ranges.get(after).map_or(self.rows, |(row, _)| *row);
        let within = u32::try_from(seq.saturating_sub(first)).unwrap_or(u32::MAX);
        end.min(row.saturating_add(within))
    }

    pub(crate) fn weight(&self) -> usize {
        self.ranges.capacity() * size_of::<(u32, i64)>()
    }

    /// How many ranges, then for each its rows and its first `seq` minus what would follow the one before it.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.ranges.len() as u64);
        let ends = self.ranges.iter().skip(1).map(|(row, _)| *row).chain([self.rows]);
        let mut next = 0_i64;
        for ((row, first), end) in self.ranges.iter().zip(ends) {
            put_varint(out, u64::from(end - row));
            put_signed(out, first.wrapping_sub(next));
            next = first.wrapping_add(i64::from(end - row));
        }
    }

    pub(crate) fn read(input: &mut Input<'_>, rows: u32) -> Result<Self, Damage> {
        let count = input.length((rows as usize).min(input.rest().len()))?;
        let mut seqs = Self::default();
        let mut next = 0_i64;
        for _ in 0..count {
            let range = input.length((rows - seqs.rows) as usize)? as u32;
            let first = next.wrapping_add(input.signed()?);
            let ascends = seqs.last().is_none_or(|last| first > last);
            if range == 0 || !ascends || first.checked_add(i64::from(range)).is_none() {
                return Err(Damage("the order of rows does not ascend"));
            }
            seqs.push(first, range);
            next = first + i64::from(range);
        }
        if seqs.rows == rows {
            Ok(seqs)
        } else {
            Err(Damage("the order has another number of rows"))
        }
    }
}

//! Reads whole rows of a closed segment.

use bytes::Bytes;
use logs::{Place, StoredEntry};
use model::{LogEntry, LogRow};

use crate::{Head, ReadError, Wanted};

/// Reads rows by their numbers, in steps: while [`RowReader::wanted`] is not empty, read that (together with what the
/// readers of other segments want) and [`RowReader::supply`] it.
#[derive(Debug)]
pub struct RowReader<'a> {
    head: &'a Head,
    wanted: Vec<Wanted>,
}

impl<'a> RowReader<'a> {
    /// For [`Self::into_rows`].
    pub fn of_rows(head: &'a Head, rows: &[u16]) -> Self {
        unimplemented!("{head:?} {rows:?}")
    }

    /// For [`Self::into_entries`]. Without `bodies_kept`, the blob of bodies has been removed.
    pub fn of_entries(head: &'a Head, rows: &[u16], bodies_kept: bool) -> Self {
        unimplemented!("{head:?} {rows:?} {bodies_kept}")
    }

    /// What to read next. Empty when everything is there.
    pub fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }

    /// The bytes that [`Self::wanted`] asked for, in its order.
    pub fn supply(&mut self, bytes: &[Bytes]) -> Result<(), ReadError> {
        unimplemented!("{bytes:?}")
    }

    /// In the order in which the row numbers were given.
    pub fn into_rows(self) -> Result<Vec<LogRow>, ReadError> {
        unimplemented!("{:?}", self.head)
    }

    /// Each with the company it belongs to, so that the caller can check the scope.
    pub fn into_entries(self) -> Result<Vec<(Place, LogEntry)>, ReadError> {
        unimplemented!()
    }

    /// Each with its `seq`.
    pub fn into_stored(self) -> Result<Vec<(i64, StoredEntry)>, ReadError> {
        unimplemented!()
    }
}

//! Where the blobs of closed segments are, as a trait, and what can go wrong when they are read.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use thiserror::Error;

use crate::{Day, SegmentId};

/// Which of a segment's two blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Rows,
    Bodies,
}

/// A range of bytes of one blob.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    pub segment: SegmentId,
    pub day: Day,
    pub kind: Kind,
    /// Never empty.
    pub range: Range<u64>,
}

/// Immutable blobs.
pub trait Container: fmt::Debug + Send + Sync {
    /// The bytes of each range, in the order in which they were asked for. Blocks. One call may ask for many ranges, so
    /// that a database can answer with one statement.
    fn read(&self, wanted: &[Wanted]) -> Result<Vec<Bytes>, ReadError>;
}

/// Why a segment could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The bytes are not what was written: a wrong checksum, or a blob that is too short. Reading again does not help.
    #[error("segment {} is damaged: {why}", segment.0)]
    Damaged { segment: SegmentId, why: &'static str },
    /// The blob does not exist (any more).
    #[error("a blob of segment {} is missing", segment.0)]
    Missing { segment: SegmentId },
    /// The container could not be read just now.
    #[error("segments cannot be read now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why bytes could not be decoded; becomes [`ReadError::Damaged`] once the segment is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damage(pub(crate) &'static str);

impl Damage {
    pub(crate) const fn of(self, segment: SegmentId) -> ReadError {
        ReadError::Damaged { segment, why: self.0 }
    }
}

//! The moments at which a kill could tear a segment apart. Tests stop the process at each of them; a server watches none.

use std::fmt;
use std::sync::Arc;

/// A moment while a batch is appended or a segment is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A batch is committed, and neither readers nor the caller know of it.
    BatchCommitted,
    /// The blobs are written under a temporary name. On PostgreSQL: inserted, and not committed.
    BlobsWritten,
    /// The files have their names. On PostgreSQL the same as [`Self::BlobsWritten`].
    BlobsNamed,
    /// The segment is in the catalogue and its deltas are deleted, but the transaction is not committed.
    DeltasDeleted,
    /// The segment is committed to the catalogue, and readers do not know of it.
    SegmentCommitted,
    /// Segments or their bodies are no longer in the catalogue, and their files are still there.
    Removed,
}

impl Step {
    pub const ALL: [Self; 6] = [
        Self::BatchCommitted,
        Self::BlobsWritten,
        Self::BlobsNamed,
        Self::DeltasDeleted,
        Self::SegmentCommitted,
        Self::Removed,
    ];
}

/// Is called at each [`Step`].
#[derive(Clone, Default)]
pub struct Watcher(Option<Arc<dyn Fn(Step) + Send + Sync>>);

impl Watcher {
    pub fn new(watch: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watch)))
    }

    pub(super) fn at(&self, step: Step) {
        if let Some(watch) = &self.0 {
            watch(step);
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watcher").field(&self.0.is_some()).finish()
    }
}

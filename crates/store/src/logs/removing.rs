//! Removes the blobs of segments that are no longer in the catalogue. The catalogue changes first: a kill in between leaves
//! blobs that nothing refers to, and the next start removes them.

use std::sync::Arc;

use segments::{Day, SegmentId};

use super::container::Blobs;
use super::steps::Step;
use super::{Inner, blocking};

/// A segment, or its bodies, that the catalogue does not have any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) segment: SegmentId,
    pub(super) day: Day,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Everything,
    Bodies,
}

impl Inner {
    /// Removes files. In tables, the transaction of the catalogue has removed them. What fails is left to the next start:
    /// it only takes room.
    pub(super) async fn remove_blobs(self: &Arc<Self>, gone: Vec<Gone>) {
        self.watcher.at(Step::Removed);
        let Blobs::Files(files) = self.blobs.clone() else {
            return;
        };
        let _going = self.options.removals.begin().await;
        let removed = blocking(move || files.remove_all(&gone)).await;
        let failed = match removed {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            error = failed,
            "could not remove files of the log; the next start tries again"
        );
    }
}

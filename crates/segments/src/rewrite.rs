//! Work on whole closed segments: removing rows, and checking every byte.

use logs::StoredEntry;

use crate::{Container, Encoded, Head, ReadError, SegmentId};

/// A segment `new` with the rows of this one except those that `remove` says yes to. The rows keep their `seq`. `None`
/// if no row is left. Without `bodies_kept`, the blob of bodies has been removed.
pub fn rewrite(
    head: &Head,
    container: &dyn Container,
    bodies_kept: bool,
    new: SegmentId,
    remove: impl Fn(&StoredEntry) -> bool,
) -> Result<Option<Encoded>, ReadError> {
    let _ = remove;
    unimplemented!("{head:?} {container:?} {bodies_kept} {new:?}")
}

/// Reads and decodes all of a segment, and compares the bitmaps with the columns. Without `bodies_kept`, the blob of bodies has been removed.
pub fn verify(head: &Head, container: &dyn Container, bodies_kept: bool) -> Result<(), ReadError> {
    unimplemented!("{head:?} {container:?} {bodies_kept}")
}

//! Work on whole closed segments: removing rows, and checking every byte.

use logs::StoredEntry;

use crate::{Container, Encoded, Head, Open, ReadError, RowReader, SegmentId};

/// A segment `new` with the rows of this one except those that `remove` says yes to. The rows keep their `seq`. `None`
/// if no row is left. Without `bodies_kept`, the blob of bodies has been removed, and the new segment has none.
pub fn rewrite(
    head: &Head,
    container: &dyn Container,
    bodies_kept: bool,
    new: SegmentId,
    remove: impl Fn(&StoredEntry) -> bool,
) -> Result<Option<Encoded>, ReadError> {
    let mut open = Open::new(new, head.day());
    for block in 0..head.blocks() {
        for (seq, entry) in read_block(head, container, block, bodies_kept)? {
            if !remove(&entry) {
                open.append(seq, std::slice::from_ref(&entry));
            }
        }
    }
    Ok(open.encode())
}

/// All rows of a block, each with its `seq`.
pub(crate) fn read_block(
    head: &Head,
    container: &dyn Container,
    block: usize,
    bodies_kept: bool,
) -> Result<Vec<(i64, StoredEntry)>, ReadError> {
    let rows: Vec<u16> = head.rows_of_block(block).map(|row| row as u16).collect();
    let mut reader = RowReader::of_entries(head, &rows, bodies_kept);
    while !reader.wanted().is_empty() {
        let bytes = container.read(reader.wanted())?;
        reader.supply(&bytes)?;
    }
    reader.into_stored()
}

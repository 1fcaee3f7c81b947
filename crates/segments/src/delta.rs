//! One batch of rows as bytes, for the tail of an open segment.

use logs::StoredEntry;
use thiserror::Error;

/// The bytes are not a whole delta: it was not written to its end, or it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a delta is torn: {0}")]
pub struct Torn(&'static str);

/// Encodes a batch.
pub fn encode(entries: &[StoredEntry]) -> Vec<u8> {
    unimplemented!("{}", entries.len())
}

/// Decodes a batch.
pub fn decode(bytes: &[u8]) -> Result<Vec<StoredEntry>, Torn> {
    Err(Torn("not written")).inspect(|_: &Vec<StoredEntry>| unimplemented!("{}", bytes.len()))
}

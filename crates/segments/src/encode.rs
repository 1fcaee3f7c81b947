//! Writes an open segment in the format of closed ones.

use crate::Meta;

/// A segment, ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    pub meta: Meta,
    /// For [`crate::Head::parse`].
    pub head: Vec<u8>,
    /// The blob of rows.
    pub rows: Vec<u8>,
    /// The blob of headers and bodies. `None` if no row has any.
    pub bodies: Option<Vec<u8>>,
}

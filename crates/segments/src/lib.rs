//! Segments of the request log: how rows are held in memory, encoded, found and read again.
//!
//! Plain synchronous Rust without input or output: reading a closed segment means asking for byte ranges
//! ([`Wanted`]), which a [`Container`] reads, and decoding what it returns.

mod codes;
mod column;
mod container;
pub mod delta;
mod encode;
mod field;
mod head;
mod open;
mod rewrite;
mod row_reader;
mod segment;
mod texts;
mod values;

pub use column::Column;
pub use container::{Container, Kind, ReadError, Wanted};
pub use encode::Encoded;
pub use field::{Field, ValueKey, duration_class, duration_of_class};
pub use head::Head;
pub use open::Open;
pub use rewrite::{rewrite, verify};
pub use row_reader::RowReader;
pub use segment::{BLOCK, Day, Meta, ROWS, SegmentId};
pub use texts::{Dictionary, Texts};
pub use values::{Listed, Located, Values};

//! Segments of the request log: how rows are held in memory, encoded, found and read again.
//!
//! Plain synchronous Rust without input or output: reading a closed segment means asking for byte ranges
//! ([`Wanted`]), which a [`Container`] reads, and decoding what it returns.
//!
//! # The format, version 2
//!
//! A closed segment is a *head*, which the catalogue keeps, a blob of *rows* and, if any row has headers or bodies, a
//! blob of *bodies*. Numbers are *varints* (LEB128, of 64 bits at most), signed ones in zigzag. Other numbers are
//! little-endian; ids are 16 bytes, as their 32 hex digits read. *Text* and *bytes* have their length before them (varint).
//! A *piece* is its length, its length compressed by zstd (or 0 if it is not compressed), and its bytes. A *sealed* part
//! ends with the CRC-32 (IEEE) of itself. Rows are numbered from 0, in the order of their `seq`; a *block* is 1,024 rows.
//!
//! | blob of rows | |
//! | --- | --- |
//! | start | "GHSR", the version (1 byte), three zeros, the segment's number (8 bytes) |
//! | columns | for each of [`Column::ALL`], for each block: a sealed chunk (`numbers.rs`) |
//! | dictionaries | for each of [`Dictionary::ALL`]: sealed chunks (`dictionary.rs`) |
//! | fields | for each of [`Field::ALL`], ascending by the bytes of the value: sealed sets of rows (`row_set.rs`), none for a value that all rows have; or, with more than 256 values, sealed groups: for each value its bytes, its number of rows (varint), its set (bytes) |
//!
//! | blob of bodies | |
//! | --- | --- |
//! | start | "GHSB", and then like the other blob |
//! | blocks | sealed, each of up to 64 rows (`bodies.rs`, `messages.rs`) |
//!
//! Parts follow each other without gaps, so the head has only their lengths. It is sealed:
//!
//! | head | |
//! | --- | --- |
//! | start | "GHSH", the version (1 byte) |
//! | meta | the segment's number, its day since 1970-01-01 (signed), how many rows (varint) |
//! | order | ranges of rows with consecutive `seq` (`seqs.rs`) |
//! | bounds | for each block: the earliest arrival (signed, milliseconds since 1970), the latest minus the earliest (varint), the lowest and the highest request id |
//! | columns | for each column and block, the chunk's length (varint) |
//! | dictionaries | for each: how many chunks; for each chunk, how many values; for each chunk, its length (varints) |
//! | fields | for each: how many values times two, plus one if they are in groups (varint); if so, how many groups; then for each value, or the first value of each group: its bytes, its number of rows (varint, not for groups), the length of its set or group (varint) |
//! | bodies | how many blocks; for each, its first row minus that of the one before; for each, its length (varints) |
//!
//! Version 1 is the same without the last column and the last dictionary ([`Column::Error`]). It is still read.
//!
//! The bytes of a field's value are described at [`ValueKey`], the codes of enumerations in [`codes`].

mod answer;
mod bodies;
mod cache;
pub mod codes;
mod column;
mod container;
mod decode;
pub mod delta;
mod dictionary;
mod encode;
mod entry;
mod erased;
mod field;
mod head;
mod head_format;
mod input;
mod messages;
mod numbers;
mod open;
mod open_fields;
mod rewrite;
mod row_reader;
mod row_set;
mod segment;
mod seqs;
mod summaries;
mod texts;
mod values;
mod verify;

pub use answer::{COUNTED, Closed, Source, View};
pub use cache::{Cache, CacheStats};
pub use column::Column;
pub use container::{Container, Kind, ReadError, Wanted};
pub use encode::Encoded;
pub use erased::Erased;
pub use field::{Field, ValueKey, duration_class, duration_of_class};
pub use head::Head;
pub use open::Open;
pub use rewrite::rewrite;
pub use row_reader::RowReader;
pub use segment::{BLOCK, Day, Meta, ROWS, SegmentId};
pub use texts::{Dictionary, Texts};
pub use values::{Listed, Located, Values};
pub use verify::verify;

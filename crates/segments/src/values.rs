//! The values of an indexed field of a closed segment, and where their sets of rows are.

use crate::{ValueKey, Wanted};

/// All values of a field.
#[derive(Clone, Debug)]
pub enum Values {
    /// Up to 256 values, known without reading, ascending by key.
    Listed(Vec<Listed>),
    /// More: they have to be read, then decoded with [`crate::Head::decode_values`]. To count a *small* set of rows by
    /// value, reading [`crate::Field::column`] and its dictionary is cheaper.
    Grouped { wanted: Wanted, values: u32 },
}

/// A value with its number of rows.
#[derive(Clone, Debug)]
pub struct Listed {
    pub key: ValueKey,
    pub rows: u32,
    pub located: Located,
}

/// Where a value's set of rows is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Located {
    /// No row has this value.
    Nothing,
    /// All rows have it. There is nothing to read.
    Everything,
    /// So many rows have it, and this is their set.
    Set { wanted: Wanted, rows: u32 },
    /// If any row has it, then the set is in this group of values. How many rows is not known without reading.
    Group { wanted: Wanted },
}

impl Located {
    /// What has to be read before [`crate::Head::decode_rows`].
    pub const fn wanted(&self) -> Option<&Wanted> {
        match self {
            Self::Nothing | Self::Everything => None,
            Self::Set { wanted, .. } | Self::Group { wanted } => Some(wanted),
        }
    }

    /// How many rows, where that is known without reading.
    pub const fn rows(&self, rows_of_segment: u32) -> Option<u32> {
        match self {
            Self::Nothing => Some(0),
            Self::Everything => Some(rows_of_segment),
            Self::Set { rows, .. } => Some(*rows),
            Self::Group { .. } => None,
        }
    }
}

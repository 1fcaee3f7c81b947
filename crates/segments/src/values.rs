//! The values of an indexed field of a closed segment, and where their sets of rows are.

use roaring::RoaringBitmap;

use crate::container::Damage;
use crate::input::{Input, put_bytes, put_varint, seal};
use crate::{ROWS, ValueKey, Wanted, row_set};

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

/// Above this, values are in groups.
const LISTED: usize = 256;

/// A group ends when it has this many bytes.
const GROUP_BYTES: usize = 16 * 1024;

/// The values of one field, as the head has them.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldIndex {
    /// How many values.
    pub(crate) values: u32,
    /// Whether an entry below is a group of values. Otherwise it is one.
    pub(crate) grouped: bool,
    /// The key of each entry, or the first key of each group, one behind the other.
    pub(crate) keys: Vec<u8>,
    pub(crate) key_ends: Vec<u32>,
    /// How many rows have the value. Empty if there are groups.
    pub(crate) rows: Vec<u32>,
    /// Where each entry ends in the blob, in bytes. The first begins at `start`.
    pub(crate) ends: Vec<u32>,
    pub(crate) start: u32,
}

impl FieldIndex {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn key(&self, entry: usize) -> &[u8] {
        let start = entry.checked_sub(1).map_or(0, |before| self.key_ends[before]);
        &self.keys[start as usize..self.key_ends[entry] as usize]
    }

    pub(crate) fn range(&self, entry: usize) -> std::ops::Range<u64> {
        let start = entry
            .checked_sub(1)
            .map_or(self.start, |before| self.ends[before]);
        u64::from(start)..u64::from(self.ends[entry])
    }

    /// The entry that has this key, or the group that would.
    pub(crate) fn find(&self, key: &[u8]) -> Option<usize> {
        let after = partition_point(self.len(), |entry| self.key(entry) <= key);
        let entry = after.checked_sub(1)?;
        (self.grouped || self.key(entry) == key).then_some(entry)
    }

    pub(crate) fn push(&mut self, key: &[u8], end: u32) {
        self.keys.extend_from_slice(key);
        self.key_ends.push(self.keys.len() as u32);
        self.ends.push(end);
    }

    pub(crate) fn weight(&self) -> usize {
        self.keys.len() + (self.key_ends.len() + self.rows.len() + self.ends.len()) * size_of::<u32>()
    }
}

fn partition_point(length: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low.midpoint(high);
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Writes the sets of a field into the blob. `numbers` is a column of the rows, and `key_of` the value of a number that
/// appears in it.
pub(crate) fn put_field(out: &mut Vec<u8>, numbers: &[u16], key_of: impl Fn(u16) -> ValueKey) -> FieldIndex {
    let sorted = Sorted::of(numbers, key_of);
    let all = numbers.len() as u32;
    let mut index = FieldIndex {
        values: sorted.keys.len() as u32,
        grouped: sorted.keys.len() > LISTED,
        start: out.len() as u32,
        ..FieldIndex::default()
    };
    if !index.grouped {
        for (key, rows) in sorted.iter() {
            put_listed(out, rows, all);
            index.push(key.as_bytes(), out.len() as u32);
            index.rows.push(rows.len() as u32);
        }
        return index;
    }
    let mut group = Vec::new();
    let (mut set, mut first) = (Vec::new(), None);
    for (key, rows) in sorted.iter() {
        first.get_or_insert(key);
        put_bytes(&mut group, key.as_bytes());
        put_varint(&mut group, rows.len() as u64);
        set.clear();
        row_set::put(&mut set, rows, all);
        put_bytes(&mut group, &set);
        if group.len() >= GROUP_BYTES {
            put_group(out, &mut group, first.take(), &mut index);
        }
    }
    put_group(out, &mut group, first, &mut index);
    index
}

fn put_listed(out: &mut Vec<u8>, rows: &[u16], all: u32) {
    let start = out.len();
    row_set::put(out, rows, all);
    if out.len() > start {
        seal(out, start);
    }
}

fn put_group(out: &mut Vec<u8>, group: &mut Vec<u8>, first: Option<&ValueKey>, index: &mut FieldIndex) {
    if let Some(first) = first {
        let start = out.len();
        out.append(group);
        seal(out, start);
        index.push(first.as_bytes(), out.len() as u32);
    }
}

/// Reads the set of a listed value. Without bytes, it has all rows.
pub(crate) fn read_listed(bytes: &[u8], rows: u32, all: u32) -> Result<RoaringBitmap, Damage> {
    if rows == all {
        return Ok(row_set::everything(all));
    }
    row_set::read(Input::sealed(bytes)?.rest(), rows, all)
}

/// Reads the values of one group: each with how many rows, and the bytes of their set.
pub(crate) fn read_group<'a>(
    bytes: &'a [u8],
    mut each: impl FnMut(&'a [u8], u32, &'a [u8]) -> Result<(), Damage>,
) -> Result<(), Damage> {
    let mut input = Input::sealed(bytes)?;
    while !input.rest().is_empty() {
        let key = input.bytes()?;
        let rows = input.length(ROWS)? as u32;
        each(key, rows, input.bytes()?)?;
    }
    Ok(())
}

/// The rows of a column, sorted by the keys of their values.
struct Sorted {
    keys: Vec<ValueKey>,
    /// Where the rows of each key end.
    ends: Vec<u32>,
    rows: Vec<u16>,
}

impl Sorted {
    fn of(numbers: &[u16], key_of: impl Fn(u16) -> ValueKey) -> Self {
        let most = numbers.iter().copied().max().unwrap_or(0);
        let mut counts = vec![0_u32; usize::from(most) + 1];
        for number in numbers {
            counts[usize::from(*number)] += 1;
        }
        let mut values: Vec<(ValueKey, u16)> = (0..=most)
            .filter(|number| counts[usize::from(*number)] > 0)
            .map(|number| (key_of(number), number))
            .collect();
        values.sort_unstable();
        let mut ranks = vec![0_u16; counts.len()];
        let mut keys: Vec<ValueKey> = Vec::new();
        let mut ends = Vec::new();
        for (key, number) in values {
            if keys.last() != Some(&key) {
                ends.push(ends.last().copied().unwrap_or(0));
                keys.push(key);
            }
            ranks[usize::from(number)] = (keys.len() - 1) as u16;
            if let Some(end) = ends.last_mut() {
                *end += counts[usize::from(number)];
            }
        }
        let mut next: Vec<u32> = std::iter::once(0).chain(ends.iter().copied()).collect();
        let mut rows = vec![0_u16; numbers.len()];
        for (row, number) in numbers.iter().enumerate() {
            let place = &mut next[usize::from(ranks[usize::from(*number)])];
            rows[*place as usize] = row as u16;
            *place += 1;
        }
        Self { keys, ends, rows }
    }

    fn iter(&self) -> impl Iterator<Item = (&ValueKey, &[u16])> {
        self.keys.iter().enumerate().map(|(rank, key)| {
            let start = rank.checked_sub(1).map_or(0, |before| self.ends[before]);
            (key, &self.rows[start as usize..self.ends[rank] as usize])
        })
    }
}

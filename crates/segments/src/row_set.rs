//! A set of rows as bytes.
//!
//! All rows: no bytes. Otherwise the shorter of two forms; the reader knows the number of rows in the set, and of the
//! segment. A list has the first row, then each row minus the one before it (varints). A bitset has a bit for each row
//! of the segment, the lowest bit of the first byte first; it is used if the list would not be shorter.
//!
//! The first byte says which: 0 for a list, 1 for a bitset.

use roaring::RoaringBitmap;

use crate::ROWS;
use crate::container::Damage;
use crate::input::Input;

const LIST: u8 = 0;
const BITSET: u8 = 1;

/// Appends the set of these rows, which ascend. `all` is how many rows the segment has.
pub(crate) fn put(out: &mut Vec<u8>, rows: &[u16], all: u32) {
    if rows.len() as u32 == all {
        return;
    }
    let start = out.len();
    let bitset = (all as usize).div_ceil(8);
    if rows.len() < bitset {
        out.push(LIST);
        let mut before = 0;
        for row in rows {
            // At most three bytes, and the first one almost always suffices.
            let step = row - before;
            before = *row;
            match step {
                0..0x80 => out.push(step as u8),
                0x80..0x4000 => out.extend([step as u8 | 0x80, (step >> 7) as u8]),
                _ => out.extend([step as u8 | 0x80, (step >> 7) as u8 | 0x80, (step >> 14) as u8]),
            }
        }
        if out.len() - start <= bitset {
            return;
        }
        out.truncate(start);
    }
    out.push(BITSET);
    let bits = out.len();
    out.resize(bits + bitset, 0);
    for row in rows {
        out[bits + usize::from(row / 8)] |= 1 << (row % 8);
    }
}

/// Reads the set of `rows` rows of a segment with `all`.
pub(crate) fn read(bytes: &[u8], rows: u32, all: u32) -> Result<RoaringBitmap, Damage> {
    if rows == all {
        return Ok(everything(all));
    }
    let mut input = Input::new(bytes);
    let set = match input.byte()? {
        LIST => read_list(input, rows, all)?,
        BITSET => RoaringBitmap::from_lsb0_bytes(0, input.take((all as usize).div_ceil(8))?),
        _ => return Err(Damage("a set of rows is of an unknown form")),
    };
    if set.len() != u64::from(rows) || set.max().is_some_and(|last| last >= all) {
        return Err(Damage("a set of rows has other rows than it says"));
    }
    Ok(set)
}

/// More rows than this are a bitset in memory, too.
const ARRAY: u32 = 4096;

/// Adding rows to a bitmap one by one takes several times as long as either way here.
fn read_list(input: Input<'_>, rows: u32, all: u32) -> Result<RoaringBitmap, Damage> {
    if rows > ARRAY {
        let mut bits = [0_u8; ROWS / 8];
        read_rows(input, rows, all, |row| {
            bits[usize::from(row / 8)] |= 1 << (row % 8)
        })?;
        return Ok(RoaringBitmap::from_lsb0_bytes(0, &bits));
    }
    // The one way to make a bitmap of an array of rows: its serialised form, with a single container.
    let mut array = Vec::with_capacity(16 + rows as usize * 2);
    array.extend([0x3a, 0x30, 0, 0, 1, 0, 0, 0, 0, 0]);
    array.extend(((rows.max(1) - 1) as u16).to_le_bytes());
    array.extend([16, 0, 0, 0]);
    read_rows(input, rows, all, |row| array.extend(row.to_le_bytes()))?;
    RoaringBitmap::deserialize_from(&array[..]).map_err(|_| Damage("a set of rows does not ascend"))
}

fn read_rows(mut input: Input<'_>, rows: u32, all: u32, mut put: impl FnMut(u16)) -> Result<(), Damage> {
    let (mut row, all, mut left) = (0, u64::from(all), rows);
    while left > 0 {
        // Almost all steps are one byte, so most often this is eight of them.
        if left >= 8
            && let Some(steps) = input.rest().first_chunk::<8>()
            && u64::from_le_bytes(*steps) & 0x8080_8080_8080_8080 == 0
        {
            for step in steps {
                row += u64::from(*step);
                put(row as u16);
            }
            input.take(8)?;
            left -= 8;
        } else {
            row += input.varint()?.min(all);
            put(row as u16);
            left -= 1;
        }
        if row >= all {
            return Err(Damage("a set of rows has other rows than it says"));
        }
    }
    input.end()
}

/// All rows of a segment.
pub(crate) fn everything(all: u32) -> RoaringBitmap {
    let mut set = RoaringBitmap::new();
    set.insert_range(0..all);
    set
}

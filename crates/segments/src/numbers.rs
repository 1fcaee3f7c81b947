//! The chunks of columns: up to 1,024 numbers or ids.
//!
//! A chunk of numbers has the smallest of them (varint), then a byte that says how the differences to it are written:
//!
//! * 0: all are 0.
//! * 1 to 8: in this number of planes, the lowest bytes of all numbers first. A plane is 0 and one byte that all have, or 1 and
//!   all bytes, or 2 and a varint with the length of the zstd frame that follows.
//! * 0x80 + b: as numbers of b bits, 1 to 64, the lowest bits first.
//!
//! A chunk of times has its first time (signed varint), then the others as a chunk of numbers: each minus the one before
//! it, in zigzag. A chunk of ids has their first 48 bits like times, then the last ten bytes of each.

use model::RequestId;

use crate::container::Damage;
use crate::input::{Input, put_signed, put_varint, unzigzag, unzip, zigzag, zip};

const ONE_BYTE: u8 = 0;
const RAW: u8 = 1;
const ZIPPED: u8 = 2;
const PACKED: u8 = 0x80;

/// Writes chunks, with buffers that are used again.
#[derive(Debug, Default)]
pub(crate) struct ChunkWriter {
    numbers: Vec<u64>,
    plane: Vec<u8>,
    planes: Vec<u8>,
    zipped: Vec<u8>,
}

impl ChunkWriter {
    pub(crate) fn numbers(&mut self, out: &mut Vec<u8>, numbers: impl IntoIterator<Item = u64>) {
        self.numbers.clear();
        self.numbers.extend(numbers);
        let least = self.numbers.iter().copied().min().unwrap_or(0);
        put_varint(out, least);
        let mut most = 0;
        for number in &mut self.numbers {
            *number -= least;
            most |= *number;
        }
        let bits = 64 - most.leading_zeros();
        if bits == 0 {
            out.push(0);
            return;
        }
        self.planes(bits.div_ceil(8));
        let packed = (self.numbers.len() * bits as usize).div_ceil(8);
        // Unpacking is many times as fast as decompressing, and whole columns are read to find rows, so it may take
        // twice the space.
        if packed <= self.planes.len() * 2 {
            out.push(PACKED + bits as u8);
            pack(out, &self.numbers, bits);
        } else {
            out.push(bits.div_ceil(8) as u8);
            out.extend_from_slice(&self.planes);
        }
    }

    pub(crate) fn times(&mut self, out: &mut Vec<u8>, times: impl IntoIterator<Item = i64>) {
        let mut times = times.into_iter();
        let mut before = times.next().unwrap_or(0);
        put_signed(out, before);
        self.numbers(
            out,
            times.map(|time| {
                let step = time.wrapping_sub(before);
                before = time;
                zigzag(step)
            }),
        );
    }

    pub(crate) fn ids(&mut self, out: &mut Vec<u8>, ids: &[RequestId]) {
        self.times(out, ids.iter().map(|id| time_of(*id)));
        for id in ids {
            out.extend_from_slice(&id.to_bytes()[6..]);
        }
    }

    fn planes(&mut self, planes: u32) {
        self.planes.clear();
        for plane in 0..planes {
            self.plane.clear();
            self.plane
                .extend(self.numbers.iter().map(|number| (number >> (8 * plane)) as u8));
            let first = self.plane[0];
            if self.plane.iter().all(|byte| *byte == first) {
                self.planes.extend([ONE_BYTE, first]);
                continue;
            }
            self.zipped.clear();
            if zip(&self.plane, &mut self.zipped) {
                self.planes.push(ZIPPED);
                put_varint(&mut self.planes, self.zipped.len() as u64);
                self.planes.extend_from_slice(&self.zipped);
            } else {
                self.planes.push(RAW);
                self.planes.extend_from_slice(&self.plane);
            }
        }
    }
}

fn time_of(id: RequestId) -> i64 {
    let [a, b, c, d, e, f, ..] = id.to_bytes();
    i64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

fn pack(out: &mut Vec<u8>, numbers: &[u64], bits: u32) {
    let (mut waiting, mut held) = (0_u128, 0);
    for number in numbers {
        waiting |= u128::from(*number) << held;
        held += bits;
        while held >= 8 {
            out.push(waiting as u8);
            waiting >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        out.push(waiting as u8);
    }
}

/// Reads `count` numbers, each of which `make` turns into what is kept.
pub(crate) fn read_numbers<T>(
    input: &mut Input<'_>,
    count: usize,
    out: &mut Vec<T>,
    make: impl Fn(u64) -> T,
) -> Result<(), Damage> {
    let least = input.varint()?;
    let make = |number: u64| make(number.wrapping_add(least));
    match input.byte()? {
        0 => out.extend((0..count).map(|_| make(0))),
        planes @ 1..=8 => {
            let mut numbers = vec![0_u64; count];
            for plane in 0..planes {
                read_plane(input, u32::from(plane) * 8, &mut numbers)?;
            }
            out.extend(numbers.into_iter().map(make));
        }
        packed if (1..=64).contains(&packed.wrapping_sub(PACKED)) => {
            let bits = u32::from(packed - PACKED);
            let packed = input.take((count * bits as usize).div_ceil(8))?;
            unpack(packed, count, bits, out, make);
        }
        _ => return Err(Damage("a chunk is written in an unknown way")),
    }
    Ok(())
}

fn read_plane(input: &mut Input<'_>, shift: u32, numbers: &mut [u64]) -> Result<(), Damage> {
    let add = |numbers: &mut [u64], bytes: &[u8]| {
        for (number, byte) in numbers.iter_mut().zip(bytes) {
            *number |= u64::from(*byte) << shift;
        }
    };
    match input.byte()? {
        ONE_BYTE => {
            let byte = u64::from(input.byte()?) << shift;
            numbers.iter_mut().for_each(|number| *number |= byte);
        }
        RAW => add(numbers, input.take(numbers.len())?),
        ZIPPED => add(numbers, &unzip(input.bytes()?, numbers.len())?),
        _ => return Err(Damage("a plane is written in an unknown way")),
    }
    Ok(())
}

fn unpack<T>(packed: &[u8], count: usize, bits: u32, out: &mut Vec<T>, make: impl Fn(u64) -> T) {
    let mask = u64::MAX >> (64 - bits);
    let bits = bits as usize;
    // So that whatever a number's first byte is, as many bytes as are read follow it.
    let mut bytes = Vec::with_capacity(packed.len() + 16);
    bytes.extend_from_slice(packed);
    bytes.extend([0; 16]);
    let byte_of = |index: usize| (index * bits / 8, index * bits % 8);
    if bits <= 57 {
        out.extend((0..count).map(|index| {
            let (byte, shift) = byte_of(index);
            let eight = bytes[byte..].first_chunk::<8>().copied().unwrap_or_default();
            make((u64::from_le_bytes(eight) >> shift) & mask)
        }));
    } else {
        out.extend((0..count).map(|index| {
            let (byte, shift) = byte_of(index);
            let sixteen = bytes[byte..].first_chunk::<16>().copied().unwrap_or_default();
            make((u128::from_le_bytes(sixteen) >> shift) as u64 & mask)
        }));
    }
}

/// Reads `count` times, at least one.
pub(crate) fn read_times(input: &mut Input<'_>, count: usize, out: &mut Vec<i64>) -> Result<(), Damage> {
    let mut time = input.signed()?;
    let from = out.len();
    out.push(time);
    read_numbers(input, count.saturating_sub(1), out, unzigzag)?;
    for step in &mut out[from + 1..] {
        time = time.wrapping_add(*step);
        *step = time;
    }
    Ok(())
}

/// Reads `count` ids, at least one.
pub(crate) fn read_ids(input: &mut Input<'_>, count: usize, out: &mut Vec<RequestId>) -> Result<(), Damage> {
    let mut times = Vec::with_capacity(count);
    read_times(input, count, &mut times)?;
    for time in times {
        let mut id = [0; 16];
        id[..6].copy_from_slice(&time.to_be_bytes()[2..]);
        id[6..].copy_from_slice(input.take(10)?);
        out.push(RequestId::from_bytes(id));
    }
    Ok(())
}

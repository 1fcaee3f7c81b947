//! Reading and writing the basic parts of the format: numbers, lengths, checksums and compressed pieces. Reading checks
//! every length, so that damaged bytes are an error and never a panic or a huge allocation.

use std::borrow::Cow;
use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use crate::container::Damage;

/// No piece is longer than this when it is decompressed, in bytes.
const LONGEST_PIECE: usize = 1 << 30;

/// Fast, and close enough to the higher levels for columns.
const LEVEL: i32 = 1;

pub(crate) const TOO_SHORT: Damage = Damage("it ends too early");

/// Bytes that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Checks the checksum that [`seal`] wrote, and reads what is before it.
    pub(crate) fn sealed(bytes: &'a [u8]) -> Result<Self, Damage> {
        let (inner, checksum) = bytes.split_last_chunk::<4>().ok_or(TOO_SHORT)?;
        if crc32fast::hash(inner) == u32::from_le_bytes(*checksum) {
            Ok(Self(inner))
        } else {
            Err(Damage("a checksum is wrong"))
        }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Damage> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Damage> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// LEB128.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Damage> {
        if let [byte @ ..0x80, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Damage> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            value |= part << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Damage("a number is too long"))
    }

    /// A number that may be negative.
    pub(crate) fn signed(&mut self) -> Result<i64, Damage> {
        self.varint().map(unzigzag)
    }

    /// A length or a count of at most `most`.
    pub(crate) fn length(&mut self, most: usize) -> Result<usize, Damage> {
        match usize::try_from(self.varint()?) {
            Ok(length) if length <= most => Ok(length),
            _ => Err(Damage("a length is too large")),
        }
    }

    /// Bytes with their length before them.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Damage> {
        let length = self.length(self.0.len())?;
        self.take(length)
    }

    /// Text with its length before it.
    pub(crate) fn text(&mut self) -> Result<&'a str, Damage> {
        text(self.bytes()?)
    }

    /// What [`put_zipped`] wrote.
    pub(crate) fn unzip(&mut self) -> Result<Cow<'a, [u8]>, Damage> {
        let length = self.length(LONGEST_PIECE)?;
        let zipped = self.length(self.0.len())?;
        if zipped == 0 {
            return self.take(length).map(Cow::Borrowed);
        }
        let zipped = self.take(zipped)?;
        unzip(zipped, length).map(Cow::Owned)
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) const fn end(&self) -> Result<(), Damage> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Damage("something follows its end"))
        }
    }
}

pub(crate) fn text(bytes: &[u8]) -> Result<&str, Damage> {
    std::str::from_utf8(bytes).map_err(|_| Damage("a text is not UTF-8"))
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, zigzag(value));
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes the checksum of everything from `start`.
pub(crate) fn seal(out: &mut Vec<u8>, start: usize) {
    let checksum = crc32fast::hash(&out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// Small for numbers near 0, negative or not.
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

thread_local! {
    // A context of zstd is large, and it is needed for every chunk.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Appends `raw` to `out`, compressed. Returns false and appends nothing if it does not become smaller.
pub(crate) fn zip(raw: &[u8], out: &mut Vec<u8>) -> bool {
    COMPRESSOR.with_borrow_mut(|compressor| {
        if compressor.is_none() {
            *compressor = Compressor::new(LEVEL).ok();
        }
        let Some(compressor) = compressor else {
            return false;
        };
        let start = out.len();
        out.resize(start + raw.len(), 0);
        // With room for less than the raw bytes it fails where it would not become smaller.
        let room = raw.len().saturating_sub(1);
        match compressor.compress_to_buffer(raw, &mut out[start..start + room]) {
            Ok(zipped) => {
                out.truncate(start + zipped);
                true
            }
            Err(_) => {
                out.truncate(start);
                false
            }
        }
    })
}

/// Decompresses to exactly `length` bytes.
pub(crate) fn unzip(zipped: &[u8], length: usize) -> Result<Vec<u8>, Damage> {
    let damage = Damage("a piece cannot be decompressed");
    let raw = DECOMPRESSOR.with_borrow_mut(|decompressor| {
        if decompressor.is_none() {
            *decompressor = Decompressor::new().ok();
        }
        decompressor
            .as_mut()
            .and_then(|one| one.decompress(zipped, length).ok())
    });
    raw.filter(|raw| raw.len() == length).ok_or(damage)
}

/// Writes a piece of any length: its length, its compressed length (0 if it is not compressed), and its bytes.
pub(crate) fn put_zipped(out: &mut Vec<u8>, raw: &[u8], scratch: &mut Vec<u8>) {
    put_varint(out, raw.len() as u64);
    scratch.clear();
    if zip(raw, scratch) {
        put_bytes(out, scratch);
    } else {
        out.push(0);
        out.extend_from_slice(raw);
    }
}

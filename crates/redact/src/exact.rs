//! Looks up the bytes before a place of a text: the last sixteen as one number, in a sorted list of the numbers of all
//! pieces. So a caller cannot slow the search down by choosing the text or the secrets.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::finder::DIGITS;
use crate::needles::{Needle, PIECE, after};

/// Size of the filter that rules out most numbers before the list is searched.
const FILTER_BITS: usize = 1 << 15;

/// The numbers of all pieces, to look up the bytes before a place.
#[derive(Clone)]
pub(crate) struct Exact {
    /// Sorted.
    pieces: Zeroizing<Vec<u128>>,
    /// Pieces of the texts that are only found whole; sorted.
    parts: Zeroizing<Vec<u128>>,
    /// The texts that are only found whole; sorted.
    wholes: Vec<Whole>,
    /// Texts shorter than a piece, by length; sorted.
    short: Vec<(usize, Zeroizing<Vec<u128>>)>,
    filter: Option<Box<[u64; FILTER_BITS / 64]>>,
}

impl Exact {
    pub(crate) fn new(needles: &[Needle]) -> Self {
        let mut pieces = Zeroizing::new(Vec::new());
        let mut parts = Zeroizing::new(Vec::new());
        let mut wholes = Vec::new();
        let mut short: Vec<(usize, Zeroizing<Vec<u128>>)> = Vec::new();
        for needle in needles {
            let text = &needle.text;
            if text.len() < PIECE {
                let number = number_of(text);
                match short.iter_mut().find(|(length, _)| *length == text.len()) {
                    Some((_, numbers)) => numbers.push(number),
                    None => short.push((text.len(), Zeroizing::new(vec![number]))),
                }
            } else if needle.only_whole {
                parts.extend(text.windows(PIECE).map(number_of));
                wholes.push(Whole::of(text));
            } else {
                pieces.extend(text.windows(PIECE).step_by(needle.stride).map(number_of));
                pieces.push(number_of(&text[text.len() - PIECE..]));
                raw_forms(text, |form| pieces.extend(form.windows(PIECE).map(number_of)));
            }
        }
        pieces.sort_unstable();
        pieces.dedup();
        parts.sort_unstable();
        parts.dedup();
        wholes.sort_unstable();
        short.iter_mut().for_each(|(_, numbers)| numbers.sort_unstable());
        let mut filter = None;
        let of_short = short.iter().flat_map(|(_, numbers)| numbers.iter());
        for number in pieces.iter().chain(of_short).chain(parts.iter()) {
            let bit = filter_bit(*number);
            let words = filter.get_or_insert_with(|| Box::new([0_u64; FILTER_BITS / 64]));
            words[bit / 64] |= 1 << (bit % 64);
        }
        Self {
            pieces,
            parts,
            wholes,
            short,
            filter,
        }
    }

    /// Adds the needles and pieces that end at these places. `run` must be the same for all places of a text, and the
    /// places must be in order.
    pub(crate) fn find(
        &self,
        text: &[u8],
        ends: RangeInclusive<usize>,
        run: &mut Run,
        spans: &mut Vec<(usize, usize)>,
    ) {
        let Some(filter) = &self.filter else { return };
        let may_be = |number: u128| {
            let bit = filter_bit(number);
            filter[bit / 64] & (1 << (bit % 64)) != 0
        };
        let first = ends.start().saturating_sub(1);
        let before = text[first.saturating_sub(PIECE)..first].iter();
        let mut last = before.fold(0, |last, byte| {
            (last << 8) | u128::from(byte.to_ascii_lowercase())
        });
        for (at, byte) in text.iter().enumerate().take(*ends.end()).skip(first) {
            last = (last << 8) | u128::from(byte.to_ascii_lowercase());
            let end = at + 1;
            if end >= PIECE && may_be(last) {
                if self.pieces.binary_search(&last).is_ok() {
                    extend(spans, (end - PIECE, end));
                }
                if self.parts.binary_search(&last).is_ok() {
                    run.see(text, end);
                    let first = self.wholes.partition_point(|whole| whole.last < last);
                    let ending = self.wholes[first..].iter().take_while(|whole| whole.last == last);
                    let found = ending.filter(|whole| run.ends_with(whole));
                    if let Some(longest) = found.map(|whole| whole.length).max() {
                        extend(spans, (end - longest, end));
                    }
                }
            }
            for (length, numbers) in &self.short {
                let number = last & ((1 << (8 * length)) - 1);
                if end >= *length && may_be(number) && numbers.binary_search(&number).is_ok() {
                    extend(spans, (end - length, end));
                }
            }
        }
    }
}

/// A text that is only found whole. Two texts that agree in all these fields are equal, or differ so rarely that
/// redacting the other one does no harm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Whole {
    /// Its last piece.
    last: u128,
    length: usize,
    hash: u64,
    /// [`BASE`] to the power of its length.
    power: u64,
}

/// The base of the hash, which is a polynomial of the bytes.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

const fn hash_on(hash: u64, byte: u8) -> u64 {
    hash.wrapping_mul(BASE)
        .wrapping_add(byte.to_ascii_lowercase() as u64 + 1)
}

impl Whole {
    fn of(text: &[u8]) -> Self {
        Self {
            last: number_of(&text[text.len() - PIECE..]),
            length: text.len(),
            hash: text.iter().fold(0, |hash, byte| hash_on(hash, *byte)),
            power: text.iter().fold(1, |power, _| power.wrapping_mul(BASE)),
        }
    }
}

/// Consecutive pieces, of any texts, with a hash of every prefix of the sequence. Two prefix hashes give the hash of
/// the part between them.
#[derive(Default)]
pub(crate) struct Run {
    end: usize,
    hashes: Vec<u64>,
}

impl Run {
    /// Adds a piece that ends here.
    fn see(&mut self, text: &[u8], end: usize) {
        let from = if !self.hashes.is_empty() && end == self.end + 1 {
            self.end
        } else {
            self.hashes.clear();
            self.hashes.push(0);
            end - PIECE
        };
        for byte in &text[from..end] {
            self.hashes
                .push(hash_on(self.hashes[self.hashes.len() - 1], *byte));
        }
        self.end = end;
    }

    fn ends_with(&self, whole: &Whole) -> bool {
        let last = self.hashes.len() - 1;
        last.checked_sub(whole.length).is_some_and(|first| {
            let before = self.hashes[first].wrapping_mul(whole.power);
            self.hashes[last].wrapping_sub(before) == whole.hash
        })
    }
}

/// Adds the span, joined to the last one if they touch, so that the list stays short.
fn extend(spans: &mut Vec<(usize, usize)>, (begin, end): (usize, usize)) {
    match spans.last_mut() {
        Some(last) if last.0 <= begin && begin <= last.1 => last.1 = last.1.max(end),
        _ => spans.push((begin, end)),
    }
}

/// Number of bytes that an access secret's digits encode.
const RAW: usize = DIGITS / 2;
/// Length of the base64 of these bytes, also with two more in front.
const ENCODED: usize = (RAW + 2).div_ceil(3) * 4;

/// Calls `see` with the bytes encoded by an access secret's digits, and with the base64 of those bytes at each of the
/// three offsets, in both alphabets; all in lower case. Other texts have no such forms.
pub(crate) fn raw_forms(text: &[u8], mut see: impl FnMut(&[u8])) {
    let digits = after(text, b'-').unwrap_or(text);
    if digits.len() != DIGITS || !digits.iter().all(u8::is_ascii_hexdigit) {
        return;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
    let mut raw = Zeroizing::new([0; 2 + RAW]);
    for (byte, pair) in raw[2..].iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
    }
    for zeros in 0..3 {
        let mut encoded = Zeroizing::new([0; ENCODED]);
        let Ok(length) = STANDARD.encode_slice(&raw[2 - zeros..], &mut *encoded) else {
            continue;
        };
        encoded.make_ascii_lowercase();
        // The first and last group also encode bits of the neighbouring bytes, so they vary.
        let inner = &mut encoded[4..length - 4];
        see(inner);
        for byte in &mut *inner {
            match byte {
                b'+' => *byte = b'-',
                b'/' => *byte = b'_',
                _ => {}
            }
        }
        see(inner);
    }
    raw.make_ascii_lowercase();
    see(&raw[2..]);
}

fn number_of(bytes: &[u8]) -> u128 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u128::from(*byte))
}

fn filter_bit(number: u128) -> usize {
    let folded = (number as u64) ^ ((number >> 64) as u64).rotate_left(29);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 49) as usize % FILTER_BITS
}

//! Searches a text for [`crate::Needles`], and for anything that looks like an access secret.
//!
//! Most texts contain none, so most of the search is a sieve. It looks at every eighth byte of the text: a piece of
//! sixteen bytes has eight of them at one of these places, whatever its own place. If these eight bytes occur in no
//! needle, no piece is there. Only where they may occur, [`crate::exact`] reads the text byte by byte.

use crate::exact::{Run, raw_forms};
use crate::needles::{Needle, Needles, PIECE, SHORTEST};

/// The environments that an access secret can begin with.
const ENVIRONMENTS: [&[u8]; 3] = [b"sandbox", b"dev", b"prod"];
/// Maximum length of an access secret's prefix.
const LONGEST_PREFIX: usize = 24;
/// Number of hex digits in an access secret.
pub(crate) const DIGITS: usize = 40;

/// Bytes of a piece that the sieve looks up, and the distance between the places where it looks.
const BLOCK: usize = 8;
/// The same for texts shorter than a piece, which have eight bytes or more.
const SHORT_BLOCK: usize = 5;
const SHORT_STEP: usize = 4;
const _: () = assert!(BLOCK + BLOCK - 1 <= PIECE && SHORT_BLOCK + SHORT_STEP - 1 <= SHORTEST);

/// The fewest and most words of the sieve. There is about one for each block.
const FEWEST_WORDS: usize = 1 << 7;
const MOST_WORDS: usize = 1 << 14;

/// The positions of needles, pieces of them, and anything that looks like an access secret. `longest_run` is the
/// length of the longest run of letters, digits and their signs in the text, or more.
pub(crate) fn find(needles: &Needles, text: &[u8], longest_run: usize, spans: &mut Vec<(usize, usize)>) {
    if longest_run > DIGITS {
        find_forms(text, spans);
    }
    let sieve = needles.sieve();
    if text.len() < sieve.shortest {
        return;
    }
    let mut run = Run::default();
    // The first place that was not looked at.
    let mut next = 0;
    let mut look = |first: usize, last: usize| {
        let (first, last) = (first.max(next), last.min(text.len()));
        if first <= last {
            needles.exact().find(text, first..=last, &mut run, spans);
            next = last + 1;
        }
    };
    if !sieve.has_short {
        for (number, block) in text.as_chunks::<BLOCK>().0.iter().enumerate() {
            if sieve.has(lowered(*block)) {
                look(BLOCK * number + BLOCK, BLOCK * number + PIECE);
            }
        }
        return;
    }
    for at in (0..=text.len() - SHORT_BLOCK).step_by(SHORT_STEP) {
        if let Some((first, last)) = sieve.ends_at(&text[at..], at) {
            look(first, last);
        }
    }
}

/// The blocks of all needles.
#[derive(Clone)]
pub(crate) struct Sieve {
    /// Three bits for each block, in a word that its bytes determine.
    words: Vec<u64>,
    /// By how much a hash is shifted to be the position of a word.
    shift: u32,
    /// Whether there are texts shorter than a piece.
    has_short: bool,
    /// Shorter texts contain no needle.
    pub(crate) shortest: usize,
}

impl Sieve {
    pub(crate) fn new(needles: &[Needle]) -> Self {
        let blocks: usize = needles.iter().map(|needle| needle.text.len()).sum();
        let size = blocks.next_power_of_two().clamp(FEWEST_WORDS, MOST_WORDS);
        let lengths = needles.iter().map(|needle| needle.text.len());
        let mut sieve = Self {
            words: vec![0; size],
            shift: 64 - size.trailing_zeros(),
            has_short: lengths.clone().any(|length| length < PIECE),
            shortest: lengths
                .map(|length| length.min(PIECE))
                .min()
                .unwrap_or(usize::MAX),
        };
        for needle in needles {
            if needle.text.len() < PIECE {
                for block in needle.text.windows(SHORT_BLOCK) {
                    let number = block
                        .iter()
                        .rev()
                        .fold(0, |number, byte| (number << 8) | u64::from(*byte));
                    sieve.add(short_block(number));
                }
                continue;
            }
            sieve.add_blocks(&needle.text);
            if !needle.only_whole {
                raw_forms(&needle.text, |form| sieve.add_blocks(form));
            }
        }
        sieve
    }

    fn add_blocks(&mut self, text: &[u8]) {
        for block in text.windows(BLOCK) {
            if let Some(block) = block.first_chunk() {
                self.add(u64::from_le_bytes(*block));
            }
        }
    }

    fn add(&mut self, block: u64) {
        let (word, bits) = self.place(block);
        self.words[word] |= bits;
    }

    fn has(&self, block: u64) -> bool {
        let (word, bits) = self.place(block);
        self.words[word] & bits == bits
    }

    fn place(&self, block: u64) -> (usize, u64) {
        let hash = block.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The highest bits depend on all bytes, and those in the middle on most.
        let bits = 1 << ((hash >> 26) & 63) | 1 << ((hash >> 32) & 63) | 1 << ((hash >> 38) & 63);
        ((hash >> self.shift) as usize, bits)
    }

    /// The first and last place where a piece can end that has its block here, if there may be one. `rest` is the text
    /// from here on.
    fn ends_at(&self, rest: &[u8], at: usize) -> Option<(usize, usize)> {
        let whole = rest.first_chunk::<BLOCK>();
        let block = lowered(whole.copied().unwrap_or_else(|| {
            let mut padded = [0; BLOCK];
            padded[..rest.len()].copy_from_slice(rest);
            padded
        }));
        let is_long = at.is_multiple_of(BLOCK) && whole.is_some() && self.has(block);
        match (self.has(short_block(block)), is_long) {
            (false, false) => None,
            (false, true) => Some((at + BLOCK, at + PIECE)),
            (true, false) => Some((at + SHORT_BLOCK, at + PIECE - 1)),
            (true, true) => Some((at + SHORT_BLOCK, at + PIECE)),
        }
    }
}

/// The eight bytes in lower case, as one number.
fn lowered(block: [u8; BLOCK]) -> u64 {
    let number = u64::from_le_bytes(block);
    // The sums reach the highest bit of each byte that is at least `A`, and of each that is more than `Z`.
    const ONES: u64 = u64::MAX / 255;
    const LOW: u64 = ONES * 0x7f;
    let low = number & LOW;
    let from_a = low + ONES * (0x80 - b'A' as u64);
    let after_z = low + ONES * (0x7f - b'Z' as u64);
    let capitals = from_a & !after_z & !number & !LOW;
    number | (capitals >> 2)
}

/// The first five bytes of a block, marked so that they are no block of eight.
const fn short_block(block: u64) -> u64 {
    (block & 0x00ff_ffff_ffff) | (0xff << 56)
}

/// A prefix that ends with a dash or underscore, then 40 hex digits. The installation chooses the prefix. After a
/// documented prefix there may be more digits.
fn find_forms(text: &[u8], spans: &mut Vec<(usize, usize)>) {
    let is_prefix = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut passed = 0;
    while let Some(sign) = text[passed..].iter().position(|byte| matches!(byte, b'-' | b'_')) {
        let sign = passed + sign;
        let digits = text[sign + 1..]
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        passed = sign + 1 + digits;
        if digits < DIGITS {
            continue;
        }
        let window = &text[sign.saturating_sub(LONGEST_PREFIX)..sign];
        let documented = ENVIRONMENTS.into_iter().any(|name| {
            window.len() >= name.len() && window[window.len() - name.len()..].eq_ignore_ascii_case(name)
        });
        let length = window.iter().rev().take_while(|byte| is_prefix(byte)).count();
        if documented || (digits == DIGITS && length > 0) {
            spans.push((sign - length, passed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(needles: &[&str], text: &str) -> Vec<(usize, usize)> {
        let mut all = Needles::default();
        needles.iter().for_each(|needle| all.add(needle.as_bytes()));
        let mut spans = Vec::new();
        find(&all, text.as_bytes(), usize::MAX, &mut spans);
        spans
    }

    #[test]
    fn the_sieve_lets_no_needle_of_any_length_through_at_any_place() {
        let secret = "qWz7kP2vXn4tRb9mLc3hJd8s";
        for length in SHORTEST..=secret.len() {
            let needle = &secret[..length];
            for before in 0..40 {
                for after in [0, 1, 7, 20] {
                    let (before, after) = ("/".repeat(before), "é".repeat(after));
                    let place = (before.len(), before.len() + length);
                    let text = format!("{before}{}{after}", needle.to_uppercase());
                    assert_eq!(found(&[needle], &text), [place], "{text}");
                    // With a shorter needle, the sieve takes smaller steps.
                    assert_eq!(found(&["unrelated", needle], &text), [place], "{text}");
                }
            }
        }
    }

    #[test]
    fn needles_next_to_each_other_are_all_found() {
        let (long, short) = ("0123456789abcdefghij", "klmnopqr");
        for gap in 0..20 {
            let text = format!("{}{long}{}{short}{short}", "-".repeat(gap), ".".repeat(gap % 9));
            let begin = gap + long.len() + gap % 9;
            let spans = crate::spans::merge(found(&[long, short], &text));
            let expected = [(gap, gap + long.len()), (begin, begin + 16)];
            assert_eq!(spans, crate::spans::merge(expected.to_vec()), "{text}");
        }
    }

    #[test]
    fn only_ascii_capitals_become_small_letters() {
        for byte in 0..=u8::MAX {
            for at in 0..BLOCK {
                let mut block = *b"A[@Z\x80\xc1z\xff";
                block[at] = byte;
                let expected = block.map(|byte| byte.to_ascii_lowercase());
                assert_eq!(lowered(block).to_le_bytes(), expected);
            }
        }
    }
}

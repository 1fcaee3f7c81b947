//! What is searched for in a message: the credentials that came with it, and pieces of them.
//!
//! The bounds: at most [`MOST`] texts of at most [`LONGEST`] bytes each and [`ALL`] together; shorter ones than
//! [`SHORTEST`] tell nobody anything. The search looks at each byte of a text once. The last sixteen bytes are one
//! number, and every piece of sixteen bytes is in a sorted list of such numbers; so the time does not depend on what a
//! caller made the texts and the secrets of.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use zeroize::Zeroizing;

use crate::names::Names;

/// So many bytes in a row of a credential are taken for a piece of it.
const PIECE: usize = 16;
/// A shorter text is not searched for.
const SHORTEST: usize = 8;
/// A longer text is not searched for. Access secrets have 48 bytes at most; this is room for signed tokens.
const LONGEST: usize = 4096;
/// At most so many texts.
const MOST: usize = 24;
/// At most so many bytes of them.
const ALL: usize = 8192;

/// Bits that say of most numbers that they are not in the list.
const FILTER_BITS: usize = 1 << 15;

/// The environments that an access secret begins with.
const ENVIRONMENTS: [&[u8]; 3] = [b"sandbox", b"dev", b"prod"];
/// The longest prefix of an access secret.
const LONGEST_PREFIX: usize = 24;
/// Hex digits of an access secret.
const DIGITS: usize = 40;

/// The texts to search for.
#[derive(Clone, Default)]
pub struct Needles {
    texts: Vec<Zeroizing<Vec<u8>>>,
    total: usize,
}

impl fmt::Debug for Needles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Needles({} × [redacted])", self.texts.len())
    }
}

impl Needles {
    /// Searches for this text from now on, if the bounds allow it.
    pub fn add(&mut self, text: &[u8]) {
        let text = text.trim_ascii().to_ascii_lowercase();
        let fits = (SHORTEST..=LONGEST).contains(&text.len())
            && self.texts.len() < MOST
            && self.total + text.len() <= ALL;
        if fits && !self.texts.iter().any(|one| **one == text) {
            self.total += text.len();
            self.texts.push(Zeroizing::new(text));
        }
    }

    /// Searches for the credentials among these headers from now on.
    pub fn add_headers(&mut self, headers: &HeaderMap, names: &Names) {
        for (name, value) in headers {
            if !names.is_secret_header(name.as_str()) {
                continue;
            }
            let value = value.as_bytes();
            if name.as_str().contains("cookie") {
                let pairs = value.split(|byte| *byte == b';');
                pairs.for_each(|pair| self.add(after(pair, b'=').unwrap_or(pair)));
            } else {
                self.add_credential(value);
            }
        }
    }

    /// `Bearer …`, `Basic …`, or the credential alone.
    fn add_credential(&mut self, value: &[u8]) {
        let Some(token) = after(value.trim_ascii(), b' ') else {
            return self.add(value);
        };
        self.add(token);
        if value
            .trim_ascii_start()
            .to_ascii_lowercase()
            .starts_with(b"basic")
            && let Ok(pair) = STANDARD.decode(token.trim_ascii())
        {
            let pair = Zeroizing::new(pair);
            self.add(&pair);
            if let Some(password) = after(&pair, b':') {
                self.add(password);
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn into_texts(self) -> Vec<Zeroizing<Vec<u8>>> {
        self.texts
    }
}

/// What follows the first `sign`.
fn after(text: &[u8], sign: u8) -> Option<&[u8]> {
    text.iter()
        .position(|byte| *byte == sign)
        .map(|at| &text[at + 1..])
}

/// The needles, made ready to search with.
pub(crate) struct Finder {
    /// Sorted.
    pieces: Zeroizing<Vec<u128>>,
    /// Whole texts that are shorter than a piece, by length; sorted.
    short: Vec<(usize, Zeroizing<Vec<u128>>)>,
    filter: Option<Box<[u64; FILTER_BITS / 64]>>,
}

impl Finder {
    pub(crate) fn new(needles: &Needles) -> Self {
        let mut pieces = Zeroizing::new(Vec::new());
        let mut short: Vec<(usize, Zeroizing<Vec<u128>>)> = Vec::new();
        for text in &needles.texts {
            add_pieces(text, &mut pieces);
            add_raw_pieces(text, &mut pieces);
            if text.len() < PIECE {
                let number = number_of(text);
                match short.iter_mut().find(|(length, _)| *length == text.len()) {
                    Some((_, numbers)) => numbers.push(number),
                    None => short.push((text.len(), Zeroizing::new(vec![number]))),
                }
            }
        }
        pieces.sort_unstable();
        short.iter_mut().for_each(|(_, numbers)| numbers.sort_unstable());
        let mut filter = None;
        for number in pieces
            .iter()
            .chain(short.iter().flat_map(|(_, numbers)| numbers.iter()))
        {
            let bit = filter_bit(*number);
            let words = filter.get_or_insert_with(|| Box::new([0_u64; FILTER_BITS / 64]));
            words[bit / 64] |= 1 << (bit % 64);
        }
        Self {
            pieces,
            short,
            filter,
        }
    }

    /// Where needles, pieces of them, and whatever has the form of an access secret stand.
    pub(crate) fn find(&self, text: &[u8], spans: &mut Vec<(usize, usize)>) {
        find_forms(text, spans);
        let Some(filter) = &self.filter else { return };
        let may_be = |number: u128| {
            let bit = filter_bit(number);
            filter[bit / 64] & (1 << (bit % 64)) != 0
        };
        let mut last = 0_u128;
        for (at, byte) in text.iter().enumerate() {
            last = (last << 8) | u128::from(byte.to_ascii_lowercase());
            let end = at + 1;
            if end >= PIECE && may_be(last) && self.pieces.binary_search(&last).is_ok() {
                extend(spans, (end - PIECE, end));
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

/// Joins the span to the last one if they touch, so that the list stays short.
fn extend(spans: &mut Vec<(usize, usize)>, (begin, end): (usize, usize)) {
    match spans.last_mut() {
        Some(last) if last.0 <= begin && begin <= last.1 => last.1 = last.1.max(end),
        _ => spans.push((begin, end)),
    }
}

fn add_pieces(text: &[u8], pieces: &mut Vec<u128>) {
    pieces.extend(text.windows(PIECE).map(number_of));
}

/// The bytes that the digits of an access secret stand for, and their base64 at each of the three offsets.
fn add_raw_pieces(text: &[u8], pieces: &mut Vec<u128>) {
    let digits = after(text, b'-').unwrap_or(text);
    if digits.len() != DIGITS || !digits.iter().all(u8::is_ascii_hexdigit) {
        return;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
    let raw: Zeroizing<Vec<u8>> = Zeroizing::new(
        digits
            .chunks_exact(2)
            .map(|pair| nibble(pair[0]) << 4 | nibble(pair[1]))
            .collect(),
    );
    add_pieces(&raw.to_ascii_lowercase(), pieces);
    for offset in 0..3 {
        let mut shifted = Zeroizing::new(vec![0; offset]);
        shifted.extend_from_slice(&raw);
        let encoded = Zeroizing::new(STANDARD.encode(&*shifted).to_ascii_lowercase().into_bytes());
        // The first and the last group hold bits of whatever stands beside it.
        let inner = &encoded[4..encoded.len() - 4];
        add_pieces(inner, pieces);
        let url_safe: Vec<u8> = inner
            .iter()
            .map(|byte| match byte {
                b'+' => b'-',
                b'/' => b'_',
                other => *other,
            })
            .collect();
        add_pieces(&Zeroizing::new(url_safe), pieces);
    }
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

/// A prefix that ends with a dash or an underscore, then 40 hex digits: the installation chooses the prefix. After a
/// documented prefix more digits may follow.
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
        Finder::new(&all).find(text.as_bytes(), &mut spans);
        spans
    }

    #[test]
    fn what_is_searched_for_is_bounded() {
        let mut needles = Needles::default();
        needles.add(&[b'x'; LONGEST + 1]);
        needles.add(b"short");
        assert_eq!(needles.len(), 0);
        for number in 0..100 {
            needles.add(format!("{number:0>4000}").as_bytes());
        }
        assert_eq!(needles.len(), 2, "8 KiB together");
        let mut many = Needles::default();
        for number in 0..100 {
            many.add(format!("needle-{number:0>4}").as_bytes());
        }
        assert_eq!(many.len(), MOST);
    }

    #[test]
    fn whole_texts_and_pieces_are_found_in_either_case() {
        assert_eq!(found(&["abcdefgh"], "x ABCDEFGH y abcdefg"), [(2, 10)]);
        assert_eq!(
            found(&["0123456789abcdefghij"], "..456789ABCDEFGHIJ.."),
            [(2, 18)]
        );
        assert_eq!(
            found(&["0123456789abcdefghij"], "0123456789abcdefghij"),
            [(0, 20)]
        );
        assert!(found(&["0123456789abcdefghij"], "0123456789abcde-fghij").is_empty());
    }

    #[test]
    fn the_form_of_an_access_secret_is_enough() {
        let text = "a prod-e82c4f19d3a7b6e5f0c8d2a1b4e7f3a6d9c2b5e8 SANDBOX-E82C prod-e82c";
        assert_eq!(found(&[], text), [(2, 47)]);
        let own = "x=sk_test_a57b3109f1f4a8b3f2ebbc1c526950f1795464af!";
        assert_eq!(found(&[], own), [(2, 50)]);
    }

    #[test]
    fn basic_credentials_and_cookies_are_read() {
        let mut headers = HeaderMap::new();
        let basic = format!("Basic {}", STANDARD.encode("ana:long-password"));
        headers.insert("x-original-authorization", basic.parse().expect("a value"));
        headers.insert(
            "cookie",
            "a=b; session=abcdefgh12345678".parse().expect("a value"),
        );
        let mut needles = Needles::default();
        needles.add_headers(&headers, &Names::default());
        let mut spans = Vec::new();
        let finder = Finder::new(&needles);
        finder.find(b"long-password abcdefgh12345678", &mut spans);
        assert_eq!(spans, [(0, 13), (14, 30)]);
    }
}

//! What a message is searched for: the credentials that came with it, and pieces of them.
//!
//! The limits: [`MOST`] texts, [`LONGEST`] pieces of one text, and [`ALL`] pieces together. If a text has more pieces
//! than that, only every second, third, … piece is used. Texts shorter than [`SHORTEST`] are not searched for:
//! `true`, `US` or a PIN occur in ordinary text by chance, and redacting them would make that text unreadable.
//!
//! The search reads each byte of a text once. It keeps the last sixteen bytes as one number and looks that number up
//! in a sorted list of all sixteen-byte pieces. So a caller cannot slow the search down by choosing the text or the
//! secrets.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use zeroize::Zeroizing;

use crate::names::Names;

/// Length of a piece: this many consecutive bytes of a credential are redacted wherever they appear.
const PIECE: usize = 16;
/// Shorter texts are not searched for.
pub(crate) const SHORTEST: usize = 8;
/// Maximum number of pieces of one text. Access secrets have at most 48 bytes; the rest leaves room for signed
/// tokens.
const LONGEST: usize = 4096;
/// Maximum number of texts.
const MOST: usize = 24;
/// Maximum number of pieces of all texts together.
const ALL: usize = 8192;
/// Sentences and addresses up to this size are only found whole.
const LONGEST_WHOLE: usize = 256;

/// Size of the filter that rules out most numbers before the list is searched.
const FILTER_BITS: usize = 1 << 15;

/// The environments that an access secret can begin with.
const ENVIRONMENTS: [&[u8]; 3] = [b"sandbox", b"dev", b"prod"];
/// Maximum length of an access secret's prefix.
const LONGEST_PREFIX: usize = 24;
/// Number of hex digits in an access secret.
const DIGITS: usize = 40;

/// The texts to search for.
#[derive(Clone, Default)]
pub struct Needles {
    texts: Vec<Needle>,
    /// Number of pieces of all texts together.
    total: usize,
}

#[derive(Clone)]
struct Needle {
    text: Zeroizing<Vec<u8>>,
    /// The distance between the beginnings of its pieces.
    stride: usize,
    /// Whether only the whole text counts, not a piece of it.
    only_whole: bool,
}

impl fmt::Debug for Needles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Needles({} × [redacted])", self.texts.len())
    }
}

const BASIC: &[u8] = b"basic";

impl Needles {
    /// Adds a credential: it and its pieces are searched for, if the limits allow it.
    pub fn add(&mut self, text: &[u8]) {
        self.add_needle(text, false);
    }

    /// Adds the value of a secret name, unless it is a placeholder that reveals nothing. Addresses and sentences
    /// share parts with ordinary text (an e-mail address its domain, a link its host), so they are only searched for
    /// whole.
    pub(crate) fn add_value(&mut self, text: &[u8]) {
        let text = text.trim_ascii();
        if says_nothing(text) {
            return;
        }
        let is_address = text.windows(3).any(|part| part == b"://");
        let is_prose = text
            .iter()
            .any(|byte| byte.is_ascii_whitespace() || *byte == b'@');
        let only_whole = (is_prose || is_address) && text.len() <= LONGEST_WHOLE;
        self.add_needle(text, only_whole);
        // The value may be a cookie, or credentials after the name of their scheme.
        self.add_basic(text);
        let pairs = text.split(|byte| b";&, ".contains(byte)).filter(|_| !is_address);
        for value in pairs.filter_map(|pair| after(pair, b'=')) {
            if value.iter().any(u8::is_ascii_digit) {
                self.add_needle(value, only_whole);
            }
        }
    }

    fn add_needle(&mut self, text: &[u8], only_whole: bool) {
        let text = text.trim_ascii();
        let most = text.len().min(LONGEST).min(ALL - self.total);
        if text.len() < SHORTEST || self.is_full() || most == 0 {
            return;
        }
        let stride = text.len().div_ceil(most);
        // Pieces further apart than this would leave parts of the text unfound between them.
        if stride > PIECE || (only_whole && stride > 1) {
            return;
        }
        let text = Zeroizing::new(text.to_ascii_lowercase());
        if let Some(known) = self.texts.iter_mut().find(|known| known.text == text) {
            known.only_whole &= only_whole;
            return;
        }
        self.total += most;
        self.texts.push(Needle {
            text,
            stride,
            only_whole,
        });
    }

    /// Adds all texts of `others`.
    pub(crate) fn add_all(&mut self, others: &Self) {
        for other in &others.texts {
            self.add_needle(&other.text, other.only_whole);
        }
    }

    /// Whether there is no room for another text.
    pub(crate) fn is_full(&self) -> bool {
        self.texts.len() >= MOST || self.total >= ALL
    }

    /// Adds the credentials in these headers.
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
                self.add_credential(value, names);
            }
        }
    }

    /// Adds the credential from `Bearer …`, `Basic …` or the credential alone. Accepts any separator after the
    /// scheme, because some servers accept a tab.
    fn add_credential(&mut self, value: &[u8], names: &Names) {
        let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte >= 0x80;
        let value = value.trim_ascii();
        let Some(space) = value.iter().position(is_space) else {
            return self.add(value);
        };
        let rest = &value[space..];
        let token = &rest[rest.iter().take_while(|byte| is_space(byte)).count()..];
        self.add(token);
        // `Token token="…"`, `AWS4-HMAC-SHA256 Credential=…, Signature=…`
        for parameter in token.split(|byte| *byte == b',') {
            let sign = parameter.iter().position(|byte| *byte == b'=');
            let (name, value) = parameter.split_at(sign.unwrap_or(parameter.len()));
            if names.is_secret(&String::from_utf8_lossy(name)) && !value.is_empty() {
                let is_quote = |byte: &u8| *byte == b'"' || *byte == b'=';
                let begin = value.iter().take_while(|byte| is_quote(byte)).count();
                self.add(value[begin..].strip_suffix(b"\"").unwrap_or(&value[begin..]));
            }
        }
        self.add_basic(value);
    }

    /// Adds the password in `Basic …`.
    fn add_basic(&mut self, value: &[u8]) {
        let scheme = value.get(..BASIC.len()).unwrap_or_default();
        if scheme.eq_ignore_ascii_case(BASIC)
            && let Ok(pair) = STANDARD.decode(value[BASIC.len()..].trim_ascii())
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
}

/// Values that are not secret although their names are: one repeated character, and the placeholders that forms and
/// APIs use.
fn says_nothing(text: &[u8]) -> bool {
    const WORDS: [&str; 14] = [
        "[redacted]",
        "redacted",
        "required",
        "optional",
        "password",
        "disabled",
        "undefined",
        "unlimited",
        "not_required",
        "authorization_code",
        "client_credentials",
        "refresh_token",
        "access_token",
        "application/json",
    ];
    text.windows(2).all(|pair| pair[0] == pair[1])
        || WORDS
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
}

/// The text after the first `sign`.
fn after(text: &[u8], sign: u8) -> Option<&[u8]> {
    text.iter()
        .position(|byte| *byte == sign)
        .map(|at| &text[at + 1..])
}

/// The needles, prepared for searching.
pub(crate) struct Finder {
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

impl Finder {
    pub(crate) fn new(needles: &Needles) -> Self {
        let mut pieces = Zeroizing::new(Vec::new());
        let mut parts = Zeroizing::new(Vec::new());
        let mut wholes = Vec::new();
        let mut short: Vec<(usize, Zeroizing<Vec<u128>>)> = Vec::new();
        for needle in &needles.texts {
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
                add_raw_pieces(text, &mut pieces);
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

    /// The positions of needles, pieces of them, and anything that looks like an access secret.
    pub(crate) fn find(&self, text: &[u8], spans: &mut Vec<(usize, usize)>) {
        find_forms(text, spans);
        let Some(filter) = &self.filter else { return };
        let may_be = |number: u128| {
            let bit = filter_bit(number);
            filter[bit / 64] & (1 << (bit % 64)) != 0
        };
        let mut last = 0_u128;
        let mut run = Run::default();
        for (at, byte) in text.iter().enumerate() {
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
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
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
struct Run {
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

fn add_pieces(text: &[u8], pieces: &mut Vec<u128>) {
    pieces.extend(text.windows(PIECE).map(number_of));
}

/// The bytes encoded by an access secret's digits, and the base64 of those bytes at each of the three offsets.
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
        // The first and last group also encode bits of the neighbouring bytes, so they vary.
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
        Finder::new(&all).find(text.as_bytes(), &mut spans);
        spans
    }

    #[test]
    fn the_needles_are_bounded() {
        let mut needles = Needles::default();
        needles.add(&[b'x'; LONGEST * PIECE + 1]);
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
    fn a_token_longer_than_its_pieces_is_found_whole_and_in_parts() {
        let token: String = (0..3000_u32)
            .map(|number| format!("{:x}", number.wrapping_mul(2_654_435_761) >> 4))
            .collect();
        for length in [4097, 5000, 8193, 20_000] {
            let token = &token[..length];
            assert_eq!(found(&[token], &format!("a {token} b")), [(2, 2 + length)]);
            for begin in (0..length - 40).step_by(97) {
                let part = &token[begin..begin + 40];
                let [(from, to)] = found(&[token], part)[..] else {
                    panic!("{length}: {part} stays")
                };
                assert!(from < 16 && to > 24, "{length}: {from} to {to}");
            }
        }
    }

    #[test]
    fn addresses_and_sentences_are_found_whole_and_share_parts_with_ordinary_text() {
        let mut needles = Needles::default();
        for value in [
            "maya@northwind-cards.example",
            "https://northwind-cards.example/reset?t=1",
            "correct horse battery staple",
            "token-0123456789abcdef",
            "********",
            "required",
            "true",
        ] {
            needles.add_value(value.as_bytes());
        }
        assert_eq!(needles.len(), 4);
        let find = |text: &str| {
            let mut spans = Vec::new();
            Finder::new(&needles).find(text.as_bytes(), &mut spans);
            spans
        };
        assert_eq!(find("to MAYA@northwind-cards.example!"), [(3, 31)]);
        assert_eq!(find("correct horse battery staple"), [(0, 28)]);
        assert_eq!(find("x https://northwind-cards.example/reset?t=1"), [(2, 43)]);
        assert_eq!(find("0123456789abcdef"), [(0, 16)]);
        for text in [
            "https://api.northwind-cards.example/reset",
            "ana@northwind-cards.example",
            "the correct horse battery is required",
            "********",
        ] {
            assert_eq!(find(text), [], "{text}");
        }
    }

    #[test]
    fn anything_that_looks_like_an_access_secret_is_found() {
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

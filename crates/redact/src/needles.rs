//! What a message is searched for: the credentials that came with it, and pieces of them.
//!
//! The limits: [`MOST`] texts, [`LONGEST`] pieces of one text, and [`ALL`] pieces together. If a text has more pieces
//! than that, only every second, third, … piece is used. Texts shorter than [`SHORTEST`] are not searched for:
//! `true`, `US` or a PIN occur in ordinary text by chance, and redacting them would make that text unreadable.
//!
//! [`crate::finder`] searches for them.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::exact::Exact;
use crate::fields::Headers;
use crate::finder::Sieve;
use crate::names::Names;
use crate::search::known;

/// Length of a piece: this many consecutive bytes of a credential are redacted wherever they appear.
pub(crate) const PIECE: usize = 16;
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

/// The texts to search for.
#[derive(Clone, Default)]
pub struct Needles {
    texts: Vec<Needle>,
    /// Number of pieces of all texts together.
    total: usize,
    /// These two are made from `texts` when a search first needs them, and kept until there is another text.
    sieve: OnceLock<Arc<Sieve>>,
    exact: OnceLock<Arc<Exact>>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Needle {
    pub(crate) text: Zeroizing<Vec<u8>>,
    /// The distance between the beginnings of its pieces.
    pub(crate) stride: usize,
    /// Whether only the whole text counts, not a piece of it.
    pub(crate) only_whole: bool,
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
    pub fn add_value(&mut self, text: &[u8]) {
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
            if known.only_whole && !only_whole {
                known.only_whole = false;
                self.exact = OnceLock::new();
                self.sieve = OnceLock::new();
            }
            return;
        }
        self.exact = OnceLock::new();
        self.sieve = OnceLock::new();
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
    pub fn add_headers(&mut self, headers: &Headers, names: &Names) {
        let mut seen = names.seen();
        for (name, value) in headers.iter() {
            let known = seen.name(name, |name| known(names, name, Cow::Borrowed));
            if !known.verdict.is_secret_header {
                continue;
            }
            if name.contains("cookie") {
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

    /// Takes over what was prepared to search for `others`, if these are the same texts. Preparing it takes longer than
    /// searching an ordinary message.
    pub fn prepared_like(&mut self, others: &Self) {
        if self.texts == others.texts {
            self.sieve = others.sieve.clone();
            self.exact = others.exact.clone();
        }
    }

    /// How many texts there are.
    pub fn count(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn sieve(&self) -> &Sieve {
        self.sieve.get_or_init(|| Arc::new(Sieve::new(&self.texts)))
    }

    pub(crate) fn exact(&self) -> &Exact {
        self.exact.get_or_init(|| Arc::new(Exact::new(&self.texts)))
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
pub(crate) fn after(text: &[u8], sign: u8) -> Option<&[u8]> {
    text.iter()
        .position(|byte| *byte == sign)
        .map(|at| &text[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finder::find;

    fn found(needles: &[&str], text: &str) -> Vec<(usize, usize)> {
        let mut all = Needles::default();
        needles.iter().for_each(|needle| all.add(needle.as_bytes()));
        let mut spans = Vec::new();
        find(&all, text.as_bytes(), usize::MAX, &mut spans);
        spans
    }

    #[test]
    fn the_needles_are_bounded() {
        let mut needles = Needles::default();
        needles.add(&[b'x'; LONGEST * PIECE + 1]);
        needles.add(b"short");
        assert_eq!(needles.count(), 0);
        for number in 0..100 {
            needles.add(format!("{number:0>4000}").as_bytes());
        }
        assert_eq!(needles.count(), 2, "8 KiB together");
        let mut many = Needles::default();
        for number in 0..100 {
            many.add(format!("needle-{number:0>4}").as_bytes());
        }
        assert_eq!(many.count(), MOST);
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
        assert_eq!(needles.count(), 4);
        let find = |text: &str| {
            let mut spans = Vec::new();
            find(&needles, text.as_bytes(), usize::MAX, &mut spans);
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
        let mut headers = http::HeaderMap::new();
        let basic = format!("Basic {}", STANDARD.encode("ana:long-password"));
        headers.insert("x-original-authorization", basic.parse().expect("a value"));
        headers.insert(
            "cookie",
            "a=b; session=abcdefgh12345678".parse().expect("a value"),
        );
        let mut needles = Needles::default();
        needles.add_headers(&headers.into(), &Names::default());
        let mut spans = Vec::new();
        find(
            &needles,
            b"long-password abcdefgh12345678",
            usize::MAX,
            &mut spans,
        );
        assert_eq!(spans, [(0, 13), (14, 30)]);
    }
}

//! Finds an access secret wherever it stands in a text: whole, its hex digits alone, or a piece of them, in either case.
//! The log looks for the one that came with a request, webhooks for the one they sign with.

use std::borrow::Cow;
use std::fmt;

use model::SecretText;

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// So many hex digits in a row of the secret are taken for a piece of it; fewer tell nobody anything.
const PIECE: usize = 16;

/// At the end of a text that was cut off, a shorter beginning of the secret counts too.
const BEGINNING: usize = 8;

/// The environments a secret begins with.
const ENVIRONMENTS: [&[u8]; 3] = [b"sandbox", b"dev", b"prod"];

/// Hex digits of a secret.
const DIGITS: usize = 40;

/// What to search for: the secrets that were presented, and whatever has the form of one.
pub struct Presented(Vec<Form>);

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({} × {REDACTED})", self.0.len())
    }
}

/// One presented secret.
struct Form {
    /// Lower-case text after the environment's dash; usually 40 hex digits, but whatever a caller sent.
    tail: Vec<u8>,
    whole: Vec<u8>,
    /// Which bytes the tail is made of.
    bytes: Box<[bool; 256]>,
}

impl Presented {
    pub fn new(secrets: &[SecretText]) -> Self {
        Self(secrets.iter().filter_map(Form::new).collect())
    }

    /// The text without the secret, and how often it stood there.
    pub fn cut_out(&self, text: &str) -> (String, u32) {
        replace(text, &self.spans(text.as_bytes()))
    }

    /// As [`Self::cut_out`], for a text whose rest is missing: a beginning of the secret at its end goes too.
    pub fn cut_out_truncated(&self, text: &str) -> (String, u32) {
        let mut spans = self.spans(text.as_bytes());
        for view in views(text.as_bytes()) {
            // An escape sequence that was cut off may stand for the next byte.
            let whole = view.bytes.len()
                - view
                    .bytes
                    .iter()
                    .rev()
                    .take(2)
                    .position(|byte| *byte == b'%')
                    .map_or(0, |at| at + 1);
            let beginnings = self
                .0
                .iter()
                .filter_map(|form| form.beginning_at_end_of(&view.bytes[..whole]));
            spans.extend(
                beginnings
                    .max()
                    .map(|length| (view.start(whole - length), text.len())),
            );
        }
        replace(text, &merge(spans))
    }

    /// Whether the secret stands in it.
    pub fn stands_in(&self, text: &str) -> bool {
        !self.spans(text.as_bytes()).is_empty()
    }

    /// Where it stands, plain or percent-encoded: disjoint, in order.
    fn spans(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        for view in views(text) {
            let mut found = whole_secrets(&view.bytes);
            self.0.iter().for_each(|form| form.find(&view.bytes, &mut found));
            spans.extend(
                found
                    .into_iter()
                    .map(|(begin, end)| (view.start(begin), view.end(end))),
            );
        }
        merge(spans)
    }
}

/// A text with some of its percent-encoding taken off, and where each byte of it stands in the text itself.
struct View<'a> {
    bytes: Cow<'a, [u8]>,
    /// Begin and end of each byte; none where nothing was taken off.
    places: Option<Vec<(usize, usize)>>,
}

impl View<'_> {
    fn start(&self, at: usize) -> usize {
        self.places.as_ref().map_or(at, |places| places[at].0)
    }

    /// The end of a span that ends before `at`.
    fn end(&self, at: usize) -> usize {
        self.places.as_ref().map_or(at, |places| places[at - 1].1)
    }
}

/// The text itself, and what it stands for once, twice and three times decoded: encoders wrap each other.
fn views(text: &[u8]) -> Vec<View<'_>> {
    let mut views = vec![View {
        bytes: Cow::Borrowed(text),
        places: None,
    }];
    while views.len() <= 3
        && let Some(decoded) = views.last().and_then(decode_once)
    {
        views.push(decoded);
    }
    views
}

/// None when there is nothing to decode.
fn decode_once<'a>(view: &View<'a>) -> Option<View<'a>> {
    let digit = |at: usize| view.bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let code = |at: usize| {
        let encoded = view.bytes[at] == b'%';
        encoded
            .then(|| digit(at + 1).zip(digit(at + 2)))
            .flatten()
            .and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
    };
    if !view.bytes.contains(&b'%') || !(0..view.bytes.len()).any(|at| code(at).is_some()) {
        return None;
    }
    let (mut bytes, mut places, mut at) = (Vec::new(), Vec::new(), 0);
    while at < view.bytes.len() {
        let (byte, length) = code(at).map_or((view.bytes[at], 1), |byte| (byte, 3));
        bytes.push(byte);
        places.push((view.start(at), view.end(at + length)));
        at += length;
    }
    Some(View {
        bytes: Cow::Owned(bytes),
        places: Some(places),
    })
}

/// Everything that has the form of an access secret, presented or not: an environment, a dash, 40 hex digits.
fn whole_secrets(text: &[u8]) -> Vec<(usize, usize)> {
    let dashes = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'-')
        .map(|(at, _)| at);
    let secret = |dash: usize| {
        let digits = text.get(dash + 1..dash + 1 + DIGITS)?;
        let name = ENVIRONMENTS.into_iter().find(|name| {
            dash.checked_sub(name.len())
                .is_some_and(|begin| text[begin..dash].eq_ignore_ascii_case(name))
        })?;
        digits
            .iter()
            .all(u8::is_ascii_hexdigit)
            .then_some((dash - name.len(), dash + 1 + DIGITS))
    };
    dashes.filter_map(secret).collect()
}

impl Form {
    /// None when it was too short to be a secret.
    fn new(secret: &SecretText) -> Option<Self> {
        let whole = secret.expose().trim().to_ascii_lowercase().into_bytes();
        let tail = match whole.iter().position(|&byte| byte == b'-') {
            Some(dash) if whole.len() - dash > PIECE => whole[dash + 1..].to_vec(),
            _ => whole.clone(),
        };
        if tail.len() < BEGINNING {
            return None;
        }
        let mut bytes = Box::new([false; 256]);
        tail.iter().for_each(|&byte| bytes[usize::from(byte)] = true);
        Some(Self { tail, whole, bytes })
    }

    fn find(&self, text: &[u8], spans: &mut Vec<(usize, usize)>) {
        let piece = self.tail.len().min(PIECE);
        let mut at = 0;
        while at + piece <= text.len() {
            // A byte that the secret does not have ends every piece across it: most of a text is skipped this way.
            let foreign = text[at..at + piece]
                .iter()
                .rposition(|byte| !self.has(byte.to_ascii_lowercase()));
            if let Some(foreign) = foreign {
                at += foreign + 1;
            } else if let Some(length) = self.match_at(&text[at..], piece) {
                spans.push((self.begin_with_environment(text, at), at + length));
                at += length;
            } else {
                at += 1;
            }
        }
    }

    fn has(&self, byte: u8) -> bool {
        self.bytes[usize::from(byte)]
    }

    /// The longest run that begins here and stands in the secret, if it is long enough.
    fn match_at(&self, text: &[u8], piece: usize) -> Option<usize> {
        let first = text[0].to_ascii_lowercase();
        (0..=self.tail.len() - piece)
            .filter(|&start| self.tail[start] == first)
            .map(|start| {
                let same = self.tail[start..].iter().zip(text);
                same.take_while(|(secret, byte)| **secret == byte.to_ascii_lowercase())
                    .count()
            })
            .filter(|&length| length >= piece)
            .max()
    }

    /// `sandbox-` before the digits goes with them.
    fn begin_with_environment(&self, text: &[u8], at: usize) -> usize {
        let prefix = &self.whole[..self.whole.len() - self.tail.len()];
        match at.checked_sub(prefix.len()) {
            Some(begin) if text[begin..at].eq_ignore_ascii_case(prefix) => begin,
            _ => at,
        }
    }

    /// How long the longest beginning of the secret is that ends the text.
    fn beginning_at_end_of(&self, text: &[u8]) -> Option<usize> {
        let longest = |form: &[u8]| {
            (BEGINNING..=form.len().min(text.len()))
                .rev()
                .find(|&length| text[text.len() - length..].eq_ignore_ascii_case(&form[..length]))
        };
        longest(&self.whole).max(longest(&self.tail))
    }
}

/// The text with every escape sequence replaced by what it stands for, wherever it is.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let code = rest
            .strip_prefix('u')
            .and_then(|hex| hex.get(..4))
            .and_then(|hex| u32::from_str_radix(hex, 16).ok());
        if let Some(code) = code {
            out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            rest = &rest[5..];
        } else if let Some(escaped) = rest.chars().next() {
            out.push(match escaped {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            });
            rest = &rest[escaped.len_utf8()..];
        }
    }
    out.push_str(rest);
    out
}

fn merge(mut spans: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    spans.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(spans.len());
    for (begin, end) in spans {
        match merged.last_mut() {
            Some(last) if begin <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((begin, end)),
        }
    }
    merged
}

/// The spans begin and end at ASCII bytes that equal bytes of the secret; a secret that is not ASCII is matched byte by
/// byte, so a border inside a character is moved outwards.
fn replace(text: &str, spans: &[(usize, usize)]) -> (String, u32) {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for &(begin, end) in spans {
        let begin = text.floor_char_boundary(begin).max(copied);
        let end = text.ceil_char_boundary(end);
        out.push_str(&text[copied..begin]);
        out.push_str(REDACTED);
        copied = end;
    }
    out.push_str(&text[copied..]);
    (out, spans.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sandbox-a57b3109f1f4a8b3f2ebbc1c526950f1795464af";

    fn presented() -> Presented {
        Presented::new(&[SecretText::new(SECRET)])
    }

    #[test]
    fn the_secret_goes_whole_as_digits_in_pieces_and_in_capitals() {
        let cases = [
            (format!("a {SECRET} b"), "a [redacted] b", 1),
            (format!("a {} b", SECRET.to_uppercase()), "a [redacted] b", 1),
            (format!("a {} b", &SECRET[8..]), "a [redacted] b", 1),
            (format!("a {} b", &SECRET[28..]), "a [redacted] b", 1),
            (format!("{SECRET}{SECRET}"), "[redacted]", 1),
            (format!("x{SECRET},é{SECRET}"), "x[redacted],é[redacted]", 2),
        ];
        for (text, expected, count) in cases {
            assert_eq!(presented().cut_out(&text), (expected.to_owned(), count), "{text}");
        }
    }

    #[test]
    fn percent_encoding_hides_nothing() {
        let encode = |text: &str| {
            text.bytes()
                .map(|byte| format!("%{byte:02X}"))
                .collect::<String>()
        };
        let once = encode(SECRET);
        let twice = once.replace('%', "%25");
        let mixed = format!("%73andbox-{}", SECRET[8..].replace('f', "%66"));
        for text in [&once, &twice, &mixed] {
            assert_eq!(
                presented().cut_out(&format!("a%20{text}%20b")),
                ("a%20[redacted]%20b".to_owned(), 1),
                "{text}"
            );
        }
        for length in 24..once.len() {
            let cut = presented().cut_out_truncated(&format!("é {}", &once[..length])).0;
            let rest = cut
                .strip_prefix("é [redacted]")
                .unwrap_or_else(|| panic!("{cut}"));
            assert!(rest.is_empty(), "{cut}");
        }
    }

    #[test]
    fn other_text_stays() {
        let text = "e82c4f19d3a7b6e5f0c8d2a1b4e7f3a6d9c2b5e8 and a57b3109 and é-é prod-e82c";
        assert_eq!(presented().cut_out(text), (text.to_owned(), 0));
        assert_eq!(Presented::new(&[]).cut_out(text), (text.to_owned(), 0));
    }

    #[test]
    fn whatever_has_the_form_of_a_secret_goes_too() {
        let text = "a prod-e82c4f19d3a7b6e5f0c8d2a1b4e7f3a6d9c2b5e8 b";
        assert_eq!(
            Presented::new(&[]).cut_out(text),
            ("a [redacted] b".to_owned(), 1)
        );
    }

    #[test]
    fn a_beginning_at_the_end_of_a_cut_text_goes() {
        for length in 8..SECRET.len() {
            let text = format!("{{\"note\":\"{}", &SECRET[..length]);
            let (cut, count) = presented().cut_out_truncated(&text);
            assert_eq!((cut.as_str(), count), ("{\"note\":\"[redacted]", 1), "{text}");
        }
        let digits = format!("x {}", &SECRET[8..18]);
        assert_eq!(presented().cut_out_truncated(&digits).0, "x [redacted]");
    }

    #[test]
    fn a_presented_text_of_any_form_is_cut_out() {
        let odd = Presented::new(&[SecretText::new("pässwörd-pässwörd-pässwörd")]);
        assert_eq!(odd.cut_out("is pässwörd-pässwörd-pässwörd here").1, 1);
        assert!(
            !odd.cut_out("is pässwörd-pässwörd-pässwörd here")
                .0
                .contains("wörd-p")
        );
    }
}

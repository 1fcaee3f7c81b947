//! A text with one layer of escapes decoded: percent-encoding, backslash escapes and HTML entities.

/// The decoded text, and where each byte of it comes from.
#[derive(Debug, Default)]
pub(crate) struct View {
    bytes: Vec<u8>,
    /// Where the source of each byte begins and ends.
    places: Vec<(u32, u32)>,
}

/// Maximum length of an HTML entity, including its `&` and `;`.
const LONGEST_ENTITY: usize = 10;

/// Maximum number of layers, more than any real client uses.
pub(crate) const MOST_LAYERS: usize = 8;

impl View {
    /// `None` if there is nothing to decode.
    pub(crate) fn of(text: &[u8]) -> Option<Self> {
        let identity = |at: usize| (at as u32, at as u32 + 1);
        if u32::try_from(text.len()).is_err() {
            return None;
        }
        undo(text, identity)
    }

    /// Decodes the next layer, or `None` if there is no other.
    pub(crate) fn next(&self) -> Option<Self> {
        undo(&self.bytes, |at| self.places[at])
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The position of this part of the view in the original text.
    pub(crate) fn source(&self, (begin, end): (usize, usize)) -> (usize, usize) {
        match end.checked_sub(1).and_then(|last| self.places.get(last)) {
            Some(last) if begin < end => (self.places[begin].0 as usize, last.1 as usize),
            _ => (0, 0),
        }
    }

    /// How many bytes of the original text this byte takes, which shows how deeply it is escaped.
    pub(crate) fn source_length(&self, at: usize) -> u32 {
        self.places.get(at).map_or(1, |(begin, end)| end - begin)
    }
}

/// The text with all its layers decoded, up to the maximum.
pub(crate) fn plain(text: &str) -> std::borrow::Cow<'_, str> {
    let Some(mut view) = View::of(text.as_bytes()) else {
        return text.into();
    };
    for _ in 1..MOST_LAYERS {
        match view.next() {
            Some(next) => view = next,
            None => break,
        }
    }
    String::from_utf8_lossy(&view.bytes).into_owned().into()
}

fn undo(text: &[u8], place: impl Fn(usize) -> (u32, u32)) -> Option<View> {
    if !text.iter().fold(false, |found, byte| found | is_sign(*byte)) {
        return None;
    }
    let first = (0..text.len()).find(|at| is_sign(text[*at]) && escape_at(&text[*at..]).is_some())?;
    let mut view = View {
        bytes: Vec::with_capacity(text.len()),
        places: Vec::with_capacity(text.len()),
    };
    view.bytes.extend_from_slice(&text[..first]);
    view.places.extend((0..first).map(&place));
    let mut at = first;
    while at < text.len() {
        let escape = if is_sign(text[at]) {
            escape_at(&text[at..])
        } else {
            None
        };
        let (length, meaning) = escape.unwrap_or((1, Meaning::Byte(text[at])));
        let source = (place(at).0, place(at + length - 1).1);
        let mut buffer = [0; 4];
        let bytes = match meaning {
            Meaning::Byte(byte) => {
                buffer[0] = byte;
                &buffer[..1]
            }
            Meaning::Char(c) => c.encode_utf8(&mut buffer).as_bytes(),
        };
        view.bytes.extend_from_slice(bytes);
        view.places.extend(bytes.iter().map(|_| source));
        at += length;
    }
    Some(view)
}

const fn is_sign(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

enum Meaning {
    Byte(u8),
    Char(char),
}

/// The escape at the beginning of `bytes`: its length and its meaning.
fn escape_at(bytes: &[u8]) -> Option<(usize, Meaning)> {
    match bytes {
        [b'&', ..] => entity(bytes),
        [b'%', b'u' | b'U', ..] => {
            code_of(bytes.get(2..6)?, 16).map(|code| (6, Meaning::Char(char_of(code))))
        }
        [b'%', ..] => byte_of(bytes.get(1..3)?, 16).map(|byte| (3, Meaning::Byte(byte))),
        [b'\\', b'u', b'{', ..] => braced(bytes),
        [b'\\', b'u' | b'U', ..] => {
            code_of(bytes.get(2..6)?, 16).map(|code| (6, Meaning::Char(char_of(code))))
        }
        [b'\\', b'x' | b'X', ..] => byte_of(bytes.get(2..4)?, 16).map(|byte| (4, Meaning::Byte(byte))),
        [b'\\', b'0'..=b'3', ..] => byte_of(bytes.get(1..4)?, 8).map(|byte| (4, Meaning::Byte(byte))),
        [b'\\', escaped, ..] => Some((
            2,
            Meaning::Byte(match escaped {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' | b'f' => b' ',
                b'"' | b'\'' | b'/' | b'\\' | b'`' => *escaped,
                _ => return None,
            }),
        )),
        _ => None,
    }
}

/// `\u{61}`
fn braced(bytes: &[u8]) -> Option<(usize, Meaning)> {
    let window = &bytes[3..bytes.len().min(3 + LONGEST_ENTITY)];
    let length = window.iter().position(|byte| *byte == b'}')?;
    let code = code_of(&window[..length], 16)?;
    Some((length + 4, Meaning::Char(char_of(code))))
}

/// `&#97;`, `&#x61;`, `&amp;` and similar.
fn entity(bytes: &[u8]) -> Option<(usize, Meaning)> {
    let window = &bytes[1..bytes.len().min(LONGEST_ENTITY)];
    let length = window.iter().position(|byte| *byte == b';')?;
    let c = match &window[..length] {
        b"amp" => '&',
        b"quot" => '"',
        b"apos" => '\'',
        b"lt" => '<',
        b"gt" => '>',
        b"equals" => '=',
        b"colon" => ':',
        [b'#', b'x' | b'X', digits @ ..] => char_of(code_of(digits, 16)?),
        [b'#', digits @ ..] => char_of(code_of(digits, 10)?),
        _ => return None,
    };
    Some((length + 2, Meaning::Char(c)))
}

fn code_of(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |code, digit| {
        let digit = char::from(*digit).to_digit(radix)?;
        code.checked_mul(radix)?.checked_add(digit)
    })
}

fn byte_of(digits: &[u8], radix: u32) -> Option<u8> {
    code_of(digits, radix).and_then(|code| u8::try_from(code).ok())
}

fn char_of(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_however_they_are_nested() {
        for text in [
            "%61",
            "%2561",
            "%252525252561",
            r"\u0061",
            r"\\u0061",
            r"\\\\u0061",
            r"%5Cu0061",
            r"\u0025\u0036\u0031",
            "&#97;",
            "&#x61;",
            "&amp;#97;",
            r"\x61",
            r"\141",
            r"\u{61}",
            "%u0061",
            "%26%2397%3B",
            r"\u0026#x61;",
            r"\\u005c\\u0075\\u0030\\u0030\\u0036\\u0031",
        ] {
            assert_eq!(plain(text), "a", "{text}");
            assert_eq!(plain(&format!("x{text}y")), "xay", "{text}");
        }
        assert_eq!(plain(r#"{\"a\":\"b\\n\"}"#), "{\"a\":\"b\n\"}");
        assert_eq!(plain("100% & \\ more; %zz &x;"), "100% & \\ more; %zz &x;");
        assert_eq!(plain("%C3%A9\\u00e9"), "éé");
    }

    #[test]
    fn each_byte_knows_where_it_comes_from() {
        let view = View::of(b"a%2562c")
            .and_then(|view| view.next())
            .expect("two layers");
        assert_eq!(view.bytes(), b"abc");
        assert_eq!(view.source((1, 2)), (1, 6));
        assert_eq!(view.source((0, 3)), (0, 7));
        assert_eq!((view.source_length(0), view.source_length(1)), (1, 5));
    }
}

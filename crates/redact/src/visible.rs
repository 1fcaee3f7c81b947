//! Characters that must not be stored as they are: NUL, because PostgreSQL cannot store it, and those that turn the direction
//! of text. After one of these a page, a terminal or a spreadsheet shows what follows in another order than it has, so a path
//! could look like another one, and a command do something else than it says.

use std::fmt::Write;

/// Writes NUL as a visible character, and what turns text as in a URL: `%E2%80%AE`.
pub fn visible(text: String) -> String {
    replaced(text, |out, turning| {
        let mut bytes = [0; 4];
        for byte in turning.encode_utf8(&mut bytes).bytes() {
            // Writing into a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    })
}

/// The same in JSON, which stays the same JSON: `\u202e`.
pub(crate) fn visible_in_json(text: String) -> String {
    replaced(text, |out, turning| {
        let _ = write!(out, "\\u{:04x}", u32::from(turning));
    })
}

/// Whether it turns the direction of the text after it (the Unicode property `Bidi_Control`).
const fn turns_text(character: char) -> bool {
    matches!(
        character,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
    )
}

/// The smallest byte, or the largest there is.
pub(crate) fn smallest(bytes: &[u8]) -> u8 {
    bytes.iter().fold(u8::MAX, |smallest, byte| smallest.min(*byte))
}

fn replaced(text: String, write: impl Fn(&mut String, char)) -> String {
    // Most text is ASCII, which is seen sixteen bytes at once, as is the smallest byte.
    if text.is_ascii() && smallest(text.as_bytes()) > 0 {
        return text;
    }
    // The first bytes of these characters. Reads all bytes, because that is faster than stopping at the first.
    let may_have = |found, byte| found | (byte == 0) | (byte == 0xd8) | (byte == 0xe2);
    if !text.bytes().fold(false, may_have) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\0' => out.push('\u{2400}'),
            turning if turns_text(turning) => write(&mut out, turning),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_text_is_written_as_in_a_url_and_other_scripts_stay() {
        for (text, expected) in [
            ("/v1/\u{202E}txt.exe", "/v1/%E2%80%AEtxt.exe"),
            ("\u{061C}\u{200E}\u{200F}", "%D8%9C%E2%80%8E%E2%80%8F"),
            ("\u{2066}a\u{2069}", "%E2%81%A6a%E2%81%A9"),
            ("a\0b", "a\u{2400}b"),
            ("/סדר/\u{0627}\u{2026}€", "/סדר/\u{0627}\u{2026}€"),
            ("/v1/orders", "/v1/orders"),
        ] {
            assert_eq!(visible(text.to_owned()), expected);
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        let text = "{\"name\":\"\u{202E}abc\u{2069}\"}";
        assert_eq!(visible_in_json(text.to_owned()), r#"{"name":"\u202eabc\u2069"}"#);
    }
}

//! Finds text hidden in base64 or hex: decodes every run of their letters that is long enough, and looks for readable
//! text.

/// Shorter runs are skipped: they cannot be told apart from random bytes.
pub(crate) const SHORTEST_RUN: usize = 12;
/// Minimum length of readable text inside a run.
const SHORTEST_TEXT: usize = 8;

/// Calls `see` with each readable text. If `see` says that the text must be redacted, adds its whole run to `spans`.
pub(crate) fn find(text: &[u8], mut see: impl FnMut(&[u8]) -> bool, spans: &mut Vec<(usize, usize)>) {
    let mut at = 0;
    let mut values = Vec::new();
    while at < text.len() {
        if !is_letter(text[at]) {
            at += 1;
            continue;
        }
        let begin = at;
        values.clear();
        while let Some(byte) = text.get(at) {
            if is_letter(*byte) {
                values.push(*byte);
            } else if !matches!(byte, b'\r' | b'\n') {
                break;
            }
            at += 1;
        }
        if values.len() < SHORTEST_RUN {
            continue;
        }
        if hides(&values, &mut see) {
            let padding = text[at..].iter().take_while(|byte| **byte == b'=').count();
            at += padding;
            spans.push((begin, at));
        }
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn hides(letters: &[u8], see: &mut impl FnMut(&[u8]) -> bool) -> bool {
    let mut readable = Vec::new();
    for offset in 0..4 {
        let groups = letters[offset..].chunks(4);
        let bytes = groups.flat_map(|group| base64_bytes(group).into_iter().flatten());
        if see_readable(bytes, &mut readable, see) {
            return true;
        }
    }
    hex_parts(letters).any(|digits| {
        (0..2).any(|offset| {
            let bytes = digits[offset..]
                .chunks_exact(2)
                .map(|pair| hex_value(pair[0]) << 4 | hex_value(pair[1]));
            see_readable(bytes, &mut readable, see)
        })
    })
}

/// Passes each readable stretch to `see`.
fn see_readable(
    bytes: impl Iterator<Item = u8>,
    readable: &mut Vec<u8>,
    see: &mut impl FnMut(&[u8]) -> bool,
) -> bool {
    readable.clear();
    for byte in bytes {
        if matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r') {
            readable.push(byte);
            continue;
        }
        if readable.len() >= SHORTEST_TEXT && see(readable) {
            return true;
        }
        readable.clear();
    }
    readable.len() >= SHORTEST_TEXT && see(readable)
}

/// Decodes a group of up to four letters to up to three bytes.
fn base64_bytes(group: &[u8]) -> [Option<u8>; 3] {
    let value = |at: usize| group.get(at).map(|letter| base64_value(*letter));
    let (a, b, c, d) = (value(0), value(1), value(2), value(3));
    [
        a.zip(b).map(|(a, b)| a << 2 | b >> 4),
        b.zip(c).map(|(b, c)| b << 4 | c >> 2),
        c.zip(d).map(|(c, d)| c << 6 | d),
    ]
}

const fn base64_value(letter: u8) -> u8 {
    match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    }
}

/// The stretches that contain only hex digits.
fn hex_parts(letters: &[u8]) -> impl Iterator<Item = &[u8]> {
    letters
        .split(|byte| !byte.is_ascii_hexdigit())
        .filter(|part| part.len() >= SHORTEST_RUN)
}

const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    fn found(text: &str, needle: &str) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        let see = |readable: &[u8]| {
            readable
                .windows(needle.len())
                .any(|part| part == needle.as_bytes())
        };
        find(text.as_bytes(), see, &mut spans);
        spans
    }

    #[test]
    fn text_is_found_at_every_offset_and_in_both_alphabets() {
        for before in ["", "a", "ab", "abc", "\u{1}\u{2}~?"] {
            for after in ["", "~?", "xyz"] {
                let plain = format!("{before}hidden-text{after}");
                for encoded in [STANDARD.encode(&plain), URL_SAFE_NO_PAD.encode(&plain)] {
                    for around in ["", "/", "x/", "abc"] {
                        let text = format!(" {around}{encoded}. ");
                        assert_eq!(found(&text, "hidden-text"), [(1, text.len() - 2)], "{text}");
                    }
                }
                let hex: String = plain.bytes().map(|byte| format!("{byte:02X}")).collect();
                assert_eq!(
                    found(&format!("x{hex} "), "hidden-text"),
                    [(0, hex.len() + 1)],
                    "{hex}"
                );
            }
        }
    }

    #[test]
    fn lines_of_base64_are_one_run() {
        let encoded = STANDARD.encode("................hidden-text.....");
        let (one, two) = encoded.split_at(27);
        assert_eq!(found(&format!("{one}\r\n{two}"), "hidden-text").len(), 1);
    }
}

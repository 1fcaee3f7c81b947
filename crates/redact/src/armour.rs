//! Finds text hidden in base64 or hex: decodes every run of their letters that is long enough, and looks for readable
//! text.

/// Shorter runs are skipped: they cannot be told apart from random bytes.
pub(crate) const SHORTEST_RUN: usize = 12;
/// Minimum length of readable text inside a run.
const SHORTEST_TEXT: usize = 8;

/// Calls `see` with each readable text. If `see` says that the text must be redacted, adds its whole run to `spans`.
pub(crate) fn find(text: &[u8], mut see: impl FnMut(&[u8]) -> bool, spans: &mut Vec<(usize, usize)>) {
    let mut at = 0;
    let mut buffers = Buffers::default();
    while at < text.len() {
        if !is_letter(text[at]) {
            at += 1;
            continue;
        }
        let begin = at;
        let mut breaks = 0;
        while let Some(byte) = text.get(at) {
            if matches!(byte, b'\r' | b'\n') {
                breaks += 1;
            } else if !is_letter(*byte) {
                break;
            }
            at += 1;
        }
        if at - begin - breaks < SHORTEST_RUN {
            continue;
        }
        let mut run = &text[begin..at];
        if breaks > 0 {
            buffers.joined.clear();
            let letters = run.iter().filter(|byte| is_letter(**byte));
            buffers.joined.extend(letters);
            run = &buffers.joined;
        }
        if hides(run, &mut buffers.decoded, &mut see) {
            let padding = text[at..].iter().take_while(|byte| **byte == b'=').count();
            at += padding;
            spans.push((begin, at));
        }
    }
}

/// Whether the text has a run of which something can be read.
pub(crate) fn has_readable(text: &[u8]) -> bool {
    let mut spans = Vec::new();
    find(text, |_| true, &mut spans);
    !spans.is_empty()
}

#[derive(Default)]
struct Buffers {
    /// The letters of a run that has line breaks in it.
    joined: Vec<u8>,
    decoded: Vec<u8>,
}

const fn is_letter(byte: u8) -> bool {
    LETTERS[byte as usize] & LETTER != 0
}

/// Bits of a letter: those that a byte below 128 requires of the first, second and third letter of its group of
/// base64 (the fourth only has lower bits of its byte), and those of hex.
const FIRST: u8 = 1;
const SECOND: u8 = 2;
const THIRD: u8 = 4;
const DIGIT: u8 = 8;
/// The first digit of a byte that can be readable.
const FIRST_DIGIT: u8 = 16;
const LETTER: u8 = 32;

const LETTERS: [u8; 256] = {
    let mut letters = [0; 256];
    let mut at = 0;
    while at < 256 {
        let letter = at as u8;
        if letter.is_ascii_alphanumeric() || matches!(letter, b'+' | b'/' | b'-' | b'_') {
            let value = base64_value(letter);
            letters[at] = LETTER
                | if value & 0b10_0000 == 0 { FIRST } else { 0 }
                | if value & 0b00_1000 == 0 { SECOND } else { 0 }
                | if value & 0b00_0010 == 0 { THIRD } else { 0 }
                | if letter.is_ascii_hexdigit() { DIGIT } else { 0 }
                | if matches!(letter, b'0' | b'2'..=b'7') {
                    FIRST_DIGIT
                } else {
                    0
                };
        }
        at += 1;
    }
    letters
};

/// What a run can hide, by the high bits of its bytes alone. This rules out nearly all identifiers and words without
/// decoding them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Suspicions {
    /// Bit 0 to 3: base64 whose groups begin at this offset.
    base64: u8,
    hex: bool,
}

impl Suspicions {
    fn of(run: &[u8]) -> Self {
        /// As many letters as a number has bits.
        const WINDOW: usize = 64;
        /// Windows overlap, so that each pair of groups and each sixteen digits are within one of them.
        const STEP: usize = 48;
        let mut suspicions = Self::default();
        for begin in (0..run.len()).step_by(STEP) {
            let window = &run[begin..run.len().min(begin + WINDOW)];
            let [first, second, third, digits, first_digits] = planes(window);
            // Eight bytes in a row always include two whole groups of three.
            let groups = first & second >> 1 & third >> 2;
            let mut pairs = groups & groups >> 4;
            while pairs != 0 {
                suspicions.base64 |= 1 << (pairs.trailing_zeros() % 4);
                pairs &= pairs - 1;
            }
            let bytes = first_digits & digits >> 1;
            let two = bytes & bytes >> 2;
            let four = two & two >> 4;
            suspicions.hex |= four & four >> 8 != 0;
        }
        suspicions
    }
}

/// For each of the lowest five bits of [`LETTERS`], which of these 64 letters have it.
fn planes(window: &[u8]) -> [u64; 5] {
    let mut planes = [0; 5];
    for (at, eight) in window.chunks(8).enumerate() {
        let mut bits = [0; 8];
        for (bits, letter) in bits.iter_mut().zip(eight) {
            *bits = LETTERS[usize::from(*letter)];
        }
        let bits = u64::from_le_bytes(bits);
        for (number, plane) in planes.iter_mut().enumerate() {
            // The multiplication collects the lowest bits of eight bytes in the highest byte.
            let lowest = bits >> number & 0x0101_0101_0101_0101;
            *plane |= (lowest.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * at);
        }
    }
    planes
}

fn hides(letters: &[u8], decoded: &mut Vec<u8>, see: &mut impl FnMut(&[u8]) -> bool) -> bool {
    let suspicions = Suspicions::of(letters);
    for offset in 0..4 {
        if suspicions.base64 & 1 << offset == 0 {
            continue;
        }
        decode_base64(&letters[offset..], decoded);
        if see_readable(decoded, see) {
            return true;
        }
    }
    suspicions.hex
        && hex_parts(letters).any(|digits| {
            (0..2).any(|offset| {
                decoded.clear();
                let pairs = digits[offset..].chunks_exact(2);
                decoded.extend(pairs.map(|pair| hex_value(pair[0]) << 4 | hex_value(pair[1])));
                see_readable(decoded, see)
            })
        })
}

/// Passes each readable stretch to `see`.
fn see_readable(bytes: &[u8], see: &mut impl FnMut(&[u8]) -> bool) -> bool {
    let is_readable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    bytes
        .split(|byte| !is_readable(byte))
        .any(|readable| readable.len() >= SHORTEST_TEXT && see(readable))
}

/// Decodes groups of four letters to three bytes each, and the rest to as many as it has.
fn decode_base64(letters: &[u8], decoded: &mut Vec<u8>) {
    decoded.clear();
    let (groups, rest) = letters.as_chunks::<4>();
    for [a, b, c, d] in groups.iter().map(|group| group.map(base64_value)) {
        decoded.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
    }
    if let [a, b, others @ ..] = rest {
        let (a, b) = (base64_value(*a), base64_value(*b));
        decoded.push(a << 2 | b >> 4);
        if let [c, ..] = others {
            decoded.push(b << 4 | base64_value(*c) >> 2);
        }
    }
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
    fn whatever_can_be_read_is_suspected_at_every_place_of_a_long_run() {
        // `/` decodes to bytes above 127, and is no digit, so only the hidden text can be read.
        for before in 0..130 {
            for shortest in ["~~~~~~~~", "        ", "\t\n\r abc~"] {
                let hex: String = shortest.bytes().map(|byte| format!("{byte:02x}")).collect();
                for hidden in [STANDARD.encode(shortest).trim_end_matches('=').to_owned(), hex] {
                    let text = format!("{}{hidden}{}", "/".repeat(before), "/".repeat(12));
                    assert_eq!(found(&text, shortest), [(0, text.len())], "{text}");
                }
            }
        }
    }

    #[test]
    fn ordinary_identifiers_are_not_suspected() {
        for text in [
            "4b1c7e90d2a84f6e",
            "suppress_user_notifications",
            "018f2c3e-7d1a-7c55-9a53-2f9d2d3c4b5a",
        ] {
            assert_eq!(Suspicions::of(text.as_bytes()), Suspicions::default(), "{text}");
        }
    }

    #[test]
    fn lines_of_base64_are_one_run() {
        let encoded = STANDARD.encode("................hidden-text.....");
        let (one, two) = encoded.split_at(27);
        assert_eq!(found(&format!("{one}\r\n{two}"), "hidden-text").len(), 1);
    }
}

//! Reads the bytes of JSON strings and numbers.

/// How many bytes at the beginning neither end a string, nor begin an escape, nor are forbidden in one. Stops early
/// near the end of the text.
pub(crate) fn unquoted(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHEST: u64 = ONES * 0x80;
    const QUOTES: u64 = ONES * b'"' as u64;
    const BACKSLASHES: u64 = ONES * b'\\' as u64;
    // The first byte of these numbers that is 0x80 is the first byte below the bound. Later ones may be wrong.
    let below = |number: u64, bound: u64| number.wrapping_sub(ONES * bound) & !number & HIGHEST;
    let (chunks, _) = bytes.as_chunks::<8>();
    for (at, chunk) in chunks.iter().enumerate() {
        let number = u64::from_le_bytes(*chunk);
        let found = below(number ^ QUOTES, 1) | below(number ^ BACKSLASHES, 1) | below(number, 0x20);
        if found != 0 {
            return 8 * at + found.trailing_zeros() as usize / 8;
        }
    }
    8 * chunks.len()
}

/// Whether the text is a number as JSON writes it.
pub(crate) fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent = exponent
            .strip_prefix(b"+")
            .or_else(|| exponent.strip_prefix(b"-"))
            .unwrap_or(exponent);
        let count = digits(exponent);
        return count > 0 && count == exponent.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_matters_in_a_string_is_seen_at_every_place() {
        for byte in 0..=u8::MAX {
            let matters = byte < 0x20 || byte == b'"' || byte == b'\\';
            for around in [b'a', 0x7f, 0x80, 0xff, b'!', b'#', b' ', b']'] {
                for at in 0..16 {
                    let mut text = [around; 24];
                    text[at] = byte;
                    let expected = if matters { at } else { 24 };
                    assert_eq!(unquoted(&text), expected, "{byte} at {at} in {around}");
                    // A second one after it changes nothing.
                    text[at + 1] = b'"';
                    assert_eq!(unquoted(&text), if matters { at } else { at + 1 });
                }
            }
        }
        assert_eq!(unquoted(b"seven\"x"), 0);
    }
}

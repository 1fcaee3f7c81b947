//! Tokens after the name of a scheme, as in `Authorization`: `Bearer …`, `Basic …`, with any kind of space between
//! them.

use crate::names::Names;

/// Minimum length of a token after `Bearer` or `Basic`. Shorter tokens need a digit.
const CLEARLY_A_TOKEN: usize = 16;
const SHORTEST_TOKEN: usize = 6;

/// Schemes whose names have no other meaning.
const PLAIN: [&[u8]; 2] = [b"bearer", b"basic"];
/// Schemes whose names are also ordinary words. Only a long token with a digit counts after them.
const WORDS: [&[u8]; 12] = [
    b"token",
    b"digest",
    b"negotiate",
    b"ntlm",
    b"dpop",
    b"jwt",
    b"apikey",
    b"api-key",
    b"oauth",
    b"ssws",
    b"hawk",
    b"hmac",
];
const LONGEST_SCHEME: usize = 9;
const LONGEST_OPTION: usize = 48;

/// The token that follows a scheme's name. `at` is the first byte of the space after the name.
pub(crate) fn token_after(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let [.., before, last] = &text[..at] else {
        return None;
    };
    if !matches!(
        [before.to_ascii_lowercase(), last.to_ascii_lowercase()].as_slice(),
        b"er" | b"ic" | b"en" | b"st" | b"te" | b"lm" | b"op" | b"wt" | b"ey" | b"th" | b"ws" | b"wk" | b"ac"
    ) {
        // No scheme ends like this.
        return None;
    }
    let window = &text[at.saturating_sub(LONGEST_SCHEME + 1)..at];
    let name = &window[window
        .iter()
        .rposition(|byte| !is_name(byte))
        .map_or(0, |at| at + 1)..];
    // `x-bearer` is a scheme too, as long as the character before the name is not a letter.
    let ends = |scheme: &&[u8]| {
        name.len().checked_sub(scheme.len()).is_some_and(|begin| {
            name[begin..].eq_ignore_ascii_case(scheme) && (begin == 0 || name[begin - 1] == b'-')
        })
    };
    let is_plain = PLAIN.iter().any(ends);
    if !is_plain && !WORDS.iter().any(ends) {
        return None;
    }
    let mut begin = at;
    while let Some(length) = space_at(&text[begin..]) {
        begin += length;
    }
    let mut quoted = false;
    while let Some(b'"' | b'\'' | b'`' | b'<' | b'[' | b'(' | b'{' | b',') = text.get(begin) {
        quoted = true;
        begin += 1;
        while let Some(length) = space_at(&text[begin..]) {
            begin += length;
        }
    }
    let is_token_letter = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b':' | b'%')
    };
    let length = text[begin..]
        .iter()
        .take_while(|byte| is_token_letter(byte))
        .count();
    if !quoted && text.get(begin + length) == Some(&b'"') {
        // `Basic realm="…"` is a challenge that asks for a token; it contains none.
        return None;
    }
    let token = &text[begin..begin + length];
    let has_digit = token.iter().any(u8::is_ascii_digit);
    let is_token = if is_plain {
        length >= CLEARLY_A_TOKEN || (length >= SHORTEST_TOKEN && (has_digit || token.contains(&b'=')))
    } else {
        length >= CLEARLY_A_TOKEN && has_digit
    };
    is_token.then_some((begin, begin + length))
}

/// The value after a command-line option, such as `--password x` or `curl -u name:x`. `at` is the first byte of the
/// space after the option's name.
pub(crate) fn option_after(text: &[u8], at: usize, names: &Names) -> Option<(usize, usize)> {
    let window = &text[at.saturating_sub(LONGEST_OPTION)..at];
    let begin = window.iter().rposition(|byte| !is_name(byte) && *byte != b'_')? + 1;
    if window.get(begin) != Some(&b'-') {
        return None;
    }
    let option = std::str::from_utf8(&window[begin..]).ok()?;
    let holds_password = matches!(option, "-u" | "--user" | "--proxy-user");
    let is_secret = option
        .strip_prefix("--")
        .is_some_and(|name| names.is_secret(name));
    if !holds_password && !is_secret {
        return None;
    }
    let mut begin = at;
    while let Some(length) = space_at(&text[begin..]) {
        begin += length;
    }
    let ends = |byte: &u8| byte.is_ascii_whitespace();
    let length = text[begin..].iter().position(ends).unwrap_or(text.len() - begin);
    let value = &text[begin..begin + length];
    let is_value = !value.starts_with(b"-") && (is_secret || value.contains(&b':'));
    (is_value && length > 0).then_some((begin, begin + length))
}

fn is_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'-'
}

/// Whether a Unicode space can begin with this byte.
pub(crate) const fn may_begin_space(byte: u8) -> bool {
    matches!(byte, 0xc2 | 0xe1..=0xe3 | 0xef)
}

/// The length of the space at the beginning of the text: ASCII, a form's `+`, or Unicode, including zero-width
/// spaces.
fn space_at(text: &[u8]) -> Option<usize> {
    match text {
        [b' ' | b'+' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, ..] | [0x00, ..] => Some(1),
        [0xc2, 0x85 | 0xa0, ..] => Some(2),
        [0xe1, 0x9a, 0x80, ..]
        | [0xe2, 0x80, 0x80..=0x8f | 0xa8 | 0xa9 | 0xaf, ..]
        | [0xe2, 0x81, 0x9f | 0xa0, ..]
        | [0xe3, 0x80, 0x80, ..]
        | [0xef, 0xbb, 0xbf, ..] => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> String {
        let spans = (0..text.len())
            .filter(|at| space_at(&text.as_bytes()[*at..]).is_some())
            .filter_map(|at| token_after(text.as_bytes(), at))
            .collect();
        crate::spans::replace(text, &crate::spans::merge(spans)).0
    }

    #[test]
    fn a_token_after_a_scheme_is_redacted_whatever_the_space_between() {
        for space in [
            " ", "\t", "  ", " \t ", "\n", "\r\n ", "+", "\u{b}", "\u{a0}", "\u{2003}", "\u{3000}",
            "\u{200b}",
        ] {
            for scheme in ["Bearer", "bearer", "BASIC", "x-bearer"] {
                assert_eq!(
                    cut(&format!("a {scheme}{space}abc123 z")),
                    format!("a {scheme}{space}[redacted] z")
                );
            }
            for scheme in ["Token", "ApiKey", "DPoP", "Negotiate", "SSWS"] {
                assert_eq!(
                    cut(&format!("{scheme}{space}YIIJvwYGKwYBBQUCoII4")),
                    format!("{scheme}{space}[redacted]")
                );
            }
        }
        for (before, after) in [("'", "'"), ("<", ">"), ("[", "]"), ("\t{", "}"), (", ", "")] {
            assert_eq!(
                cut(&format!("Bearer {before}abc123{after}")),
                format!("Bearer {before}[redacted]{after}")
            );
        }
        assert_eq!(cut(&format!("Bearer {}", "a1".repeat(9000))), "Bearer [redacted]");
    }

    #[test]
    fn ordinary_words_that_are_also_schemes_stay() {
        for text in [
            "Basic authentication, bearer tokens",
            "Basic realm=\"a1b2c3\"",
            "the token 42 was issued, token validation-takes-some-time",
            "digest of 2026-01-05",
            "forbearer abc123",
        ] {
            assert_eq!(cut(text), text);
        }
    }
}

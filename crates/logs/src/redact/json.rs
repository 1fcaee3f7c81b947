//! JSON, also when its end is missing: values of secret fields are replaced, everything else stays byte for byte.
//!
//! The text must be a beginning of valid JSON; anything else is refused, because a reader more lenient than this one
//! might find a field where this one found none.

use super::REDACTED;
use super::names::is_secret_field;

/// Deeper texts are refused: nobody sends them in earnest.
const DEEPEST: usize = 256;

/// The text without the values of secret fields, and how many there were; `None` when it is not JSON. With `truncated`,
/// the text may end anywhere.
pub(super) fn redact_json(text: &str, truncated: bool) -> Option<(String, u32)> {
    let mut scanner = Scanner {
        text,
        at: 0,
        copied: 0,
        out: String::with_capacity(text.len()),
        redactions: 0,
    };
    let end = match scanner.value(0) {
        Ok(()) => scanner.only_space_is_left(),
        Err(end) => Err(end),
    };
    match end {
        Ok(()) => {}
        Err(End::Missing) if truncated => {}
        Err(_) => return None,
    }
    scanner.out.push_str(&text[scanner.copied..]);
    Some((scanner.out, scanner.redactions))
}

/// Why scanning ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The text ended in the middle.
    Missing,
    /// It is not JSON.
    Wrong,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Up to here the text is in `out`, or was left out of it.
    copied: usize,
    out: String,
    redactions: u32,
}

impl Scanner<'_> {
    fn peek(&mut self) -> Result<u8, End> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied().ok_or(End::Missing)
    }

    fn only_space_is_left(&mut self) -> Result<(), End> {
        match self.peek() {
            Err(End::Missing) => Ok(()),
            _ => Err(End::Wrong),
        }
    }

    fn value(&mut self, depth: usize) -> Result<(), End> {
        if depth > DEEPEST {
            return Err(End::Wrong);
        }
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(|_| ()),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => Err(End::Wrong),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), End> {
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek()? != b'"' {
                return Err(End::Wrong);
            }
            let (begin, end) = self.string()?;
            let secret = is_secret_field(&vault::unescape(&self.text[begin..end]));
            if self.peek()? != b':' {
                return Err(End::Wrong);
            }
            self.at += 1;
            if secret {
                self.secret_value(depth)?
            } else {
                self.value(depth + 1)?
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(End::Wrong),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), End> {
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(End::Wrong),
            }
        }
    }

    /// Leaves the value out, whatever it is: to its end, or to the end of the text. An absent value is no secret.
    fn secret_value(&mut self, depth: usize) -> Result<(), End> {
        if self.peek()? == b'n' {
            return self.value(depth + 1);
        }
        self.out.push_str(&self.text[self.copied..self.at]);
        self.out.push('"');
        self.out.push_str(REDACTED);
        self.out.push('"');
        let before = (self.out.len(), self.redactions + 1);
        self.copied = self.at;
        let ended = self.value(depth + 1);
        // Whatever was replaced inside went with the whole.
        self.out.truncate(before.0);
        self.redactions = before.1;
        self.copied = if ended == Err(End::Missing) {
            self.text.len()
        } else {
            self.at
        };
        ended
    }

    /// The borders of what stands between the quotes.
    fn string(&mut self) -> Result<(usize, usize), End> {
        let begin = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut at = begin;
        loop {
            match bytes.get(at).ok_or(End::Missing)? {
                b'"' => break,
                b'\\' => at = self.escape(at)?,
                0..=0x1f => return Err(End::Wrong),
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Ok((begin, at))
    }

    /// Where the escape sequence at `at` ends.
    fn escape(&self, at: usize) -> Result<usize, End> {
        let bytes = self.text.as_bytes();
        match bytes.get(at + 1).ok_or(End::Missing)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
            b'u' => {
                let digits = &bytes[at + 2..bytes.len().min(at + 6)];
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(End::Wrong);
                }
                if digits.len() < 4 {
                    Err(End::Missing)
                } else {
                    Ok(at + 6)
                }
            }
            _ => Err(End::Wrong),
        }
    }

    fn number(&mut self) -> Result<(), End> {
        let rest = &self.text[self.at..];
        let length = rest
            .bytes()
            .take_while(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
            .count();
        if length == rest.len() && self.at > 0 {
            // It may go on behind the end; a number that is the whole text is the only one that may end here.
            self.at += length;
            return Ok(());
        }
        if rest[..length].parse::<f64>().is_err() {
            return Err(End::Wrong);
        }
        self.at += length;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), End> {
        let rest = &self.text[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        if word.starts_with(rest) {
            Err(End::Missing)
        } else {
            Err(End::Wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_fields_go_at_any_depth_and_the_rest_stays_as_it_is() {
        let text = r#" {"name" : "Ana", "password":"hunter2","deep":[{"client_secret": {"a":["b"]}, "n":1.50e3}],
            "pass\u0077ord":12,"ssn":null,"token":true} "#;
        let expected = r#" {"name" : "Ana", "password":"[redacted]","deep":[{"client_secret": "[redacted]", "n":1.50e3}],
            "pass\u0077ord":"[redacted]","ssn":null,"token":"[redacted]"} "#;
        assert_eq!(redact_json(text, false), Some((expected.to_owned(), 4)));
    }

    #[test]
    fn no_cut_shows_anything_of_a_secret_value() {
        let text =
            r#"{"a":[1,{"password":"hunter\"2 \u00e9 }","b":{"api_key":[{"x":"hunter3"}],"c":"d"}}],"e":-1}"#;
        let whole = redact_json(text, false).expect("it is JSON").0;
        for cut in 1..text.len() {
            let (redacted, _) = redact_json(&text[..cut], true).unwrap_or_else(|| panic!("refused at {cut}"));
            assert!(!redacted.contains("hunt"), "{cut}: {redacted}");
            let common = whole
                .bytes()
                .zip(redacted.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            assert_eq!(
                common,
                redacted.len(),
                "{cut}: what is kept is a beginning of the whole"
            );
        }
    }

    #[test]
    fn the_whole_text_must_be_json() {
        for text in [
            "",
            "{",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "[1 2]",
            "tru",
            "{} {}",
            "{\"a\":.5.}",
            "\"\u{1}\"",
            "{a:1}",
        ] {
            assert_eq!(redact_json(text, false), None, "{text}");
        }
        let deep = "[".repeat(10_000);
        assert_eq!(redact_json(&deep, true), None);
        for text in ["{}", "[]", "1", "\"x\"", "null", "[1,2.5,-3e9]"] {
            assert_eq!(redact_json(text, false), Some((text.to_owned(), 0)), "{text}");
        }
    }

    #[test]
    fn escapes_are_read() {
        assert_eq!(vault::unescape(r"a\u0062\n\/\\\u00e"), "ab\n/\\u00e");
    }
}

//! JSON formatted for reading: only white space between tokens changes, so what is shown is what was sent. It works on the
//! text itself, because a tree of values would add too much WASM.

/// How deep a document may nest; deeper ones are shown unchanged.
const DEEPEST: usize = 64;

/// `text` with two spaces per level, or none if it is not one complete JSON value.
pub(in crate::pages) fn indented(text: &str) -> Option<String> {
    let mut layout = Layout {
        text,
        at: 0,
        depth: 0,
        out: String::with_capacity(text.len() * 2),
    };
    layout.value()?;
    layout.skip_space();
    (layout.at == text.len()).then_some(layout.out)
}

/// The same of the first part of a JSON value, which ends where it was cut. None if it ends, or breaks off, in another way.
pub(in crate::pages) fn begun(text: &str) -> Option<String> {
    let mut layout = Layout {
        text,
        at: 0,
        depth: 0,
        out: String::with_capacity(text.len() * 2),
    };
    if layout.value().is_some() || layout.depth == 0 {
        return None;
    }
    let rest = &text[layout.at..];
    layout.out.push_str(rest);
    is_cut_token(rest).then_some(layout.out)
}

/// Nothing, a string without its end, or a number or a word that may go on.
fn is_cut_token(rest: &str) -> bool {
    let mut escaped = false;
    match rest.strip_prefix('"') {
        Some(string) => !string.bytes().any(|byte| {
            let ends = byte < 0x20 || (byte == b'"' && !escaped);
            escaped = byte == b'\\' && !escaped;
            ends
        }),
        None => rest
            .bytes()
            .all(|byte| matches!(byte, b'-' | b'+' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')),
    }
}

struct Layout<'a> {
    text: &'a str,
    /// A byte offset, always at the begin of a character.
    at: usize,
    depth: usize,
    out: String,
}

impl Layout<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Option<()> {
        self.skip_space();
        match self.peek()? {
            b'{' => self.container(b'}', Self::member),
            b'[' => self.container(b']', Self::value),
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.literal(),
        }
    }

    fn member(&mut self) -> Option<()> {
        self.skip_space();
        self.string()?;
        self.skip_space();
        self.expect(b':')?;
        self.out.push_str(": ");
        self.value()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// An object or an array, up to and with `close`; an empty one stays on its line.
    fn container(&mut self, close: u8, item: fn(&mut Self) -> Option<()>) -> Option<()> {
        if self.depth == DEEPEST {
            return None;
        }
        self.keep(1);
        self.skip_space();
        if self.peek()? == close {
            self.keep(1);
            return Some(());
        }
        self.depth += 1;
        loop {
            self.new_line();
            item(self)?;
            self.skip_space();
            if self.peek()? == b',' {
                self.keep(1);
            } else {
                break;
            }
        }
        self.depth -= 1;
        self.new_line();
        (self.peek()? == close).then(|| self.keep(1))
    }

    fn string(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        let mut end = self.at + 1;
        loop {
            match *self.text.as_bytes().get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                0..0x20 => return None,
                _ => end += 1,
            }
        }
        self.keep(end + 1 - self.at);
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let length = rest
            .bytes()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        rest[..length].parse::<f64>().ok()?;
        self.keep(length);
        Some(())
    }

    fn literal(&mut self) -> Option<()> {
        let word = ["true", "false", "null"]
            .into_iter()
            .find(|word| self.text[self.at..].starts_with(word))?;
        self.keep(word.len());
        Some(())
    }

    fn keep(&mut self, bytes: usize) {
        self.out.push_str(&self.text[self.at..self.at + bytes]);
        self.at += bytes;
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("  ", self.depth));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_laid_out_with_two_spaces_a_level() {
        let text = r#"{"id":"a\"b","list":[1,-2.5e3,true,null],"none":{},"empty":[ ],"é":"✓"}"#;
        let wanted = "{\n  \"id\": \"a\\\"b\",\n  \"list\": [\n    1,\n    -2.5e3,\n    true,\n    null\n  ],\n  \"none\": {},\n  \
                      \"empty\": [],\n  \"é\": \"✓\"\n}";
        assert_eq!(indented(text).as_deref(), Some(wanted));
    }

    #[test]
    fn laying_out_twice_changes_nothing() {
        let once = indented(r#"[{"a":[]},{"b":{"c":1}}]"#).expect("valid");
        assert_eq!(indented(&once), Some(once.clone()));
    }

    #[test]
    fn what_is_not_one_whole_value_is_left_alone() {
        for text in [
            "",
            "{",
            "{\"a\":1",
            "[1,]",
            "{\"a\" 1}",
            "hello",
            "1 2",
            "\"open",
            "\"line\nbreak\"",
            "{1:2}",
            "tru",
            "a=b&c=d",
        ] {
            assert_eq!(indented(text), None, "{text}");
        }
    }

    #[test]
    fn a_document_deeper_than_anybody_reads_is_left_alone() {
        assert_eq!(indented(&format!("{}{}", "[".repeat(65), "]".repeat(65))), None);
        assert!(indented(&format!("{}1{}", "[".repeat(64), "]".repeat(64))).is_some());
    }

    #[test]
    fn the_first_part_of_a_document_is_laid_out_as_far_as_it_goes() {
        let text = r#"{"id":"a\"b","list":[1,-2.5e3,true,null],"none":{},"é":["✓",{"x":"y"}]}"#;
        let mut laid_out = 0;
        for cut in (2..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let begun = begun(&text[..cut]).unwrap_or_else(|| panic!("{}", &text[..cut]));
            let without_space = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(without_space(&begun), without_space(&text[..cut]));
            laid_out += usize::from(begun.contains("\n  "));
        }
        assert!(laid_out > 60, "{laid_out}");
        for whole_or_none in [text, "1", "\"open", "[1,]", "[\"line\nbreak", "hello", ""] {
            assert_eq!(begun(whole_or_none), None, "{whole_or_none}");
        }
    }

    #[test]
    fn an_escape_at_the_very_end_is_no_string() {
        assert_eq!(indented("\"\\"), None);
        assert_eq!(indented("\"\\é"), None);
    }
}

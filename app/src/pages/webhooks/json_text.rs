//! JSON laid out for reading. The text is indented and never parsed into values, so that numbers, escapes and the order
//! of members stay as they were sent and signed.

/// `json` with a member a line and two spaces a level. What is not JSON comes out with odd line breaks, and whole.
pub(super) fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push(c);
                copy_string(&mut chars, &mut out);
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(close) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => (),
            c => out.push(c),
        }
    }
    out
}

/// Up to and with the closing quote.
fn copy_string(chars: &mut impl Iterator<Item = char>, out: &mut String) {
    let mut escaped = false;
    for c in chars {
        out.push(c);
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return,
            _ => (),
        }
    }
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn members_stand_on_lines_of_their_own() {
        assert_eq!(
            pretty(r#"{"a":1,"b":[{"c":null},2.50],"d":{},"e":[ ]}"#),
            "{\n  \"a\": 1,\n  \"b\": [\n    {\n      \"c\": null\n    },\n    2.50\n  ],\n  \"d\": {},\n  \"e\": []\n}"
        );
    }

    #[test]
    fn strings_are_left_as_they_are() {
        let text = r#"{"a":"{\"x\": [1, 2]} \\","é":"✓"}"#;
        assert_eq!(
            pretty(text),
            "{\n  \"a\": \"{\\\"x\\\": [1, 2]} \\\\\",\n  \"é\": \"✓\"\n}"
        );
    }

    #[test]
    fn broken_text_comes_out_whole() {
        assert_eq!(pretty("]\"abc"), "\n]\"abc");
    }
}

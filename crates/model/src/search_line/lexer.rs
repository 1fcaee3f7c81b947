//! Splits a line into words, and words into values. Every character belongs to a word or is space between words.

use std::ops::Range;

use crate::FilterField;

/// A word of the line. All spans are bytes of the line, between characters.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) span: Range<usize>,
    /// It begins with `-`.
    pub(super) exclude: bool,
    pub(super) name: Name,
    /// The name with its colon; empty if there is none.
    pub(super) name_span: Range<usize>,
    /// At least one, which may be empty.
    pub(super) values: Vec<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    None,
    Field(FilterField),
    Unknown,
}

#[derive(Debug)]
pub(super) struct Value {
    pub(super) span: Range<usize>,
    /// Without quotes.
    pub(super) text: String,
    /// A quote is not closed.
    pub(super) is_open: bool,
}

pub(super) fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        at += line[at..].len() - line[at..].trim_start().len();
        if at == line.len() {
            return words;
        }
        let word = word(line, at);
        at = word.span.end;
        words.push(word);
    }
}

/// The word that begins at `start`, where there is no space.
fn word(line: &str, start: usize) -> Word {
    let rest = &line[start..];
    let exclude = rest.len() > 1 && rest.starts_with('-') && !rest[1..].starts_with(char::is_whitespace);
    let begin = start + usize::from(exclude);
    let letters = line[begin..]
        .bytes()
        .take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        .count();
    let has_name = letters > 0 && line[begin + letters..].starts_with(':');
    let name_span = begin..if has_name { begin + letters + 1 } else { begin };
    let name = if has_name {
        let name = line[begin..begin + letters].to_ascii_lowercase();
        FilterField::from_name(&name).map_or(Name::Unknown, Name::Field)
    } else {
        Name::None
    };
    let mut values = vec![value(line, name_span.end, has_name)];
    let mut end = values[0].span.end;
    while has_name && line[end..].starts_with(',') {
        let next = value(line, end + 1, true);
        end = next.span.end;
        values.push(next);
    }
    Word {
        span: start..end,
        exclude,
        name,
        name_span,
        values,
    }
}

/// The value that begins at `start`. It ends before a space or, if it is one of several, before a comma.
fn value(line: &str, start: usize, ends_at_comma: bool) -> Value {
    let mut text = String::new();
    let mut is_open = false;
    let mut is_escaped = false;
    let mut end = line.len();
    for (at, c) in line[start..].char_indices() {
        match c {
            _ if is_escaped => {
                text.push(c);
                is_escaped = false;
            }
            '\\' if is_open => is_escaped = true,
            '"' => is_open = !is_open,
            _ if !is_open && (c.is_whitespace() || ends_at_comma && c == ',') => {
                end = start + at;
                break;
            }
            _ => text.push(c),
        }
    }
    Value {
        span: start..end,
        text,
        is_open,
    }
}

/// Writes a value so that it is read back as one.
pub(super) fn push_value(line: &mut String, value: &str) {
    let is_plain = |c: char| !(c.is_whitespace() || c == ',' || c == '"');
    if !value.is_empty() && value.chars().all(is_plain) {
        line.push_str(value);
        return;
    }
    line.push('"');
    for c in value.chars() {
        if c == '"' || c == '\\' {
            line.push('\\');
        }
        line.push(c);
    }
    line.push('"');
}

//! Spans of a text to redact: merges them and replaces them with the mark.

/// The mark that replaces redacted text.
pub const REDACTED: &str = "[redacted]";

/// Sorts the spans and joins those that overlap or touch.
pub(crate) fn merge(mut spans: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    if spans.len() <= 1 {
        return spans;
    }
    spans.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(spans.len());
    for (begin, end) in spans {
        match merged.last_mut() {
            Some(last) if begin <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((begin, end)),
        }
    }
    merged
}

/// The text with the mark in place of each span, and the number of spans. A boundary inside a character is moved
/// outwards.
pub(crate) fn replace(text: &str, spans: &[(usize, usize)]) -> (String, u32) {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for &(begin, end) in spans {
        let begin = text.floor_char_boundary(begin).max(copied);
        out.push_str(&text[copied..begin]);
        out.push_str(REDACTED);
        copied = text.ceil_char_boundary(end).max(begin);
    }
    out.push_str(&text[copied..]);
    (out, spans.len() as u32)
}

//! Stored text with what was removed from it marked, and what the reader looks for.

use leptos::prelude::*;

/// What the redactor puts in place of what it removed (`crates/redact/src/spans.rs`).
const REDACTED: &str = "[redacted]";

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    Plain(&'a str),
    Redacted,
    Found(&'a str),
}

/// How a text is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks<'a> {
    /// Something was removed: only then is its mark one, and not what a caller wrote.
    pub(super) redacted: bool,
    /// What the reader looks for; empty if nothing.
    pub(super) needle: &'a str,
}

impl Marks<'_> {
    /// The text with its marks. All of it stays text, also what strangers wrote.
    pub(super) fn show(self, text: &str) -> AnyView {
        let parts = self.parts(text);
        if let [Part::Plain(text)] = parts[..] {
            return text.to_owned().into_any();
        }
        let shown = parts.into_iter().map(|part| match part {
            Part::Plain(text) => text.to_owned().into_any(),
            Part::Redacted => view! { <Redacted /> }.into_any(),
            Part::Found(text) => view! { <mark class="found">{text.to_owned()}</mark> }.into_any(),
        });
        shown.collect_view().into_any()
    }

    /// How often the text has what the reader looks for.
    pub(super) fn count(self, text: &str) -> usize {
        let parts = self.parts(text).into_iter();
        parts.filter(|part| matches!(part, Part::Found(_))).count()
    }

    fn parts(self, text: &str) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        if !self.redacted {
            found(text, self.needle, &mut parts);
            return parts;
        }
        for (at, between) in text.split(REDACTED).enumerate() {
            if at > 0 {
                parts.push(Part::Redacted);
            }
            found(between, self.needle, &mut parts);
        }
        parts
    }
}

/// Whatever its case; of letters beyond ASCII the case matters.
fn found<'a>(text: &'a str, needle: &str, parts: &mut Vec<Part<'a>>) {
    let mut rest = text;
    if !needle.is_empty() {
        while let Some(at) = position(rest, needle) {
            if at > 0 {
                parts.push(Part::Plain(&rest[..at]));
            }
            parts.push(Part::Found(&rest[at..at + needle.len()]));
            rest = &rest[at + needle.len()..];
        }
    }
    if !rest.is_empty() {
        parts.push(Part::Plain(rest));
    }
}

/// A match of bytes begins and ends where characters do, because UTF-8 can be read from the middle.
fn position(text: &str, needle: &str) -> Option<usize> {
    text.as_bytes()
        .windows(needle.len())
        .position(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
}

/// In place of what was removed.
#[component]
pub(super) fn Redacted() -> impl IntoView {
    view! {
        <span class="redacted" title="Removed before the request was stored">
            {REDACTED}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>(text: &'a str, redacted: bool, needle: &'a str) -> Vec<Part<'a>> {
        Marks { redacted, needle }.parts(text)
    }

    #[test]
    fn what_was_removed_is_marked_and_what_somebody_wrote_is_not() {
        let text = "\"pin\": \"[redacted]\", \"q\"";
        assert_eq!(
            parts(text, true, ""),
            [
                Part::Plain("\"pin\": \""),
                Part::Redacted,
                Part::Plain("\", \"q\"")
            ]
        );
        assert_eq!(parts(text, false, ""), [Part::Plain(text)]);
        assert_eq!(parts("[redacted]", true, ""), [Part::Redacted]);
    }

    #[test]
    fn what_is_looked_for_is_found_whatever_its_case_and_never_inside_a_character() {
        assert_eq!(
            parts("Ana, ana, é", false, "ANA"),
            [
                Part::Found("Ana"),
                Part::Plain(", "),
                Part::Found("ana"),
                Part::Plain(", é")
            ]
        );
        assert_eq!(
            parts("éê✓", false, "ê"),
            [Part::Plain("é"), Part::Found("ê"), Part::Plain("✓")]
        );
        assert_eq!(parts("aaa", false, "aa"), [Part::Found("aa"), Part::Plain("a")]);
        assert_eq!(
            Marks {
                redacted: true,
                needle: "redacted"
            }
            .count("a [redacted] redacted"),
            1
        );
    }
}

//! Laid out JSON as parts that fold.

use leptos::prelude::*;

use super::marks::Marks;

/// A part of a document. Texts have the white space of the layout, so that together they are the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Lines without anything to fold.
    Lines(String),
    Fold(Fold),
}

/// An object or an array that is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fold {
    /// The line that opens it.
    head: String,
    parts: Vec<Part>,
    /// How many members or items it has.
    items: usize,
    /// The line that closes it; empty where the document was cut before it.
    close: String,
}

/// The parts of a document as [`crate::pages::logs::json_text`] lays it out: with one token, or one member's name and value,
/// on each line. There no other line ends with an opening bracket or begins with a closing one: strings have their quotes.
pub(super) fn of(laid_out: &str) -> Vec<Part> {
    let mut lines = laid_out.lines();
    let (parts, _, _) = read(&mut lines);
    parts
}

/// Up to the line that closes what was open before: the parts, how many members or items they are, and that line.
fn read<'a>(lines: &mut impl Iterator<Item = &'a str>) -> (Vec<Part>, usize, String) {
    let (mut parts, mut items) = (Vec::new(), 0);
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with(['}', ']']) {
            return (parts, items, line.to_owned());
        }
        items += 1;
        if line.ends_with(['{', '[']) {
            let (inner, count, close) = read(lines);
            parts.push(Part::Fold(Fold {
                head: line.to_owned(),
                parts: inner,
                items: count,
                close,
            }));
        } else if let Some(Part::Lines(before)) = parts.last_mut() {
            before.push('\n');
            before.push_str(line);
        } else {
            parts.push(Part::Lines(line.to_owned()));
        }
    }
    (parts, items, String::new())
}

/// Folds by `<details>`, which need no script.
pub(super) fn show(parts: &[Part], marks: Marks<'_>) -> AnyView {
    parts
        .iter()
        .map(|part| part.show(marks))
        .collect_view()
        .into_any()
}

/// How often the parts have what is looked for.
pub(super) fn count(parts: &[Part], marks: Marks<'_>) -> usize {
    let counted = parts.iter().map(|part| match part {
        Part::Lines(text) => marks.count(text),
        Part::Fold(fold) => marks.count(&fold.head) + count(&fold.parts, marks),
    });
    counted.sum()
}

impl Part {
    fn show(&self, marks: Marks<'_>) -> AnyView {
        match self {
            Self::Lines(text) => view! { <span class="body__lines">{marks.show(text)}</span> }.into_any(),
            Self::Fold(fold) => fold.show(marks),
        }
    }
}

impl Fold {
    fn show(&self, marks: Marks<'_>) -> AnyView {
        let rest = format!(" {} {}", items(self.items), self.close.trim_start());
        view! {
            <details class="body__fold" open>
                <summary>
                    {marks.show(&self.head)}
                    <span class="body__rest">{rest}</span>
                </summary>
                {show(&self.parts, marks)}
                <span class="body__lines">{self.close.clone()}</span>
            </details>
        }
        .into_any()
    }
}

fn items(count: usize) -> String {
    if count == 1 {
        "1 item".to_owned()
    } else {
        format!("{count} items")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::logs::json_text;

    fn text_of(parts: &[Part], lines: &mut Vec<String>) {
        for part in parts {
            match part {
                Part::Lines(text) => lines.push(text.clone()),
                Part::Fold(fold) => {
                    lines.push(fold.head.clone());
                    text_of(&fold.parts, lines);
                    lines.push(fold.close.clone());
                }
            }
        }
    }

    fn whole(parts: &[Part]) -> String {
        let mut lines = Vec::new();
        text_of(parts, &mut lines);
        lines.join("\n")
    }

    #[test]
    fn the_parts_together_are_the_document() {
        for text in [
            r#"{"id":1,"lines":[{"a":"{"},{"b":"]["},[]],"none":{},"last":"}"}"#,
            r#"[[[["deep"]]],{"[":"}"},"{","]"]"#,
            "17",
            "\"{\"",
        ] {
            let laid_out = json_text::indented(text).expect("valid");
            assert_eq!(whole(&of(&laid_out)), laid_out, "{text}");
        }
    }

    #[test]
    fn each_object_and_array_folds_and_counts_its_own_members() {
        let laid_out = json_text::indented(r#"{"id":1,"lines":[1,2,{"a":3}],"none":{}}"#).expect("valid");
        let [Part::Fold(root)] = &of(&laid_out)[..] else {
            panic!("one value");
        };
        assert_eq!(
            (root.head.as_str(), root.items, root.close.as_str()),
            ("{", 3, "}")
        );
        let [Part::Lines(before), Part::Fold(lines), Part::Lines(after)] = &root.parts[..] else {
            panic!("{root:?}");
        };
        assert_eq!(before, "  \"id\": 1,");
        assert_eq!((lines.head.as_str(), lines.items), ("  \"lines\": [", 3));
        assert_eq!(lines.close, "  ],");
        assert_eq!(after, "  \"none\": {}");
    }

    #[test]
    fn a_document_that_was_cut_is_open_at_its_end() {
        let laid_out = json_text::begun(r#"{"a":[1,2,{"b":"hal"#).expect("the begin of an object");
        let parts = of(&laid_out);
        let [Part::Fold(root)] = &parts[..] else {
            panic!("{parts:?}");
        };
        assert_eq!(root.close, "");
        assert!(whole(&parts).trim_end().ends_with("\"b\": \"hal"), "{parts:?}");
    }
}

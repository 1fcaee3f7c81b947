//! Redacts JSON, even if its end is missing: replaces the values of secret members, searches strings, and leaves
//! everything else unchanged byte for byte.
//!
//! A message is redacted in several passes (see [`crate::message`]). The text is read once, by the first: [`Scan`] has what
//! the others need.

use std::cmp::Reverse;
use std::rc::Rc;

use crate::json_scan::{End, Scanner};
use crate::search::{Features, Search};
use crate::spans::REDACTED;

/// The text as it may be stored, and the number of redactions. `None` if it is not JSON. If `truncated`, the text may
/// end anywhere.
pub(crate) fn redact_json(text: &str, truncated: bool, search: &Search<'_>) -> Option<(String, u32)> {
    let known = search.scans().of(text, truncated);
    let scan = known.unwrap_or_else(|| {
        let scan = Rc::new(Scan::of(text, truncated, search));
        search.worked(text.len());
        harvest(text, &scan, search);
        search.scans().add(Rc::clone(&scan), search.only_gathers());
        scan
    });
    if !scan.is_json {
        return None;
    }
    if search.only_gathers() {
        return Some((String::new(), 0));
    }
    let mut cuts = scan.cuts.clone();
    let shortest = search.shortest();
    for passage in &scan.passages {
        if passage.is != Is::Open || passage.end - passage.begin >= shortest {
            passage.look(text, search, &mut cuts);
        }
    }
    cuts.sort_unstable();
    Some(apply(text, &cuts))
}

/// A part to redact. A whole value is replaced by a string; part of a string is replaced by the mark alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cut {
    pub(crate) begin: usize,
    /// Among cuts with the same beginning, the longest comes first.
    pub(crate) end: Reverse<usize>,
    pub(crate) whole_value: bool,
    /// Whether the rest of the message is searched for the redacted text.
    pub(crate) harvested: bool,
}

/// A part of the text that must be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) begin: usize,
    pub(crate) end: usize,
    /// Of a text that was looked at.
    pub(crate) features: Option<Features>,
    pub(crate) is: Is,
}

/// What a passage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Is {
    /// A string.
    Text,
    /// The same, with its end missing.
    Beginning,
    /// A string within a value that is redacted as a whole.
    Gone,
    GoneBeginning,
    /// A text in which there can only be a credential as it was sent.
    Open,
    Number,
}

impl Passage {
    /// Searches it, and adds what must be redacted because of it.
    fn look(self, text: &str, search: &Search<'_>, cuts: &mut Vec<Cut>) {
        let part = &text[self.begin..self.end];
        let spans = match self.is {
            Is::Gone | Is::GoneBeginning => return search.gone(part, self.is == Is::GoneBeginning),
            Is::Text | Is::Beginning => search.spans_of(part, self.features, self.is == Is::Beginning),
            Is::Open => search.plain_spans(part),
            Is::Number if search.spans(part, false).is_empty() => return,
            Is::Number => vec![(0, part.len())],
        };
        cuts.extend(spans.into_iter().map(|(from, to)| Cut {
            begin: self.begin + from,
            end: Reverse(self.begin + to),
            whole_value: self.is == Is::Number,
            harvested: false,
        }));
    }
}

/// What one look at a text found.
#[derive(Debug)]
pub(crate) struct Scan {
    text: String,
    truncated: bool,
    /// Without it, nothing else counts.
    is_json: bool,
    /// What is redacted whatever the rest of the message is.
    cuts: Vec<Cut>,
    /// What must be searched, in order.
    passages: Vec<Passage>,
    /// Strings without their quotes, and numbers, that are long enough to search for elsewhere; in order.
    values: Vec<(usize, usize)>,
}

impl Scan {
    fn of(text: &str, truncated: bool, search: &Search<'_>) -> Self {
        let mut scanner = Scanner::new(text, truncated, search);
        let is_json = match scanner.whole() {
            Ok(()) => true,
            Err(End::Missing) => truncated,
            Err(End::Wrong) => false,
        };
        let Scanner {
            mut cuts,
            passages,
            values,
            ..
        } = scanner;
        cuts.sort_unstable();
        Self {
            text: text.to_owned(),
            truncated,
            is_json,
            cuts,
            passages,
            values,
        }
    }
}

/// The scans of a message's first pass, for the others. A message has one body, so there is mostly one.
#[derive(Debug, Default)]
pub(crate) struct Scans(Vec<Rc<Scan>>);

impl Scans {
    fn of(&self, text: &str, truncated: bool) -> Option<Rc<Scan>> {
        let mut known = self.0.iter();
        known
            .find(|scan| scan.truncated == truncated && scan.text == text)
            .cloned()
    }

    fn add(&mut self, scan: Rc<Scan>, is_first_pass: bool) {
        if is_first_pass {
            self.0.push(scan);
        }
    }
}

/// Remembers every string and number inside a redacted value, at any depth, so that the rest of the message can be
/// searched for it.
fn harvest(text: &str, scan: &Scan, search: &Search<'_>) {
    if !scan.is_json {
        return;
    }
    let mut values = scan.values.iter().copied().peekable();
    for cut in scan.cuts.iter().filter(|cut| cut.harvested) {
        while let Some((begin, end)) = values.next_if(|(begin, _)| *begin < cut.end.0) {
            if begin >= cut.begin {
                search.harvest(&text[begin..end]);
            }
        }
    }
}

fn apply(text: &str, cuts: &[Cut]) -> (String, u32) {
    let (mut out, mut copied, mut count) = (String::with_capacity(text.len()), 0, 0);
    for cut in cuts {
        let begin = text.floor_char_boundary(cut.begin);
        let end = text.ceil_char_boundary(cut.end.0);
        if begin < copied || end <= begin {
            // It is inside a larger part that was already redacted.
            continue;
        }
        out.push_str(&text[copied..begin]);
        if cut.whole_value {
            out.push('"');
            out.push_str(REDACTED);
            out.push('"');
        } else {
            out.push_str(REDACTED);
        }
        copied = end;
        count += 1;
    }
    out.push_str(&text[copied..]);
    (out, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Names, Needles};

    fn redacted(text: &str, truncated: bool) -> Option<(String, u32)> {
        let names = Names::default();
        redact_json(text, truncated, &Search::new(&names, &Needles::default()))
    }

    #[test]
    fn secret_members_are_redacted_at_any_depth_and_the_rest_is_unchanged() {
        let text = r#" {"name" : "Ana", "password":"hunter2","deep":[{"client_secret": {"a":["b"]}, "n":1.50e3}],
            "pass\u0077ord":12,"ssn":null,"token":true} "#;
        let expected = r#" {"name" : "Ana", "password":"[redacted]","deep":[{"client_secret": "[redacted]", "n":1.50e3}],
            "pass\u0077ord":"[redacted]","ssn":null,"token":true} "#;
        assert_eq!(redacted(text, false), Some((expected.to_owned(), 3)));
    }

    #[test]
    fn names_and_values_side_by_side_are_read() {
        for (text, expected) in [
            (
                r#"[{"name":"password","value":"x1"},{"name":"city","value":"Ulm"}]"#,
                r#"[{"name":"password","value":"[redacted]"},{"name":"city","value":"Ulm"}]"#,
            ),
            (
                r#"{"value":{"a":"x1"},"key":"contact_email"}"#,
                r#"{"value":"[redacted]","key":"contact_email"}"#,
            ),
            (
                r#"{"op":"replace","path":"/user/ssn","value":123}"#,
                r#"{"op":"replace","path":"/user/ssn","value":"[redacted]"}"#,
            ),
            (
                r#"[["authorization","x1"],["accept","y"]]"#,
                r#"[["authorization","[redacted]"],["accept","y"]]"#,
            ),
            (
                r#"["accept","y","Cookie","x1"]"#,
                r#"["accept","y","Cookie","[redacted]"]"#,
            ),
            (r#"["email","phone","city"]"#, r#"["email","phone","city"]"#),
            (
                r#"{"field":"email","message":"Enter one."}"#,
                r#"{"field":"email","message":"Enter one."}"#,
            ),
        ] {
            assert_eq!(
                redacted(text, false).map(|(text, _)| text).as_deref(),
                Some(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn a_text_cut_anywhere_shows_no_part_of_a_secret_value() {
        let text = r#"{"a":[1,{"password":"hunter\"2 \u00e9 }","b":{"api_key":[{"x":"hunter3"}],"c":"d"}}],"e":-1,
            "f":[{"value":"hunter4","name":"ssn"},["cookie","hunter5"]],"g":"{\"pin\":\"hunter6\"}","h":"hunter7"}"#;
        let whole = redacted(text, false).expect("it is JSON").0;
        assert!(
            whole.ends_with(r#""g":"{\"pin\":[redacted]","h":"hunter7"}"#),
            "{whole}"
        );
        let last = text.find("hunter7").expect("it is there");
        for cut in 1..last + 7 {
            let (redacted, _) = redacted(&text[..cut], true).unwrap_or_else(|| panic!("refused at {cut}"));
            assert!(!redacted.contains("hun"), "{cut}: {redacted}");
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
            "[1",
            "[01]",
            "[1.]",
            "[-]",
            "[1e]",
            "[+1]",
            "[1,2",
        ] {
            assert_eq!(redacted(text, false), None, "{text}");
        }
        let deep = "[".repeat(10_000);
        assert_eq!(redacted(&deep, true), None);
        for text in ["{}", "[]", "1", "\"x\"", "null", "[1,2.5,-3e9,0,1E+2]"] {
            assert_eq!(redacted(text, false), Some((text.to_owned(), 0)), "{text}");
        }
    }

    #[test]
    fn each_text_of_a_message_has_its_own_scan_and_a_later_pass_reads_none_again() {
        let names = Names::default();
        // They have the same length.
        let texts = [
            r#"{"password":"hunter2-hunter2"}"#,
            r#"{"greeting":"hunter2-hunter2"}"#,
        ];
        let message = crate::message(&names, Needles::default(), |search| {
            texts.map(|text| search.json(text, false).expect("JSON"))
        });
        let expected = [r#"{"password":"[redacted]"}"#, r#"{"greeting":"[redacted]"}"#];
        assert_eq!(message.kept, expected);
        // Each once, and then only the strings in them.
        let once = texts[0].len() + texts[1].len();
        assert_eq!(message.work, once + 2 * "hunter2-hunter2".len());
    }

    #[test]
    fn what_looks_like_an_access_secret_is_redacted_wherever_it_is() {
        let secret = "prod-e82c4f19d3a7b6e5f0c8d2a1b4e7f3a6d9c2b5e8";
        for (text, expected) in [
            (format!(r#"{{"{secret}":1}}"#), r#"{"[redacted]":1}"#),
            (format!(r#"{{"note":"{secret}"}}"#), r#"{"note":"[redacted]"}"#),
        ] {
            assert_eq!(redacted(&text, false), Some((expected.to_owned(), 1)));
        }
    }
}

//! What can stand where the cursor is.

use std::ops::Range;

use super::lexer::{self, Name, Value, Word};
use super::{Vocabulary, boundary};
use crate::{Environment, FilterField, Recorded, Verdict};

/// How many suggestions there are at most.
const MOST: usize = 50;

/// What can stand where the cursor is, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The bytes of the line that a suggestion replaces, between characters. Contains the cursor or ends at it.
    pub span: Range<usize>,
    pub suggestions: Vec<Suggestion>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What to put into the line: a name with its colon, or a value, in quotes if it needs them.
    pub text: String,
    /// What it means; may be empty.
    pub words: String,
}

/// `cursor` is a byte of the line; one inside a character stands before it.
pub fn complete(text: &str, cursor: usize, vocabulary: &Vocabulary) -> Completion {
    let cursor = boundary(text, cursor);
    let word = lexer::words(text)
        .into_iter()
        .find(|word| (word.span.start..=word.span.end).contains(&cursor));
    let Some(word) = word else {
        return names(cursor..cursor, "");
    };
    match word.name {
        Name::Field(field) if cursor >= word.name_span.end => {
            let value = word.values.iter().find(|value| cursor <= value.span.end);
            value.map_or_else(
                || names(cursor..cursor, ""),
                |value| of_value(field, value, &text[value.span.start..cursor], vocabulary),
            )
        }
        Name::Unknown if cursor >= word.name_span.end => Completion {
            span: cursor..cursor,
            suggestions: Vec::new(),
        },
        _ => of_name(&word, text, cursor, vocabulary),
    }
}

/// The name that is being typed, or that the cursor is in.
fn of_name(word: &Word, text: &str, cursor: usize, vocabulary: &Vocabulary) -> Completion {
    let begin = (word.span.start + usize::from(word.exclude)).min(cursor);
    let end = if word.name == Name::None {
        word.span.end
    } else {
        word.name_span.end
    };
    let typed = &text[begin..cursor];
    let mut found = names(begin..end, typed);
    if word.name == Name::None {
        found.suggestions.extend(meant(typed, vocabulary));
        found.suggestions.truncate(MOST);
    }
    found
}

/// What a word without a name may mean: values whose words or whose text contain it, such as `verdict:deleted_key` of
/// `deleted`. If there are any, the last suggestion says what the word is as it stands: a part of the path.
fn meant(typed: &str, vocabulary: &Vocabulary) -> Vec<Suggestion> {
    /// A shorter word is in too many values.
    const SHORTEST: usize = 3;
    let mut found = Vec::new();
    if typed.len() < SHORTEST || typed.contains('"') {
        return found;
    }
    let wanted = typed.to_lowercase();
    let in_words = [
        FilterField::Verdict,
        FilterField::Status,
        FilterField::Brand,
        FilterField::Environment,
        FilterField::Key,
        FilterField::Method,
        FilterField::Recorded,
    ];
    for field in in_words {
        let all = values(field, vocabulary).into_iter();
        let meant = all.filter(|one| {
            one.words.to_lowercase().contains(&wanted) || one.text.to_lowercase().contains(&wanted)
        });
        found.extend(meant.map(|one| Suggestion {
            text: format!("{}:{}", field.name(), one.text),
            words: one.words,
        }));
    }
    found.truncate(MOST - 1);
    if !found.is_empty() {
        let text = suggestion(typed, "").text;
        found.push(Suggestion {
            text: format!("{}:{text}", FilterField::Path.name()),
            words: "Part of the path".to_owned(),
        });
    }
    found
}

fn names(span: Range<usize>, typed: &str) -> Completion {
    let typed = typed.to_ascii_lowercase();
    let suggestions = FilterField::ALL
        .into_iter()
        .filter(|field| field.name().starts_with(&typed) || field.parameter().starts_with(&typed))
        .map(|field| Suggestion {
            text: format!("{}:", field.name()),
            words: field.wants().to_owned(),
        });
    Completion {
        span,
        suggestions: suggestions.collect(),
    }
}

fn of_value(field: FilterField, value: &Value, typed: &str, vocabulary: &Vocabulary) -> Completion {
    let typed = typed.trim_start_matches('"').to_lowercase();
    let mut all = values(field, vocabulary);
    // Those that begin with it come first.
    let matches = |one: &Suggestion, begins: bool| {
        let (text, words) = (
            one.text.trim_start_matches('"').to_lowercase(),
            one.words.to_lowercase(),
        );
        text.starts_with(&typed) == begins && (begins || text.contains(&typed) || words.contains(&typed))
    };
    let mut suggestions: Vec<Suggestion> = all.iter().filter(|one| matches(one, true)).cloned().collect();
    all.retain(|one| matches(one, false));
    suggestions.append(&mut all);
    suggestions.truncate(MOST);
    Completion {
        span: value.span.clone(),
        suggestions,
    }
}

fn values(field: FilterField, vocabulary: &Vocabulary) -> Vec<Suggestion> {
    match field {
        FilterField::Status => plain(&[
            ("5xx", "Server error"),
            ("4xx", "Client error"),
            ("3xx", "Redirect"),
            ("2xx", "Success"),
            (">=400", "Every error"),
            ("401", "Unauthorized"),
            ("403", "Forbidden"),
            ("404", "Not found"),
            ("429", "Too many requests"),
            ("500", "Internal server error"),
            ("502", "Bad gateway"),
            ("503", "Service unavailable"),
            ("504", "Gateway timeout"),
            ("unknown", "Not known"),
        ]),
        FilterField::Duration => plain(&[
            (">100ms", ""),
            (">500ms", ""),
            (">1s", ""),
            (">5s", ""),
            ("<100ms", ""),
        ]),
        FilterField::Environment => Environment::ALL
            .into_iter()
            .map(|one| suggestion(one.as_str(), one.label()))
            .collect(),
        FilterField::Verdict => Verdict::ALL
            .iter()
            .map(|one| suggestion(one.as_str(), one.label()))
            .collect(),
        FilterField::Recorded => Recorded::ALL
            .into_iter()
            .map(|one| suggestion(one.as_str(), ""))
            .collect(),
        FilterField::Brand => std::iter::once(suggestion("own", "Own requests"))
            .chain(vocabulary.brands.iter().map(|brand| {
                let id = brand.client_id.to_string();
                // Brands with the same name are told apart by their ids.
                match vocabulary.name_of(&id) {
                    Some(name) => suggestion(name, ""),
                    None => suggestion(&id, &brand.name),
                }
            }))
            .collect(),
        FilterField::Key => vocabulary
            .keys
            .iter()
            .map(|key| suggestion(key.last_four.as_str(), &key.words))
            .collect(),
        FilterField::Method => vocabulary
            .methods
            .iter()
            .map(|method| suggestion(method, ""))
            .collect(),
        FilterField::Error
        | FilterField::Path
        | FilterField::Endpoint
        | FilterField::Address
        | FilterField::Request => Vec::new(),
    }
}

fn plain(all: &[(&str, &str)]) -> Vec<Suggestion> {
    all.iter().map(|(text, words)| suggestion(text, words)).collect()
}

fn suggestion(value: &str, words: &str) -> Suggestion {
    let mut text = String::new();
    lexer::push_value(&mut text, value);
    Suggestion {
        text,
        words: words.to_owned(),
    }
}

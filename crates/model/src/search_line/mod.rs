//! The search line: a [`LogFilter`] as one line of text, such as
//! `status:>=500 method:POST,PUT -env:sandbox brand:"Acme East" /v1/orders`.
//!
//! A word is `name:value`; commas separate several values of which one must match, and `-` before the name excludes them. A
//! word without a name is a part of the path. Quotes hold what has spaces or commas, and `\` inside them takes the next
//! character as it is. The date range and the cursor are not part of the line.

mod complete;
mod lexer;

use std::ops::Range;

pub use complete::{Completion, Suggestion, complete};
use serde::{Deserialize, Serialize};

use self::lexer::{Name, Value, Word};
use crate::{Brand, BrandFilter, FilterField, InvalidFilter, LastFour, LogFacets, LogFilter};

/// The parameter of an address that has a search line. Addresses that Gatehouse writes have one parameter for each value
/// instead.
pub const PARAMETER: &str = "q";

/// More bytes are not read. There is room for every filter.
pub const LONGEST_LINE: usize = 128 * 1024;

/// What the reader of a line knows by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    pub brands: Vec<Brand>,
    pub keys: Vec<KeyWord>,
    /// Methods that requests had.
    pub methods: Vec<String>,
}

/// A key that a line can name by its last four characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyWord {
    pub last_four: LastFour,
    /// What tells it from others, such as "Production, deleted".
    pub words: String,
}

/// A part of the line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// Its bytes in the line, between characters.
    pub span: Range<usize>,
    pub fault: LineFault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineFault {
    UnknownName,
    /// It begins with a quote that does not end.
    OpenQuote,
    /// No brand of the vocabulary has this name.
    UnknownBrand,
    /// The field does not have such a value, or the name has none.
    Value(InvalidFilter),
    TooLong,
}

impl LineFault {
    /// One sentence for under the word.
    pub fn sentence(&self) -> String {
        match self {
            Self::UnknownName => {
                "There is no filter with this name. To look for it in paths, put it in quotes.".to_owned()
            }
            Self::OpenQuote => "The closing quote is missing.".to_owned(),
            Self::UnknownBrand => "No brand has this name.".to_owned(),
            Self::Value(InvalidFilter { name, wants }) => format!("{name} wants {wants}."),
            Self::TooLong => "The search is too long.".to_owned(),
        }
    }

    fn in_address(self) -> InvalidFilter {
        match self {
            Self::Value(invalid) => invalid,
            _ => InvalidFilter {
                name: PARAMETER,
                wants: "made of words such as status:5xx, with every quote closed",
            },
        }
    }
}

/// Reads a line. The filter has what could be read; its date range is the default one. With a vocabulary, a brand's name
/// becomes its Client ID, and a name that no brand has is an error. Without one it is [`BrandFilter::Named`].
pub fn read(text: &str, vocabulary: Option<&Vocabulary>) -> (LogFilter, Vec<LineError>) {
    let mut filter = LogFilter::default();
    let errors = match vocabulary {
        Some(vocabulary) => read_onto(&mut filter, text, Some(&|name| vocabulary.resolve(name))),
        None => read_onto(&mut filter, text, None),
    };
    (filter, errors)
}

/// Whether nothing is wrong with a line, for one who knows nothing by name.
pub fn is_right(text: &str) -> bool {
    read_onto(&mut LogFilter::default(), text, None).is_empty()
}

/// Adds what a line says to the filter, for a line in an address.
pub(crate) fn read_parameter(filter: &mut LogFilter, text: &str) -> Result<(), InvalidFilter> {
    let mut errors = read_onto(filter, text, None);
    if errors.is_empty() {
        return Ok(());
    }
    Err(errors.swap_remove(0).fault.in_address())
}

/// What a brand's name stands for. A trait object, so that a page which knows no names does not load what compares them: the
/// tables for letters of all languages are 5 kB.
type Resolve<'a> = &'a dyn Fn(&str) -> Option<String>;

fn read_onto(filter: &mut LogFilter, text: &str, brands: Option<Resolve<'_>>) -> Vec<LineError> {
    let mut errors = Vec::new();
    let end = boundary(text, LONGEST_LINE);
    if end < text.len() {
        errors.push(LineError {
            span: end..text.len(),
            fault: LineFault::TooLong,
        });
    }
    for word in lexer::words(&text[..end]) {
        read_word(filter, &word, brands, &mut errors);
    }
    errors
}

fn read_word(filter: &mut LogFilter, word: &Word, brands: Option<Resolve<'_>>, errors: &mut Vec<LineError>) {
    let mut fail = |span: &Range<usize>, fault| {
        errors.push(LineError {
            span: span.clone(),
            fault,
        });
    };
    let field = match word.name {
        Name::None => FilterField::Path,
        Name::Field(field) => field,
        Name::Unknown => return fail(&word.name_span, LineFault::UnknownName),
    };
    let no_value = LineFault::Value(InvalidFilter {
        name: field.name(),
        wants: field.wants(),
    });
    let mut is_empty = word.name != Name::None;
    for Value { span, text, is_open } in &word.values {
        if *is_open {
            is_empty = false;
            fail(span, LineFault::OpenQuote);
        } else if !text.is_empty() {
            is_empty = false;
            let text = match (field, brands) {
                (FilterField::Brand, Some(resolve)) => match resolve(text) {
                    Some(text) => text,
                    None => {
                        fail(span, LineFault::UnknownBrand);
                        continue;
                    }
                },
                _ => text.clone(),
            };
            if let Err(invalid) = filter.add(field, word.exclude, &text) {
                let name = field.name();
                fail(span, LineFault::Value(InvalidFilter { name, ..invalid }));
            }
        }
    }
    if is_empty {
        fail(&word.span, no_value);
    }
}

/// The filter as a line that [`read`] reads back, in the canonical order. With a vocabulary, brands have their names.
pub fn write(filter: &LogFilter, vocabulary: Option<&Vocabulary>) -> String {
    let mut line = String::new();
    for field in FilterField::ALL {
        for (exclude, sign) in [(false, ""), (true, "-")] {
            let mut separator = ':';
            for text in filter.texts(field, exclude) {
                if separator == ':' {
                    if !line.is_empty() {
                        line.push(' ');
                    }
                    line.push_str(sign);
                    line.push_str(field.name());
                }
                line.push(std::mem::replace(&mut separator, ','));
                let name = vocabulary
                    .filter(|_| field == FilterField::Brand)
                    .and_then(|vocabulary| vocabulary.name_of(&text));
                lexer::push_value(&mut line, name.unwrap_or(&text));
            }
        }
    }
    line
}

impl Vocabulary {
    /// The brands of the company, and the keys and methods that its requests have.
    pub fn of(brands: &[Brand], facets: &LogFacets) -> Self {
        let values = |field| {
            let facets = facets.all.iter().filter(move |facet| facet.field == field);
            facets.flat_map(|facet| &facet.values)
        };
        let mut keys: Vec<KeyWord> = Vec::new();
        for value in values(FilterField::Key) {
            // A key that is known by its id only has no last four.
            if let Ok(last_four) = value.label.parse()
                && keys.iter().all(|key| key.last_four != last_four)
            {
                let words = value.note.clone();
                keys.push(KeyWord { last_four, words });
            }
        }
        Self {
            brands: brands.to_vec(),
            keys,
            methods: values(FilterField::Method)
                .map(|value| value.text.clone())
                .collect(),
        }
    }

    /// The Client ID of the only brand with this name, or the text itself if it is none or the name of several brands.
    fn resolve(&self, text: &str) -> Option<String> {
        let Ok(BrandFilter::Named(name)) = text.parse() else {
            return Some(text.to_owned());
        };
        let mut named = self.brands.iter().filter(|brand| is_called(brand, &name));
        let first = named.next()?;
        Some(match named.next() {
            None => first.client_id.to_string(),
            Some(_) => name,
        })
    }

    /// The name of the brand with this Client ID, if [`Self::resolve`] finds the brand by it.
    fn name_of(&self, client_id: &str) -> Option<&str> {
        let brand = self
            .brands
            .iter()
            .find(|brand| brand.client_id.to_string() == client_id)?;
        let found = self.resolve(&brand.name);
        (found.as_deref() == Some(client_id)).then_some(brand.name.as_str())
    }
}

fn is_called(brand: &Brand, name: &str) -> bool {
    brand.name.trim().to_lowercase() == name.to_lowercase()
}

/// The last place between characters that is not behind `at`.
fn boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

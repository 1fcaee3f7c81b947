//! Works the search line: completes it, and adds what it says to the filter. In a part of the WASM that is loaded when the line
//! is first used.

use leptos::prelude::*;
use model::search_line::{self, KeyWord, Vocabulary};
use model::{FilterField, LogFilter};

use super::{LIST, Line, Offer, WRONG, fault};
use crate::browser::caret;
use crate::browser::combobox::{self, Act};
use crate::pages::logs::filters::METHODS;

/// From now on, the line offers what can stand at its cursor.
pub(crate) fn work_line(line: Line) {
    combobox::attach(line.field, LIST, move |act| line.handle(act));
    line.handle(Act::Edit);
}

/// Adds what the line says to the filter. If a word of it is wrong, the line says so and nothing changes.
pub(crate) fn apply_line(line: Line) {
    line.offer(Offer::default());
    let text = combobox::text(line.field);
    let (said, errors) = search_line::read(&text, Some(&line.vocabulary()));
    let fault = fault::first(&text, &errors);
    combobox::blame(line.field, WRONG, fault.as_ref());
    if fault.is_none() {
        line.listing.change(false, |filter| add_all(filter, &said));
        combobox::write(line.field, "", 0);
    }
}

impl Line {
    /// True if there was something to do.
    fn handle(self, act: Act) -> bool {
        let Some(now) = self.offer.try_get_value() else {
            return false;
        };
        let count = now.suggestions.len();
        let mark = |at: usize| {
            self.offer(Offer {
                active: Some(at),
                ..now.clone()
            });
        };
        match (act, now.active) {
            (Act::Edit, _) => {
                combobox::blame(self.field, WRONG, None);
                self.complete();
                return false;
            }
            (Act::Leave, _) => {
                self.offer(Offer::default());
                return false;
            }
            _ if count == 0 => return false,
            (Act::Close, _) => self.offer(Offer::default()),
            (Act::Next, at) => mark(at.map_or(0, |at| (at + 1) % count)),
            (Act::Previous, at) => mark(at.map_or(count - 1, |at| (at + count - 1) % count)),
            (Act::Take, Some(at)) | (Act::Press(at), _) => self.take(&now, at),
            (Act::Take, None) => return false,
        }
        true
    }

    fn offer(self, offer: Offer) {
        let options: Vec<(&str, &str)> = offer
            .suggestions
            .iter()
            .map(|one| (one.text.as_str(), one.words.as_str()))
            .collect();
        combobox::offer(self.field, LIST, &options, offer.active);
        self.offer.try_set_value(offer);
    }

    fn complete(self) {
        let Some(field) = self.field.try_get_untracked().flatten().filter(caret::is_in) else {
            return;
        };
        let text = combobox::text(self.field);
        let cursor = caret::place_in(&field, &text);
        let found = search_line::complete(&text, cursor, &self.vocabulary());
        // A word that is complete needs no help.
        let is_there = matches!(&found.suggestions[..], [one] if text.get(found.span.clone()) == Some(one.text.as_str()));
        self.offer(Offer {
            suggestions: if is_there { Vec::new() } else { found.suggestions },
            span: found.span,
            active: None,
        });
    }

    fn take(self, offer: &Offer, at: usize) {
        let mut text = combobox::text(self.field);
        let Some(suggestion) = offer.suggestions.get(at) else {
            return;
        };
        if text.get(offer.span.clone()).is_none() {
            return;
        }
        text.replace_range(offer.span.clone(), &suggestion.text);
        let mut end = offer.span.start + suggestion.text.len();
        // A name wants its value next; after a value, the next word.
        if !suggestion.text.ends_with(':') && end == text.len() {
            text.push(' ');
            end += 1;
        }
        combobox::write(self.field, &text, end);
        self.complete();
    }

    fn vocabulary(self) -> Vocabulary {
        self.names.with_value(|names| {
            let keys = names.keys.iter().filter_map(|key| {
                Some(KeyWord {
                    last_four: key.last_four.parse().ok()?,
                    words: key.environment.label().to_owned(),
                })
            });
            Vocabulary {
                brands: names.brands.clone(),
                keys: keys.collect(),
                methods: METHODS.iter().map(|method| (*method).to_owned()).collect(),
            }
        })
    }
}

fn add_all(filter: &mut LogFilter, said: &LogFilter) {
    for field in FilterField::ALL {
        for exclude in [false, true] {
            for text in said.texts(field, exclude) {
                // There may be no room for another value; then the chips show what there is.
                let _ = filter.add(field, exclude, &text);
            }
        }
    }
}

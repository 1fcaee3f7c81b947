//! Works the search line: completes it, and adds what it says to the filter. Loaded with the tools of the form.

use leptos::prelude::*;
use model::search_line::{self, Vocabulary};
use model::{FilterField, LogFilter};

use super::{FIELD, LIST, Line, Offer, WRONG, fault};
use crate::api;
use crate::browser::combobox::{self, Act};

impl Line {
    /// From now on, the line offers what can stand at its cursor.
    pub(in crate::pages::logs::filters) fn attach(self) {
        combobox::attach(FIELD, LIST, move |act| self.handle(act));
        self.handle(Act::Edit);
    }

    /// Adds what the line says to the filter, or says what is wrong with it. False if the line is empty.
    pub(in crate::pages::logs::filters) fn apply(self) -> bool {
        let text = combobox::text(FIELD);
        let is_used = !text.trim().is_empty();
        if is_used {
            self.offer(Offer::default());
            leptos::task::spawn_local(async move {
                let known = self.vocabulary().await;
                self.add(&text, known.as_ref());
            });
        }
        is_used
    }

    /// If a word of the line is wrong, it says so and nothing changes.
    fn add(self, text: &str, known: Option<&Vocabulary>) {
        let (said, errors) = search_line::read(text, known);
        let fault = fault::first(text, &errors);
        combobox::blame(FIELD, WRONG, fault.as_ref());
        if fault.is_none() && self.offer.try_get_value().is_some() {
            self.listing.change(false, |filter| add_all(filter, &said));
            combobox::write(FIELD, "", 0);
        }
    }

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
                combobox::blame(FIELD, WRONG, None);
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
        combobox::offer(FIELD, LIST, &options, offer.active);
        self.offer.try_set_value(offer);
    }

    fn complete(self) {
        let text = combobox::text(FIELD);
        let Some(cursor) = combobox::cursor(FIELD, &text) else {
            return;
        };
        let known = self
            .known
            .try_with_value(|known| known.vocabulary.clone())
            .flatten();
        if known.is_none() {
            self.learn();
        }
        let found = search_line::complete(&text, cursor, &known.unwrap_or_default());
        // A word that is complete needs no help.
        let is_there = matches!(&found.suggestions[..], [one] if text.get(found.span.clone()) == Some(one.text.as_str()));
        self.offer(Offer {
            suggestions: if is_there { Vec::new() } else { found.suggestions },
            span: found.span,
            active: None,
        });
    }

    fn take(self, offer: &Offer, at: usize) {
        let mut text = combobox::text(FIELD);
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
        combobox::write(FIELD, &text, end);
        self.complete();
    }

    /// Completes again once the names are known. Asked for once, as long as it does not fail.
    fn learn(self) {
        let asked = self
            .known
            .try_update_value(|known| std::mem::replace(&mut known.is_asked_for, true));
        if asked == Some(false) {
            leptos::task::spawn_local(async move {
                if self.vocabulary().await.is_some() {
                    self.complete();
                } else {
                    self.known.try_update_value(|known| known.is_asked_for = false);
                }
            });
        }
    }

    /// None if it could not be loaded: the server then knows the names.
    async fn vocabulary(self) -> Option<Vocabulary> {
        let known = self
            .known
            .try_with_value(|known| known.vocabulary.clone())
            .flatten();
        if known.is_some() {
            return known;
        }
        let company = untrack(move || self.listing.scope.client_id());
        let filter = self.listing.filter.try_get_untracked()?;
        let vocabulary = api::logs::vocabulary(company, filter).await.ok()?;
        self.known
            .try_update_value(|known| known.vocabulary = Some(vocabulary.clone()));
        Some(vocabulary)
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

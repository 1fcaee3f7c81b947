//! The search line: a whole filter as one line of text, for those who would rather type. Enter adds what it says to the
//! filter, and each value then has its chip. Without scripts it is a field of the form, which the server reads. What
//! completes it, and says what is wrong with it, is loaded with the tools of the form (`tools.rs`).

pub(super) mod fault;
mod tools;

use std::ops::Range;

use leptos::prelude::*;
#[cfg(feature = "ssr")]
use model::search_line;
use model::search_line::{Suggestion, Vocabulary};

use crate::pages::logs::listing::Listing;

/// The ids of the field, of its list of suggestions, and of the place for what is wrong.
pub(crate) const FIELD: &str = "search-line";
const LIST: &str = "search-line-list";
const WRONG: &str = "search-line-error";

/// What works the line needs of it.
#[derive(Clone, Copy)]
pub(super) struct Line {
    listing: Listing,
    offer: StoredValue<Offer>,
    known: StoredValue<Known>,
}

/// What is offered for the word at the cursor.
#[derive(Clone, Debug, Default)]
struct Offer {
    suggestions: Vec<Suggestion>,
    /// The bytes of the line that a suggestion replaces.
    span: Range<usize>,
    /// The suggestion that Enter takes.
    active: Option<usize>,
}

/// What the line knows by name. Asked for when it is first used.
#[derive(Clone, Debug, Default)]
struct Known {
    is_asked_for: bool,
    vocabulary: Option<Vocabulary>,
}

impl Line {
    pub(super) fn new(listing: Listing) -> Self {
        Self {
            listing,
            offer: StoredValue::new(Offer::default()),
            known: StoredValue::new(Known::default()),
        }
    }
}

/// The field, with places for what it offers and what is wrong with it. `given` is the line of the address, if something is
/// wrong with that.
#[cfg(feature = "ssr")]
#[component]
pub(super) fn SearchLine(given: String) -> impl IntoView {
    let fault = fault::first(&given, &search_line::read(&given, None).1);
    let is_wrong = fault.is_some();
    let (before, word, sentence) = fault.map_or_else(Default::default, |fault| {
        (fault.before, fault.word, fault.sentence)
    });
    view! {
        <div class="field logs-line">
            <label class="field__label" for=FIELD>"Search"</label>
            <input
                class="input input--mono"
                id=FIELD
                name=search_line::PARAMETER
                type="text"
                value=is_wrong.then_some(given)
                placeholder="status:>=500 method:POST path:/v1/orders"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                aria-invalid=is_wrong.then_some("true")
                aria-describedby="search-line-error search-line-hint"
            />
            <ul class="logs-line__list" id=LIST role="listbox" aria-label="Suggestions" hidden=true></ul>
            <p class="field__error logs-line__error" id=WRONG hidden=!is_wrong>
                <span class="logs-line__place mono" aria-hidden="true">{before}</span>
                <span class="logs-line__word mono">{word}</span>
                <span>{sentence}</span>
            </p>
            <p class="field__hint" id="search-line-hint">
                "Names: status, brand, env, key, method, verdict, error, recorded, path, endpoint, ip, duration, id. "
                <code>"-"</code>
                " before a name excludes."
            </p>
            <p class="field__hint logs-keys js-only">
                <span class="logs-keys__on">
                    "Press " <kbd>"/"</kbd> " to come here. With a request open beside the list, " <kbd>"J"</kbd> " and "
                    <kbd>"K"</kbd> " lead to the next and the previous one. "
                </span>
                <button type="button" class="button" data-kind="quiet" data-size="small" data-press="shortcuts">
                    <span class="logs-keys__on">"Turn off single-key shortcuts"</span>
                    <span class="logs-keys__off">"Turn on single-key shortcuts"</span>
                </button>
            </p>
        </div>
    }
}

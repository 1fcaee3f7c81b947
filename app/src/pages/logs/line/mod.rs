//! The search line: a whole filter as one line of text, for those who would rather type. Enter adds what it says to the
//! filter, and each value then has its chip. Without scripts it is a field of the form, which the server reads. What
//! completes it, and says what is wrong with it, is loaded when it is used (`tools.rs`).

mod fault;
mod tools;

use std::ops::Range;

use leptos::{html, prelude::*};
use leptos_router::hooks::use_query_map;
use model::search_line::{self, Suggestion};

pub(crate) use self::tools::{apply_line, work_line};
use super::listing::Listing;
use super::names::Names;
use crate::browser::combobox::{self, Fault};
use crate::on_demand::Coming;

/// The ids of the field, of its list of suggestions, and of the place for what is wrong.
pub(super) const FIELD: &str = "search-line";
const LIST: &str = "search-line-list";
const WRONG: &str = "search-line-error";

/// Load a tool and call it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaders {
    /// [`work_line`]
    pub(crate) work: fn(Line) -> Coming<()>,
    /// [`apply_line`]
    pub(crate) apply: fn(Line) -> Coming<()>,
}

/// What works the line needs of it.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    load: Loaders,
    listing: Listing,
    field: NodeRef<html::Input>,
    names: StoredValue<Names>,
    offer: StoredValue<Offer>,
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

impl Line {
    pub(super) fn new(listing: Listing, names: &Names, load: Loaders) -> Self {
        Self {
            load,
            listing,
            field: NodeRef::new(),
            names: StoredValue::new(names.clone()),
            offer: StoredValue::new(Offer::default()),
        }
    }

    /// Adds what the line says to the filter, or says what is wrong with it. False if the line is empty.
    pub(super) fn apply(self) -> bool {
        let is_used = !combobox::text(self.field).trim().is_empty();
        if is_used {
            leptos::task::spawn_local(async move {
                // If it could not be loaded, the next Enter tries again.
                let _ = (self.load.apply)(self).await;
            });
        }
        is_used
    }
}

/// The field, with what it offers and what is wrong with it below.
#[component]
pub(super) fn SearchLine(line: Line) -> impl IntoView {
    let is_awake = StoredValue::new(false);
    let wake = move |_| {
        if !is_awake.get_value() {
            is_awake.set_value(true);
            leptos::task::spawn_local(async move {
                // Without it the line works, and offers nothing until the next try.
                if (line.load.work)(line).await.is_err() {
                    is_awake.try_set_value(false);
                }
            });
        }
    };
    // An address can have a line. It is shown only if something is wrong with it: what is right has its chips.
    let given = use_query_map()
        .read_untracked()
        .get(search_line::PARAMETER)
        .unwrap_or_default();
    let fault = fault::first(&given, &search_line::read(&given, None).1);
    let is_wrong = fault.is_some();
    let Fault {
        before,
        word,
        sentence,
    } = fault.unwrap_or_else(|| Fault {
        before: String::new(),
        word: String::new(),
        sentence: String::new(),
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
                node_ref=line.field
                on:focus=wake
            />
            <ul class="logs-line__list" id=LIST role="listbox" aria-label="Suggestions" hidden=true></ul>
            <p class="field__error logs-line__error" id=WRONG hidden=!is_wrong>
                <span class="logs-line__place mono" aria-hidden="true">{before}</span>
                <span class="logs-line__word mono">{word}</span>
                <span>{sentence}</span>
            </p>
            <p class="field__hint" id="search-line-hint">
                <span class="js-only">"Press " <kbd>"/"</kbd> " to come here. "</span>
                "Names: status, brand, env, key, method, verdict, recorded, path, ip, duration, id. "
                <code>"-"</code>
                " before a name excludes."
            </p>
        </div>
    }
    .into_any()
}

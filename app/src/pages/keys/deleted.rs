//! Deleted keys, folded: the server draws them once the reader asks for them. The link works without scripts.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::api;
use crate::browser::html::{Markup, ShowMarkup};
use crate::pages::company::CompanyScope;
use crate::pages::loaded::{Outcome, read_from};
use crate::ui::Section;

/// Says in the address that they are shown.
const SHOWN: &str = "deleted";

/// Whether they are shown, and what was drawn of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeletedKeys {
    shown: Memo<bool>,
    drawn: Resource<Outcome<Markup>>,
}

impl DeletedKeys {
    /// Made by the page itself, as every resource is.
    pub(super) fn of(scope: CompanyScope) -> Self {
        let query = use_query_map();
        let shown = Memo::new(move |_| query.with(|query| query.get(SHOWN)).is_some());
        let drawn = Resource::new(
            move || (scope.client_id(), shown.get()),
            |(company, shown)| async move {
                if shown {
                    api::keys::deleted_keys(company).await
                } else {
                    Ok(Markup::default())
                }
            },
        );
        Self { shown, drawn }
    }
}

#[component]
pub(super) fn DeletedSection(deleted: DeletedKeys) -> impl IntoView {
    let scope = CompanyScope::here();
    let DeletedKeys { shown, drawn } = deleted;
    let list = scope.path("keys");
    let href = move || {
        if shown.get() {
            format!("{list}#deleted")
        } else {
            format!("{list}?{SHOWN}=1#deleted")
        }
    };
    let words = move || if shown.get() { "Hide deleted keys" } else { "Show deleted keys" };
    let expanded = move || if shown.get() { "true" } else { "false" };
    let markup = read_from(move || match drawn.get() {
        Some(Ok(markup)) => markup,
        _ => Markup::default(),
    });
    let failure = read_from(move || match drawn.get() {
        Some(Err(error)) => Some(error.to_string()),
        _ => None,
    });
    view! {
        <Section
            id="deleted"
            title="Deleted keys"
            lead="Who deleted a key, and whether something still sends it. Kept for 90 days."
        >
            <p><a href=href aria-expanded=expanded>{words}</a></p>
            <Transition fallback=|| ()>
                <ShowMarkup markup=markup class="key-deleted" />
                {move || failure.get().map(|error| view! { <p class="muted">{error}</p> })}
            </Transition>
        </Section>
    }
}

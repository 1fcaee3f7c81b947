//! Deleted keys, folded: what shows them is loaded when the reader asks for them. The link works without scripts.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::on_demand::{Part, now};
use crate::pages::company::CompanyScope;
use crate::pages::loaded::Loading;
use crate::ui::Section;

/// What shows them.
#[derive(Clone, Copy, Debug)]
pub struct DeletedLoader(pub(crate) Part<()>);

/// Says in the address that they are shown.
const SHOWN: &str = "deleted=1";

/// Whether the query asks for them.
pub(crate) fn are_asked_for(query: &str) -> bool {
    query.trim_start_matches('?').split('&').any(|pair| pair == SHOWN)
}

/// Whether they are shown. While the reader moves to another page, the address is already that page's and is not read.
fn in_address() -> Memo<bool> {
    let location = use_location();
    let (path, search) = (location.pathname, location.search);
    Memo::new(move |before: Option<&bool>| match before {
        Some(before) if !path.with(|path| path.trim_end_matches('/').ends_with("/keys")) => *before,
        _ => search.with(|search| are_asked_for(search)),
    })
}

/// The heading, with the link that folds and unfolds them.
#[component]
pub(super) fn DeletedHeading() -> impl IntoView {
    let shown = in_address();
    let list = CompanyScope::here().path("keys");
    let href = move || match shown.get() {
        true => format!("{list}#deleted"),
        false => format!("{list}?{SHOWN}#deleted"),
    };
    let words = move || match shown.get() {
        true => "Hide deleted keys",
        false => "Show deleted keys",
    };
    let expanded = move || if shown.get() { "true" } else { "false" };
    view! {
        <Section
            id="deleted"
            title="Deleted keys"
            lead="Who deleted a key, and whether something still sends it. Kept for 90 days."
        >
            <p><a href=href aria-expanded=expanded>{words}</a></p>
        </Section>
    }
}

/// The keys themselves. Outside of what waits for the list: they have a resource of their own.
#[component]
pub(super) fn Deleted(load: DeletedLoader) -> impl IntoView {
    let DeletedLoader(load) = load;
    let shown = in_address();
    let (ended, failed) = (RwSignal::new(0_u32), RwSignal::new(false));
    move || {
        shown.get().then(|| {
            ended.track();
            let view = match now((load.load)()) {
                _ if failed.get_untracked() => None,
                Ok(Ok(())) => now((load.view)(())).ok().and_then(Result::ok),
                Ok(Err(_)) => None,
                Err(coming) => {
                    leptos::task::spawn_local(async move {
                        failed.try_set(coming.await.is_err());
                        ended.try_update(|ended| *ended += 1);
                    });
                    Some(view! { <Loading /> }.into_any())
                }
            };
            view.unwrap_or_else(|| {
                view! { <p class="muted" role="alert">"Deleted keys could not be shown. " <a href="" rel="external">"Reload the page"</a></p> }
                    .into_any()
            })
        })
    }
}

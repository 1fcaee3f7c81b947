//! What is folded above the list: the reader's own views of it, and exporting what it finds. The server draws both
//! (`panels_drawn.rs`), so their forms work without scripts. With them, sending one loads what does the same without leaving
//! the page (`views_run.rs`), and shows how far an export is (`export_run.rs`).

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::{LogFilter, LogView};

use super::drawn::{self, Drawing, Part, part};
use super::export_run::ExportRun;
use super::listing::{Listing, Shown};
use super::summary;
use super::views_run::ViewsRun;
use crate::browser::form;
use crate::browser::html::ShowMarkup;
use crate::on_demand::Coming;
use crate::pages::loaded::read_from;

/// The parameter of an address whose views are unfolded: a form without scripts leads there.
pub const VIEWS_OPEN: &str = "views=open";
/// Where the focus goes when a button of the views is gone.
pub(super) const VIEWS: &str = "views";

/// Load a tool and call it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaders {
    /// [`super::views_run::change_views`]
    pub(crate) views: fn(ViewsRun) -> Coming<()>,
    /// [`super::export_run::run_export`]
    pub(crate) export: fn(ExportRun) -> Coming<()>,
}

/// With scripts, the panels are drawn when one is first opened, and again when the filter changes.
#[component]
pub(super) fn FoldedPanels(listing: Listing, load: Loaders) -> impl IntoView {
    let wanted = RwSignal::new(cfg!(feature = "ssr"));
    let drawing = drawn::asked_for(listing, Part::Panels, wanted.into());
    let open = move |_| wanted.set(true);
    let shows_views = use_query_map().with_untracked(|query| query.get_str(VIEWS).is_some());
    view! {
        <div class="logs-panels">
            <Transition fallback=|| ()>
                <details open=shows_views on:toggle=open>
                    <summary id=VIEWS>"Saved views"</summary>
                    <Views listing drawing load />
                </details>
                <details on:toggle=open>
                    <summary>"Export…"</summary>
                    <Export listing drawing load />
                </details>
            </Transition>
        </div>
    }
    .into_any()
}

/// The list of views and the form that saves one, and below them what was done.
#[component]
fn Views(listing: Listing, drawing: Drawing, load: Loaders) -> impl IntoView {
    // With the filter that it was said of: once that changes, it is no news any more, also when the reader comes back to it.
    let said = RwSignal::new((LogFilter::default(), String::new()));
    Effect::new(move || {
        let is_over = listing
            .filter
            .with(|now| said.with_untracked(|(of, _)| of != now));
        if is_over {
            said.update(|(_, words)| words.clear());
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let run = ViewsRun {
            company: untrack(move || listing.scope.client_id()),
            event,
            drawing,
            filter: listing.filter.get_untracked(),
            said,
        };
        leptos::task::spawn_local(async move {
            if (load.views)(run.clone()).await.is_err() {
                form::send(&run.event);
            }
        });
    };
    let news = move || {
        let words = said.with(|(of, words)| listing.filter.with(|now| of == now).then(|| words.clone()));
        words.unwrap_or_default()
    };
    view! {
        <div class="logs-panel" on:submit=submit>
            <ShowMarkup markup=part(drawing, |drawn| &drawn.main) class="logs-panel__drawn" />
            <p role="status">{news}</p>
        </div>
    }
    .into_any()
}

/// The form, and below it how far the export is.
#[component]
fn Export(listing: Listing, drawing: Drawing, load: Loaders) -> impl IntoView {
    let matching = read_from(move || {
        // The other views have no rows to count.
        let found = |shown: &Shown| {
            (shown.filter.view == LogView::Requests).then(|| summary::found(&shown.page, shown.filter.range))
        };
        listing.with(found).flatten().unwrap_or_default()
    });
    let progress = RwSignal::new(None::<ViewFn>);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let run = ExportRun::new(listing, event.clone(), progress);
        leptos::task::spawn_local(async move {
            // Without it, the browser downloads the file.
            if (load.export)(run).await.is_err() {
                form::send(&event);
            }
        });
    };
    view! {
        <div class="logs-panel" on:submit=submit>
            <p>{move || matching.get()}</p>
            <ShowMarkup markup=part(drawing, |drawn| &drawn.aside) class="logs-panel__drawn" />
            {move || progress.get().map(|progress| progress.run())}
        </div>
    }
    .into_any()
}

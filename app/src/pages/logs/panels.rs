//! What is folded above the list: exporting what the filter finds. The server draws its form (`panels_drawn.rs`), so it works
//! without scripts. With them, sending it loads what shows how far the export is (`export_run.rs`).

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use serde::{Deserialize, Serialize};

use super::export_run::ExportRun;
use super::listing::Listing;
use super::summary;
use crate::api;
use crate::browser::form;
use crate::browser::html::{Markup, ShowMarkup};
use crate::on_demand::Coming;
use crate::pages::loaded::read_from;

/// The contents of the folded parts, drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panels {
    pub(super) export: Markup,
}

/// Load a tool and call it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaders {
    /// [`super::export_run::run_export`]
    pub(crate) export: fn(ExportRun) -> Coming<()>,
}

/// With scripts, a panel is drawn when it is first opened, and again when the address changes.
#[component]
pub(super) fn FoldedPanels(listing: Listing, load: Loaders) -> impl IntoView {
    let wanted = RwSignal::new(cfg!(feature = "ssr"));
    let search = use_location().search;
    let panels = Resource::new(
        move || {
            let query = wanted.get().then(|| search.get());
            (listing.scope.client_id(), query)
        },
        |(company, query)| async move {
            match query {
                Some(query) => api::logs::panels(company, query).await,
                None => Ok(Panels::default()),
            }
        },
    );
    let part = move |read: fn(&Panels) -> &Markup| {
        read_from(move || {
            panels.with(|panels| match panels {
                Some(Ok(panels)) => read(panels).clone(),
                _ => Markup::default(),
            })
        })
    };
    let open = move |_| wanted.set(true);
    view! {
        <div class="logs-panels">
            <Transition fallback=|| ()>
                <details on:toggle=open>
                    <summary>"Export…"</summary>
                    <Export listing form=part(|panels| &panels.export) load />
                </details>
            </Transition>
        </div>
    }
    .into_any()
}

/// The form, and below it how far the export is.
#[component]
fn Export(listing: Listing, form: Signal<Markup>, load: Loaders) -> impl IntoView {
    let matching = read_from(move || {
        listing
            .with(|shown| summary::found(&shown.page, shown.filter.range))
            .unwrap_or_default()
    });
    let progress = RwSignal::new(None::<ViewFn>);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let run = ExportRun::new(listing, event.clone(), progress);
        leptos::task::spawn_local(async move {
            // Without it, the browser downloads the file by itself.
            if (load.export)(run).await.is_err() {
                form::send(&event);
            }
        });
    };
    view! {
        <div class="logs-panel" on:submit=submit>
            <p>{move || matching.get()}</p>
            <ShowMarkup markup=form class="logs-panel__form" />
            {move || progress.get().map(|progress| progress.run())}
        </div>
    }
    .into_any()
}

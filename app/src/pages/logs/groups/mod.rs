//! Requests in groups: errors by what failed, endpoints, or addresses. The server makes the table (`drawing.rs`) of plain links to the
//! requests of each group, so the browser loads no code for it, and it works without scripts. It is asked for while it is
//! shown.

#[cfg(feature = "ssr")]
pub(super) mod addresses;
#[cfg(feature = "ssr")]
pub(super) mod drawing;
#[cfg(feature = "ssr")]
pub(super) mod endpoints;
#[cfg(feature = "ssr")]
mod words;

use leptos::prelude::*;

use super::drawn::{Drawing, part};
use super::zone_switch::ZoneSwitch;
use crate::browser::html::ShowMarkup;
use crate::pages::loaded::{Failure, read_from};

/// The groups, inside the `Transition` around them.
#[component]
pub(super) fn Groups(drawing: Drawing) -> impl IntoView {
    // They are what the page is about, so the page has the status of what went wrong.
    let failed = read_from(move || {
        drawing.with(|drawn| drawn.as_ref().and_then(|drawn| drawn.as_ref().err().cloned()))
    });
    view! {
        <div class="logs-grouped">
            {move || {
                failed
                    .get()
                    .map(|error| {
                        let retry = Callback::new(move |()| drawing.refetch());
                        view! { <Failure error retry /> }.into_any()
                    })
            }}
            <ShowMarkup markup=part(drawing, |drawn| &drawn.main) class="logs-groups" />
            <ZoneSwitch />
        </div>
    }
    .into_any()
}

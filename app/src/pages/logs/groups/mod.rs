//! Requests in groups: errors by what failed, or endpoints. The server makes the table (`drawing.rs`) of plain links to the
//! requests of each group, so the browser loads no code for it, and it works without scripts. It is asked for while it is
//! shown.

#[cfg(feature = "ssr")]
pub(super) mod drawing;
#[cfg(feature = "ssr")]
mod words;

use leptos::prelude::*;

use super::drawn::{Drawing, NotDrawn, part};
use super::zone_switch::ZoneSwitch;
use crate::browser::html::ShowMarkup;

/// The groups, inside the `Transition` around them.
#[component]
pub(super) fn Groups(drawing: Drawing) -> impl IntoView {
    view! {
        <div class="logs-grouped">
            <NotDrawn drawing words="The groups could not be loaded." />
            <ShowMarkup markup=part(drawing, |drawn| &drawn.picture) class="logs-groups" />
            <ZoneSwitch />
        </div>
    }
    .into_any()
}

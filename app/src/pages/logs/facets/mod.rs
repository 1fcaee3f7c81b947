//! What *More filters* offers to choose from: the values that requests have, with their numbers. The server makes the list
//! (`drawing.rs`) of plain links, so the browser loads no code for it, and it works without scripts. It is asked for once
//! *More filters* is open.

#[cfg(feature = "ssr")]
pub(super) mod drawing;

use leptos::prelude::*;

use super::drawn::{Drawing, NotDrawn, part};
use crate::browser::html::ShowMarkup;

/// The list, inside the `Transition` around it.
#[component]
pub(super) fn Facets(drawing: Drawing) -> impl IntoView {
    view! {
        <NotDrawn drawing words="The values could not be loaded." />
        <ShowMarkup markup=part(drawing, |drawn| &drawn.main) class="logs-facets" />
    }
    .into_any()
}

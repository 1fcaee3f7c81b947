//! The histogram above the rows: requests over the range, stacked by class of status. The server draws it
//! (`drawing.rs`), so the browser loads no code for that, and what works it is loaded when it is touched (`tools.rs`).

#[cfg(feature = "ssr")]
pub(super) mod drawing;
mod tools;

use leptos::{html, prelude::*};

pub(crate) use self::tools::{ChartTools, work_chart};
use super::drawn::{Drawing, NotDrawn, part};
use super::listing::Listing;
use crate::browser::html::ShowMarkup;
use crate::on_demand::Coming;
use crate::pages::loaded::read_from;

/// Loads [`work_chart`] and calls it.
pub(crate) type Loader = fn(ChartTools) -> Coming<()>;

/// The chart with its numbers, inside the `Transition` around it. Hidden while there has never been a request.
#[component]
pub(super) fn Chart(listing: Listing, drawing: Drawing, load: Loader) -> impl IntoView {
    let is_empty = read_from(move || listing.waits_for_first());
    let (area, listed) = (NodeRef::new(), NodeRef::new());
    let tools = ChartTools::new(listing, drawing, area, listed);
    view! {
        <section class="logs-chart" aria-label="Requests over time" hidden=move || is_empty.get()>
            <NotDrawn drawing words="The chart could not be loaded." />
            <ShowMarkup markup=part(drawing, |drawn| &drawn.main) class="logs-chart__picture" />
            <Area tools area load />
            <details class="logs-chart__numbers">
                <summary>"Numbers"</summary>
                <div class="logs-chart__frame" tabindex="0" role="group" aria-label="Numbers of the chart">
                    <ShowMarkup markup=part(drawing, |drawn| &drawn.aside) class="logs-chart__table" node=listed />
                </div>
            </details>
        </section>
    }
    .into_any()
}

/// Over the bars: where the pointer and the keys choose a part of the range. Not without scripts. What it shows is written by
/// `browser::picker`.
#[component]
fn Area(tools: ChartTools, area: NodeRef<html::Div>, load: Loader) -> impl IntoView {
    let is_awake = StoredValue::new(false);
    let wake = move || {
        if !is_awake.get_value() {
            is_awake.set_value(true);
            leptos::task::spawn_local(async move {
                // If it could not be loaded, the next touch tries again.
                if load(tools).await.is_err() {
                    is_awake.try_set_value(false);
                }
            });
        }
    };
    view! {
        <div
            class="logs-chart__area js-only"
            role="slider"
            tabindex="0"
            aria-label="Time on the chart: arrow keys move, Shift extends, Enter zooms in, minus zooms out"
            aria-valuemin="0"
            aria-valuemax="0"
            aria-valuenow="0"
            aria-valuetext="Nothing chosen"
            node_ref=area
            on:pointerenter=move |_| wake()
            on:focus=move |_| wake()
        >
            <svg class="logs-chart__chosen" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
                <rect width="0" height="1"></rect>
            </svg>
            <p class="logs-chart__says"></p>
        </div>
    }
    .into_any()
}

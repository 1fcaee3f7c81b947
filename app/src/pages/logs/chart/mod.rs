//! The histogram above the rows: requests over the range, stacked by class of status. The server draws it
//! (`drawing.rs`), so the browser loads no code for that. It is asked for apart from the rows, which need not wait for it.

#[cfg(feature = "ssr")]
pub(crate) mod drawing;
mod span;
mod tools;

use std::time::Duration;

use leptos::prelude::*;
use model::{ClientId, DateRange, LogFilter, Timestamp};
use serde::{Deserialize, Serialize};

use self::span::Span;
pub(crate) use self::tools::{ChartTools, work_chart};
use super::listing::{Face, Listing};
use super::pace::Pace;
use crate::browser::{clock, html};
use crate::chunks;
use crate::pages::company::Topic;
use crate::pages::loaded::Outcome;
use crate::{AppError, api};

/// While requests arrive, the chart follows in steps of this.
const EVERY: Duration = Duration::from_secs(10);

/// A drawn histogram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnChart {
    /// The picture with its axis and its legend, as HTML.
    picture: String,
    /// The same as a table, as HTML: a row for each bucket.
    table: String,
    span: Span,
}

/// The chart with its table. Hidden while there has never been a request.
#[component]
pub(super) fn Chart(listing: Listing) -> impl IntoView {
    let drawn = drawn(listing);
    view! {
        <Transition fallback=|| view! { <div class="logs-chart"></div> }>
            <Drawn listing drawn />
        </Transition>
    }
    .into_any()
}

/// Asked for again while requests arrive, if they belong to the page that is open.
fn drawn(listing: Listing) -> Resource<Outcome<DrawnChart>> {
    let asked = RwSignal::new(0_u32);
    let changes = listing.scope.changes(Topic::Logs);
    let pace = Pace::new(EVERY);
    Effect::new(move |before: Option<u64>| {
        let now = changes.get();
        if before.is_some_and(|before| before != now) && untrack(move || listing.can_move()) {
            pace.run(move || {
                if listing.paused.try_get_untracked() == Some(false) {
                    asked.try_update(|asked| *asked += 1);
                }
            });
        }
        now
    });
    let company = listing.scope;
    Resource::new(
        move || {
            (
                company.client_id(),
                listing.filter.get().first_page(),
                asked.get(),
            )
        },
        |(company, filter, _)| load(company, filter),
    )
}

async fn load(company: ClientId, filter: LogFilter) -> Result<DrawnChart, AppError> {
    api::logs::histogram(company, filter).await
}

#[component]
fn Drawn(listing: Listing, drawn: Resource<Outcome<DrawnChart>>) -> impl IntoView {
    let part = move |read: fn(&DrawnChart) -> &String| {
        Memo::new(move |_| {
            drawn.with(|drawn| match drawn {
                Some(Ok(drawn)) => read(drawn).clone(),
                _ => String::new(),
            })
        })
    };
    let (picture, table) = (part(|drawn| &drawn.picture), part(|drawn| &drawn.table));
    let span = Memo::new(move |_| drawn.with(|drawn| Some(drawn.as_ref()?.as_ref().ok()?.span)));
    let failed = Memo::new(move |_| drawn.with(|drawn| matches!(drawn, Some(Err(_)))));
    let is_empty = Memo::new(move |_| listing.face() == Some(Face::FirstRequest));
    let (pictured, listed) = (NodeRef::new(), NodeRef::new());
    html::follow(pictured, picture.into());
    html::follow(listed, table.into());
    let tools = ChartTools::new(listing, span, listed);
    view! {
        <section class="logs-chart" aria-label="Requests over time" hidden=move || is_empty.get()>
            <p class="muted" hidden=move || !failed.get()>"The chart could not be loaded."</p>
            <div class="logs-chart__picture" node_ref=pictured inner_html=move || picture.get_untracked()></div>
            <Area tools />
            <details class="logs-chart__numbers">
                <summary>"Numbers"</summary>
                <div class="logs-chart__table" tabindex="0" role="group" aria-label="Numbers of the chart" node_ref=listed inner_html=move || table.get_untracked()></div>
            </details>
        </section>
    }
    .into_any()
}

/// Over the bars: where the pointer and the keys choose a part of the range. What works it is loaded when it is used.
#[component]
fn Area(tools: ChartTools) -> impl IntoView {
    let ready = clock::ready();
    let is_awake = StoredValue::new(false);
    let wake = move || {
        if !is_awake.get_value() {
            is_awake.set_value(true);
            leptos::task::spawn_local(async move {
                // If it could not be loaded, the next touch tries again.
                if chunks::work_chart(tools).await.is_err() {
                    is_awake.try_set_value(false);
                }
            });
        }
    };
    let view_box = move || format!("0 0 {} 1", tools.buckets().max(1));
    view! {
        <div
            class="logs-chart__area js-only"
            role=move || ready.get().then_some("slider")
            tabindex=move || ready.get().then_some("0")
            aria-label="Time on the chart: arrow keys move, Shift extends, Enter zooms in, minus zooms out"
            aria-valuemin="0"
            aria-valuemax=move || tools.buckets().saturating_sub(1).to_string()
            aria-valuenow=move || tools.cursor.get().map_or(0, |(_, head)| head).to_string()
            aria-valuetext=move || tools.says.get()
            node_ref=tools.area
            on:pointerenter=move |_| wake()
            on:pointerdown=move |_| wake()
            on:focus=move |_| wake()
        >
            <svg class="logs-chart__chosen" viewBox=view_box preserveAspectRatio="none" aria-hidden="true">
                {move || {
                    tools
                        .chosen()
                        .map(|(first, last)| {
                            view! {
                                <rect x=first.to_string() y="0" width=(last - first + 1).to_string() height="1"></rect>
                            }
                        })
                }}
            </svg>
        </div>
        <p class="logs-chart__says" aria-hidden="true">{move || tools.says.get()}</p>
    }
    .into_any()
}

/// A part of the range as a range of its own.
const fn between(from: Timestamp, to: Timestamp) -> DateRange {
    DateRange::Between {
        from: Some(from),
        to: Some(to),
    }
}

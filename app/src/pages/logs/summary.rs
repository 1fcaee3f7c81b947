//! What the list says about itself: how many rows there are, and what is sample data. The rest comes drawn (`listed/`).

use leptos::prelude::*;
use model::DateRange;

use super::listed::Listed;
use super::listing::Listing;
use super::words;
use crate::pages::loaded::read_from;
use crate::ui::{Notice, Time, TimeStyle, Tone, ZoneNote};

/// "214 requests in the last 24 hours". Announced when the filter changes, not when rows arrive by themselves.
#[component]
pub(super) fn Count(listing: Listing) -> impl IntoView {
    let text = read_from(move || {
        listing
            .with(|shown| found(&shown.page, shown.filter.range))
            .unwrap_or_default()
    });
    view! {
        <p class="logs-count" role="status" aria-live=move || if listing.quiet.get() { "off" } else { "polite" }>
            {move || text.get()}
        </p>
    }
    .into_any()
}

/// "214 requests in the last 24 hours".
pub(super) fn found(page: &Listed, range: DateRange) -> String {
    let requests = match page.matching {
        _ if page.rows.is_empty() && page.is_unfinished() => {
            return "No matching requests so far".to_owned();
        }
        _ if page.rows.is_empty() => words::requests(0),
        Some(matching) => words::requests(matching),
        None => format!("{}+ requests", words::grouped(page.at_least)),
    };
    format!("{requests} {}", words::within(range))
}

/// Which parts of the address were ignored, and what they must be.
#[component]
pub(super) fn IgnoredFilters(listing: Listing) -> impl IntoView {
    move || {
        let ignored = listing.ignored.get();
        (!ignored.is_empty()).then(|| {
            let parts = ignored
                .into_iter()
                .map(|part| {
                    view! {
                        <p>
                            <code>{part.name}</code>
                            {format!(" must be {}.", part.wants)}
                        </p>
                    }
                })
                .collect_view();
            view! {
                <Notice tone=Tone::Warn title="Part of this URL was ignored">
                    {parts}
                </Notice>
            }
        })
    }
}

/// The demo's line about sample data, and the zone of the times.
#[component]
pub(super) fn GeneratedUntil(listing: Listing) -> impl IntoView {
    let real_since = read_from(move || {
        listing.scope.context().with(|context| {
            context
                .as_ref()
                .and_then(|context| context.as_ref().ok()?.demo.as_ref()?.real_since)
        })
    });
    view! {
        <p class="logs-foot muted">
            {move || {
                real_since
                    .get()
                    .map(|since| {
                        view! { <span>"Sample data until " <Time at=since style=TimeStyle::Clock /> ", real requests since."</span> }
                    })
            }}
            <ZoneNote />
        </p>
    }
    .into_any()
}

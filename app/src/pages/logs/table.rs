//! The rows of the list, and the links to older ones. The server draws the rows; here they are put into the page.

use leptos::ev::MouseEvent;
use leptos::{html, prelude::*};

use super::address;
use super::listing::Listing;
use crate::pages::loaded::read_from;
use crate::ui::{ButtonLink, IconName};

/// A row keeps its place in the document as long as it is on the page.
#[component]
#[expect(
    clippy::disallowed_methods,
    reason = "rows are made of views, which escape what a stranger wrote"
)]
pub(super) fn RequestTable(listing: Listing) -> impl IntoView {
    let body = NodeRef::new();
    follow(listing, body);
    // As the list is when the table comes; `follow` shows what comes later.
    let rows = move || {
        let html =
            untrack(|| listing.with_rows(|_, rows| rows.map(|row| row.html.as_str()).collect::<String>()));
        html.unwrap_or_default()
    };
    view! {
        <div class="table-frame">
            <table class="table" id="requests">
                <caption class="visually-hidden">"Requests, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col"><span class="table__label">"Time"</span></th>
                        <th scope="col"><span class="table__label">"Status"</span></th>
                        <th scope="col"><span class="table__label">"Method"</span></th>
                        <th scope="col"><span class="table__label">"Path"</span></th>
                        <th scope="col"><span class="table__label">"Brand"</span></th>
                        <th scope="col"><span class="table__label">"Environment"</span></th>
                        <th scope="col"><span class="table__label">"Key"</span></th>
                        <th scope="col" class="numeric"><span class="table__label">"Duration"</span></th>
                    </tr>
                </thead>
                <tbody node_ref=body inner_html=rows></tbody>
            </table>
        </div>
    }
    .into_any()
}

/// Keeps the rows of the page in step with the list. Of another list the window gets its rows first; those below follow once the
/// browser has painted.
fn follow(listing: Listing, body: NodeRef<html::Tbody>) {
    #[cfg(feature = "hydrate")]
    {
        use model::LogFilter;

        use crate::browser::rows::{Row, Shown};
        use crate::browser::timers::after_paint;
        use crate::browser::zone::Zone;

        let zone = Zone::here();
        let painted = Trigger::new();
        Effect::new(move |before: Option<Option<(LogFilter, Shown)>>| {
            painted.track();
            let (is_local, open) = (zone.is_local(), listing.open.get());
            let body = body.get()?;
            let before = before.flatten();
            let mut placed = listing.with_rows(|shown, rows| {
                let is_fresh = |seq| listing.following.is_fresh(seq);
                let (filter, is_new) = (shown.filter.clone(), before.is_none());
                let (of, mut placed) =
                    before.unwrap_or_else(|| (filter.clone(), Shown::already(body.into(), is_fresh)));
                let rows = rows.map(|row| Row {
                    seq: row.seq,
                    html: row.html.as_str(),
                    is_fresh: is_fresh(row.seq),
                });
                // The links of rows have the filter in them.
                if of == filter {
                    placed.show(rows);
                } else {
                    placed.begin(rows);
                }
                if of != filter || is_new {
                    let filter = filter.clone();
                    after_paint(move || {
                        painted.notify();
                        listing.settle(&filter);
                    });
                }
                (filter, placed)
            })?;
            placed.1.put_into_zone(is_local);
            placed
                .1
                .mark_current(open.map(|open| open.to_string()).as_deref());
            Some(placed)
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (listing, body);
}

/// *Show older requests* adds them below, and is *Try again* if that failed. Without scripts they have a page of their own; that list does not update live,
/// and a second link leads back to the newest.
#[component]
pub(super) fn OlderLink(listing: Listing) -> impl IntoView {
    let at = move |before: Option<i64>| {
        listing.filter.with(|filter| {
            let filter = model::LogFilter {
                before,
                ..filter.clone()
            };
            address::of_list(listing.scope.client_id(), &filter)
        })
    };
    let next = read_from(move || listing.next());
    // Where the search ran out of time, there may or may not be older ones.
    let failed = move || listing.not_added.with(Option::is_some);
    let words = move || match (listing.adding.get(), !listing.looked_back().is_empty()) {
        (true, _) => "Loading…",
        _ if failed() => "Try again",
        (_, true) => "Search further back",
        _ => "Show older requests",
    };
    let press = move |event: MouseEvent| {
        let is_plain = !(event.ctrl_key() || event.meta_key() || event.shift_key());
        if let (true, true, Some(cursor)) = (is_plain, listing.has_room(), next.get_untracked()) {
            event.prevent_default();
            listing.add_older(cursor);
        }
    };
    let has_next = read_from(move || next.get().is_some());
    let is_older_page = Memo::new(move |_| listing.filter.with(|filter| filter.before.is_some()));
    move || {
        (has_next.get() || is_older_page.get()).then(|| {
            view! {
                <nav class="logs-pages" aria-label="Pages of requests">
                    {is_older_page
                        .get()
                        .then(|| view! { <ButtonLink href=at(None) icon=IconName::ArrowLeft>"Newest requests"</ButtonLink> })}
                    {has_next
                        .get()
                        .then(|| {
                            view! {
                                <ButtonLink href=move || at(next.get()) icon=IconName::ArrowRight on:click=press>
                                    {words}
                                </ButtonLink>
                            }
                        })}
                </nav>
            }
        })
    }
}

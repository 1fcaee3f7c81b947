//! The rows of the list, and the links to older ones.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use model::{Environment, LogRow};

use super::address;
use super::listing::Listing;
use crate::pages::loaded::read_from;
use crate::ui::{
    ButtonLink, Cell, Column, EnvironmentBadge, IconName, Narrow, RowLink, RowStatus, Table, Time, TimeStyle,
    milliseconds_text,
};

/// A row keeps its place in the document as long as it is on the page.
#[component]
pub(super) fn RequestTable(listing: Listing) -> impl IntoView {
    let columns = vec![
        Column::new("Time"),
        Column::new("Status"),
        Column::new("Method"),
        Column::new("Path"),
        Column::new("Brand"),
        Column::new("Environment"),
        Column::new("Key"),
        Column::new("Duration").numeric(),
    ];
    view! {
        <Table caption="Requests, newest first" columns id="requests">
            <tbody>
                <For
                    each=move || listing.rows()
                    key=|(href, _)| href.clone()
                    children=move |(href, row)| view! { <Row listing href row /> }
                />
            </tbody>
        </Table>
    }
    .into_any()
}

#[component]
fn Row(listing: Listing, href: String, row: LogRow) -> impl IntoView {
    // Rows that arrive live are marked for a moment; rows that were asked for are simply there.
    let fresh = listing.following.is_fresh(row.seq);
    let refused = row.verdict != model::Verdict::Accepted;
    let name = format!(" {} {}", row.method, row.path);
    let request = row.request_id;
    let current = Signal::derive(move || listing.open.get() == Some(request));
    let failed = match row.status {
        ..400 => None,
        400..500 => Some("4xx"),
        _ => Some("5xx"),
    };
    view! {
        <tr data-fresh=fresh.then_some("true") data-failed=failed>
            <Cell narrow=Narrow::Second>
                <RowLink href current>
                    <Time at=row.at style=TimeStyle::Row />
                    <span class="visually-hidden">{name}</span>
                </RowLink>
            </Cell>
            <Cell narrow=Narrow::Lead>
                <RowStatus status=row.status />
            </Cell>
            <Cell narrow=Narrow::Lead monospace=true>
                {row.method}
            </Cell>
            <Cell narrow=Narrow::Lead monospace=true grow=true>
                <span class="logs-path">
                    <span class="logs-path__text" title=row.path.clone()>{row.path.clone()}</span>
                    {refused.then(|| view! { <span class="logs-path__why">{row.verdict.label()}</span> })}
                </span>
            </Cell>
            <Cell narrow=Narrow::Second clip=true>
                {match row.brand {
                    Some(brand) => view! { <span>{brand}</span> }.into_any(),
                    None => view! { <span class="faint">"Own"</span> }.into_any(),
                }}
            </Cell>
            <Cell narrow=Narrow::Second>{row.environment.map(environment)}</Cell>
            <Cell narrow=Narrow::Hidden monospace=true>
                {row.key_last_four.map(|last_four| format!("…{last_four}"))}
            </Cell>
            <Cell narrow=Narrow::SecondEnd numeric=true>{milliseconds_text(row.duration_us)}</Cell>
        </tr>
    }
    .into_any()
}

/// Only Production must be told apart at a glance.
fn environment(environment: Environment) -> AnyView {
    if environment == Environment::Prod {
        view! { <EnvironmentBadge environment /> }.into_any()
    } else {
        environment.label().into_any()
    }
}

/// *Show older requests* adds them below. Without scripts they have a page of their own; that list does not update live,
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
    let words = move || match (listing.adding.get(), listing.looked_back_to().is_some()) {
        (true, _) => "Loading…",
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

//! The rows of the list, and the links to older ones.

use leptos::prelude::*;
use model::LogRow;

use super::address;
use super::listing::Listing;
use crate::pages::loaded::read_from;
use crate::ui::{
    ButtonLink, Cell, Column, EnvironmentBadge, IconName, Narrow, RowLink, StatusBadge, Table, Time,
    TimeStyle, duration_text,
};

/// Fifty rows at most. A row keeps its place in the document as long as it is on the page.
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
    let fresh = listing.quiet.get_untracked();
    let refused = row.verdict != model::Verdict::Accepted;
    let name = format!(" {} {}", row.method, row.path);
    view! {
        <tr data-fresh=fresh.then_some("true")>
            <Cell narrow=Narrow::Second>
                <RowLink href>
                    <Time at=row.at style=TimeStyle::Clock />
                    <span class="visually-hidden">{name}</span>
                </RowLink>
            </Cell>
            <Cell narrow=Narrow::Lead>
                <StatusBadge status=row.status />
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
            <Cell narrow=Narrow::Second>{row.environment.map(|environment| view! { <EnvironmentBadge environment /> })}</Cell>
            <Cell narrow=Narrow::Hidden monospace=true>
                {row.key_last_four.map(|last_four| format!("…{last_four}"))}
            </Cell>
            <Cell narrow=Narrow::SecondEnd numeric=true>{duration_text(row.duration_us)}</Cell>
        </tr>
    }
    .into_any()
}

/// Older rows replace these, at an address of their own. That list does not update live, and a second link leads back to the newest.
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
    let older = read_from(move || listing.with(|shown| shown.page.older).flatten());
    // Where the search ran out of time, there may or may not be older ones.
    let go_on = move || match listing.with(|shown| shown.page.looked_back_to.is_some()) {
        Some(true) => "Search further back",
        _ => "Show older requests",
    };
    let is_older_page = Memo::new(move |_| listing.filter.with(|filter| filter.before.is_some()));
    move || {
        (older.get().is_some() || is_older_page.get()).then(|| {
            view! {
                <nav class="logs-pages" aria-label="Pages of requests">
                    {is_older_page
                        .get()
                        .then(|| view! { <ButtonLink href=at(None) icon=IconName::ArrowLeft>"Newest requests"</ButtonLink> })}
                    {older
                        .get()
                        .map(|cursor| {
                            view! { <ButtonLink href=at(Some(cursor)) icon=IconName::ArrowRight>{go_on()}</ButtonLink> }
                        })}
                </nav>
            }
        })
    }
}

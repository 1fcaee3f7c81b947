//! The list without rows: because of the filter, or because there was no request yet.

use leptos::prelude::*;
use model::{DateRange, KeptBecause, LogFilter};

use super::address;
use super::listing::Listing;
use super::words;
use crate::pages::loaded::Loaded;
use crate::pages::samples;
use crate::ui::{ButtonLink, Code, EmptyState, IconName, WillAppear};

/// Says how many there are without filters, and leads there.
#[component]
pub(super) fn NothingFound(listing: Listing) -> impl IntoView {
    let address_of = move |filter: &LogFilter| address::of_list(listing.scope.client_id(), filter);
    move || {
        let filter = listing.with(|shown| shown.filter.clone()).unwrap_or_default();
        let others = listing
            .with(|shown| shown.page.without_filters)
            .flatten()
            .unwrap_or(0);
        let ever = listing.with(|shown| shown.page.ever).flatten().unwrap_or(0);
        let within = words::within(filter.range);
        let is_unfinished = listing.with(|shown| shown.page.looked_back_to.is_some()) == Some(true);
        if is_unfinished {
            view! {
                <EmptyState title="No matching requests so far" icon=IconName::Search>
                    <p>"Search further back, or choose a shorter date range."</p>
                </EmptyState>
            }
            .into_any()
        } else if others > 0 && filter.narrows() {
            let href = address_of(&filter.without_narrowing());
            view! {
                <EmptyState title="No requests match" icon=IconName::Search>
                    <p>{without_filters(others, within)}</p>
                    <ButtonLink href>"Clear filters"</ButtonLink>
                </EmptyState>
            }
            .into_any()
        } else {
            let month = LogFilter {
                range: DateRange::Last30Days,
                ..filter.first_page()
            };
            view! {
                <EmptyState title=format!("No requests {within}") icon=IconName::Clock>
                    <p>{format!("{} in total, none {within}.", words::requests(ever))}</p>
                    <div class="cluster">
                        {(month != filter)
                            .then(|| view! { <ButtonLink href=address_of(&month)>"Show the last 30 days"</ButtonLink> })}
                        {filter
                            .narrows()
                            .then(|| {
                                let href = address_of(&filter.without_narrowing());
                                view! { <ButtonLink href>"Clear filters"</ButtonLink> }
                            })}
                    </div>
                </EmptyState>
            }
            .into_any()
        }
    }
}

fn without_filters(others: u64, within: &str) -> String {
    let are = if others == 1 { "is" } else { "are" };
    format!(
        "Without filters there {are} {} {within}.",
        words::requests(others)
    )
}

/// There is no request at all: the line that makes the first one. The list replaces it once a request arrives.
#[component]
pub(super) fn FirstRequest(listing: Listing) -> impl IntoView {
    let keys = listing.scope.path("keys");
    let kept = untrack(|| listing.with(|shown| shown.page.kept)).flatten();
    let title = match kept.map(|kept| kept.because) {
        Some(KeptBecause::Erased) => "Waiting for your next request…",
        _ => "Waiting for your first request…",
    };
    view! {
        <EmptyState title waiting=true>
            <p>
                "Set " <code>"SECRET"</code>
                " to a key's secret, then run this command. " <WillAppear what="The request" /> " No key yet? "
                <a href=keys>"Generate one on API Keys"</a> "."
            </p>
            <Loaded
                resource=listing.scope.context()
                render=|company| view! { <Code label="curl" text=samples::curl(&company, "$SECRET") /> }.into_any()
            />
        </EmptyState>
    }
    .into_any()
}

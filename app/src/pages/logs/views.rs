//! The views of the tab: requests one by one, or in groups. Each has an address of its own, and the filter stays.

use leptos::prelude::*;
use model::{LogFilter, LogView};

use super::address;
use super::listing::Listing;

/// A link to each view.
#[component]
pub(super) fn Views(listing: Listing) -> impl IntoView {
    let link = move |view: LogView| {
        let href = move || {
            listing.filter.with(|filter| {
                let filter = LogFilter {
                    view,
                    ..filter.first_page()
                };
                address::of_list(listing.scope.client_id(), &filter)
            })
        };
        let current = move || {
            listing
                .filter
                .with(|filter| filter.view == view)
                .then_some("page")
        };
        view! {
            <li>
                <a class="tabs__tab" href=href aria-current=current data-noscroll="">
                    {view.label()}
                </a>
            </li>
        }
    };
    view! {
        <nav class="tabs logs-view-tabs" aria-label="Requests, errors, endpoints or addresses">
            <ul>{LogView::ALL.map(link).collect_view()}</ul>
        </nav>
    }
    .into_any()
}

//! What has arrived that is not in the list.

use leptos::prelude::*;

use super::address;
use super::hold::LIST;
use super::listing::Listing;
use super::words;
use crate::browser::focus;
use crate::ui::{Button, ButtonKind, ButtonLink, ButtonSize, IconName, Time, TimeStyle};

/// The pressed button disappears, so focus moves to the switch. New rows are at the top.
fn show(listing: Listing) {
    listing.resume();
    focus::into_view(LIST);
    focus::soon("live-switch");
}

/// "27 new requests": shows them when pressed. Or, while the list moves too fast to show every request, how many it shows.
/// It has its place in the bar above the list, so that nothing moves when it comes.
#[component]
pub(super) fn Unseen(listing: Listing) -> impl IntoView {
    let following = listing.following;
    let waits = Memo::new(move |_| following.waiting.with(|waiting| waiting.count > 0));
    let samples = Memo::new(move |_| following.sample.with(Option::is_some));
    (move || match (waits.get(), samples.get()) {
        (true, _) => view! { <p class="logs-unseen">{new_requests(listing)}</p> }.into_any(),
        (false, true) => view! { <p class="logs-unseen logs-sample">{sample(listing)}</p> }.into_any(),
        (false, false) => ().into_any(),
    })
    .into_any()
}

fn new_requests(listing: Listing) -> AnyView {
    let words = move || {
        let waiting = listing.following.waiting.get();
        match (waiting.count, waiting.and_more) {
            (1, false) => "1 new request".to_owned(),
            (count, and_more) => {
                let more = if and_more { "+" } else { "" };
                format!("{}{more} new requests", words::grouped(count))
            }
        }
    };
    if listing.can_move() {
        let on_press = Callback::new(move |()| show(listing));
        view! {
            <Button size=ButtonSize::Small icon=IconName::Inbox on_press>
                {words}
            </Button>
        }
        .into_any()
    } else {
        let href = move || {
            listing
                .filter
                .with(|filter| address::of_list(listing.scope.client_id(), &filter.first_page()))
        };
        view! {
            <ButtonLink href=href() size=ButtonSize::Small icon=IconName::Inbox>
                {words}
            </ButtonLink>
        }
        .into_any()
    }
}

/// "Showing a sample: 212 of 3,480 new requests since 14:03:05". Where there is little room: "Sample: 212 of 3,480".
fn sample(listing: Listing) -> AnyView {
    let sample = listing.following.sample;
    let counts = move || {
        sample.get().map(|sample| {
            let (shown, new) = (words::grouped(sample.shown), words::grouped(sample.new));
            format!("sample: {shown} of {new}")
        })
    };
    let since = Memo::new(move |_| sample.with(|sample| sample.map(|sample| sample.since)));
    let on_press = Callback::new(move |()| {
        listing.complete();
        focus::soon("live-switch");
    });
    view! {
        <span class="logs-sample__words">
            <span class="logs-sample__rest">"Showing a "</span>
            {counts}
            <span class="logs-sample__rest">
                " new requests since " {move || since.get().map(|at| view! { <Time at style=TimeStyle::Clock /> })}
            </span>
        </span>
        <Button kind=ButtonKind::Quiet size=ButtonSize::Small on_press>
            "Reload list"
        </Button>
    }
    .into_any()
}

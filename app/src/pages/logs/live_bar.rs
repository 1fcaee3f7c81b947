//! Whether the list updates live, the switch for it, and what has arrived while it was paused.

use leptos::prelude::*;

use super::address;
use super::hold::LIST;
use super::listing::Listing;
use crate::browser::focus;
use crate::ui::{Badge, Button, ButtonKind, ButtonLink, ButtonSize, IconName, Tone};

/// "Live" with *Pause*, or "Paused" with *Resume*. Not without scripts, and not where nothing can arrive.
#[component]
pub(super) fn LiveControl(listing: Listing) -> impl IntoView {
    let is_live = listing.scope.is_live();
    let word = move || match (listing.paused.get(), is_live.get()) {
        (true, _) => view! { <Badge icon=IconName::Pause>"Paused"</Badge> }.into_any(),
        (false, true) => view! { <Badge tone=Tone::Good icon=IconName::Pulse>"Live"</Badge> }.into_any(),
        (false, false) => view! { <Badge icon=IconName::Pulse>"Connecting…"</Badge> }.into_any(),
    };
    let switch = move || {
        if listing.paused.get() {
            view! {
                <Button
                    kind=ButtonKind::Quiet
                    size=ButtonSize::Small
                    id="live-switch"
                    on_press=Callback::new(move |()| listing.resume())
                >
                    "Resume"
                </Button>
            }
        } else {
            view! {
                <Button
                    kind=ButtonKind::Quiet
                    size=ButtonSize::Small
                    id="live-switch"
                    on_press=Callback::new(move |()| listing.paused.set(true))
                >
                    "Pause"
                </Button>
            }
        }
    };
    // It is there before the page is hydrated, so that nothing moves when it is; without scripts it is not shown.
    (move || {
        listing.can_move().then(|| {
            view! {
                <span class="cluster logs-live js-only">
                    {word} <span class="logs-live__switch">{switch}</span>
                </span>
            }
            .into_any()
        })
    })
    .into_any()
}

/// The pressed button disappears, so focus moves to the switch. New rows are at the top.
fn show(listing: Listing) {
    listing.resume();
    focus::into_view(LIST);
    focus::soon("live-switch");
}

/// "27 new requests": shows them when pressed. It has its place in the bar above the list, so that nothing moves when it
/// comes.
#[component]
pub(super) fn Unseen(listing: Listing) -> impl IntoView {
    let any = Memo::new(move |_| listing.unseen.get() > 0);
    let words = move || match listing.unseen.get() {
        1 => "1 new request".to_owned(),
        // Only one page of rows was counted.
        count @ 50.. => format!("{count}+ new requests"),
        count => format!("{count} new requests"),
    };
    let newest = move || {
        listing
            .filter
            .with(|filter| address::of_list(listing.scope.client_id(), &filter.first_page()))
    };
    (move || {
        any.get().then(|| {
            view! {
                <p class="logs-unseen">
                    {if listing.can_move() {
                        view! {
                            <Button size=ButtonSize::Small icon=IconName::Inbox on_press=Callback::new(move |()| show(listing))>
                                {words}
                            </Button>
                        }
                            .into_any()
                    } else {
                        view! {
                            <ButtonLink href=newest() size=ButtonSize::Small icon=IconName::Inbox>
                                {words}
                            </ButtonLink>
                        }
                            .into_any()
                    }}
                </p>
            }
            .into_any()
        })
    })
    .into_any()
}

//! The switch of a list that updates live: requests, deliveries.

use leptos::prelude::*;

use crate::ui::{Badge, Button, ButtonKind, ButtonSize, IconName, Tone};

/// "Live" with *Pause*, or "Paused" with *Resume*. Not without scripts, and not where nothing can arrive.
#[component]
pub(in crate::pages) fn LiveControl(
    is_live: Signal<bool>,
    paused: RwSignal<bool>,
    can_move: Signal<bool>,
    resume: Callback<()>,
) -> impl IntoView {
    let word = move || match (paused.get(), is_live.get()) {
        (true, _) => view! { <Badge icon=IconName::Pause>"Paused"</Badge> }.into_any(),
        (false, true) => view! { <Badge tone=Tone::Good icon=IconName::Pulse>"Live"</Badge> }.into_any(),
        (false, false) => view! { <Badge icon=IconName::Pulse>"Connecting…"</Badge> }.into_any(),
    };
    let switch = move || {
        if paused.get() {
            view! {
                <Button
                    kind=ButtonKind::Quiet
                    size=ButtonSize::Small
                    id="live-switch"
                    on_press=resume
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
                    on_press=Callback::new(move |()| paused.set(true))
                >
                    "Pause"
                </Button>
            }
        }
    };
    let can_move = Memo::new(move |_| can_move.get());
    // It is there before the page is hydrated, so that nothing moves when it is; without scripts it is not shown.
    (move || {
        can_move.get().then(|| {
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

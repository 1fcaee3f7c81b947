//! The switch between the reader's own time and UTC. It rules every time on the page, and is remembered.

use leptos::prelude::*;

use crate::browser::zone::Zone;
use crate::ui::{Button, ButtonKind, ButtonSize};

/// "UTC", pressed where times are in UTC. Without scripts they always are.
#[component]
pub(in crate::pages) fn ZoneSwitch() -> impl IntoView {
    let zone = Zone::here();
    let is_utc = Signal::derive(move || !zone.is_local());
    let press = Callback::new(move |()| zone.choose(is_utc.get_untracked()));
    view! {
        <span class="logs-zone">
            <Button
                kind=ButtonKind::Quiet
                size=ButtonSize::Small
                needs_script=true
                aria_label="Show all times in UTC"
                pressed=is_utc
                on_press=press
            >
                "UTC"
            </Button>
        </span>
    }
    .into_any()
}

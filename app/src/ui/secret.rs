//! An access secret in a row: a mask of fixed length and the last four, or, for at most thirty seconds, the secret.

use std::time::Duration;

use leptos::prelude::*;
use model::SecretText;

use crate::browser::{timers, visibility};

/// A fixed number of dots, so that they do not reveal the length of the secret.
const MASK: &str = "••••••••••••";
/// How long a revealed secret stays.
const REVEALED_FOR: Duration = Duration::from_secs(30);

/// Holds the one secret a page may show at a time. It hides after thirty seconds, when the tab is hidden, and when the
/// page is left. Lives in the browser's memory only: on the server it is always empty.
#[derive(Clone, Copy)]
pub struct RevealSlot {
    shown: RwSignal<Option<(String, SecretText)>>,
    seconds_left: RwSignal<u64>,
    ticking: timers::Repeater,
}

impl std::fmt::Debug for RevealSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RevealSlot([redacted])")
    }
}

impl RevealSlot {
    /// One for the page. Must be called inside a component: leaving that component hides the secret.
    #[expect(
        clippy::new_without_default,
        reason = "it registers listeners; that must be visible where it happens"
    )]
    pub fn new() -> Self {
        let slot = Self {
            shown: RwSignal::new(None),
            seconds_left: RwSignal::new(0),
            ticking: timers::Repeater::new(),
        };
        visibility::on_hidden(move || slot.hide());
        slot
    }

    /// Shows `secret` in the row `id`, and hides any other.
    pub fn show(self, id: impl Into<String>, secret: SecretText) {
        self.shown.set(Some((id.into(), secret)));
        self.seconds_left.set(REVEALED_FOR.as_secs());
        self.ticking.every(Duration::from_secs(1), move || {
            match self.seconds_left.try_get_untracked() {
                Some(left) if left > 1 => self.seconds_left.set(left - 1),
                Some(_) => self.hide(),
                None => (),
            }
        });
    }

    pub fn hide(self) {
        self.ticking.stop();
        self.shown.try_set(None);
    }

    /// Whether the row `id` shows its secret.
    pub fn is_shown(self, id: &str) -> bool {
        self.shown
            .with(|shown| shown.as_ref().is_some_and(|(shown_id, _)| shown_id == id))
    }

    /// The secret of the row `id`, while it is shown.
    pub fn secret_of(self, id: &str) -> Option<SecretText> {
        self.shown.with(|shown| {
            shown
                .as_ref()
                .filter(|(shown_id, _)| shown_id == id)
                .map(|(_, secret)| secret.clone())
        })
    }

    /// Seconds until it is hidden.
    pub fn seconds_left(self) -> u64 {
        self.seconds_left.get()
    }
}

/// A secret's place in a row. Its width is that of the revealed secret, so nothing moves when it appears; while masked
/// it cannot be selected.
///
/// ```html
/// <span class="secret" data-state="masked">
///   <span class="visually-hidden">Hidden, ends in a6f1</span>
///   <span class="secret__text" aria-hidden="true">••••••••••••<b>a6f1</b></span>
/// </span>
/// <span class="secret" data-state="revealed"><code class="secret__text">sandbox-…a6f1</code><span class="secret__left">hides in 30 s</span></span>
/// ```
///
/// Without `reveal` it is always masked.
#[component]
pub fn Secret(
    /// The row's id in the slot: the key's id.
    #[prop(into)]
    id: String,
    #[prop(into)] last_four: String,
    #[prop(optional)] reveal: Option<RevealSlot>,
) -> impl IntoView {
    let secret = Memo::new(move |_| reveal.and_then(|slot| slot.secret_of(&id)));
    let state = move || {
        if secret.with(Option::is_some) {
            "revealed"
        } else {
            "masked"
        }
    };
    let face = move || match secret.get() {
        Some(secret) => view! {
            <code class="secret__text">{secret.expose().to_owned()}</code>
            <span class="secret__left" aria-hidden="true">
                {move || reveal.map(|slot| format!("hides in {} s", slot.seconds_left()))}
            </span>
        }
        .into_any(),
        None => view! {
            <span class="visually-hidden">{format!("Hidden, ends in {last_four}")}</span>
            <span class="secret__text" aria-hidden="true">{MASK}<b>{last_four.clone()}</b></span>
        }
        .into_any(),
    };
    view! { <span class="secret" data-state=state>{face}</span> }
}

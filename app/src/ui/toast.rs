//! Short messages about what just happened, in one corner of the window.

use std::time::Duration;

use leptos::prelude::*;

use super::{Icon, IconName};
use crate::browser::{self, timers};
use crate::error::{AppError, sign_in_from};

/// How long a success is shown. Failures stay until they are dismissed.
const SHOWN_FOR: Duration = Duration::from_secs(6);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Toast {
    id: u64,
    failure: bool,
    text: String,
    link: Option<(String, String)>,
}

/// Says things to the person. Provided by the shell with [`Toasts::provide`], taken by pages with [`Toasts::here`].
#[derive(Clone, Copy, Debug)]
pub struct Toasts {
    list: RwSignal<Vec<Toast>>,
    next_id: StoredValue<u64>,
}

impl Toasts {
    /// Makes the one list and puts it into the context. The shell calls this, and renders a [`ToastRegion`].
    pub fn provide() -> Self {
        let toasts = Self {
            list: RwSignal::new(Vec::new()),
            next_id: StoredValue::new(0),
        };
        provide_context(toasts);
        toasts
    }

    /// The shell's list. Where there is no shell, as in a test of a single component, a list that is not shown.
    pub fn here() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }

    /// Something succeeded. Announced politely; disappears after a few seconds.
    pub fn say(self, text: impl Into<String>) {
        self.push(false, text.into(), None);
    }

    /// As [`Toasts::say`], with one link: `say_with_link("Key deleted.", "/c/…/audit", "Audit entry")`.
    pub fn say_with_link(self, text: impl Into<String>, href: impl Into<String>, link: impl Into<String>) {
        self.push(false, text.into(), Some((href.into(), link.into())));
    }

    /// Something failed. Interrupts; stays until it is dismissed.
    pub fn fail(self, text: impl Into<String>) {
        self.push(true, text.into(), None);
    }

    /// As [`Toasts::fail`]: what was not done, and why. Where the session has ended, with the way to sign in again.
    pub fn fail_with(self, what: &str, error: &AppError) {
        let sign_in = (*error == AppError::SignedOut)
            .then(|| (sign_in_from(&browser::address()), "Sign in again".to_owned()));
        self.push(true, format!("{what} {error}"), sign_in);
    }

    fn push(self, failure: bool, text: String, link: Option<(String, String)>) {
        let id = self.next_id.get_value();
        self.next_id.set_value(id + 1);
        self.list.update(|list| {
            // The same message twice is shown once.
            list.retain(|toast| toast.text != text);
            list.push(Toast {
                id,
                failure,
                text,
                link,
            });
        });
        if !failure {
            timers::later(SHOWN_FOR, move || self.dismiss(id));
        }
    }

    fn dismiss(self, id: u64) {
        self.list.try_update(|list| list.retain(|toast| toast.id != id));
    }
}

/// Where the messages are shown. Once, in the shell, at the end of `<body>`.
///
/// ```html
/// <div class="toasts">
///   <div class="toasts__list" role="status" aria-live="polite"><div class="toast"><svg …check/><p>Saved.</p></div></div>
///   <div class="toasts__list" role="alert"><div class="toast" data-failure="true"><svg …alert/><p>…</p><button … aria-label="Dismiss">…</button></div></div>
/// </div>
/// ```
#[component]
pub fn ToastRegion() -> impl IntoView {
    let toasts = Toasts::here();
    let of_kind = move |failure: bool| {
        toasts.list.with(|list| {
            list.iter()
                .filter(|toast| toast.failure == failure)
                .cloned()
                .collect::<Vec<_>>()
        })
    };
    view! {
        <div class="toasts">
            <div class="toasts__list" role="status" aria-live="polite">
                <For each=move || of_kind(false) key=|toast| toast.id let:toast>
                    <ToastCard toast />
                </For>
            </div>
            <div class="toasts__list" role="alert">
                <For each=move || of_kind(true) key=|toast| toast.id let:toast>
                    <ToastCard toast />
                </For>
            </div>
        </div>
    }
}

#[component]
fn ToastCard(toast: Toast) -> impl IntoView {
    let toasts = Toasts::here();
    let id = toast.id;
    view! {
        <div class="toast" data-failure=toast.failure.then_some("true")>
            <Icon name=if toast.failure { IconName::Alert } else { IconName::Check } />
            <p>
                {toast.text} {toast.link.map(|(href, words)| view! { " " <a href=href>{words}</a> })}
            </p>
            <button
                type="button"
                class="button"
                data-kind="quiet"
                data-size="small"
                aria-label="Dismiss"
                on:click=move |_| toasts.dismiss(id)
            >
                <Icon name=IconName::Cross />
            </button>
        </div>
    }
}

//! Puts a text on the clipboard, or leaves the clipboard alone and says why.

use std::{future::Future, pin::Pin, rc::Rc, time::Duration};

use leptos::prelude::*;

use super::{Icon, IconName};
pub use crate::browser::clipboard::CopyRefused;
use crate::browser::{clipboard, timers};

/// How long "Copied" is shown.
const COPIED_FOR: Duration = Duration::from_secs(2);
/// How long a failure is shown: long enough to read twice.
const FAILED_FOR: Duration = Duration::from_secs(8);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Progress {
    Ready,
    Fetching,
    Copied,
    Failed(String),
}

/// Copies a text the page already has.
///
/// ```html
/// <span class="copy js-only">
///   <button type="button" class="button" data-kind="quiet" data-size="small"><svg …copy/>Copy<span class="visually-hidden"> Client ID</span></button>
///   <span class="visually-hidden" role="status"></span>             <!-- "Client ID copied" -->
///   <span class="copy__failure" role="alert" hidden></span>         <!-- a bubble under the button, in words -->
/// </span>
/// ```
#[component]
pub fn CopyButton(
    #[prop(into)] text: Signal<String>,
    /// What is copied: "Client ID". Part of the accessible name, and of what is announced.
    #[prop(into)]
    what: String,
    #[prop(optional)] kind: CopyLook,
    /// The button shows what it copies: where it is beside other buttons, and not beside what it copies.
    #[prop(optional)]
    spelt_out: bool,
) -> impl IntoView {
    let progress = RwSignal::new(Progress::Ready);
    let reset = timers::Timer::new();
    let press = move || {
        clipboard::write(text.get_untracked(), move |outcome| {
            finish(progress, reset, outcome)
        });
    };
    copy_view(progress, what, Look { kind, spelt_out }, press)
}

/// Copies a text that must be asked for first and is never shown, such as a secret. The asking starts inside the click,
/// so that the browser still counts the write as the person's own.
///
/// The HTML is that of [`CopyButton`]; while the text is on its way the button is `aria-busy`.
#[component]
pub fn CopyFetchedButton<F, Fut>(
    /// Asks for the text. Nothing is written when it is refused.
    fetch: F,
    #[prop(into)] what: String,
    #[prop(optional)] kind: CopyLook,
) -> impl IntoView
where
    F: Fn() -> Fut + 'static,
    Fut: Future<Output = Result<String, CopyRefused>> + 'static,
{
    let progress = RwSignal::new(Progress::Ready);
    let reset = timers::Timer::new();
    let fetch =
        Rc::new(move || Box::pin(fetch()) as Pin<Box<dyn Future<Output = Result<String, CopyRefused>>>>);
    let press = move || {
        if progress.get_untracked() == Progress::Fetching {
            return;
        }
        progress.set(Progress::Fetching);
        clipboard::write_fetched(fetch(), move |outcome| finish(progress, reset, outcome));
    };
    let look = Look {
        kind,
        spelt_out: false,
    };
    copy_view(progress, what, look, press)
}

/// Where the button is: in a row of text, or on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyLook {
    #[default]
    Quiet,
    Secondary,
}

#[derive(Clone, Copy)]
struct Look {
    kind: CopyLook,
    spelt_out: bool,
}

fn finish(progress: RwSignal<Progress>, reset: timers::Timer, outcome: Result<(), CopyRefused>) {
    let (next, shown_for) = match outcome {
        Ok(()) => (Progress::Copied, COPIED_FOR),
        Err(CopyRefused::Say(words)) => (Progress::Failed(words), FAILED_FOR),
        Err(CopyRefused::Handled) => (Progress::Ready, COPIED_FOR),
    };
    // The page may be gone by the time the text arrives; then there is nothing to update.
    if progress.try_set(next).is_none() {
        reset.after(shown_for, move || {
            progress.try_set(Progress::Ready);
        });
    }
}

fn copy_view(
    progress: RwSignal<Progress>,
    what: String,
    look: Look,
    press: impl Fn() + 'static,
) -> impl IntoView {
    let copied = Memo::new(move |_| progress.with(|progress| *progress == Progress::Copied));
    let kind = match look.kind {
        CopyLook::Quiet => "quiet",
        CopyLook::Secondary => "secondary",
    };
    let name = format!(" {what}");
    let name_class = if look.spelt_out { "" } else { "visually-hidden" };
    let said = move || {
        if copied.get() {
            format!("{what} copied")
        } else {
            String::new()
        }
    };
    let failure = Memo::new(move |_| match progress.get() {
        Progress::Failed(words) => Some(words),
        _ => None,
    });
    view! {
        <span class="copy js-only">
            <button
                type="button"
                class="button"
                data-kind=kind
                data-size="small"
                data-copied=move || copied.get().then_some("true")
                aria-busy=move || (progress.get() == Progress::Fetching).then_some("true")
                on:click=move |_| press()
            >
                <span class="copy__face copy__face--ready">
                    <Icon name=IconName::Copy />
                    "Copy"
                    <span class=name_class>{name}</span>
                </span>
                <span class="copy__face copy__face--done" aria-hidden="true">
                    <Icon name=IconName::Check />
                    "Copied"
                </span>
            </button>
            <span class="visually-hidden" role="status">{said}</span>
            <span class="copy__failure" role="alert" hidden=move || failure.with(Option::is_none)>
                {move || failure.get()}
            </span>
        </span>
    }
}

//! A sentence the reader must not miss, at the place it is about.

use leptos::prelude::*;

use super::{Icon, IconName, Tone};

/// ```html
/// <div class="notice" data-tone="warn"><svg …/><div class="notice__body"><b class="notice__title">…</b> …</div></div>
/// ```
///
/// `announce` makes it a live `role="alert"`: for what appears after an action, never for what the page starts with.
#[component]
pub fn Notice(
    #[prop(optional)] tone: Tone,
    #[prop(optional, into)] title: Option<String>,
    #[prop(optional)] announce: bool,
    #[prop(optional, into)] id: Option<String>,
    children: Children,
) -> impl IntoView {
    let icon = match tone {
        Tone::Good => IconName::Check,
        Tone::Quiet | Tone::Info => IconName::Info,
        Tone::Warn | Tone::Bad => IconName::Alert,
        Tone::Hold => IconName::Hold,
    };
    view! {
        <div class="notice" id=id data-tone=tone.as_str() role=announce.then_some("alert")>
            <Icon name=icon />
            <div class="notice__body">
                {title.map(|title| view! { <b class="notice__title">{title}</b> " " })} {children()}
            </div>
        </div>
    }
}

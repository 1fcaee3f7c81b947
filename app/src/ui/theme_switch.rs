//! Light, dark, or as the system says.

use leptos::prelude::*;

use super::{Icon, IconName};
use crate::browser::theme::{self, Theme};

/// One button that goes from the look in use to the other one and remembers it.
///
/// `<button type="button" class="button js-only" data-kind="quiet" data-size="small"><svg …/><span class="visually-hidden">Switch between light and dark</span></button>`
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    let press = move |_| {
        let next = match theme::in_use() {
            Theme::Dark => Theme::Light,
            Theme::Light | Theme::System => Theme::Dark,
        };
        theme::choose(next);
    };
    view! {
        <button type="button" class="button theme-switch js-only" data-kind="quiet" data-size="small" on:click=press>
            <Icon name=IconName::Moon />
            <Icon name=IconName::Sun />
            <span class="visually-hidden">"Switch between light and dark"</span>
        </button>
    }
}

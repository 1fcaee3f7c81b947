//! The tabs of a page as links: each has an address of its own.

use leptos::{prelude::*, text_prop::TextProp};

use super::{Icon, IconName};

/// `<nav class="tabs" aria-label="Development"><ul>…</ul></nav>`, its children are [`NavTab`].
#[component]
pub fn NavTabs(#[prop(into)] label: String, children: Children) -> impl IntoView {
    view! {
        <nav class="tabs" aria-label=label>
            <ul>{children()}</ul>
        </nav>
    }
}

/// `<li><a class="tabs__tab" href="…" aria-current="page"><svg …/>Logs</a></li>`
#[component]
pub fn NavTab(
    #[prop(into)] href: TextProp,
    #[prop(into)] current: Signal<bool>,
    #[prop(optional)] icon: Option<IconName>,
    children: Children,
) -> impl IntoView {
    view! {
        <li>
            <a
                class="tabs__tab"
                href=move || href.get().into_owned()
                aria-current=move || current.get().then_some("page")
            >
                {icon.map(|name| view! { <Icon name /> })}
                {children()}
            </a>
        </li>
    }
}

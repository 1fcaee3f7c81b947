//! Shown where there is nothing yet: what would be here, and how to get it.

use leptos::prelude::*;

use super::{Icon, IconName};

/// The children are a sentence and what to do: a code block, a button, a link.
///
/// ```html
/// <div class="empty"><svg …/><h3 class="empty__title">No requests yet</h3><div class="empty__body">…</div></div>
/// ```
#[component]
pub fn EmptyState(
    #[prop(into)] title: String,
    #[prop(optional)] icon: Option<IconName>,
    /// Something is expected and will appear: the title gets a quiet pulse.
    #[prop(optional)]
    waiting: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="empty" data-waiting=waiting.then_some("true")>
            {icon.map(|name| view! { <Icon name /> })}
            <h3 class="empty__title">{title}</h3>
            <div class="empty__body">{children()}</div>
        </div>
    }
}

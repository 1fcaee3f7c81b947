//! Shown where there is nothing yet: what would be here, and how to get it.

use leptos::prelude::*;

use super::{Icon, IconName};

/// The children are a sentence and what to do: a code block, a button, a link. The title is a heading of the second level, which
/// skips none, wherever it is shown.
///
/// ```html
/// <div class="empty"><svg …/><h2 class="empty__title">No requests yet</h2><div class="empty__body">…</div></div>
/// ```
#[component]
pub fn EmptyState(
    #[prop(into)] title: String,
    #[prop(optional)] icon: Option<IconName>,
    /// Something is expected and will appear: the title gets a quiet pulse.
    #[prop(optional)]
    waiting: bool,
    /// It is all that the page has: its title is the heading of the page.
    #[prop(optional)]
    is_page: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="empty" data-waiting=waiting.then_some("true")>
            {icon.map(|name| view! { <Icon name /> })}
            {if is_page {
                view! { <h1 class="empty__title">{title}</h1> }.into_any()
            } else {
                view! { <h2 class="empty__title">{title}</h2> }.into_any()
            }}
            <div class="empty__body">{children()}</div>
        </div>
    }
}

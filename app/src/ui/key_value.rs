//! Facts about one thing, as names and values.

use leptos::prelude::*;

/// `<dl class="facts">…</dl>`, its children are [`KeyValue`].
#[component]
pub fn KeyValueList(children: Children) -> impl IntoView {
    view! { <dl class="facts">{children()}</dl> }
}

/// `<div class="facts__row"><dt>Path</dt><dd class="mono">/v1/orders/</dd></div>`
#[component]
pub fn KeyValue(
    #[prop(into)] name: String,
    /// One width: ids, paths, addresses.
    #[prop(optional)]
    monospace: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="facts__row">
            <dt>{name}</dt>
            <dd class=if monospace { "mono" } else { "" }>{children()}</dd>
        </div>
    }
}

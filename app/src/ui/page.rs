//! The first things on every page: the link past the navigation, and the page's heading.

use leptos::prelude::*;

use super::{Icon, IconName};

/// The first element of `<body>`; the shell's `<main id="main" tabindex="-1">` is its target.
///
/// `<a class="skip-link" href="#main">Skip to main content</a>`
#[component]
pub fn SkipLink() -> impl IntoView {
    view! {
        <a class="skip-link" href="#main">
            "Skip to main content"
        </a>
    }
}

/// The link back to what the page is a part of, above its heading.
///
/// `<a class="back-link" href="…"><svg …arrow-left/>Logs</a>`
#[component]
pub fn BackLink(#[prop(into)] href: String, #[prop(into)] to: String) -> impl IntoView {
    view! {
        <a class="back-link" href=href>
            <Icon name=IconName::ArrowLeft />
            {to}
        </a>
    }
}

/// The page's one heading of level 1, a sentence below it, and the page's actions.
///
/// ```html
/// <header class="page-head"><div class="page-head__words"><h1>API Keys</h1><p class="lead">…</p></div><div class="page-head__actions">…</div></header>
/// ```
///
/// `above` is put before the heading: a [`BackLink`].
#[component]
pub fn PageHeader(
    #[prop(into)] title: String,
    #[prop(optional, into)] lead: Option<String>,
    /// The heading is a value: a URL, a request's path.
    #[prop(optional)]
    monospace: bool,
    #[prop(optional, into)] above: Option<ViewFnOnce>,
    #[prop(optional, into)] actions: Option<ViewFnOnce>,
) -> impl IntoView {
    view! {
        <header class="page-head">
            <div class="page-head__words">
                {above.map(|above| view! { <div class="page-head__above">{above.run()}</div> })}
                <h1 class=if monospace { "mono" } else { "" }>{title}</h1>
                {lead.map(|lead| view! { <p class="lead">{lead}</p> })}
            </div>
            {actions.map(|actions| view! { <div class="page-head__actions">{actions.run()}</div> })}
        </header>
    }
}

//! `/c/{client_id}` and `/c/{client_id}/development` redirect to the first tab, and `/docs` to the first help page.

use leptos::prelude::*;
use leptos_router::components::Redirect;
use leptos_router::hooks::use_location;
use model::CompanyContext;

use crate::pages::company::CompanyScope;
use crate::pages::docs::first_page;
use crate::pages::loaded::Loaded;

/// A person who may not see the company is told so here, and not redirected.
#[component]
pub fn CompanyStart() -> impl IntoView {
    let scope = CompanyScope::here();
    view! {
        <Loaded
            resource=scope.context()
            render=|company: CompanyContext| {
                let keys = format!("/c/{}/development/keys", company.client_id);
                view! { <Redirect path=keys /> }.into_any()
            }
        />
    }
}

#[component]
pub fn DocsStart() -> impl IntoView {
    let search = use_location().search.get_untracked();
    let question_mark = if search.is_empty() { "" } else { "?" };
    view! { <Redirect path=format!("{}{question_mark}{search}", first_page()) /> }
}

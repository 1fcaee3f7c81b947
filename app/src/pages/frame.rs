//! What stands around every page: the bar on top and the one `<main>`.

use leptos::prelude::*;
use model::{CompanyContext, Role};

use crate::ui::{Badge, Button, ButtonKind, ButtonSize, Icon, IconName, ThemeSwitch};

/// The bar: where this is, whose company it is, who is signed in.
#[component]
pub fn TopBar(#[prop(optional_no_strip, into)] company: Option<CompanyContext>) -> impl IntoView {
    let home = company.as_ref().map_or_else(
        || "/".to_owned(),
        |c| format!("/c/{}/development/keys", c.client_id),
    );
    view! {
        <header class="top-bar">
            <a class="top-bar__brand" href=home>
                <Icon name=IconName::Gate />
                <span>"Gatehouse"</span>
            </a>
            {company.map(|company| view! { <Account company=company /> })}
            <div class="top-bar__end">
                <ThemeSwitch />
            </div>
        </header>
    }
}

#[component]
fn Account(company: CompanyContext) -> impl IntoView {
    let role = company.role;
    view! {
        <span class="top-bar__company" title=company.name.clone()>{company.name.clone()}</span>
        <span class="top-bar__section">"Development"</span>
        <div class="top-bar__account">
            <span class="top-bar__email">{company.member_email}</span>
            <Badge>{role.label()}</Badge>
            <form method="post" action="/sign-out">
                <Button kind=ButtonKind::Quiet size=ButtonSize::Small icon=IconName::SignOut submit=true>
                    "Sign out"
                </Button>
            </form>
        </div>
    }
}

/// The page's content; the target of *Skip to main content*.
#[component]
pub fn Main(children: Children) -> impl IntoView {
    view! {
        <main id="main" class="main" tabindex="-1">
            {children()}
        </main>
    }
}

/// Why an action is not offered to this role.
pub fn why_not(role: Role) -> String {
    format!("Your role, {}, sees this but cannot change it.", role.label())
}

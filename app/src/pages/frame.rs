//! The frame of every page: the bar at the top and the one `<main>`.

use leptos::prelude::*;
use model::{CompanyContext, Permission, Role};

use crate::ui::{Badge, Button, ButtonKind, ButtonSize, Icon, IconName, Notice, ThemeSwitch};

/// The bar: the product, the company and the signed-in person.
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
            <span class="top-bar__email" title=company.member_email.clone()>{company.member_email.clone()}</span>
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

/// The id of [`ReadOnly`], which describes every button that the role may not press.
pub const READ_ONLY: &str = "read-only";

/// Says once on a page why nothing can be changed here. Empty for a role that has the permission.
#[component]
pub fn ReadOnly(role: Role, permission: Permission) -> impl IntoView {
    (!role.may(permission)).then(|| view! { <Notice id=READ_ONLY>{permission.refusal(role)}</Notice> })
}

//! `/`: sends a signed-in person to their company, lets them choose if there are several, and sends others to the sign-in page.

use leptos::prelude::*;
use leptos_router::components::Redirect;
use model::Brand;

use crate::api;
use crate::pages::frame::{Main, TopBar};
use crate::pages::loaded::Loaded;
use crate::ui::{PageHeader, Title};

#[component]
pub fn StartPage() -> impl IntoView {
    let welcome = Resource::new(|| (), |()| api::welcome());
    view! {
        <Title text="" />
        <Loaded
            resource=welcome
            render=move |welcome: api::Welcome| match welcome.companies.as_slice() {
                [] => view! { <Redirect path="/sign-in" /> }.into_any(),
                [only] => view! { <Redirect path=keys_of(only) /> }.into_any(),
                several => view! { <ChooseCompany companies=several.to_vec() /> }.into_any(),
            }
        />
    }
}

fn keys_of(company: &Brand) -> String {
    format!("/c/{}/development/keys", company.client_id)
}

#[component]
fn ChooseCompany(companies: Vec<Brand>) -> impl IntoView {
    let items = companies
        .into_iter()
        .map(|company| {
            let href = keys_of(&company);
            view! {
                <li>
                    <a href=href>{company.name}</a>
                </li>
            }
        })
        .collect_view();
    view! {
        <TopBar />
        <Main>
            <PageHeader title="Your companies" lead="Each has its own keys, logs and webhooks." />
            <ul class="plain-list">{items}</ul>
        </Main>
    }
}

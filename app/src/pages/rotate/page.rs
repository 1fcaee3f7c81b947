//! `/c/{client_id}/development/keys/{key}/rotate`. All of it is HTML of the server with plain forms; with scripts, it stays
//! current.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use model::{CompanyContext, KeyId};

use super::{DrawnRotation, NewKey};
use crate::api;
use crate::browser::html::ShowMarkup;
use crate::browser::timers::Repeater;
use crate::pages::company::{CompanyScope, LoadedInCompany, Topic};
use crate::pages::key::SecretCard;
use crate::pages::webhooks::current::{Current, keep_current_with};
use crate::ui::{BackLink, PageHeader, Title};

/// How long ago the last call was changes without any news.
const EVERY: Duration = Duration::from_secs(5);

#[component]
pub fn RotatePage() -> impl IntoView {
    let scope = CompanyScope::here();
    let params = use_params_map();
    let unknown = KeyId::from_random([0; 16]);
    let key = Memo::new(move |_| {
        let text = params.with(|params| params.get("key"));
        text.and_then(|text| text.parse().ok()).unwrap_or(unknown)
    });
    let drawn = Resource::new(
        move || (scope.client_id(), key.get()),
        |(company, key)| async move { Ok((key, api::keys::rotation(company, key).await?)) },
    );
    view! {
        <LoadedInCompany
            resource=drawn
            render=move |company, (key, first)| {
                view! { <Shown company=company key_id=key first=first /> }.into_any()
            }
        />
    }
}

#[component]
fn Shown(company: CompanyContext, key_id: KeyId, first: DrawnRotation) -> impl IntoView {
    let client_id = company.client_id;
    let title = first.title.clone();
    let lead = match first.is_open {
        true => "Make a new key, move your programs over, and delete the old key once nothing uses it.",
        false => "How the old key was replaced.",
    };
    let ask = move || api::keys::rotation(client_id, key_id);
    let Current { value, .. } = keep_current_with(Topic::Keys, first, ask);
    let repeater = Repeater::new();
    Effect::new(move |_| {
        repeater.every(EVERY, move || {
            // The page may be left while the answer is on its way.
            if value.try_with_untracked(|drawn| drawn.is_open) != Some(true) {
                return;
            }
            leptos::task::spawn_local(async move {
                if let Ok(new) = ask().await
                    && value.try_with_untracked(|old| *old != new) == Some(true)
                {
                    value.try_set(new);
                }
            });
        });
    });
    let state = Signal::derive(move || value.with(|drawn| drawn.state.clone()));
    let keys = Signal::derive(move || value.with(|drawn| drawn.keys.clone()));
    let forms = Signal::derive(move || value.with(|drawn| drawn.forms.clone()));
    // It stays as it is, with the secret that may be shown in it, while the rest is drawn anew.
    let new_key = Memo::new(move |_| value.with(|drawn| drawn.new_key.clone()));
    let list = format!("/c/{client_id}/development/keys");
    let company = StoredValue::new(company);
    view! {
        <Title text=title.clone() />
        <PageHeader
            title=title
            lead=lead
            above=move || view! { <BackLink href=list to="API Keys" /> }
        />
        <ShowMarkup markup=state class="stack" />
        {move || {
            new_key
                .get()
                .map(|NewKey { id, environment, last_four }| {
                    let title = "Secret of the new key";
                    let company = company.get_value();
                    view! { <SecretCard company id environment last_four title /> }
                })
        }}
        <ShowMarkup markup=keys class="stack" />
        <ShowMarkup markup=forms class="stack" />
    }
}

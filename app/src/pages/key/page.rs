//! `/c/{client_id}/development/keys/{key}`.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use model::{ClientId, CompanyContext, Environment, KeyId, KeySummary, Permission};

use super::OneKey;
use super::fields::{KeyFields, KeyPart, KeySaved};
use super::forms::{Entered, Forms};
use super::secret::SecretCard;
use super::test::TestCard;
use crate::browser::html::ShowMarkup;
use crate::pages::company::{CompanyScope, LoadedInCompany, Topic};
use crate::pages::frame::ReadOnly;
use crate::pages::logs::pace::Pace;
use crate::pages::next_steps::HelpLinks;
use crate::pages::webhooks::current::{Current, keep_current_on};
use crate::ui::{BackLink, ButtonLink, Card, Notice, PageHeader, Title, Tone};
use crate::{api, browser};

/// While requests arrive, the page asks again in steps of this.
const EVERY: Duration = Duration::from_secs(10);

#[component]
pub fn KeyPage() -> impl IntoView {
    let scope = CompanyScope::here();
    let key = key_of_address();
    let entered = fields_of_query();
    let loaded = Resource::new(
        move || (scope.client_id(), key.get(), entered.get()),
        |(company, key, entered)| async move {
            let one = api::keys::one_key(company, key).await?;
            // Asked for again rather than taken from the address, where anyone could have written it.
            let entered = match entered {
                Some(fields) => {
                    let saved = api::keys::check_key(company, key, fields.clone()).await?;
                    Some((fields, saved))
                }
                None => None,
            };
            Ok((one, entered))
        },
    );
    view! {
        <LoadedInCompany
            resource=loaded
            render=move |company, (one, entered): (OneKey, Option<(KeyFields, KeySaved)>)| {
                view! { <Shown company=company first=one entered=entered /> }.into_any()
            }
        />
    }
}

/// The key of the address; one that does not exist if it is none.
fn key_of_address() -> Memo<KeyId> {
    let params = use_params_map();
    let unknown = KeyId::from_random([0; 16]);
    Memo::new(move |_| {
        let text = params.with(|params| params.get("key"));
        text.and_then(|text| text.parse().ok()).unwrap_or(unknown)
    })
}

/// A form that came back, without scripts.
fn fields_of_query() -> Memo<Option<KeyFields>> {
    let query = use_query_map();
    Memo::new(move |_| {
        query.with(|query| {
            KeyPart::from_name(&query.get("part")?)?;
            let names = [
                "part",
                "name",
                "note",
                "expires_at",
                "delete",
                "delete_at",
                "read_only",
                "networks",
                "requests_a_minute",
            ];
            let pairs = names
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), query.get(name)?)));
            Some(KeyFields::from_pairs(pairs))
        })
    })
}

/// "Billing", or "Sandbox key ending a6f1".
fn title_of(key: &KeySummary) -> String {
    if key.terms.name.is_empty() {
        format!("{} key ending {}", key.environment.label(), key.last_four)
    } else {
        key.terms.name.clone()
    }
}

#[component]
fn Shown(company: CompanyContext, first: OneKey, entered: Option<(KeyFields, KeySaved)>) -> impl IntoView {
    let scope = CompanyScope::here();
    let (client_id, id, role) = (company.client_id, first.key.id, company.role);
    let (environment, last_four) = (first.key.environment, first.key.last_four.clone());
    let asked = RwSignal::new(0_u64);
    let Current { value: one, gone, .. } =
        keep_current_on(asked.into(), first, move || api::keys::one_key(client_id, id));
    count_along(scope, asked);
    let key = Memo::new(move |_| one.with(|one| one.key.clone()));
    let title = Memo::new(move |_| key.with(title_of));
    let terms = Memo::new(move |_| key.with(|key| key.terms.clone()));
    let facts = Signal::derive(move || one.with(|one| one.facts.clone()));
    let used = Signal::derive(move || one.with(|one| one.used.clone()));
    let entered = Entered::new(entered);
    view! {
        {move || view! { <Head client_id=client_id id=id title=title.get() may_manage=role.may(Permission::ManageKeys) /> }}
        {move || {
            gone.get()
                .then(|| view! { <Notice tone=Tone::Warn announce=true>"This key has been deleted. This page shows its last state."</Notice> })
        }}
        <ReadOnly role=role permission=Permission::ManageKeys />
        <SavedNotice />
        <div class="key-grid">
            <Card id="facts" title="Key">
                <ShowMarkup markup=facts class="key-facts" />
            </Card>
            <Card id="used" title="Requests">
                <ShowMarkup markup=used class="key-use" />
            </Card>
        </div>
        {role
            .may(Permission::RevealKeys)
            .then(|| {
                view! {
                    <div class="key-grid">
                        <SecretCard company=company id=id environment=environment last_four=last_four.clone() />
                        {(environment != Environment::Prod).then(|| view! { <TestCard id=id /> })}
                    </div>
                }
            })}
        {role.may(Permission::ManageKeys).then(|| view! { <Forms id=id terms=terms asked=asked entered=entered /> })}
        <HelpLinks client_id=client_id />
    }
}

#[component]
fn Head(client_id: ClientId, id: KeyId, title: String, may_manage: bool) -> impl IntoView {
    let list = format!("/c/{client_id}/development/keys");
    let (rotate, delete) = (format!("{list}/{id}/rotate"), format!("{list}/{id}/delete"));
    view! {
        // The name itself and no function of it: the title is written when what the function reads may be gone.
        <Title text=title.clone() />
        <PageHeader
            title=title
            above=move || view! { <BackLink href=list to="API Keys" /> }
            actions=move || {
                may_manage
                    .then(|| {
                        view! {
                            <ButtonLink href=rotate>"Rotate key"</ButtonLink>
                            <ButtonLink href=delete>"Delete key"</ButtonLink>
                        }
                    })
            }
        />
    }
}

/// After a form was saved without scripts.
#[component]
fn SavedNotice() -> impl IntoView {
    let query = use_query_map();
    browser::forget_in_address("saved");
    move || {
        let saved = query.with(|query| query.get("saved"));
        let part = KeyPart::from_name(&saved?)?;
        Some(view! { <Notice tone=Tone::Good>{part.saved()}</Notice> })
    }
}

/// The page follows requests that arrive and what others change, at a pace: its questions are about a day and a week.
fn count_along(scope: CompanyScope, asked: RwSignal<u64>) {
    let (keys, logs) = (scope.changes(Topic::Keys), scope.changes(Topic::Logs));
    let pace = Pace::new(EVERY);
    Effect::new(move |before: Option<(u64, u64)>| {
        let now = (keys.get(), logs.get());
        if before.is_some_and(|before| before != now) {
            pace.run(move || {
                asked.try_update(|asked| *asked += 1);
            });
        }
        now
    });
}

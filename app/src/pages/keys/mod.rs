//! The API Keys tab: the Client ID, the keys by environment, and how to rotate them.

mod client_id_card;
mod delete_dialog;
mod delete_page;
pub(crate) mod deleted;
mod ending;
mod generate;
mod rotation;
mod table;

use leptos::prelude::*;
use model::{CompanyContext, KeyGroup, Permission};

pub use delete_page::DeleteKeyPage;

use crate::api;
use crate::browser::clock::PageClock;
use crate::pages::company::{CompanyScope, LoadedInCompany, Topic};
use crate::pages::frame::ReadOnly;
use crate::pages::next_steps::HelpLinks;
use crate::pages::webhooks::current::keep_current_with;
use crate::ui::{PageHeader, RevealSlot, Title};

use client_id_card::ClientIdCard;
use delete_dialog::{DeleteDialog, Deletion};
use deleted::{Deleted, DeletedHeading, DeletedLoader};
use ending::EndingKeys;
use generate::{GeneratedDialog, Generation};
use rotation::RotationGuide;
use table::KeyTable;

/// What the parts of this page share: the open dialogs and the one revealed secret. Everything in it lives in the
/// browser's memory only.
#[derive(Clone, Copy, Debug)]
struct KeysState {
    scope: CompanyScope,
    reveal: RevealSlot,
    generation: Generation,
    deletion: Deletion,
}

/// `/c/{client_id}/development/keys`.
#[component]
pub fn KeysPage(
    /// What shows deleted keys.
    deleted: DeletedLoader,
) -> impl IntoView {
    let scope = CompanyScope::here();
    let groups = Resource::new(move || scope.client_id(), api::keys::list_keys);
    let state = KeysState {
        scope,
        reveal: RevealSlot::new(),
        generation: Generation::new(),
        deletion: Deletion::new(),
    };
    view! {
        <Title text="API Keys" />
        <PageHeader title="API Keys" lead="Your programs authenticate with API keys. Each environment has its own keys." />
        <LoadedInCompany
            resource=groups
            render=move |company, groups| view! { <Keys company=company first=groups state=state /> }.into_any()
        />
        <Deleted load=deleted />
        <HelpLinks client_id=untrack(|| scope.client_id()) />
        <GeneratedDialog state=state />
        <DeleteDialog state=state />
    }
}

#[component]
fn Keys(company: CompanyContext, first: Vec<KeyGroup>, state: KeysState) -> impl IntoView {
    let (role, client_id) = (company.role, company.client_id);
    let groups = keep_current_with(Topic::Keys, first, move || api::keys::list_keys(client_id)).value;
    ask_when_keys_expire(groups);
    view! {
        <ClientIdCard company=company />
        <ReadOnly role=role permission=Permission::ManageKeys />
        {move || {
            let groups = groups.get();
            view! {
                <EndingKeys groups=groups.clone() />
                <KeyTable groups=groups.clone() role=role state=state />
                <RotationGuide groups=groups />
            }
        }}
        <DeletedHeading />
    }
}

/// Nothing is announced when a key expires: its row stays as it is. So the page asks again at that moment.
fn ask_when_keys_expire(groups: RwSignal<Vec<KeyGroup>>) {
    let (scope, clock) = (CompanyScope::here(), PageClock::here());
    let expired = Memo::new(move |_| {
        let now = clock.now()?;
        groups.with(|groups| {
            let keys = groups.iter().flat_map(|group| &group.keys);
            Some(keys.filter(|key| key.terms.has_expired(now)).count())
        })
    });
    Effect::new(move |before: Option<Option<usize>>| {
        let now = expired.get();
        if before
            .flatten()
            .is_some_and(|before| now.is_some_and(|now| now > before))
        {
            scope.refetch(Topic::Keys);
        }
        now
    });
}

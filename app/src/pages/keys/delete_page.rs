//! The same decision on a page of its own, for browsers without scripts and for bookmarks.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use model::{DeletionFacts, KeyId, Permission};

use super::delete_dialog::{Confirmation, Facts, WHAT_IT_DOES};
use super::table::key_name;
use crate::pages::company::{CompanyScope, LoadedInCompany};
use crate::pages::loaded::Failure;
use crate::ui::{Button, ButtonKind, ButtonLink, Card, DialogActions, PageHeader, Title};
use crate::{AppError, api};

/// `/c/{client_id}/development/keys/{key}/delete`.
#[component]
pub fn DeleteKeyPage() -> impl IntoView {
    let scope = CompanyScope::here();
    let params = use_params_map();
    let key = Memo::new(move |_| {
        params
            .with(|params| params.get("key"))
            .and_then(|text| text.parse().ok())
    });
    let facts = Resource::new(
        move || {
            (
                scope.client_id(),
                key.get().unwrap_or(KeyId::from_random([0; 16])),
            )
        },
        |(company, key)| api::keys::deletion_facts(company, key),
    );
    view! {
        <Title text="Delete a key" />
        <PageHeader title="Delete this key?" lead=WHAT_IT_DOES />
        <LoadedInCompany
            resource=facts
            render=move |company, facts: DeletionFacts| {
                if let Err(error) = AppError::unless_may(company.role, Permission::ManageKeys) {
                    return view! { <Failure error=error /> }.into_any();
                }
                let action = scope.path(&format!("keys/{}/delete", facts.key.id));
                let back = scope.path("keys");
                let confirmation = Confirmation::new();
                let name = key_name(&facts.key);
                view! {
                    <Title text=format!("Delete the {name}") />
                    <Card>
                        <form class="form" method="post" action=action>
                            <Facts facts=facts confirmation=confirmation />
                            <DialogActions>
                                <ButtonLink href=back>"Cancel"</ButtonLink>
                                <Button kind=ButtonKind::Danger submit=true>"Delete key"</Button>
                            </DialogActions>
                        </form>
                    </Card>
                }
                .into_any()
            }
        />
    }
}

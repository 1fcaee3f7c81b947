//! The pages around the form: a new webhook, and changing one.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::{Catalogue, ClientId, InvalidWebhook, KeyGroup, Permission, Webhook};

use super::fields::WebhookFields;
use super::form::{FormPurpose, WebhookForm};
use super::{LoadedInCompany, webhook_of_address};
use crate::pages::company::CompanyScope;
use crate::pages::loaded::{Failure, Outcome};
use crate::ui::{BackLink, PageHeader, Title};
use crate::{AppError, api};

/// `/c/{client_id}/development/webhooks/new`. The query may fill fields in: after a refusal without scripts, and for
/// links that know the URL already.
#[component]
pub fn NewWebhookPage() -> impl IntoView {
    let scope = CompanyScope::here();
    let entered = fields_of_query();
    let loaded = Resource::new(
        move || (scope.client_id(), entered.get()),
        |(company, fields)| async move {
            let groups = api::keys::list_keys(company).await?;
            let fields = fields.unwrap_or_default();
            let faults = faults_of(company, &fields, None).await?;
            let catalogue = api::webhooks::event_types(true).await?;
            Ok::<_, AppError>((groups, fields, faults, catalogue))
        },
    );
    view! {
        <Title text="Add webhook" />
        <PageHeader
            title="Add webhook"
            lead="We send a signed POST to your URL whenever one of the selected events happens."
            above=move || view! { <BackLink href=scope.path("webhooks") to="Webhooks" /> }
        />
        <LoadedInCompany
            resource=loaded
            render=move |company, (groups, fields, faults, catalogue): (Vec<KeyGroup>, WebhookFields, Vec<InvalidWebhook>, Catalogue)| {
                if let Err(error) = AppError::unless_may(company.role, Permission::ManageWebhooks) {
                    return view! { <Failure error=error /> }.into_any();
                }
                view! { <WebhookForm company groups purpose=FormPurpose::Create fields faults catalogue /> }.into_any()
            }
        />
    }
}

/// `/c/{client_id}/development/webhooks/{webhook}/edit`.
#[component]
pub fn EditWebhookPage() -> impl IntoView {
    let scope = CompanyScope::here();
    let webhook = webhook_of_address();
    let entered = fields_of_query();
    let loaded = Resource::new(
        move || (scope.client_id(), webhook.get(), entered.get()),
        |(company, webhook, entered)| async move {
            let webhook = api::webhooks::webhook_detail(company, webhook?)
                .await?
                .row
                .webhook;
            let faults = match &entered {
                Some(fields) if fields.again => faults_of(company, fields, Some(&webhook)).await?,
                _ => Vec::new(),
            };
            let fields = entered.unwrap_or_else(|| WebhookFields::from(&webhook));
            let catalogue = api::webhooks::event_types(true).await?;
            Ok::<_, AppError>((webhook, fields, faults, catalogue))
        },
    );
    let back = move || {
        let id = webhook.get().map(|id| id.to_string()).unwrap_or_default();
        view! { <BackLink href=scope.path(&format!("webhooks/{id}")) to="The webhook" /> }
    };
    view! {
        <Title text="Edit webhook" />
        <PageHeader title="Edit webhook" lead="If you change the URL, deliveries that are waiting go to the new one." above=back />
        <LoadedInCompany
            resource=loaded
            render=move |company, (webhook, fields, faults, catalogue): (Webhook, WebhookFields, Vec<InvalidWebhook>, Catalogue)| {
                if let Err(error) = AppError::unless_may(company.role, Permission::ManageWebhooks) {
                    return view! { <Failure error=error /> }.into_any();
                }
                let (purpose, groups) = (FormPurpose::Change(webhook), Vec::new());
                view! { <WebhookForm company groups purpose fields faults catalogue /> }.into_any()
            }
        />
    }
}

/// What the query brings, where it brings anything of the form.
fn fields_of_query() -> Memo<Option<WebhookFields>> {
    let query = use_query_map();
    Memo::new(move |_| {
        let pairs = query.with(|query| {
            ["again", "name", "webhook_url", "env_type", "all_events", "events"]
                .into_iter()
                .flat_map(|name| {
                    query
                        .get_all(name)
                        .unwrap_or_default()
                        .into_iter()
                        .map(move |value| (name.to_owned(), value))
                })
                .collect::<Vec<_>>()
        });
        (!pairs.is_empty()).then(|| WebhookFields::from_pairs(pairs))
    })
}

/// The faults of a form that came back. They are asked for again rather than taken from the address, where anyone
/// could have written them.
async fn faults_of(
    company: ClientId,
    fields: &WebhookFields,
    webhook: Option<&Webhook>,
) -> Outcome<Vec<InvalidWebhook>> {
    if !fields.again {
        return Ok(Vec::new());
    }
    match fields.draft(webhook.is_none_or(|webhook| webhook.enabled)) {
        Ok(draft) => api::webhooks::check_webhook(company, draft, webhook.map(|webhook| webhook.id)).await,
        Err(faults) => Ok(faults),
    }
}

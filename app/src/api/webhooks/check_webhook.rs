//! `webhooks/check`.

use leptos::server;
use model::{ClientId, InvalidWebhook, WebhookDraft, WebhookId};
use server_fn::codec::Json;

use crate::AppError;
use crate::api::protocol::Rpc;

/// The faults of a draft, or of a change to `editing`. Called when a field loses focus. It resolves a name, so only people who may save a webhook can call it.
#[server(name = CheckWebhookCall, prefix = "/rpc", endpoint = "webhooks/check", protocol = Rpc<Json>)]
pub async fn check_webhook(
    company: ClientId,
    draft: WebhookDraft,
    editing: Option<WebhookId>,
) -> Result<Vec<InvalidWebhook>, AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_manager?
        .check(&draft, editing)
        .await
}

//! `webhooks/create`.

use leptos::server;
use model::{ClientId, InvalidWebhook, WebhookDraft, WebhookId};
use server_fn::codec::Json;

use crate::AppError;
use crate::api::protocol::Rpc;

/// Saves a webhook, or names every fault of the draft.
#[server(name = CreateWebhookCall, prefix = "/rpc", endpoint = "webhooks/create", protocol = Rpc<Json>)]
pub async fn create_webhook(
    company: ClientId,
    draft: WebhookDraft,
) -> Result<Result<WebhookId, Vec<InvalidWebhook>>, AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_manager?
        .create(draft)
        .await
}

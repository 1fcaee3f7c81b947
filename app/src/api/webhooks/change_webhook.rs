//! `webhooks/change`.

use leptos::server;
use model::{ClientId, InvalidWebhook, WebhookDraft, WebhookId};
use server_fn::codec::Json;

use crate::AppError;
use crate::api::protocol::Rpc;

/// Changes a webhook, or names every fault of the draft.
#[server(name = ChangeWebhookCall, prefix = "/rpc", endpoint = "webhooks/change", protocol = Rpc<Json>)]
pub async fn change_webhook(
    company: ClientId,
    webhook: WebhookId,
    draft: WebhookDraft,
) -> Result<Result<(), Vec<InvalidWebhook>>, AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_manager?
        .change(webhook, draft)
        .await
}

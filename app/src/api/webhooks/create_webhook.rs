//! `webhooks/create`.

use leptos::server;
use model::{ClientId, InvalidWebhook, WebhookDraft, WebhookId};

use crate::AppError;

/// Saves a webhook, or names every fault of the draft.
#[server(name = CreateWebhookCall, prefix = "/rpc", endpoint = "webhooks/create", input = server_fn::codec::Json)]
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

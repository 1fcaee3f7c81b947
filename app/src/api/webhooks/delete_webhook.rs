//! `webhooks/delete`.

use leptos::server;
use model::{ClientId, WebhookId};

use crate::AppError;

/// Deletes a webhook and its waiting deliveries.
#[server(name = DeleteWebhookCall, prefix = "/rpc", endpoint = "webhooks/delete")]
pub async fn delete_webhook(company: ClientId, webhook: WebhookId) -> Result<(), AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_manager?
        .delete(webhook)
        .await
}

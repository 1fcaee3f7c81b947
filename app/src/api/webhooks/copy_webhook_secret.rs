//! `webhooks/copy_secret`.

use leptos::server;
use model::{ClientId, SecretText, WebhookId};

use crate::AppError;

/// The secret of a webhook's own, for the clipboard and never for the screen; its own audit action.
#[server(name = CopyWebhookSecretCall, prefix = "/rpc", endpoint = "webhooks/copy_secret")]
pub async fn copy_webhook_secret(company: ClientId, webhook: WebhookId) -> Result<SecretText, AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_secrets?
        .copy(webhook)
        .await
}

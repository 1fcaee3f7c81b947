//! `webhooks/reveal_secret`.

use leptos::server;
use model::{ClientId, SecretText, WebhookId};

use crate::AppError;

/// A webhook's own secret, to be shown.
#[server(name = RevealWebhookSecretCall, prefix = "/rpc", endpoint = "webhooks/reveal_secret")]
pub async fn reveal_webhook_secret(company: ClientId, webhook: WebhookId) -> Result<SecretText, AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_secrets?
        .reveal(webhook)
        .await
}

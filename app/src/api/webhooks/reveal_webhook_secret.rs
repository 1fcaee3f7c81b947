//! `webhooks/reveal_secret`.

use leptos::server;
use model::{ClientId, SecretText, WebhookId};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// A webhook's own secret, to be shown.
#[server(name = RevealWebhookSecretCall, prefix = "/rpc", endpoint = "webhooks/reveal_secret", protocol = Rpc<PostUrl>)]
pub async fn reveal_webhook_secret(company: ClientId, webhook: WebhookId) -> Result<SecretText, AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_secrets?
        .reveal(webhook)
        .await
}

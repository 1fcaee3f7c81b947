//! `webhooks/rotate_secret`.

use leptos::server;
use model::{ClientId, RotatedSecret, WebhookId};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// A new secret for a webhook, to be shown. The previous one also signs for a day.
#[server(name = RotateWebhookSecretCall, prefix = "/rpc", endpoint = "webhooks/rotate_secret", protocol = Rpc<PostUrl>)]
pub async fn rotate_webhook_secret(company: ClientId, webhook: WebhookId) -> Result<RotatedSecret, AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_secrets?
        .rotate(webhook)
        .await
}

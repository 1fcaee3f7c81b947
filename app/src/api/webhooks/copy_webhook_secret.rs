//! `webhooks/copy_secret`.

use leptos::server;
use model::{ClientId, SecretText, WebhookId};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// A webhook's own secret for the clipboard; it is never shown. Has an audit action of its own.
#[server(name = CopyWebhookSecretCall, prefix = "/rpc", endpoint = "webhooks/copy_secret", protocol = Rpc<PostUrl>)]
pub async fn copy_webhook_secret(company: ClientId, webhook: WebhookId) -> Result<SecretText, AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_secrets?
        .copy(webhook)
        .await
}

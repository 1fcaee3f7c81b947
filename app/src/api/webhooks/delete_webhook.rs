//! `webhooks/delete`.

use leptos::server;
use model::{ClientId, WebhookId};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// Deletes a webhook and its waiting deliveries.
#[server(name = DeleteWebhookCall, prefix = "/rpc", endpoint = "webhooks/delete", protocol = Rpc<PostUrl>)]
pub async fn delete_webhook(company: ClientId, webhook: WebhookId) -> Result<(), AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_manager?
        .delete(webhook)
        .await
}

//! `webhooks/set_enabled`.

use leptos::server;
use model::{ClientId, WebhookId};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// Pauses or enables a webhook. Deliveries wait while it is paused.
#[server(name = SetWebhookEnabledCall, prefix = "/rpc", endpoint = "webhooks/set_enabled", protocol = Rpc<PostUrl>)]
pub async fn set_webhook_enabled(
    company: ClientId,
    webhook: WebhookId,
    enabled: bool,
) -> Result<(), AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_manager?
        .set_enabled(webhook, enabled)
        .await
}

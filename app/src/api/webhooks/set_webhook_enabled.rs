//! `webhooks/set_enabled`.

use leptos::server;
use model::{ClientId, WebhookId};

use crate::AppError;

/// Switches a webhook on or off; what it would have received while off is kept as skipped.
#[server(name = SetWebhookEnabledCall, prefix = "/rpc", endpoint = "webhooks/set_enabled")]
pub async fn set_webhook_enabled(
    company: ClientId,
    webhook: WebhookId,
    enabled: bool,
) -> Result<(), AppError> {
    crate::ports::enter(company)
        .await?
        .manage_webhooks()?
        .set_enabled(webhook, enabled)
        .await
}

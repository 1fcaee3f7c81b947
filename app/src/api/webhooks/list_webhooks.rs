//! `webhooks/list`.

use leptos::server;
use model::{ClientId, WebhookRow};

use crate::AppError;

/// All webhooks, failing ones first.
#[server(name = ListWebhooksCall, prefix = "/rpc", endpoint = "webhooks/list", input = server_fn::codec::GetUrl)]
pub async fn list_webhooks(company: ClientId) -> Result<Vec<WebhookRow>, AppError> {
    crate::ports::enter(company).await?.webhooks?.list().await
}

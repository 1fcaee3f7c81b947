//! `webhooks/list`.

use leptos::server;
use model::{ClientId, WebhookRow};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// All webhooks, failing ones first.
#[server(name = ListWebhooksCall, prefix = "/rpc", endpoint = "webhooks/list", protocol = Rpc<GetUrl>)]
pub async fn list_webhooks(company: ClientId) -> Result<Vec<WebhookRow>, AppError> {
    crate::ports::enter(company).await?.webhooks?.list().await
}

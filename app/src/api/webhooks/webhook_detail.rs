//! `webhooks/detail`.

use leptos::server;
use model::{ClientId, WebhookDetail, WebhookId};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// One webhook with its latest deliveries.
#[server(name = WebhookDetailCall, prefix = "/rpc", endpoint = "webhooks/detail", protocol = Rpc<GetUrl>)]
pub async fn webhook_detail(company: ClientId, webhook: WebhookId) -> Result<WebhookDetail, AppError> {
    crate::ports::enter(company)
        .await?
        .webhooks?
        .detail(webhook)
        .await
}

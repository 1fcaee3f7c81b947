//! `webhooks/delivery_news`.

use leptos::server;
use model::{ClientId, DeliveryNews, DeliveryPlace, DeliveryView, WebhookId};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// What has become of a list of deliveries: how many newer ones match, and these rows as they are now. `known` is their ids with
/// commas between them; in an address, a list of its own would be twice as long.
#[server(name = DeliveryNewsCall, prefix = "/rpc", endpoint = "webhooks/delivery_news", protocol = Rpc<GetUrl>)]
pub async fn delivery_news(
    company: ClientId,
    webhook: WebhookId,
    view: DeliveryView,
    newest: Option<DeliveryPlace>,
    known: String,
) -> Result<DeliveryNews, AppError> {
    let known: Vec<_> = known.split(',').filter_map(|id| id.parse().ok()).collect();
    crate::ports::enter(company)
        .await?
        .webhooks?
        .delivery_news(webhook, &view, newest, &known)
        .await
}

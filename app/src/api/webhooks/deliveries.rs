//! `webhooks/deliveries`.

use leptos::server;
use model::{ClientId, DeliveryListing, DeliveryView, WebhookId};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// The page of a webhook's deliveries that a view shows.
#[server(name = DeliveriesCall, prefix = "/rpc", endpoint = "webhooks/deliveries", protocol = Rpc<GetUrl>)]
pub async fn deliveries(
    company: ClientId,
    webhook: WebhookId,
    view: DeliveryView,
) -> Result<DeliveryListing, AppError> {
    crate::ports::enter(company)
        .await?
        .webhooks?
        .deliveries(webhook, &view)
        .await
}

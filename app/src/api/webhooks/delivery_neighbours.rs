//! `webhooks/delivery_neighbours`.

use leptos::server;
use model::{ClientId, DeliveryId, DeliveryNeighbours, DeliveryView, WebhookId};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// The deliveries beside one in the list of a view.
#[server(name = DeliveryNeighboursCall, prefix = "/rpc", endpoint = "webhooks/delivery_neighbours", protocol = Rpc<GetUrl>)]
pub async fn delivery_neighbours(
    company: ClientId,
    webhook: WebhookId,
    view: DeliveryView,
    delivery: DeliveryId,
) -> Result<DeliveryNeighbours, AppError> {
    crate::ports::enter(company)
        .await?
        .webhooks?
        .delivery_neighbours(webhook, &view, delivery)
        .await
}

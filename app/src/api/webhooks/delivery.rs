//! `webhooks/delivery`.

use leptos::server;
use model::{ClientId, Delivery, DeliveryId};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// One delivery with its event and every attempt.
#[server(name = DeliveryCall, prefix = "/rpc", endpoint = "webhooks/delivery", protocol = Rpc<GetUrl>)]
pub async fn delivery(company: ClientId, delivery: DeliveryId) -> Result<Delivery, AppError> {
    crate::ports::enter(company)
        .await?
        .webhooks?
        .delivery(delivery)
        .await
}

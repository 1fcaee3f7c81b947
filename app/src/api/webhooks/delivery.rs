//! `webhooks/delivery`.

use leptos::server;
use model::{ClientId, Delivery, DeliveryId};

use crate::AppError;

/// One delivery with its event and every attempt.
#[server(name = DeliveryCall, prefix = "/rpc", endpoint = "webhooks/delivery", input = server_fn::codec::GetUrl)]
pub async fn delivery(company: ClientId, delivery: DeliveryId) -> Result<Delivery, AppError> {
    crate::ports::enter(company)
        .await?
        .webhooks?
        .delivery(delivery)
        .await
}

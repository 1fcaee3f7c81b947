//! `webhooks/deliveries_of_request`.

use leptos::server;
use model::{ClientId, DeliveryRow, RequestId};

use crate::AppError;

/// What the request triggered: deliveries of the events linked to it.
#[server(name = DeliveriesOfRequestCall, prefix = "/rpc", endpoint = "webhooks/deliveries_of_request", input = server_fn::codec::GetUrl)]
pub async fn deliveries_of_request(
    company: ClientId,
    request: RequestId,
) -> Result<Vec<DeliveryRow>, AppError> {
    crate::ports::enter(company)
        .await?
        .webhooks?
        .deliveries_of_request(request)
        .await
}

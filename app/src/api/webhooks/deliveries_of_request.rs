//! `webhooks/deliveries_of_request`.

use leptos::server;
use model::{ClientId, RequestDelivery, RequestId};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// What the request triggered: deliveries of the events linked to it.
#[server(name = DeliveriesOfRequestCall, prefix = "/rpc", endpoint = "webhooks/deliveries_of_request", protocol = Rpc<GetUrl>)]
pub async fn deliveries_of_request(
    company: ClientId,
    request: RequestId,
) -> Result<Vec<RequestDelivery>, AppError> {
    crate::ports::enter(company)
        .await?
        .webhooks?
        .deliveries_of_request(request)
        .await
}

//! `webhooks/sign_delivery`.

use leptos::server;
use model::{ClientId, DeliveryId, HeaderField};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// The headers that sign a delivery now, for someone who sends it by hand. It is written down who asked.
#[server(name = SignDeliveryCall, prefix = "/rpc", endpoint = "webhooks/sign_delivery", protocol = Rpc<PostUrl>)]
pub async fn sign_delivery(company: ClientId, delivery: DeliveryId) -> Result<Vec<HeaderField>, AppError> {
    crate::ports::enter(company)
        .await?
        .replays?
        .sign_again(delivery)
        .await
}

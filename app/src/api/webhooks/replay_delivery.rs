//! `webhooks/replay`.

use leptos::server;
use model::{ClientId, DeliveryId};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// One more attempt for the same delivery.
#[server(name = ReplayDeliveryCall, prefix = "/rpc", endpoint = "webhooks/replay", protocol = Rpc<PostUrl>)]
pub async fn replay_delivery(company: ClientId, delivery: DeliveryId) -> Result<(), AppError> {
    crate::ports::enter(company)
        .await?
        .replays?
        .replay(delivery)
        .await
}

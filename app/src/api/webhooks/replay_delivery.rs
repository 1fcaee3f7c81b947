//! `webhooks/replay`.

use leptos::server;
use model::{ClientId, DeliveryId};

use crate::AppError;

/// One more attempt for the same delivery.
#[server(name = ReplayDeliveryCall, prefix = "/rpc", endpoint = "webhooks/replay")]
pub async fn replay_delivery(company: ClientId, delivery: DeliveryId) -> Result<(), AppError> {
    crate::ports::enter(company)
        .await?
        .replays?
        .replay(delivery)
        .await
}

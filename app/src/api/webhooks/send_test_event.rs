//! `webhooks/send_test`.

use leptos::server;
use model::{ClientId, DeliveryId, EventType, WebhookId};

use crate::AppError;

/// Sends an example event: one attempt, flagged as a test.
#[server(name = SendTestEventCall, prefix = "/rpc", endpoint = "webhooks/send_test")]
pub async fn send_test_event(
    company: ClientId,
    webhook: WebhookId,
    event_type: EventType,
) -> Result<DeliveryId, AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_manager?
        .send_test(webhook, event_type)
        .await
}

//! `webhooks/send_test`.

use leptos::server;
use model::{ClientId, DeliveryId, EventType, WebhookId};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// Sends an example event: one attempt, flagged as a test.
#[server(name = SendTestEventCall, prefix = "/rpc", endpoint = "webhooks/send_test", protocol = Rpc<PostUrl>)]
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

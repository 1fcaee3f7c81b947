//! `webhooks/check`.

use leptos::server;
use model::{ClientId, InvalidWebhook, WebhookDraft};

use crate::AppError;

/// What would be refused of a draft; asked when a field is left.
#[server(name = CheckWebhookCall, prefix = "/rpc", endpoint = "webhooks/check", input = server_fn::codec::Json)]
pub async fn check_webhook(company: ClientId, draft: WebhookDraft) -> Result<Vec<InvalidWebhook>, AppError> {
    crate::ports::enter(company).await?.webhooks.check(&draft).await
}

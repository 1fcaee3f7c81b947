//! `webhooks/check`.

use leptos::server;
use model::{ClientId, InvalidWebhook, WebhookDraft};

use crate::AppError;

/// What would be refused of a draft; asked when a field is left. It looks a name up, so it is for those who may save one.
#[server(name = CheckWebhookCall, prefix = "/rpc", endpoint = "webhooks/check", input = server_fn::codec::Json)]
pub async fn check_webhook(company: ClientId, draft: WebhookDraft) -> Result<Vec<InvalidWebhook>, AppError> {
    let access = crate::ports::enter(company).await?;
    access.manage_webhooks()?;
    access.webhooks.check(&draft).await
}

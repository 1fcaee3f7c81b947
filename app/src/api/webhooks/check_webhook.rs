//! `webhooks/check`.

use leptos::server;
use model::{ClientId, InvalidWebhook, WebhookDraft, WebhookId};

use crate::AppError;

/// What would be refused of a draft, or of a change of `editing`; asked when a field is left. It looks a name up, so it is for those who may save one.
#[server(name = CheckWebhookCall, prefix = "/rpc", endpoint = "webhooks/check", input = server_fn::codec::Json)]
pub async fn check_webhook(
    company: ClientId,
    draft: WebhookDraft,
    editing: Option<WebhookId>,
) -> Result<Vec<InvalidWebhook>, AppError> {
    crate::ports::enter(company)
        .await?
        .webhook_manager?
        .check(&draft, editing)
        .await
}

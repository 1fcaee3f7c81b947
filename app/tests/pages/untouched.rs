//! A port that no rendering calls, except to check a draft.

use app::AppError;
use app::ports::ManageWebhooks;
use async_trait::async_trait;
use model::{DeliveryId, EventType, InvalidWebhook, SecretText, WebhookDraft, WebhookId};

/// Rendering changes nothing, so that every call is a fault of the page.
pub(crate) struct Untouched;

#[async_trait]
impl ManageWebhooks for Untouched {
    async fn check(
        &self,
        draft: &WebhookDraft,
        _: Option<WebhookId>,
    ) -> Result<Vec<InvalidWebhook>, AppError> {
        let private = draft.url.contains("10.0.0.1");
        let fault = || InvalidWebhook {
            field: "webhook_url".to_owned(),
            message: "This address is private.".to_owned(),
        };
        Ok(private.then(fault).into_iter().collect())
    }

    async fn create(&self, _: WebhookDraft) -> Result<Result<WebhookId, Vec<InvalidWebhook>>, AppError> {
        panic!("a page created a webhook")
    }

    async fn change(
        &self,
        _: WebhookId,
        _: WebhookDraft,
    ) -> Result<Result<(), Vec<InvalidWebhook>>, AppError> {
        panic!("a page changed a webhook")
    }

    async fn set_enabled(&self, _: WebhookId, _: bool) -> Result<(), AppError> {
        panic!("a page switched a webhook")
    }

    async fn set_header(&self, _: WebhookId, _: String, _: Option<SecretText>) -> Result<(), AppError> {
        panic!("a page set a header")
    }

    async fn set_rate_limit(&self, _: WebhookId, _: Option<u32>) -> Result<(), AppError> {
        panic!("a page set a rate limit")
    }

    async fn delete(&self, _: WebhookId) -> Result<(), AppError> {
        panic!("a page deleted a webhook")
    }

    async fn send_test(&self, _: WebhookId, _: EventType) -> Result<DeliveryId, AppError> {
        panic!("a page sent a test")
    }
}

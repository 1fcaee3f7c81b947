//! The webhook ports on [`webhooks::Webhooks`]: what a page shows and what a member may do. Each port is bound to one
//! company, so that it cannot be used for any other.

use app::AppError;
use app::ports::{ManageWebhooks, ReplayDeliveries, RevealWebhookSecrets, SeeWebhooks};
use async_trait::async_trait;
use model::{
    Actor, CompanyId, Delivery, DeliveryId, DeliveryListing, DeliveryNeighbours, DeliveryNews, DeliveryPlace,
    DeliveryView, EventType, HeaderField, InvalidWebhook, RequestDelivery, RequestId, RotatedSecret,
    SecretText, WebhookDetail, WebhookDraft, WebhookId, WebhookRow,
};
use webhooks::{OptionsPatch, WebhookPatch, Webhooks, WebhooksError};

use crate::incident;

/// A company's webhooks, read only.
pub(crate) struct SeenWebhooks {
    pub(crate) webhooks: Webhooks,
    pub(crate) company: CompanyId,
}

#[async_trait]
impl SeeWebhooks for SeenWebhooks {
    async fn list(&self) -> Result<Vec<WebhookRow>, AppError> {
        self.webhooks.list(self.company).await.map_err(answer)
    }

    async fn detail(&self, webhook: WebhookId) -> Result<WebhookDetail, AppError> {
        self.webhooks.detail(self.company, webhook).await.map_err(answer)
    }

    async fn deliveries(&self, webhook: WebhookId, view: &DeliveryView) -> Result<DeliveryListing, AppError> {
        self.webhooks
            .delivery_listing(self.company, webhook, view)
            .await
            .map_err(answer)
    }

    async fn delivery_news(
        &self,
        webhook: WebhookId,
        view: &DeliveryView,
        newest: Option<DeliveryPlace>,
        known: &[DeliveryId],
    ) -> Result<DeliveryNews, AppError> {
        let filter = view.filter_at(self.webhooks.now());
        self.webhooks
            .delivery_news(self.company, webhook, &filter, newest, known)
            .await
            .map_err(answer)
    }

    async fn delivery_neighbours(
        &self,
        webhook: WebhookId,
        view: &DeliveryView,
        delivery: DeliveryId,
    ) -> Result<DeliveryNeighbours, AppError> {
        let filter = view.filter_at(self.webhooks.now());
        self.webhooks
            .delivery_neighbours(self.company, webhook, &filter, delivery)
            .await
            .map_err(answer)
    }

    async fn delivery(&self, delivery: DeliveryId) -> Result<Delivery, AppError> {
        self.webhooks
            .delivery(self.company, delivery)
            .await
            .map_err(answer)
    }

    async fn deliveries_of_request(&self, request: RequestId) -> Result<Vec<RequestDelivery>, AppError> {
        self.webhooks
            .deliveries_of_request(self.company, request)
            .await
            .map_err(answer)
    }
}

/// A company's webhooks as one member may use them. [`super`] decides which of these ports that member gets.
pub(crate) struct ManagedWebhooks {
    pub(crate) webhooks: Webhooks,
    pub(crate) company: CompanyId,
    pub(crate) actor: Actor,
}

#[async_trait]
impl ManageWebhooks for ManagedWebhooks {
    async fn check(
        &self,
        draft: &WebhookDraft,
        editing: Option<WebhookId>,
    ) -> Result<Vec<InvalidWebhook>, AppError> {
        self.webhooks
            .check(self.company, draft, editing)
            .await
            .map_err(answer)
    }

    async fn create(&self, draft: WebhookDraft) -> Result<Result<WebhookId, Vec<InvalidWebhook>>, AppError> {
        let created = self.webhooks.create(self.company, &draft, &self.actor).await;
        with_faults(created.map(|webhook| webhook.id))
    }

    async fn change(
        &self,
        webhook: WebhookId,
        draft: WebhookDraft,
    ) -> Result<Result<(), Vec<InvalidWebhook>>, AppError> {
        let changed = self
            .webhooks
            .change(self.company, webhook, draft, &self.actor)
            .await;
        with_faults(changed.map(drop))
    }

    async fn set_enabled(&self, webhook: WebhookId, enabled: bool) -> Result<(), AppError> {
        let patch = WebhookPatch {
            enabled: Some(enabled),
            ..WebhookPatch::default()
        };
        let changed = self
            .webhooks
            .patch(self.company, None, webhook, patch, &self.actor)
            .await;
        changed.map(drop).map_err(answer)
    }

    async fn set_header(
        &self,
        webhook: WebhookId,
        name: String,
        value: Option<SecretText>,
    ) -> Result<(), AppError> {
        let patch = OptionsPatch {
            headers: vec![(name, value)],
            rate_limit: None,
        };
        self.change_options(webhook, patch).await
    }

    async fn set_rate_limit(&self, webhook: WebhookId, rate: Option<u32>) -> Result<(), AppError> {
        let patch = OptionsPatch {
            headers: Vec::new(),
            rate_limit: Some(rate),
        };
        self.change_options(webhook, patch).await
    }

    async fn delete(&self, webhook: WebhookId) -> Result<(), AppError> {
        self.webhooks
            .delete(self.company, None, webhook, &self.actor)
            .await
            .map_err(answer)
    }

    async fn send_test(&self, webhook: WebhookId, event_type: EventType) -> Result<DeliveryId, AppError> {
        self.webhooks
            .send_test(self.company, webhook, event_type, &self.actor)
            .await
            .map_err(answer)
    }
}

impl ManagedWebhooks {
    async fn change_options(&self, webhook: WebhookId, patch: OptionsPatch) -> Result<(), AppError> {
        let changed = self
            .webhooks
            .change_options(self.company, None, webhook, patch, &self.actor)
            .await;
        changed.map(drop).map_err(|error| match error {
            WebhooksError::Invalid(mut faults) => {
                for fault in &mut faults {
                    if let Some((_, header)) = fault.field.split_once('.') {
                        fault.message = format!("{header}: {}", fault.message);
                    }
                }
                answer(WebhooksError::Invalid(faults))
            }
            error => answer(error),
        })
    }
}

#[async_trait]
impl RevealWebhookSecrets for ManagedWebhooks {
    async fn reveal(&self, webhook: WebhookId) -> Result<SecretText, AppError> {
        self.webhooks
            .reveal_secret(self.company, webhook, &self.actor)
            .await
            .map_err(answer)
    }

    async fn copy(&self, webhook: WebhookId) -> Result<SecretText, AppError> {
        self.webhooks
            .copy_secret(self.company, webhook, &self.actor)
            .await
            .map_err(answer)
    }

    async fn rotate(&self, webhook: WebhookId) -> Result<RotatedSecret, AppError> {
        self.webhooks
            .rotate_secret(self.company, webhook, &self.actor)
            .await
            .map_err(answer)
    }
}

#[async_trait]
impl ReplayDeliveries for ManagedWebhooks {
    async fn replay(&self, delivery: DeliveryId) -> Result<(), AppError> {
        self.webhooks
            .replay(self.company, delivery, &self.actor)
            .await
            .map_err(answer)
    }

    async fn sign_again(&self, delivery: DeliveryId) -> Result<Vec<HeaderField>, AppError> {
        self.webhooks
            .sign_again(self.company, delivery, &self.actor)
            .await
            .map_err(answer)
    }
}

/// Errors in a draft are a normal result for the form, not a failure.
fn with_faults<T>(outcome: Result<T, WebhooksError>) -> Result<Result<T, Vec<InvalidWebhook>>, AppError> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(WebhooksError::Invalid(faults)) => Ok(Err(faults)),
        Err(error) => Err(answer(error)),
    }
}

/// Turns an error into the page's words. An internal error goes to the log under an incident id, and the page shows the
/// id.
fn answer(error: WebhooksError) -> AppError {
    match error {
        WebhooksError::NotFound => AppError::NotFound,
        WebhooksError::Conflict(sentence) => AppError::Conflict(sentence.to_owned()),
        WebhooksError::Invalid(faults) => match faults.into_iter().next() {
            Some(fault) => AppError::Invalid {
                field: fault.field,
                message: fault.message,
            },
            None => AppError::NotFound,
        },
        WebhooksError::Seal => {
            AppError::Unavailable("The stored data can no longer be read. Contact support.".to_owned())
        }
        WebhooksError::SigningSecrets(_) | WebhooksError::Storage(_) => AppError::Internal {
            incident: incident::logged("a page about webhooks could not be answered", &error),
        },
    }
}

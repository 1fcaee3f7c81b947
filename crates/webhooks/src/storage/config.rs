//! The configuration of webhooks, as `service.rs` needs it.

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, Environment, Webhook, WebhookEvents, WebhookId};
use vault::Sealed;

use crate::StorageFailure;

/// A webhook to store.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    pub company: CompanyId,
    pub webhook: Webhook,
    /// The URL in its normal form, which is unique per company and environment.
    pub normal_url: String,
    /// Its own secret, for the Standard Webhooks headers.
    pub secret: Sealed,
}

/// A change to a webhook. Fields that are `None` keep their values. [`changed`](crate::decide::changed) decides the
/// consequences.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    pub name: Option<String>,
    pub url: Option<ChangedUrl>,
    pub events: Option<WebhookEvents>,
    pub enabled: Option<bool>,
}

/// A URL as given, and its normal form.
#[derive(Clone, Debug)]
pub struct ChangedUrl {
    pub given: String,
    pub normal: String,
}

/// The result of a write that needs a unique URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written<T> {
    Done(T),
    /// Another webhook of this company and environment has the URL.
    UrlTaken,
    NotFound,
}

/// Configures webhooks.
#[async_trait]
pub trait ConfigStore: Send + Sync {
    async fn create(&self, webhook: NewWebhook, audit: AuditEntry) -> Result<Written<()>, StorageFailure>;

    /// Returns the webhook after the change.
    async fn change(
        &self,
        company: CompanyId,
        id: WebhookId,
        change: WebhookChange,
        audit: AuditEntry,
    ) -> Result<Written<Webhook>, StorageFailure>;

    /// Returns whether the webhook existed. Its URL becomes free, its own secret and headers are erased and its waiting deliveries
    /// end. Its history stays.
    async fn delete(
        &self,
        company: CompanyId,
        id: WebhookId,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure>;

    async fn webhook(&self, company: CompanyId, id: WebhookId) -> Result<Option<Webhook>, StorageFailure>;

    /// Oldest first.
    async fn webhooks(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<Vec<Webhook>, StorageFailure>;

    /// Whether another webhook of this company and environment has the URL.
    async fn url_taken(
        &self,
        company: CompanyId,
        environment: Environment,
        normal_url: &str,
        except: Option<WebhookId>,
    ) -> Result<bool, StorageFailure>;
}

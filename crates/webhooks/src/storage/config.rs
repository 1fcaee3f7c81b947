//! Configuring webhooks: what `service.rs` needs.

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, Environment, Webhook, WebhookEvents, WebhookId};
use vault::Sealed;

use crate::StorageFailure;

/// A webhook to be stored.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    pub company: CompanyId,
    pub webhook: Webhook,
    /// The URL's normal form; unique per company and environment.
    pub normal_url: String,
    /// The secret of its own, for the Standard Webhooks headers.
    pub secret: Sealed,
}

/// What to change of a webhook; what is `None` stays. [`changed`](crate::decide::changed) says what follows.
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

/// The answer to a write that a unique URL may refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written<T> {
    Done(T),
    /// Another webhook of this company and environment has the URL.
    UrlTaken,
    NotFound,
}

/// For the ones who configure webhooks.
#[async_trait]
pub trait ConfigStore: Send + Sync {
    async fn create(&self, webhook: NewWebhook, audit: AuditEntry) -> Result<Written<()>, StorageFailure>;

    /// The webhook as it stands afterwards.
    async fn change(
        &self,
        company: CompanyId,
        id: WebhookId,
        change: WebhookChange,
        audit: AuditEntry,
    ) -> Result<Written<Webhook>, StorageFailure>;

    /// Whether there was one. Its URL is free again, its own secret erased, what waited has ended; history stays.
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

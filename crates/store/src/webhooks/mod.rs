//! Webhooks, events, deliveries and attempts, on both databases: [`webhooks::WebhookStore`] on a [`Db`].
//!
//! Lock order, for PostgreSQL: a webhook, then its deliveries. Nothing takes them the other way round, or two transactions
//! would wait for each other.

mod configure;
mod deliver;
mod own_secret;
mod publish;
mod read;
mod rows;

use async_trait::async_trait;
use model::{
    AttemptId, AuditEntry, CompanyId, DeliveryId, DeliveryRow, Environment, EventId, RequestId, Timestamp,
    Webhook, WebhookId,
};
use vault::Sealed;
use webhooks::{
    Claimed, Consequences, FailureCount, FinishedAttempt, HeldScope, HistoryFilter, HistoryRow, NewEvent,
    NewTest, NewWebhook, PublishedEvent, Replayed, StorageFailure, StoredDelivery, WebhookChange,
    WebhookFacts, WebhookStore, Written,
};

use crate::{Db, Migration};

/// The tables.
pub const MIGRATION: Migration = Migration {
    name: "0004_webhooks",
    sql: include_str!("../../migrations/0004_webhooks.sql"),
};

/// Attempts by hand, what a webhook's health remembers, and the overlap of its secrets.
pub const WAITING_MIGRATION: Migration = Migration {
    name: "0009_webhook_waiting",
    sql: include_str!("../../migrations/0009_webhook_waiting.sql"),
};

/// [`WebhookStore`] on a [`Db`].
#[derive(Clone, Debug)]
pub struct StoredWebhooks {
    db: Db,
}

impl StoredWebhooks {
    pub const fn new(db: Db) -> Self {
        Self { db }
    }
}

#[async_trait]
impl WebhookStore for StoredWebhooks {
    async fn create(&self, webhook: NewWebhook, audit: AuditEntry) -> Result<Written<()>, StorageFailure> {
        Ok(configure::create(&self.db, webhook, audit).await?)
    }

    async fn change(
        &self,
        company: CompanyId,
        id: WebhookId,
        change: WebhookChange,
        audit: AuditEntry,
    ) -> Result<Written<Webhook>, StorageFailure> {
        Ok(configure::change(&self.db, company, id, change, audit).await?)
    }

    async fn delete(
        &self,
        company: CompanyId,
        id: WebhookId,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure> {
        Ok(configure::delete(&self.db, company, id, audit).await?)
    }

    async fn webhook(&self, company: CompanyId, id: WebhookId) -> Result<Option<Webhook>, StorageFailure> {
        Ok(configure::webhook(&self.db, company, id).await?)
    }

    async fn own_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        audit: AuditEntry,
    ) -> Result<Option<Sealed>, StorageFailure> {
        Ok(own_secret::read(&self.db, company, id, audit).await?)
    }

    async fn rotate_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        new: Sealed,
        until: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure> {
        Ok(own_secret::rotate(&self.db, company, id, new, until, audit).await?)
    }

    async fn erase_former_secrets(&self, now: Timestamp) -> Result<(), StorageFailure> {
        Ok(own_secret::erase_former(&self.db, now).await?)
    }

    async fn webhooks(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<Vec<Webhook>, StorageFailure> {
        Ok(configure::webhooks(&self.db, company, environment).await?)
    }

    async fn facts(
        &self,
        company: CompanyId,
        only: Option<WebhookId>,
        since: Timestamp,
    ) -> Result<Vec<WebhookFacts>, StorageFailure> {
        Ok(read::facts(&self.db, company, only, since).await?)
    }

    async fn enabled_count(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<u64, StorageFailure> {
        Ok(configure::enabled_count(&self.db, company, environment).await?)
    }

    async fn url_taken(
        &self,
        company: CompanyId,
        environment: Environment,
        normal_url: &str,
        except: Option<WebhookId>,
    ) -> Result<bool, StorageFailure> {
        Ok(configure::url_taken(&self.db, company, environment, normal_url, except).await?)
    }

    async fn publish(&self, event: NewEvent) -> Result<PublishedEvent, StorageFailure> {
        Ok(publish::publish(&self.db, event).await?)
    }

    async fn send_test(&self, test: NewTest) -> Result<bool, StorageFailure> {
        Ok(publish::send_test(&self.db, test).await?)
    }

    async fn replay(
        &self,
        company: CompanyId,
        delivery: DeliveryId,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<Replayed, StorageFailure> {
        Ok(publish::replay(&self.db, company, delivery, now, audit).await?)
    }

    async fn deliveries(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        at_most: u32,
    ) -> Result<Vec<DeliveryRow>, StorageFailure> {
        Ok(read::deliveries(&self.db, company, webhook, at_most).await?)
    }

    async fn delivery(
        &self,
        company: CompanyId,
        id: DeliveryId,
    ) -> Result<Option<StoredDelivery>, StorageFailure> {
        Ok(read::delivery(&self.db, company, id).await?)
    }

    async fn events_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<EventId>, StorageFailure> {
        Ok(read::events_of_request(&self.db, company, request).await?)
    }

    async fn deliveries_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<DeliveryRow>, StorageFailure> {
        Ok(read::deliveries_of_request(&self.db, company, request).await?)
    }

    async fn failures(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        since: Timestamp,
    ) -> Result<Vec<FailureCount>, StorageFailure> {
        Ok(read::failures(&self.db, company, webhook, since).await?)
    }

    async fn history(
        &self,
        company: CompanyId,
        environment: Environment,
        filter: HistoryFilter,
    ) -> Result<Vec<HistoryRow>, StorageFailure> {
        Ok(read::history(&self.db, company, environment, filter).await?)
    }

    async fn due(&self) -> Result<Vec<(WebhookId, CompanyId, Timestamp)>, StorageFailure> {
        Ok(deliver::due(&self.db).await?)
    }

    async fn claim(
        &self,
        wanted: Vec<(WebhookId, u32)>,
        now: Timestamp,
        lease_until: Timestamp,
        lease: AttemptId,
    ) -> Result<Vec<Claimed>, StorageFailure> {
        Ok(deliver::claim(&self.db, wanted, now, lease_until, lease).await?)
    }

    async fn give_back(
        &self,
        delivery: DeliveryId,
        lease: AttemptId,
        at: Timestamp,
    ) -> Result<(), StorageFailure> {
        Ok(deliver::give_back(&self.db, delivery, lease, at).await?)
    }

    async fn forget_leases(&self, now: Timestamp) -> Result<u64, StorageFailure> {
        Ok(deliver::forget_leases(&self.db, now).await?)
    }

    async fn hold(&self, claimed: &Claimed, now: Timestamp) -> Result<(), StorageFailure> {
        Ok(deliver::hold(&self.db, claimed.clone(), now).await?)
    }

    async fn held(&self) -> Result<Vec<HeldScope>, StorageFailure> {
        Ok(deliver::held(&self.db).await?)
    }

    async fn release(&self, scope: HeldScope) -> Result<Vec<WebhookId>, StorageFailure> {
        Ok(deliver::release(&self.db, scope).await?)
    }

    async fn finish(&self, attempt: FinishedAttempt) -> Result<Consequences, StorageFailure> {
        Ok(deliver::finish(&self.db, attempt).await?)
    }

    async fn prune(&self, before: Timestamp, at_most: u32) -> Result<u64, StorageFailure> {
        Ok(deliver::prune(&self.db, before, at_most).await?)
    }
}

//! What pages read: counts, deliveries, attempts. `reading.rs` makes pages of it.

use async_trait::async_trait;
use model::{
    Attempt, CompanyId, DeliveryId, DeliveryRow, Environment, EventId, FailureClass, KeyId, RequestId,
    Timestamp, Webhook, WebhookId,
};
use vault::Sealed;

use crate::StorageFailure;

/// A webhook with what its deliveries say of it. Counts are of deliveries in the last 24 hours and leave test events out.
#[derive(Clone, Debug)]
pub struct WebhookFacts {
    pub webhook: Webhook,
    /// The end of the overlap after the latest rotation of its own secret, also when that is over.
    pub former_secret_until: Option<Timestamp>,
    /// Since when every attempt failed, as far as that was not forgotten when it was enabled.
    pub failing_since: Option<Timestamp>,
    /// The first failure after the last success; only a success forgets it.
    pub undelivered_since: Option<Timestamp>,
    pub last_test: Option<LastTest>,
    /// The key that last succeeded here.
    pub last_key: Option<KeyId>,
    pub last_attempt_at: Option<Timestamp>,
    pub next_attempt_at: Option<Timestamp>,
    pub delivered: u64,
    /// Were tried and have not arrived.
    pub failed: u64,
    pub pending: u64,
    pub held: u64,
}

/// How the latest test event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastTest {
    pub at: Timestamp,
    pub delivered: bool,
}

/// A delivery with its event's sealed body.
#[derive(Clone, Debug)]
pub struct StoredDelivery {
    pub row: DeliveryRow,
    pub webhook_name: String,
    pub environment: Environment,
    pub event_created_at: Timestamp,
    pub request_id: Option<RequestId>,
    pub body: Sealed,
    pub attempts: Vec<Attempt>,
}

/// How often attempts failed in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureCount {
    pub class: FailureClass,
    pub status: Option<u16>,
    pub attempts: u64,
}

/// For pages.
#[async_trait]
pub trait PageStore: Send + Sync {
    /// All of a company's, or one, with counts since `since`.
    async fn facts(
        &self,
        company: CompanyId,
        only: Option<WebhookId>,
        since: Timestamp,
    ) -> Result<Vec<WebhookFacts>, StorageFailure>;

    /// A webhook's deliveries, newest first.
    async fn deliveries(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        at_most: u32,
    ) -> Result<Vec<DeliveryRow>, StorageFailure>;

    async fn delivery(
        &self,
        company: CompanyId,
        id: DeliveryId,
    ) -> Result<Option<StoredDelivery>, StorageFailure>;

    /// Events that carry this request id, oldest first, whether anything asked for them or not.
    async fn events_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<EventId>, StorageFailure>;

    /// Deliveries of the events that carry this request id, newest first.
    async fn deliveries_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<DeliveryRow>, StorageFailure>;

    /// How attempts of a webhook failed since then, most frequent first. Test events are left out.
    async fn failures(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        since: Timestamp,
    ) -> Result<Vec<FailureCount>, StorageFailure>;
}

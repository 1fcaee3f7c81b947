//! What the pages read: counts, deliveries and attempts. `reading.rs` turns it into pages.

use async_trait::async_trait;
use model::{
    Attempt, CompanyId, DeliveryCursor, DeliveryFilter, DeliveryId, DeliveryPlace, DeliveryRow, Environment,
    EventId, FailureClass, KeyId, RequestDelivery, RequestId, Timestamp, Webhook, WebhookId,
};
use vault::Sealed;

use crate::StorageFailure;

/// A webhook with statistics about its deliveries. They cover the last 24 hours and leave out test events.
#[derive(Clone, Debug)]
pub struct WebhookFacts {
    pub webhook: Webhook,
    /// The end of the overlap after the latest rotation of its own secret, even if it is in the past.
    pub former_secret_until: Option<Timestamp>,
    /// When it began to fail every attempt. Enabling the webhook clears this.
    pub failing_since: Option<Timestamp>,
    /// The first failure after the last success. Only a success clears this.
    pub undelivered_since: Option<Timestamp>,
    pub last_test: Option<LastTest>,
    /// The key that last succeeded for this webhook.
    pub last_key: Option<KeyId>,
    pub last_attempt_at: Option<Timestamp>,
    pub next_attempt_at: Option<Timestamp>,
    pub delivered: u64,
    /// Deliveries that were tried and have not arrived.
    pub failed: u64,
    pub pending: u64,
    pub held: u64,
    /// Counted in neither of the two.
    pub on_hold: u64,
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

/// The deliveries of a webhook that match a filter.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryList<'a> {
    pub company: CompanyId,
    pub webhook: WebhookId,
    pub filter: &'a DeliveryFilter,
}

/// How often attempts failed in one particular way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureCount {
    pub class: FailureClass,
    pub status: Option<u16>,
    pub attempts: u64,
}

/// Reads what the pages show.
#[async_trait]
pub trait PageStore: Send + Sync {
    /// All webhooks of a company, or one of them, with statistics from `since` on.
    async fn facts(
        &self,
        company: CompanyId,
        only: Option<WebhookId>,
        since: Timestamp,
    ) -> Result<Vec<WebhookFacts>, StorageFailure>;

    /// The deliveries of a webhook that match, newest first.
    async fn deliveries(
        &self,
        list: DeliveryList<'_>,
        cursor: DeliveryCursor,
        at_most: u32,
    ) -> Result<Vec<DeliveryRow>, StorageFailure>;

    /// How many of them match, and are newer than this place if there is one. Counts `at_most`.
    async fn count_list(
        &self,
        list: DeliveryList<'_>,
        newer_than: Option<DeliveryPlace>,
        at_most: u64,
    ) -> Result<u64, StorageFailure>;

    /// These deliveries of a webhook as they are now, in any order. Unknown ones are left out.
    async fn deliveries_now(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        ids: &[DeliveryId],
    ) -> Result<Vec<DeliveryRow>, StorageFailure>;

    async fn delivery(
        &self,
        company: CompanyId,
        id: DeliveryId,
    ) -> Result<Option<StoredDelivery>, StorageFailure>;

    /// Events of the company and its brands with this request id, oldest first, whether or not any webhook subscribes to
    /// them.
    async fn events_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<EventId>, StorageFailure>;

    /// Deliveries of the events with this request id, the company's and its brands', newest first. A brand has none of its
    /// parent's or of another brand's.
    async fn deliveries_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<RequestDelivery>, StorageFailure>;

    /// How the attempts of a webhook failed from `since` on, most frequent first. Test events are left out.
    async fn failures(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        since: Timestamp,
    ) -> Result<Vec<FailureCount>, StorageFailure>;
}

//! Publishing events, test events and replays: what `publish.rs` needs.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use model::{
    Actor, AttemptId, AuditEntry, CompanyId, DeliveryId, Environment, EventId, EventType, RequestId,
    Timestamp, WebhookId,
};
use vault::Sealed;

use super::Claimed;
use crate::StorageFailure;
use crate::decide::ReplayRefused;

/// An event to store with its deliveries.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub id: EventId,
    pub company: CompanyId,
    pub environment: Environment,
    pub event_type: EventType,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it happened, if its publisher says so.
    pub happened_at: Option<Timestamp>,
    pub request_id: Option<RequestId>,
    pub body: Arc<Sealed>,
    pub idempotency: Option<Idempotency>,
    /// Part of the event: it has no audit row.
    pub published_by: Actor,
}

/// Events to store in one transaction.
#[derive(Clone, Debug)]
pub struct NewEvents {
    pub events: Vec<NewEvent>,
    /// Claims deliveries for this process's worker in the same transaction. The others are due at once.
    pub claim: Option<ClaimAtBirth>,
}

/// How many deliveries publications may claim for this process's worker, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// For all webhooks together.
    pub in_all: usize,
    /// For a webhook that is not in `webhooks`.
    pub each_webhook: usize,
    pub webhooks: Arc<HashMap<WebhookId, usize>>,
    /// For a company that is not in `companies`.
    pub each_company: usize,
    pub companies: Arc<HashMap<CompanyId, usize>>,
}

/// A lease on deliveries that are being stored in the same transaction.
#[derive(Clone, Debug)]
pub struct ClaimAtBirth {
    pub lease: AttemptId,
    pub until: Timestamp,
    /// How many may be claimed.
    pub room: Room,
}

/// The caller's key, unique in the installation, and a hash of the whole request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    pub key: String,
    pub request_hash: [u8; 32],
}

/// The result of storing a [`NewEvent`].
#[derive(Clone, Debug)]
pub enum PublishedEvent {
    /// Stored now. `waking` lists the webhooks with a delivery that is due and not claimed.
    Stored {
        deliveries: u64,
        waking: Vec<WebhookId>,
        claimed: Vec<Claimed>,
    },
    /// The same request came before. This is its result.
    Before { event: EventId, deliveries: u64 },
    /// The idempotency key was used with a different request.
    Conflict,
}

/// A test event: one delivery to one webhook.
#[derive(Clone, Debug)]
pub struct NewTest {
    pub event: NewEvent,
    pub webhook: WebhookId,
    pub delivery: DeliveryId,
    pub audit: AuditEntry,
}

/// The result of a request for a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// The delivery is due, for this webhook.
    Due(WebhookId),
    NotFound,
    Refused(ReplayRefused),
}

/// The result of a [`NewTest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tested {
    Due,
    NotFound,
    WebhookOff,
}

/// Stores whatever makes deliveries due.
#[async_trait]
pub trait PublishStore: Send + Sync {
    /// Stores the events and a delivery for each subscribed webhook, as [`recipients`](crate::decide::recipients)
    /// decides, all in one transaction. There is one result for each event, in the same order.
    async fn publish(&self, events: Arc<NewEvents>) -> Result<Vec<PublishedEvent>, StorageFailure>;

    /// Stores the event with its one delivery, if [`may_test`](crate::decide::may_test) allows it.
    async fn send_test(&self, test: NewTest) -> Result<Tested, StorageFailure>;

    /// If [`may_replay`](crate::decide::may_replay) allows it, makes a delivery due now, for one attempt outside the
    /// schedule that changes nothing in it.
    async fn replay(
        &self,
        company: CompanyId,
        delivery: DeliveryId,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<Replayed, StorageFailure>;
}

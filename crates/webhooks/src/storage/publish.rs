//! Publishing events, test events and replays: what `publish.rs` needs.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use model::{
    AttemptId, AuditEntry, CompanyId, DeliveryId, Environment, EventId, EventType, RequestId, Timestamp,
    WebhookId,
};
use vault::Sealed;

use super::Claimed;
use crate::StorageFailure;
use crate::decide::ReplayRefused;

/// An event to be stored with its deliveries.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub id: EventId,
    pub company: CompanyId,
    pub environment: Environment,
    pub event_type: EventType,
    pub created_at: Timestamp,
    pub request_id: Option<RequestId>,
    pub body: Sealed,
    pub idempotency: Option<Idempotency>,
    /// Claims its deliveries for the worker of this process in the same transaction; else they are due at once.
    pub claim: Option<ClaimAtBirth>,
    pub audit: AuditEntry,
}

/// A lease on deliveries that are just being stored.
#[derive(Clone, Debug)]
pub struct ClaimAtBirth {
    pub lease: AttemptId,
    pub until: Timestamp,
    /// Webhooks whose deliveries are not claimed but due.
    pub except: Arc<HashSet<WebhookId>>,
}

/// The caller's key, unique in the installation, and a hash of all that was asked under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    pub key: String,
    pub request_hash: [u8; 32],
}

/// What became of a [`NewEvent`].
#[derive(Clone, Debug)]
pub enum PublishedEvent {
    /// Stored now. `waking` are the webhooks with a delivery that is due and not claimed.
    Stored {
        deliveries: u64,
        waking: Vec<WebhookId>,
        claimed: Vec<Claimed>,
    },
    /// The same request came before; this is what it got.
    Before { event: EventId, deliveries: u64 },
    /// The idempotency key came before with another request.
    Conflict,
}

/// A test event: one delivery to one webhook.
#[derive(Clone, Debug)]
pub struct NewTest {
    pub event: NewEvent,
    pub webhook: WebhookId,
    pub delivery: DeliveryId,
}

/// What became of a request for a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It is due, for this webhook.
    Due(WebhookId),
    NotFound,
    Refused(ReplayRefused),
}

/// What became of a [`NewTest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tested {
    Due,
    NotFound,
    WebhookOff,
}

/// For the ones who make deliveries due.
#[async_trait]
pub trait PublishStore: Send + Sync {
    /// Stores the event and a delivery for each webhook that subscribes to it, as [`recipients`](crate::decide::recipients)
    /// says.
    async fn publish(&self, event: NewEvent) -> Result<PublishedEvent, StorageFailure>;

    /// Stores the event with its one delivery, if [`may_test`](crate::decide::may_test) allows it.
    async fn send_test(&self, test: NewTest) -> Result<Tested, StorageFailure>;

    /// If [`may_replay`](crate::decide::may_replay) allows it, makes a delivery due now, for one attempt that uses up none of the schedule's and moves none.
    async fn replay(
        &self,
        company: CompanyId,
        delivery: DeliveryId,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<Replayed, StorageFailure>;
}

//! What the operator asks about any company.

use async_trait::async_trait;
use model::{CompanyId, DeliveryRow, Environment, EventId, EventType, RequestId, Timestamp};

use crate::StorageFailure;

/// An event with its deliveries.
#[derive(Clone, Debug)]
pub struct EventRecord {
    pub id: EventId,
    pub company: CompanyId,
    pub environment: Environment,
    pub event_type: EventType,
    pub accepted_at: Timestamp,
    /// When it happened, as its body says.
    pub happened_at: Timestamp,
    /// `None` for an event of a version that kept it in the audit trail.
    pub published_by: Option<String>,
    pub request_id: Option<RequestId>,
    /// Oldest first.
    pub deliveries: Vec<EventDelivery>,
}

/// A delivery, and the webhook it goes to.
#[derive(Clone, Debug)]
pub struct EventDelivery {
    pub row: DeliveryRow,
    pub webhook_name: String,
    pub url: String,
}

/// How many deliveries wait, for what. Each is in one of these numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Their next attempt is due.
    pub due: u64,
    /// For the time of their next attempt.
    pub scheduled: u64,
    /// An attempt is under way, or claimed for one.
    pub under_way: u64,
    /// For their webhook to be enabled.
    pub webhook_off: u64,
    /// For a key to sign with.
    pub no_key: u64,
    /// For the operator.
    pub on_hold: u64,
}

/// Reads across companies. Only the operator API and `gatehouse admin` use it.
#[async_trait]
pub trait OperatorStore: Send + Sync {
    /// The event with at most this many of its deliveries.
    async fn event(&self, id: EventId, deliveries: u32) -> Result<Option<EventRecord>, StorageFailure>;

    /// Counts what waits at `now`.
    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StorageFailure>;
}

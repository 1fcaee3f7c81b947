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

/// Reads across companies. Only the operator API and `gatehouse admin` use it.
#[async_trait]
pub trait OperatorStore: Send + Sync {
    /// The event with at most this many of its deliveries.
    async fn event(&self, id: EventId, deliveries: u32) -> Result<Option<EventRecord>, StorageFailure>;
}

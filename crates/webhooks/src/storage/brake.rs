//! The operator's brake: which deliveries are meant, and what `brake.rs` needs to hold, resume and cancel them.

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, DeliveryId, EventType, Timestamp, WebhookId};

use crate::StorageFailure;
use crate::decide::{BrakeAction, Shelf};

/// Which deliveries the operator means. What is `None` may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrakeSelection {
    /// The company itself. Its brands are companies of their own.
    pub company: Option<CompanyId>,
    pub webhook: Option<WebhookId>,
    pub event_type: Option<EventType>,
    /// The first moment at which the event may have been accepted.
    pub from: Option<Timestamp>,
    /// The last such moment.
    pub until: Timestamp,
}

/// The selected deliveries of one webhook on one shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrakeCount {
    pub shelf: Shelf,
    pub webhook: WebhookId,
    pub company: CompanyId,
    pub deliveries: u64,
    /// How many of them have an attempt under way.
    pub under_way: u64,
    /// When the events of the first and the last of them were accepted.
    pub oldest: Timestamp,
    pub newest: Timestamp,
}

/// A place in the order of a shelf.
pub type ShelfPlace = (Timestamp, DeliveryId);

/// The next selected deliveries of one webhook on one shelf.
#[derive(Clone, Debug)]
pub struct BrakeStep {
    pub action: BrakeAction,
    pub selection: BrakeSelection,
    pub shelf: Shelf,
    pub webhook: WebhookId,
    /// Begins behind this place.
    pub after: Option<ShelfPlace>,
    pub at_most: u32,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrakeStepDone {
    pub changed: u64,
    /// Whether one of them was claimed by a worker.
    pub claimed: bool,
    /// Where the next step begins. `None` if there is nothing more.
    pub next: Option<ShelfPlace>,
}

/// Holds, resumes and cancels deliveries.
#[async_trait]
pub trait BrakeStore: Send + Sync {
    /// The company of a webhook, even of a deleted one.
    async fn company_of(&self, webhook: WebhookId) -> Result<Option<CompanyId>, StorageFailure>;

    /// What the action would change.
    async fn count(
        &self,
        action: BrakeAction,
        selection: &BrakeSelection,
    ) -> Result<Vec<BrakeCount>, StorageFailure>;

    /// Writes the audit row of an action, before it begins.
    async fn record(&self, audit: AuditEntry) -> Result<(), StorageFailure>;

    /// Changes some deliveries in one short transaction, each as [`braked`](crate::decide::braked) decides. Leaves alone
    /// what another transaction is writing at the moment.
    async fn step(&self, step: BrakeStep) -> Result<BrakeStepDone, StorageFailure>;
}

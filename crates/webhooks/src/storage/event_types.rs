//! The catalogue of event types, as `event_types` needs it.

use async_trait::async_trait;
use model::{AuditEntry, EventEntry, Timestamp};

use crate::StorageFailure;

/// What a change of the catalogue did, in event types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CatalogueChanges {
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
    pub unchanged: usize,
    /// Nothing was done: there would be too many.
    pub too_many: bool,
}

/// The rows to write.
#[derive(Clone, Debug, Default)]
pub struct Rewritten {
    /// New types come after all others, in this order.
    pub write: Vec<EventEntry>,
    pub audit: Vec<AuditEntry>,
    pub changes: CatalogueChanges,
}

/// Decides from the types that there are, in the transaction that writes.
pub type Rewrite = Box<dyn FnOnce(&[EventEntry]) -> Rewritten + Send>;

/// Keeps the catalogue. The version is higher after each change.
#[async_trait]
pub trait EventTypeStore: Send + Sync {
    async fn version(&self) -> Result<i64, StorageFailure>;

    /// All types in their order, removed ones too, with the version.
    async fn read(&self) -> Result<(i64, Vec<EventEntry>), StorageFailure>;

    /// Writes these types into a catalogue that was never written. Does nothing to any other.
    async fn fill(&self, entries: Vec<EventEntry>, at: Timestamp) -> Result<(), StorageFailure>;

    /// One after the other, on all nodes.
    async fn rewrite(&self, decide: Rewrite) -> Result<CatalogueChanges, StorageFailure>;
}

//! Removing what is kept no longer: what the worker does between deliveries.

use async_trait::async_trait;
use model::Timestamp;

use crate::StorageFailure;

/// For removing what is old.
#[async_trait]
pub trait PruneStore: Send + Sync {
    /// Removes events, deliveries and attempts from before this moment that wait for nothing; at most so many events at
    /// once. How many events were removed.
    async fn prune(&self, before: Timestamp, at_most: u32) -> Result<u64, StorageFailure>;

    /// Erases former secrets whose time has ended.
    async fn erase_former_secrets(&self, now: Timestamp) -> Result<(), StorageFailure>;
}

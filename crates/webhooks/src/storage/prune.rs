//! Removes what is no longer kept. The worker does this between deliveries.

use async_trait::async_trait;
use model::Timestamp;

use crate::StorageFailure;

/// Removes old rows.
#[async_trait]
pub trait PruneStore: Send + Sync {
    /// Removes events from before this time, with their deliveries and attempts, if nothing of them is waiting. Removes
    /// at most the given number of events and returns how many it removed.
    async fn prune(&self, before: Timestamp, at_most: u32) -> Result<u64, StorageFailure>;

    /// Erases previous secrets that have expired.
    async fn erase_former_secrets(&self, now: Timestamp) -> Result<(), StorageFailure>;
}

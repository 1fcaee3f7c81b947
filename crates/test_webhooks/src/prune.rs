//! Removes what is no longer kept.

use std::collections::BTreeSet;

use async_trait::async_trait;
use model::{DeliveryId, DeliveryState, EventId, Timestamp};
use webhooks::{PruneStore, StorageFailure};

use crate::MemoryWebhooks;
use crate::tables::{StoredDelivery, StoredEvent};

#[async_trait]
impl PruneStore for MemoryWebhooks {
    async fn prune(&self, before: Timestamp, at_most: u32) -> Result<u64, StorageFailure> {
        let mut tables = self.lock();
        let is_kept = |delivery: &StoredDelivery| {
            let waits = matches!(delivery.state, DeliveryState::Pending | DeliveryState::Held);
            waits || delivery.last.as_ref().is_some_and(|last| last.at >= before)
        };
        let is_old = |stored: &StoredEvent| {
            let mut deliveries = stored.deliveries.iter().filter_map(|id| tables.delivery(*id));
            stored.event.created_at < before && !deliveries.any(is_kept)
        };
        let mut old: Vec<(Timestamp, EventId)> = tables
            .events
            .iter()
            .filter(|(_, stored)| is_old(stored))
            .map(|(id, stored)| (stored.event.created_at, *id))
            .collect();
        old.sort_unstable();
        old.truncate(usize::try_from(at_most).unwrap_or(usize::MAX));
        let mut removed: BTreeSet<DeliveryId> = BTreeSet::new();
        for (_, id) in &old {
            let Some(stored) = tables.events.remove(id) else {
                continue;
            };
            if let Some(idempotency) = &stored.event.idempotency {
                tables.published.remove(&idempotency.key);
            }
            for delivery in stored.deliveries {
                tables.remove_delivery(delivery);
                removed.insert(delivery);
            }
        }
        tables
            .attempts
            .retain(|_, stored| !removed.contains(&stored.attempt.claimed.delivery));
        Ok(old.len() as u64)
    }

    async fn erase_former_secrets(&self, now: Timestamp) -> Result<(), StorageFailure> {
        for stored in self.lock().webhooks.values_mut() {
            stored.former.take_if(|former| former.until <= now);
        }
        Ok(())
    }
}

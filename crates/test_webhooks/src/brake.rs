//! The operator's brake.

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, DeliveryId, Timestamp, WebhookId};
use webhooks::decide::{self, BrakeAction, BrakeFacts, Braked, Shelf};
use webhooks::{BrakeCount, BrakeSelection, BrakeStep, BrakeStepDone, BrakeStore, StorageFailure};

use crate::MemoryWebhooks;
use crate::tables::{StoredDelivery, Tables};

#[async_trait]
impl BrakeStore for MemoryWebhooks {
    async fn company_of(&self, webhook: WebhookId) -> Result<Option<CompanyId>, StorageFailure> {
        let tables = self.lock();
        Ok(tables.webhooks.get(&webhook).map(|stored| stored.company))
    }

    async fn count(
        &self,
        action: BrakeAction,
        selection: &BrakeSelection,
    ) -> Result<Vec<BrakeCount>, StorageFailure> {
        let tables = self.lock();
        let mut counts = Vec::new();
        for shelf in action.shelves() {
            let mut by_webhook: BTreeMap<WebhookId, BrakeCount> = BTreeMap::new();
            for (_, delivery) in selected(&tables, selection, *shelf) {
                let count = by_webhook.entry(delivery.webhook).or_insert(BrakeCount {
                    shelf: *shelf,
                    webhook: delivery.webhook,
                    company: delivery.company,
                    deliveries: 0,
                    under_way: 0,
                    oldest: delivery.created_at,
                    newest: delivery.created_at,
                });
                count.deliveries += 1;
                count.under_way += u64::from(delivery.lease.is_some());
                count.oldest = count.oldest.min(delivery.created_at);
                count.newest = count.newest.max(delivery.created_at);
            }
            counts.extend(by_webhook.into_values());
        }
        Ok(counts)
    }

    async fn record(&self, audit: AuditEntry) -> Result<(), StorageFailure> {
        self.lock().audit.push(audit);
        Ok(())
    }

    async fn step(&self, step: BrakeStep) -> Result<BrakeStepDone, StorageFailure> {
        let mut tables = self.lock();
        let of_webhook = BrakeSelection {
            webhook: Some(step.webhook),
            ..step.selection
        };
        let mut places: Vec<(Timestamp, DeliveryId)> = selected(&tables, &of_webhook, step.shelf)
            .map(|(id, delivery)| (key(delivery, step.shelf), id))
            .filter(|place| step.after.is_none_or(|after| *place > after))
            .collect();
        places.sort_unstable();
        let at_most = usize::try_from(step.at_most).unwrap_or(usize::MAX);
        places.truncate(at_most);
        let next = places.last().copied().filter(|_| places.len() == at_most);
        let mut done = BrakeStepDone {
            changed: 0,
            claimed: false,
            next,
        };
        for (_, id) in places {
            let claimed = tables.delivery(id).is_some_and(|one| one.lease.is_some());
            if tables.change_delivery(id, |delivery| apply(delivery, step.action)) == Some(true) {
                done.changed += 1;
                done.claimed |= claimed;
            }
        }
        Ok(done)
    }
}

fn selected<'a>(
    tables: &'a Tables,
    selection: &'a BrakeSelection,
    shelf: Shelf,
) -> impl Iterator<Item = (DeliveryId, &'a StoredDelivery)> {
    tables.deliveries().filter(move |(_, delivery)| {
        let event = tables.events.get(&delivery.event);
        delivery.shelf() == Some(shelf)
            && selection
                .company
                .is_none_or(|company| company == delivery.company)
            && selection
                .webhook
                .is_none_or(|webhook| webhook == delivery.webhook)
            && selection
                .event_type
                .as_ref()
                .is_none_or(|wanted| event.is_some_and(|stored| stored.event.event_type == *wanted))
            && selection.from.is_none_or(|from| delivery.created_at >= from)
            && delivery.created_at <= selection.until
    })
}

fn key(delivery: &StoredDelivery, shelf: Shelf) -> Timestamp {
    match shelf {
        Shelf::Due => delivery.due_at.unwrap_or(delivery.created_at),
        Shelf::NoKey | Shelf::OnHold => delivery.created_at,
    }
}

fn apply(delivery: &mut StoredDelivery, action: BrakeAction) -> bool {
    let facts = BrakeFacts {
        state: delivery.state,
        on_hold: delivery.on_hold,
        replayed_from: delivery.replay.map(|replay| replay.from),
    };
    match decide::braked(action, &facts) {
        Braked::Stays => return false,
        Braked::OnHold => delivery.on_hold = true,
        Braked::Released => delivery.on_hold = false,
        Braked::Ended(state) => {
            (delivery.state, delivery.on_hold, delivery.due_at) = (state, false, None);
            (delivery.lease, delivery.replay) = (None, None);
        }
    }
    true
}

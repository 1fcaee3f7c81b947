//! Deliveries that are due or held: claims them with a lease, and holds and releases those without a key.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use model::{AttemptId, AttemptOutcome, CompanyId, DeliveryId, DeliveryState, Timestamp, WebhookId};
use webhooks::decide::Pace;
use webhooks::{
    Claimed, DeliveryQueue, Endpoint, Fate, HeldScope, LastFailure, Overdue, Paced, StorageFailure, Taken,
};

use crate::MemoryWebhooks;
use crate::tables::{LastAttempt, Scope, Tables};

#[async_trait]
impl DeliveryQueue for MemoryWebhooks {
    async fn due(&self) -> Result<Vec<(WebhookId, CompanyId, Timestamp)>, StorageFailure> {
        let tables = self.lock();
        let due = tables.first_waiting().filter_map(|(webhook, at)| {
            let stored = tables.webhooks.get(&webhook)?;
            (stored.webhook.enabled && !stored.deleted).then_some((webhook, stored.company, at))
        });
        Ok(due.collect())
    }

    async fn claim(
        &self,
        wanted: Vec<(WebhookId, u32)>,
        now: Timestamp,
        lease_until: Timestamp,
        lease: AttemptId,
    ) -> Result<Taken, StorageFailure> {
        let mut tables = self.lock();
        let mut taken = Taken::default();
        for (webhook, asked) in wanted {
            let Some(stored) = tables.webhooks.get(&webhook) else {
                continue;
            };
            if stored.standing().waiting() != Fate::Sent {
                continue;
            }
            let endpoint = stored.endpoint().ok_or("it has no secret")?;
            let scope = stored.scope();
            let rate = stored.options.rate_limit;
            let pace = rate.map(|rate| Pace::at(now, rate, stored.used_to));
            let at_most = pace.map_or(asked, |pace| asked.min(pace.allowed));
            let due: Vec<DeliveryId> = tables
                .waiting_of(webhook)
                .take_while(|(at, _)| *at <= now)
                .take(usize::try_from(at_most).unwrap_or(usize::MAX))
                .map(|(_, id)| id)
                .collect();
            let got = u32::try_from(due.len()).unwrap_or(u32::MAX);
            for id in due {
                let claimed = take(&mut tables, id, scope, &endpoint, (lease, lease_until))?;
                taken.claimed.push(claimed);
            }
            if let (Some(pace), Some(stored)) = (pace, tables.webhooks.get_mut(&webhook)) {
                stored.used_to = pace.used(got);
                taken
                    .paced
                    .extend((got == pace.allowed && got < asked).then(|| Paced {
                        webhook,
                        company: stored.company,
                        again_at: pace.again_at(got),
                    }));
            }
        }
        Ok(taken)
    }

    async fn overdue(
        &self,
        webhooks: Vec<WebhookId>,
        since: Timestamp,
        at_most: u64,
    ) -> Result<Vec<Overdue>, StorageFailure> {
        let tables = self.lock();
        let count = |webhook: WebhookId| {
            let mut overdue = tables
                .waiting_of(webhook)
                .take_while(|(at, _)| *at < since)
                .peekable();
            let oldest = overdue.peek().map(|(at, _)| *at);
            let at_most = usize::try_from(at_most).unwrap_or(usize::MAX);
            Overdue {
                webhook,
                deliveries: overdue.take(at_most).count() as u64,
                oldest,
            }
        };
        Ok(webhooks.into_iter().map(count).collect())
    }

    async fn give_back(
        &self,
        claimed: Vec<(DeliveryId, AttemptId)>,
        at: Timestamp,
    ) -> Result<(), StorageFailure> {
        let mut tables = self.lock();
        for (delivery, lease) in claimed {
            tables.change_delivery(delivery, |delivery| {
                if delivery.lease == Some(lease) {
                    (delivery.lease, delivery.due_at) = (None, Some(at));
                }
            });
        }
        Ok(())
    }

    async fn forget_leases(&self, now: Timestamp) -> Result<u64, StorageFailure> {
        let mut tables = self.lock();
        let leased: Vec<DeliveryId> = tables
            .deliveries()
            .filter(|(_, one)| one.state == DeliveryState::Pending && one.lease.is_some())
            .map(|(id, _)| id)
            .collect();
        for id in &leased {
            tables.change_delivery(*id, |delivery| {
                (delivery.lease, delivery.due_at) = (None, Some(now))
            });
        }
        Ok(leased.len() as u64)
    }

    async fn hold(&self, claimed: &Claimed, now: Timestamp) -> Result<(), StorageFailure> {
        let mut tables = self.lock();
        let mut held = Vec::new();
        if tables.delivery(claimed.delivery).and_then(|one| one.lease) == Some(claimed.lease) {
            held.push(claimed.delivery);
        }
        for webhook in tables.all_of((claimed.company, claimed.environment)) {
            let due = tables.waiting_of(webhook).take_while(|(at, _)| *at <= now);
            let free = |id: &DeliveryId| tables.delivery(*id).is_some_and(|one| one.lease.is_none());
            held.extend(due.map(|(_, id)| id).filter(free));
        }
        for id in held {
            tables.change_delivery(id, |delivery| {
                (delivery.state, delivery.due_at, delivery.lease) = (DeliveryState::Held, None, None);
            });
        }
        Ok(())
    }

    async fn held(&self) -> Result<Vec<HeldScope>, StorageFailure> {
        let tables = self.lock();
        let holding = tables
            .holding()
            .filter_map(|webhook| tables.webhooks.get(&webhook));
        let scopes: BTreeSet<Scope> = holding.map(|stored| stored.scope()).collect();
        let scope = |(company, environment)| HeldScope { company, environment };
        Ok(scopes.into_iter().map(scope).collect())
    }

    async fn release(&self, scope: HeldScope) -> Result<Vec<WebhookId>, StorageFailure> {
        let mut tables = self.lock();
        let mut webhooks = Vec::new();
        for webhook in tables.all_of((scope.company, scope.environment)) {
            let held: Vec<DeliveryId> = tables.held_of(webhook).collect();
            if !held.is_empty() {
                webhooks.push(webhook);
            }
            for id in held {
                tables.change_delivery(id, |delivery| {
                    delivery.state = DeliveryState::Pending;
                    delivery.due_at = Some(delivery.created_at);
                });
            }
        }
        Ok(webhooks)
    }
}

fn take(
    tables: &mut Tables,
    id: DeliveryId,
    (company, environment): Scope,
    endpoint: &Endpoint,
    (lease, until): (AttemptId, Timestamp),
) -> Result<Claimed, StorageFailure> {
    let taken = tables.change_delivery(id, |delivery| {
        (delivery.lease, delivery.due_at) = (Some(lease), Some(until));
        delivery.clone()
    });
    let delivery = taken.ok_or("there is no such delivery")?;
    let stored = tables.events.get(&delivery.event).ok_or("it has no event")?;
    Ok(Claimed {
        delivery: id,
        lease,
        until,
        webhook: delivery.webhook,
        company,
        environment,
        endpoint: endpoint.clone(),
        event: delivery.event,
        event_type: stored.event.event_type.clone(),
        body: Arc::clone(&stored.event.body),
        attempts: delivery.attempts,
        before: delivery.last.as_ref().and_then(last_failure),
        test: delivery.test,
        replay: delivery.replay,
    })
}

fn last_failure(last: &LastAttempt) -> Option<LastFailure> {
    match last.outcome {
        AttemptOutcome::Failed { status, .. } => {
            last.signed_by.map(|signed_by| LastFailure { signed_by, status })
        }
        AttemptOutcome::Succeeded { .. } => None,
    }
}

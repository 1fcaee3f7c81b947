//! Stores events with their deliveries; also test events and replays.

use std::sync::Arc;

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, DeliveryId, DeliveryState, Timestamp};
use webhooks::decide::{self, Begins, Claims, Earlier, ReplayFacts, Subscriber};
use webhooks::{
    ClaimAtBirth, NewEvent, NewEvents, NewTest, PublishStore, PublishedEvent, Replayed, StorageFailure,
    Tested,
};

use crate::MemoryWebhooks;
use crate::tables::{StoredDelivery, StoredEvent, Tables};

#[async_trait]
impl PublishStore for MemoryWebhooks {
    async fn publish(&self, new: Arc<NewEvents>) -> Result<Vec<PublishedEvent>, StorageFailure> {
        let mut tables = self.lock();
        let mut claims = Claims::within(new.claim.as_ref().map(|claim| claim.room.clone()));
        let events = new.events.iter();
        let results = events.map(|event| publish_one(&mut tables, event, &mut claims, new.claim.as_ref()));
        Ok(results.collect())
    }

    async fn send_test(&self, test: NewTest) -> Result<Tested, StorageFailure> {
        let mut tables = self.lock();
        let Some(stored) = tables.webhook_of(test.event.company, test.webhook) else {
            return Ok(Tested::NotFound);
        };
        if !decide::may_test(stored.standing()) {
            return Ok(Tested::WebhookOff);
        }
        let mut delivery = first(&test.event, test.webhook, DeliveryState::Pending, None);
        delivery.test = true;
        add_event(&mut tables, &test.event);
        tables.add_delivery(test.delivery, delivery);
        tables.audit.push(test.audit);
        Ok(Tested::Due)
    }

    async fn replay(
        &self,
        company: CompanyId,
        delivery: DeliveryId,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<Replayed, StorageFailure> {
        let mut tables = self.lock();
        let Some(found) = tables.delivery(delivery).filter(|one| one.company == company) else {
            return Ok(Replayed::NotFound);
        };
        let webhook = found.webhook;
        let Some(stored) = tables.webhooks.get(&webhook).filter(|stored| !stored.deleted) else {
            return Ok(Replayed::NotFound);
        };
        let facts = ReplayFacts {
            standing: stored.standing(),
            test: found.test,
            under_way: found.lease.is_some(),
            on_hold: found.on_hold,
            state: found.state,
            due_at: found.due_at,
            earlier: found.replay,
        };
        match decide::may_replay(&facts) {
            Err(refused) => Ok(Replayed::Refused(refused)),
            Ok(remembered) => {
                tables.change_delivery(delivery, |delivery| {
                    (delivery.state, delivery.on_hold) = (DeliveryState::Pending, false);
                    delivery.due_at = Some(now);
                    delivery.lease = None;
                    delivery.replay = Some(remembered);
                });
                tables.audit.push(audit);
                Ok(Replayed::Due(webhook))
            }
        }
    }
}

fn publish_one(
    tables: &mut Tables,
    event: &NewEvent,
    claims: &mut Claims,
    claim: Option<&ClaimAtBirth>,
) -> PublishedEvent {
    if let Some(idempotency) = &event.idempotency
        && let Some(earlier) = earlier(tables, &idempotency.key)
    {
        return decide::repetition(idempotency, earlier);
    }
    let subscribers = subscribers(tables, event);
    let recipients = decide::recipients(&event.event_type, event.company, claims, &subscribers);
    add_event(tables, event);
    let (mut waking, mut claimed) = (Vec::new(), Vec::new());
    let deliveries = recipients.len() as u64;
    for (subscriber, begins) in recipients {
        let id = DeliveryId::time_ordered(event.created_at, tables.unique());
        let claim = claim.filter(|_| begins == Begins::Claimed);
        if let Some(claim) = claim {
            claimed.push(subscriber.claimed(event, id, claim));
        } else if begins == Begins::Due {
            waking.push(subscriber.webhook);
        }
        tables.add_delivery(id, first(event, subscriber.webhook, begins.state(), claim));
    }
    PublishedEvent::Stored {
        deliveries,
        waking,
        claimed,
    }
}

fn earlier(tables: &Tables, key: &str) -> Option<Earlier> {
    let event = *tables.published.get(key)?;
    let stored = tables.events.get(&event)?;
    let hash = stored.event.idempotency.as_ref()?.request_hash;
    Some(Earlier {
        event,
        request_hash: hash.to_vec(),
        deliveries: stored.deliveries.len() as u64,
    })
}

fn add_event(tables: &mut Tables, event: &NewEvent) {
    if let Some(idempotency) = &event.idempotency {
        tables.published.insert(idempotency.key.clone(), event.id);
    }
    let stored = StoredEvent {
        event: event.clone(),
        deliveries: Vec::new(),
    };
    tables.events.insert(event.id, stored);
}

/// The webhooks of the event's company and environment.
fn subscribers(tables: &Tables, event: &NewEvent) -> Vec<Subscriber> {
    let of_scope = tables.of_scope.get(&(event.company, event.environment));
    let subscriber = |id: &_| {
        let stored = tables.webhooks.get(id)?;
        Some(Subscriber {
            webhook: *id,
            events: stored.webhook.events.clone(),
            standing: stored.standing(),
            endpoint: stored.endpoint()?,
        })
    };
    of_scope.into_iter().flatten().filter_map(subscriber).collect()
}

/// A delivery that was not tried.
fn first(
    event: &NewEvent,
    webhook: model::WebhookId,
    state: DeliveryState,
    claim: Option<&ClaimAtBirth>,
) -> StoredDelivery {
    let due_at = claim.map_or(event.created_at, |claim| claim.until);
    StoredDelivery {
        webhook,
        event: event.id,
        company: event.company,
        test: false,
        state,
        on_hold: false,
        lease: claim.map(|claim| claim.lease),
        due_at: (state == DeliveryState::Pending).then_some(due_at),
        attempts: 0,
        replays: 0,
        replay: None,
        created_at: event.created_at,
        last: None,
    }
}

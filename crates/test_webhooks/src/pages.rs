//! What the pages read: counts, deliveries and attempts.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use model::{
    Attempt, AttemptOutcome, CompanyId, DeliveryCursor, DeliveryId, DeliveryPlace, DeliveryRow,
    DeliveryState, EventId, RequestDelivery, RequestId, RequestReceiver, Timestamp, WebhookId,
};
use webhooks::{DeliveryList, FailureCount, PageStore, StorageFailure, StoredDelivery, WebhookFacts};

use crate::MemoryWebhooks;
use crate::tables::{StoredAttempt, StoredEvent, StoredWebhook, Tables};

/// The most deliveries shown for one request.
const OF_REQUEST: usize = 100;

#[async_trait]
impl PageStore for MemoryWebhooks {
    async fn facts(
        &self,
        company: CompanyId,
        only: Option<WebhookId>,
        since: Timestamp,
    ) -> Result<Vec<WebhookFacts>, StorageFailure> {
        let tables = self.lock();
        let webhooks = tables.webhooks.iter();
        let mut found: Vec<WebhookFacts> = webhooks
            .filter(|(id, stored)| {
                stored.company == company && !stored.deleted && only.is_none_or(|only| only == **id)
            })
            .map(|(id, stored)| facts(&tables, *id, stored, since))
            .collect();
        found.sort_by_key(|facts| (facts.webhook.created_at, facts.webhook.id));
        Ok(found)
    }

    async fn deliveries(
        &self,
        list: DeliveryList<'_>,
        cursor: DeliveryCursor,
        at_most: u32,
    ) -> Result<Vec<DeliveryRow>, StorageFailure> {
        let tables = self.lock();
        let mut rows = matching(&tables, list)?;
        match cursor {
            DeliveryCursor::Newest => {}
            DeliveryCursor::Before(place) => rows.retain(|row| DeliveryPlace::of(row) < place),
            DeliveryCursor::After(place) => rows.retain(|row| DeliveryPlace::of(row) > place),
        }
        let at_most = usize::try_from(at_most).unwrap_or(usize::MAX);
        if matches!(cursor, DeliveryCursor::After(_)) {
            // The nearest ones.
            rows.drain(..rows.len().saturating_sub(at_most));
        }
        rows.truncate(at_most);
        Ok(rows)
    }

    async fn count_list(
        &self,
        list: DeliveryList<'_>,
        newer_than: Option<DeliveryPlace>,
        at_most: u64,
    ) -> Result<u64, StorageFailure> {
        let rows = matching(&self.lock(), list)?.into_iter();
        let newer = rows.filter(|row| newer_than.is_none_or(|place| DeliveryPlace::of(row) > place));
        Ok((newer.count() as u64).min(at_most))
    }

    async fn deliveries_now(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        ids: &[DeliveryId],
    ) -> Result<Vec<DeliveryRow>, StorageFailure> {
        let tables = self.lock();
        let is_its = |id: &&DeliveryId| {
            tables
                .delivery(**id)
                .is_some_and(|one| one.webhook == webhook && one.company == company)
        };
        ids.iter().filter(is_its).map(|id| tables.row(*id)).collect()
    }

    async fn delivery(
        &self,
        company: CompanyId,
        id: DeliveryId,
    ) -> Result<Option<StoredDelivery>, StorageFailure> {
        let tables = self.lock();
        let Some(delivery) = tables.delivery(id).filter(|one| one.company == company) else {
            return Ok(None);
        };
        let webhook = tables
            .webhooks
            .get(&delivery.webhook)
            .ok_or("it has no webhook")?;
        let event = tables.events.get(&delivery.event).ok_or("it has no event")?;
        let attempts = tables.attempts.values();
        Ok(Some(StoredDelivery {
            row: tables.row(id)?,
            webhook_name: webhook.webhook.name.clone(),
            environment: webhook.webhook.environment,
            event_created_at: event.happened_at(),
            request_id: event.event.request_id,
            body: (*event.event.body).clone(),
            attempts: attempts
                .filter(|stored| stored.attempt.claimed.delivery == id)
                .map(attempt)
                .collect(),
        }))
    }

    async fn events_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<EventId>, StorageFailure> {
        let tables = self.lock();
        let mut events: Vec<_> = of_request(&tables, company, request)
            .map(|stored| (stored.event.created_at, stored.event.id))
            .collect();
        events.sort_unstable();
        events.truncate(OF_REQUEST);
        Ok(events.into_iter().map(|(_, id)| id).collect())
    }

    async fn deliveries_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<RequestDelivery>, StorageFailure> {
        let tables = self.lock();
        let deliveries = of_request(&tables, company, request).flat_map(|stored| &stored.deliveries);
        let mut ids: Vec<_> = deliveries
            .filter_map(|id| Some((tables.delivery(*id)?.created_at, *id)))
            .collect();
        newest_first(&mut ids, OF_REQUEST);
        let shown = ids.into_iter().map(|(_, id)| {
            let row = tables.row(id)?;
            let webhook = tables.webhooks.get(&row.webhook_id).ok_or("it has no webhook")?;
            let to = if webhook.company != company {
                let name = tables.companies.get(&webhook.company).map(|brand| &brand.name);
                RequestReceiver::Brand(name.cloned().unwrap_or_default())
            } else if webhook.deleted {
                RequestReceiver::DeletedWebhook
            } else {
                RequestReceiver::Webhook(webhook.webhook.name.clone())
            };
            Ok(RequestDelivery { row, to })
        });
        shown.collect()
    }

    async fn failures(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        since: Timestamp,
    ) -> Result<Vec<FailureCount>, StorageFailure> {
        let tables = self.lock();
        let mut counts: BTreeMap<_, FailureCount> = BTreeMap::new();
        for stored in attempts_of(&tables, webhook, since) {
            let AttemptOutcome::Failed { class, status } = stored.attempt.outcome else {
                continue;
            };
            if stored.attempt.claimed.company != company {
                continue;
            }
            let count = counts
                .entry((class.as_str(), status))
                .or_insert_with(|| FailureCount {
                    class,
                    status,
                    attempts: 0,
                });
            count.attempts += 1;
        }
        let mut counts: Vec<FailureCount> = counts.into_values().collect();
        counts.sort_by_key(|count| std::cmp::Reverse(count.attempts));
        Ok(counts)
    }
}

/// The deliveries of a list, newest first.
fn matching(tables: &Tables, list: DeliveryList<'_>) -> Result<Vec<DeliveryRow>, StorageFailure> {
    let of_webhook = tables
        .deliveries()
        .filter(|(_, one)| one.webhook == list.webhook && one.company == list.company);
    let rows: Result<Vec<_>, _> = of_webhook.map(|(id, _)| tables.row(id)).collect();
    let mut rows = rows?;
    rows.retain(|row| list.filter.matches(row));
    rows.sort_by_key(|row| std::cmp::Reverse(DeliveryPlace::of(row)));
    Ok(rows)
}

fn newest_first<T: Ord>(ids: &mut Vec<T>, at_most: usize) {
    ids.sort_unstable();
    ids.reverse();
    ids.truncate(at_most);
}

fn of_request(tables: &Tables, company: CompanyId, request: RequestId) -> impl Iterator<Item = &StoredEvent> {
    tables.events.values().filter(move |stored| {
        stored.event.request_id == Some(request) && tables.is_or_is_brand_of(stored.event.company, company)
    })
}

/// A webhook's attempts from `since` on, without those of test events.
fn attempts_of(
    tables: &Tables,
    webhook: WebhookId,
    since: Timestamp,
) -> impl Iterator<Item = &StoredAttempt> {
    tables.attempts.values().filter(move |stored| {
        let claimed = &stored.attempt.claimed;
        claimed.webhook == webhook && !claimed.test && stored.attempt.ended_at >= since
    })
}

fn facts(tables: &Tables, id: WebhookId, stored: &StoredWebhook, since: Timestamp) -> WebhookFacts {
    let (mut delivered, mut failed) = (BTreeSet::new(), BTreeSet::new());
    for attempt in attempts_of(tables, id, since) {
        let delivery = attempt.attempt.claimed.delivery;
        let arrived = tables
            .delivery(delivery)
            .is_some_and(|one| one.state == DeliveryState::Delivered);
        match attempt.attempt.outcome {
            AttemptOutcome::Succeeded { .. } => delivered.insert(delivery),
            AttemptOutcome::Failed { .. } => !arrived && failed.insert(delivery),
        };
    }
    let mut next = tables
        .waiting_of(id)
        .filter(|(_, delivery)| tables.delivery(*delivery).is_some_and(|one| one.lease.is_none()));
    let ever = Timestamp::from_millis(i64::MIN);
    WebhookFacts {
        webhook: stored.webhook.clone(),
        former_secret_until: stored.former.as_ref().map(|former| former.until),
        failing_since: stored.failing_since,
        undelivered_since: stored.undelivered_since,
        last_test: stored.last_test,
        last_key: stored.last_key,
        last_attempt_at: attempts_of(tables, id, ever)
            .map(|stored| stored.attempt.ended_at)
            .max(),
        next_attempt_at: next.next().map(|(at, _)| at),
        delivered: delivered.len() as u64,
        failed: failed.len() as u64,
        pending: tables.waiting_of(id).count() as u64,
        held: tables.held_of(id).count() as u64,
        on_hold: tables
            .deliveries()
            .filter(|(_, one)| one.webhook == id && one.on_hold)
            .count() as u64,
    }
}

fn attempt(stored: &StoredAttempt) -> Attempt {
    let attempt = &stored.attempt;
    Attempt {
        id: attempt.id,
        number: stored.number,
        started_at: attempt.started_at,
        duration_ms: attempt.duration_ms,
        outcome: attempt.outcome.clone(),
        signed_by_last_four: attempt.signed_by_last_four.clone(),
        replay: attempt.claimed.replay.is_some(),
        hops: attempt.hops.clone(),
    }
}

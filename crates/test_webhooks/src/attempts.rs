//! Records finished attempts together with their consequences.

use std::sync::Arc;

use async_trait::async_trait;
use model::DeliveryState;
use webhooks::decide::{self, Consequence, HealthRecord, Settled};
use webhooks::{AttemptStore, FinishedAttempt, LastTest, StorageFailure, Then};

use crate::MemoryWebhooks;
use crate::tables::{LastAttempt, StoredAttempt, StoredDelivery, Tables};

#[async_trait]
impl AttemptStore for MemoryWebhooks {
    async fn finish(
        &self,
        attempts: Arc<[FinishedAttempt]>,
    ) -> Result<Vec<Option<Consequence>>, StorageFailure> {
        let mut tables = self.lock();
        let missing = |attempt: &&FinishedAttempt| tables.delivery(attempt.claimed.delivery).is_none();
        if let Some(attempt) = attempts.iter().find(missing) {
            return Err(format!("there is no delivery {}", attempt.claimed.delivery).into());
        }
        let mut consequences = Vec::with_capacity(attempts.len());
        for attempt in attempts.iter() {
            consequences.push(note_health(&mut tables, attempt));
            let number =
                tables.change_delivery(attempt.claimed.delivery, |delivery| settle(delivery, attempt));
            let seq = tables.next_seq();
            let stored = StoredAttempt {
                attempt: attempt.clone(),
                number: number.unwrap_or_default(),
            };
            tables.attempts.insert(seq, stored);
        }
        Ok(consequences)
    }
}

/// What the attempt does to its webhook. A test changes only the last test's result.
fn note_health(tables: &mut Tables, attempt: &FinishedAttempt) -> Option<Consequence> {
    let id = attempt.claimed.webhook;
    let stored = tables.webhooks.get_mut(&id)?;
    let Some(report) = attempt.report else {
        stored.last_test = Some(LastTest {
            at: attempt.ended_at,
            delivered: attempt.then == Then::Ended(DeliveryState::Delivered),
        });
        return None;
    };
    let before = HealthRecord {
        standing: stored.standing(),
        failing_since: stored.failing_since,
        undelivered_since: stored.undelivered_since,
        warned_at: stored.warned_at,
        last_key: stored.last_key,
    };
    let (after, consequence) = decide::health_after(&before, report, attempt.ended_at);
    stored.failing_since = after.failing_since;
    stored.undelivered_since = after.undelivered_since;
    stored.warned_at = after.warned_at;
    stored.last_key = after.last_key;
    let consequence = consequence?;
    if let Consequence::Disabled(reason) = consequence {
        stored.webhook.enabled = false;
        stored.webhook.disabled = Some(reason);
        stored.webhook.updated_at = attempt.ended_at;
    }
    let entry = consequence.audit(attempt.audit, attempt.ended_at, attempt.claimed.company, id);
    tables.audit.push(entry);
    Some(consequence)
}

/// Counts the attempt and applies what [`decide::settled`] decides. Returns its number.
fn settle(delivery: &mut StoredDelivery, attempt: &FinishedAttempt) -> u32 {
    let claimed = &attempt.claimed;
    let number = if claimed.replay.is_some() {
        &mut delivery.replays
    } else {
        &mut delivery.attempts
    };
    *number += 1;
    let number = *number;
    delivery.last = Some(LastAttempt {
        at: attempt.ended_at,
        outcome: attempt.outcome.clone(),
        duration_ms: attempt.duration_ms,
        signed_by: attempt.signed_by,
    });
    (delivery.state, delivery.due_at) =
        match decide::settled(delivery.state, delivery.lease, claimed.lease, attempt.then) {
            Settled::As(Then::RetryAt(at)) => (DeliveryState::Pending, Some(at)),
            Settled::As(Then::Ended(state)) => (state, None),
            Settled::Stays(state) => {
                delivery.state = state;
                return number;
            }
        };
    delivery.on_hold &= decide::keeps_hold(delivery.state);
    (delivery.lease, delivery.replay) = (None, None);
    number
}

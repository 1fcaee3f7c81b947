//! Records finished attempts together with their consequences, many at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use model::{AttemptId, DeliveryId, DeliveryState, WebhookId};
use sqlx::AssertSqlSafe;
use webhooks::decide::{self, Consequence, HealthRecord, Settled};
use webhooks::{AttemptStore, FinishedAttempt, StorageFailure, Then};

use super::{StoredWebhooks, rows};
use crate::{Columns, DbConnection, Dialect, StoreError, Urgency, audit, statement};

#[async_trait]
impl AttemptStore for StoredWebhooks {
    async fn finish(
        &self,
        attempts: Arc<[FinishedAttempt]>,
    ) -> Result<Vec<Option<Consequence>>, StorageFailure> {
        let dialect = self.db.dialect();
        self.write(Urgency::Background, move |connection| {
            Box::pin(async move {
                // Lock the webhooks before their deliveries. See the lock order in `mod.rs`.
                let consequences = write_health(connection, dialect, &attempts).await?;
                for test in attempts.iter().filter(|attempt| attempt.report.is_none()) {
                    note_test(connection, test).await?;
                }
                let mut deliveries = read_deliveries(connection, dialect, &attempts).await?;
                let mut numbers = Vec::with_capacity(attempts.len());
                for attempt in attempts.iter() {
                    numbers.push(settle(&mut deliveries, attempt)?);
                }
                write_deliveries(connection, dialect, &deliveries, &attempts).await?;
                insert_attempts(connection, dialect, &attempts, &numbers).await?;
                Ok(consequences)
            })
        })
        .await
    }
}

/// Asks [`decide::health_after`] about each attempt and writes what changes. Usually nothing does, and then it takes no
/// lock, because all deliveries of a busy webhook would queue for it.
async fn write_health(
    connection: &mut DbConnection,
    dialect: Dialect,
    attempts: &[FinishedAttempt],
) -> Result<Vec<Option<Consequence>>, StoreError> {
    let reporting = attempts.iter().filter(|attempt| attempt.report.is_some());
    let webhooks: BTreeSet<WebhookId> = reporting.map(|attempt| attempt.claimed.webhook).collect();
    let before = read_health(connection, dialect, webhooks, "").await?;
    let mut decided = Decided::of(before, attempts);
    if dialect == Dialect::Postgres && !decided.changed.is_empty() {
        // Another transaction may have changed them in between, so decide again with the rows locked.
        let before = read_health(connection, dialect, decided.changed, dialect.for_update()).await?;
        decided = Decided::of(before, attempts);
    }
    for webhook in &decided.changed {
        if let Some(after) = decided.after.get(webhook) {
            write_record(connection, *webhook, after).await?;
        }
    }
    for (attempt, consequence) in attempts.iter().zip(&decided.consequences) {
        if let Some(consequence) = *consequence {
            write_consequence(connection, attempt, consequence).await?;
        }
    }
    Ok(decided.consequences)
}

/// What the attempts change about their webhooks.
struct Decided {
    after: HashMap<WebhookId, HealthRecord>,
    changed: BTreeSet<WebhookId>,
    /// For each attempt.
    consequences: Vec<Option<Consequence>>,
}

impl Decided {
    /// Attempts on webhooks that are not in `before` change nothing.
    fn of(before: HashMap<WebhookId, HealthRecord>, attempts: &[FinishedAttempt]) -> Self {
        let mut decided = Self {
            after: before.clone(),
            changed: BTreeSet::new(),
            consequences: Vec::with_capacity(attempts.len()),
        };
        for attempt in attempts {
            let record = decided.after.get_mut(&attempt.claimed.webhook);
            let (Some(record), Some(report)) = (record, attempt.report) else {
                decided.consequences.push(None);
                continue;
            };
            let (after, consequence) = decide::health_after(record, report, attempt.ended_at);
            *record = after;
            decided.consequences.push(consequence);
        }
        let changed = decided
            .after
            .iter()
            .filter(|(id, after)| before.get(id) != Some(after));
        decided.changed = changed.map(|(id, _)| *id).collect();
        decided
    }
}

async fn write_record(
    connection: &mut DbConnection,
    webhook: WebhookId,
    after: &HealthRecord,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE webhooks SET failing_since = $2, undelivered_since = $3, warned_at = $4, last_key_id = $5 WHERE id = $1",
    )
    .bind(webhook.to_string())
    .bind(after.failing_since.map(|at| at.as_millis()))
    .bind(after.undelivered_since.map(|at| at.as_millis()))
    .bind(after.warned_at.map(|at| at.as_millis()))
    .bind(after.last_key.map(|key| key.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_consequence(
    connection: &mut DbConnection,
    attempt: &FinishedAttempt,
    consequence: Consequence,
) -> Result<(), StoreError> {
    let (company, webhook) = (attempt.claimed.company, attempt.claimed.webhook);
    if let Consequence::Disabled(reason) = consequence {
        // Waiting deliveries stay as they are (`decide::Waiting`). `claim` skips disabled webhooks.
        sqlx::query("UPDATE webhooks SET enabled = 0, disabled_reason = $2, updated_at = $3 WHERE id = $1")
            .bind(webhook.to_string())
            .bind(reason.as_str())
            .bind(attempt.ended_at.as_millis())
            .execute(&mut *connection)
            .await?;
    }
    let entry = consequence.audit(attempt.audit, attempt.ended_at, company, webhook);
    audit::record(connection, &entry).await
}

/// In the order of their ids, so that two transactions cannot lock each other out.
async fn read_health(
    connection: &mut DbConnection,
    dialect: Dialect,
    webhooks: BTreeSet<WebhookId>,
    lock: &str,
) -> Result<HashMap<WebhookId, HealthRecord>, StoreError> {
    let webhooks: Vec<WebhookId> = webhooks.into_iter().collect();
    let mut records = HashMap::with_capacity(webhooks.len());
    for part in statement::filled_parts(&webhooks) {
        let sql = format!(
            "SELECT id, disabled_reason, deleted_at, failing_since, undelivered_since, warned_at, last_key_id FROM webhooks \
             WHERE id IN ({}) ORDER BY id{lock}",
            dialect.placeholders(1, part.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for webhook in part {
            query = query.bind(webhook.to_string());
        }
        for row in query.fetch_all(&mut *connection).await? {
            let record = HealthRecord {
                standing: rows::standing(&row)?,
                failing_since: row.maybe_time("failing_since")?,
                undelivered_since: row.maybe_time("undelivered_since")?,
                warned_at: row.maybe_time("warned_at")?,
                last_key: row.maybe_parsed("last_key_id")?,
            };
            records.insert(row.parsed("id")?, record);
        }
    }
    Ok(records)
}

/// A test changes only the last test's result, not the webhook's health.
async fn note_test(connection: &mut DbConnection, attempt: &FinishedAttempt) -> Result<(), StoreError> {
    let delivered = attempt.then == Then::Ended(DeliveryState::Delivered);
    sqlx::query("UPDATE webhooks SET last_test_at = $2, last_test_delivered = $3 WHERE id = $1")
        .bind(attempt.claimed.webhook.to_string())
        .bind(attempt.ended_at.as_millis())
        .bind(i64::from(delivered))
        .execute(connection)
        .await?;
    Ok(())
}

/// The columns of a delivery that an attempt changes.
struct StoredDelivery {
    state: DeliveryState,
    on_hold: bool,
    lease: Option<AttemptId>,
    due_at: Option<i64>,
    attempts: i64,
    replays: i64,
    replayed_from: Option<String>,
    resume_at: Option<i64>,
}

async fn read_deliveries(
    connection: &mut DbConnection,
    dialect: Dialect,
    attempts: &[FinishedAttempt],
) -> Result<HashMap<DeliveryId, StoredDelivery>, StoreError> {
    let ids: BTreeSet<DeliveryId> = attempts.iter().map(|attempt| attempt.claimed.delivery).collect();
    let ids: Vec<DeliveryId> = ids.into_iter().collect();
    let mut found = HashMap::with_capacity(ids.len());
    for part in statement::filled_parts(&ids) {
        let sql = format!(
            "SELECT id, state, brake, lease, due_at, attempts, replays, replayed_from, resume_at FROM deliveries \
             WHERE id IN ({}) ORDER BY id{}",
            dialect.placeholders(1, part.len()),
            dialect.for_update()
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for id in part {
            query = query.bind(id.to_string());
        }
        for row in query.fetch_all(&mut *connection).await? {
            let delivery = StoredDelivery {
                state: rows::state(&row)?,
                on_hold: rows::on_hold(&row)?,
                lease: row.maybe_parsed("lease")?,
                due_at: row.maybe_int("due_at")?,
                attempts: row.int("attempts")?,
                replays: row.int("replays")?,
                replayed_from: row.maybe_text("replayed_from")?,
                resume_at: row.maybe_int("resume_at")?,
            };
            found.insert(row.parsed("id")?, delivery);
        }
    }
    Ok(found)
}

/// Counts the attempt and applies what [`decide::settled`] decides. Returns the attempt's number among the scheduled
/// attempts or among the replays.
fn settle(
    deliveries: &mut HashMap<DeliveryId, StoredDelivery>,
    attempt: &FinishedAttempt,
) -> Result<i64, StoreError> {
    let claimed = &attempt.claimed;
    let delivery = deliveries
        .get_mut(&claimed.delivery)
        .ok_or_else(|| StoreError::corrupt(format!("there is no delivery {}", claimed.delivery)))?;
    let number = if claimed.replay.is_some() {
        &mut delivery.replays
    } else {
        &mut delivery.attempts
    };
    *number += 1;
    let number = *number;
    let (state, due_at) = match decide::settled(delivery.state, delivery.lease, claimed.lease, attempt.then) {
        Settled::As(Then::RetryAt(at)) => (DeliveryState::Pending, Some(at.as_millis())),
        Settled::As(Then::Ended(state)) => (state, None),
        Settled::Stays(state) => {
            // The delivery stays with the worker that has its lease.
            delivery.state = state;
            return Ok(number);
        }
    };
    (delivery.state, delivery.due_at) = (state, due_at);
    delivery.on_hold &= decide::keeps_hold(state);
    (delivery.lease, delivery.replayed_from, delivery.resume_at) = (None, None, None);
    Ok(number)
}

/// Writes each delivery as it is after its latest attempt here.
async fn write_deliveries(
    connection: &mut DbConnection,
    dialect: Dialect,
    deliveries: &HashMap<DeliveryId, StoredDelivery>,
    attempts: &[FinishedAttempt],
) -> Result<(), StoreError> {
    let latest: BTreeMap<DeliveryId, &FinishedAttempt> = attempts
        .iter()
        .map(|attempt| (attempt.claimed.delivery, attempt))
        .collect();
    let latest: Vec<&FinishedAttempt> = latest.into_values().collect();
    for part in statement::filled_parts(&latest) {
        let sql = format!(
            "UPDATE deliveries SET attempts = v.column2, replays = v.column3, last_attempt_at = v.column4, \
             last_status = v.column5, last_failure = v.column6, last_duration_ms = v.column7, last_key_id = v.column8, \
             state = v.column9, due_at = v.column10, lease = v.column11, replayed_from = v.column12, resume_at = v.column13, \
             brake = v.column14 FROM (VALUES {}) AS v WHERE deliveries.id = v.column1",
            dialect.rows(part.len(), 14)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for attempt in part {
            let Some(delivery) = deliveries.get(&attempt.claimed.delivery) else {
                continue;
            };
            let (status, failure) = rows::outcome_columns(&attempt.outcome);
            let (state, brake) = rows::state_columns(delivery.state, delivery.on_hold);
            query = query
                .bind(attempt.claimed.delivery.to_string())
                .bind(delivery.attempts)
                .bind(delivery.replays)
                .bind(attempt.ended_at.as_millis())
                .bind(status)
                .bind(failure.map(str::to_owned))
                .bind(millis(attempt))
                .bind(attempt.signed_by.map(|key| key.to_string()))
                .bind(state)
                .bind(delivery.due_at)
                .bind(delivery.lease.map(|lease| lease.to_string()))
                .bind(delivery.replayed_from.clone())
                .bind(delivery.resume_at)
                .bind(brake.map(str::to_owned));
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

fn millis(attempt: &FinishedAttempt) -> i64 {
    i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX)
}

async fn insert_attempts(
    connection: &mut DbConnection,
    dialect: Dialect,
    attempts: &[FinishedAttempt],
    numbers: &[i64],
) -> Result<(), StoreError> {
    let numbered: Vec<(&FinishedAttempt, i64)> = attempts.iter().zip(numbers.iter().copied()).collect();
    for part in statement::parts(&numbered) {
        let sql = format!(
            "INSERT INTO attempts (id, delivery_id, webhook_id, event_id, company_id, environment, event_type, test, number, \
             started_at, ended_at, duration_ms, status, failure, key_id, signed_by_last_four, replay, url, hops) VALUES {}",
            dialect.rows(part.len(), 19)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (attempt, number) in part {
            let (status, failure) = rows::outcome_columns(&attempt.outcome);
            let claimed = &attempt.claimed;
            let hops = serde_json::to_string(&attempt.hops)
                .map_err(|error| StoreError::corrupt(format!("hops: {error}")))?;
            query = query
                .bind(attempt.id.to_string())
                .bind(claimed.delivery.to_string())
                .bind(claimed.webhook.to_string())
                .bind(claimed.event.to_string())
                .bind(claimed.company.to_string())
                .bind(claimed.environment.as_str())
                .bind(claimed.event_type.as_str())
                .bind(i64::from(claimed.test))
                .bind(*number)
                .bind(attempt.started_at.as_millis())
                .bind(attempt.ended_at.as_millis())
                .bind(millis(attempt))
                .bind(status)
                .bind(failure.map(str::to_owned))
                .bind(attempt.signed_by.map(|key| key.to_string()))
                .bind(attempt.signed_by_last_four.clone())
                .bind(i64::from(claimed.replay.is_some()))
                .bind(claimed.endpoint.url.clone())
                .bind(hops);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

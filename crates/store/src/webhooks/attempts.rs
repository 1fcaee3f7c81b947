//! Records a finished attempt together with its consequences.

use async_trait::async_trait;
use model::{AttemptId, DeliveryState, WebhookId};
use sqlx::AssertSqlSafe;
use webhooks::decide::{self, Consequence, HealthRecord, Report, Settled};
use webhooks::{AttemptStore, FinishedAttempt, StorageFailure, Then};

use super::{StoredWebhooks, rows};
use crate::{Columns, DbConnection, Dialect, StoreError, Urgency, audit};

#[async_trait]
impl AttemptStore for StoredWebhooks {
    async fn finish(&self, attempt: FinishedAttempt) -> Result<Option<Consequence>, StorageFailure> {
        let dialect = self.db.dialect();
        self.write(Urgency::Background, move |connection| {
            Box::pin(async move {
                // Lock the webhook before its delivery. See the lock order in `mod.rs`.
                let consequence = match attempt.report {
                    Some(report) => write_health(connection, dialect, &attempt, report).await?,
                    None => {
                        note_test(connection, &attempt).await?;
                        None
                    }
                };
                let number = settle_delivery(connection, dialect, &attempt).await?;
                insert_attempt(connection, &attempt, number).await?;
                Ok(consequence)
            })
        })
        .await
    }
}

/// Asks [`decide::health_after`] and writes what changes. Usually nothing does, and then it takes no lock, because all
/// deliveries of a busy webhook would queue for it.
async fn write_health(
    connection: &mut DbConnection,
    dialect: Dialect,
    attempt: &FinishedAttempt,
    report: Report,
) -> Result<Option<Consequence>, StoreError> {
    let webhook = attempt.claimed.webhook;
    let mut before = read_health(connection, webhook, "").await?;
    let (mut after, mut consequence) = decide::health_after(&before, report, attempt.ended_at);
    if after == before {
        return Ok(None);
    }
    if dialect == Dialect::Postgres {
        // Another transaction may have changed it in between, so decide again with the row locked.
        before = read_health(connection, webhook, dialect.for_update()).await?;
        (after, consequence) = decide::health_after(&before, report, attempt.ended_at);
        if after == before {
            return Ok(None);
        }
    }
    sqlx::query(
        "UPDATE webhooks SET failing_since = $2, undelivered_since = $3, warned_at = $4, last_key_id = $5 WHERE id = $1",
    )
    .bind(webhook.to_string())
    .bind(after.failing_since.map(|at| at.as_millis()))
    .bind(after.undelivered_since.map(|at| at.as_millis()))
    .bind(after.warned_at.map(|at| at.as_millis()))
    .bind(after.last_key.map(|key| key.to_string()))
    .execute(&mut *connection)
    .await?;
    if let Some(Consequence::Disabled(reason)) = consequence {
        // Waiting deliveries stay as they are (`decide::Waiting`). `claim` skips disabled webhooks.
        sqlx::query("UPDATE webhooks SET enabled = 0, disabled_reason = $2, updated_at = $3 WHERE id = $1")
            .bind(webhook.to_string())
            .bind(reason.as_str())
            .bind(attempt.ended_at.as_millis())
            .execute(&mut *connection)
            .await?;
    }
    if let Some(consequence) = consequence {
        let company = attempt.claimed.company;
        let entry = consequence.audit(attempt.audit, attempt.ended_at, company, webhook);
        audit::record(connection, &entry).await?;
    }
    Ok(consequence)
}

async fn read_health(
    connection: &mut DbConnection,
    webhook: WebhookId,
    lock: &str,
) -> Result<HealthRecord, StoreError> {
    let sql = format!(
        "SELECT disabled_reason, deleted_at, failing_since, undelivered_since, warned_at, last_key_id FROM webhooks \
         WHERE id = $1{lock}"
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(webhook.to_string())
        .fetch_one(connection)
        .await?;
    Ok(HealthRecord {
        standing: rows::standing(&row)?,
        failing_since: row.maybe_time("failing_since")?,
        undelivered_since: row.maybe_time("undelivered_since")?,
        warned_at: row.maybe_time("warned_at")?,
        last_key: row.maybe_parsed("last_key_id")?,
    })
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

/// Counts the attempt. The delivery stays with the worker that has its lease.
const COUNTED: &str = "UPDATE deliveries SET attempts = $2, replays = $3, last_attempt_at = $4, last_status = $5, \
     last_failure = $6, last_duration_ms = $7, state = $8 WHERE id = $1";
/// Counts the attempt and sets the delivery's next time or its final state.
const SETTLED: &str = "UPDATE deliveries SET attempts = $2, replays = $3, last_attempt_at = $4, last_status = $5, \
     last_failure = $6, last_duration_ms = $7, state = $8, due_at = $9, lease = NULL, replayed_from = NULL, \
     resume_at = NULL WHERE id = $1";

/// Counts the attempt and writes what [`decide::settled`] decided. Returns the attempt's number among the scheduled
/// attempts or among the replays.
async fn settle_delivery(
    connection: &mut DbConnection,
    dialect: Dialect,
    attempt: &FinishedAttempt,
) -> Result<i64, StoreError> {
    let claimed = &attempt.claimed;
    let sql = format!(
        "SELECT state, lease, attempts, replays FROM deliveries WHERE id = $1{}",
        dialect.for_update()
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(claimed.delivery.to_string())
        .fetch_one(&mut *connection)
        .await?;
    let (state, lease) = (
        rows::state(&row, "state")?,
        row.maybe_parsed::<AttemptId>("lease")?,
    );
    let (mut attempts, mut replays) = (row.int("attempts")?, row.int("replays")?);
    let number = if claimed.replay.is_some() {
        &mut replays
    } else {
        &mut attempts
    };
    *number += 1;
    let number = *number;
    let (sql, state, due_at) = match decide::settled(state, lease, claimed.lease, attempt.then) {
        Settled::As(Then::RetryAt(at)) => (SETTLED, DeliveryState::Pending, Some(Some(at.as_millis()))),
        Settled::As(Then::Ended(state)) => (SETTLED, state, Some(None)),
        Settled::Stays(state) => (COUNTED, state, None),
    };
    let (status, failure) = rows::outcome_columns(&attempt.outcome);
    let mut statement = sqlx::query(sql)
        .bind(claimed.delivery.to_string())
        .bind(attempts)
        .bind(replays)
        .bind(attempt.ended_at.as_millis())
        .bind(status)
        .bind(failure.map(str::to_owned))
        .bind(millis(attempt))
        .bind(state.as_str());
    if let Some(due_at) = due_at {
        statement = statement.bind(due_at);
    }
    statement.execute(connection).await?;
    Ok(number)
}

fn millis(attempt: &FinishedAttempt) -> i64 {
    i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX)
}

async fn insert_attempt(
    connection: &mut DbConnection,
    attempt: &FinishedAttempt,
    number: i64,
) -> Result<(), StoreError> {
    let (status, failure) = rows::outcome_columns(&attempt.outcome);
    let claimed = &attempt.claimed;
    let hops = serde_json::to_string(&attempt.hops)
        .map_err(|error| StoreError::corrupt(format!("hops: {error}")))?;
    sqlx::query(
        "INSERT INTO attempts (id, delivery_id, webhook_id, event_id, company_id, environment, event_type, test, number, \
         started_at, ended_at, duration_ms, status, failure, key_id, signed_by_last_four, replay, url, hops) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
    )
    .bind(attempt.id.to_string())
    .bind(claimed.delivery.to_string())
    .bind(claimed.webhook.to_string())
    .bind(claimed.event.to_string())
    .bind(claimed.company.to_string())
    .bind(claimed.environment.as_str())
    .bind(claimed.event_type.as_str())
    .bind(i64::from(claimed.test))
    .bind(number)
    .bind(attempt.started_at.as_millis())
    .bind(attempt.ended_at.as_millis())
    .bind(millis(attempt))
    .bind(status)
    .bind(failure.map(str::to_owned))
    .bind(attempt.signed_by.map(|key| key.to_string()))
    .bind(attempt.signed_by_last_four.clone())
    .bind(i64::from(claimed.replay.is_some()))
    .bind(claimed.endpoint.url.clone())
    .bind(hops)
    .execute(connection)
    .await?;
    Ok(())
}

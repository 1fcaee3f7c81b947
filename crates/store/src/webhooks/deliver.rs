//! What the delivery worker needs: claims under a lease, attempts with what follows from them, held deliveries, pruning.

use model::{
    AttemptId, CompanyId, DeliveryId, DeliveryState, DisabledReason, Environment, EventId, Timestamp,
    WebhookId,
};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use vault::Sealed;
use webhooks::{Claimed, Consequences, FinishedAttempt, HealthChange, HeldScope, Replay, Then};

use super::rows;
use crate::{Columns, Db, DbConnection, Dialect, StoreError, Urgency, audit};

/// One look-up in `deliveries_due` for each webhook.
pub(super) async fn due(db: &Db) -> Result<Vec<(WebhookId, CompanyId, Timestamp)>, StoreError> {
    let found = sqlx::query(
        "SELECT w.id, w.company_id, (SELECT d.due_at FROM deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending' \
         ORDER BY d.due_at, d.id LIMIT 1) AS due_at FROM webhooks w WHERE w.enabled = 1 AND w.deleted_at IS NULL",
    )
    .fetch_all(db.reader())
    .await?;
    found
        .iter()
        .filter_map(|row| row.maybe_time("due_at").transpose().map(|at| (row, at)))
        .map(|(row, at)| Ok((row.parsed("id")?, row.parsed("company_id")?, at?)))
        .collect()
}

pub(super) async fn claim(
    db: &Db,
    wanted: Vec<(WebhookId, u32)>,
    now: Timestamp,
    lease_until: Timestamp,
    lease: AttemptId,
) -> Result<Vec<Claimed>, StoreError> {
    let dialect = db.dialect();
    db.write(Urgency::Background, move |connection| {
        Box::pin(async move {
            let mut claimed = Vec::new();
            for (webhook, at_most) in wanted {
                for delivery in due_of(connection, dialect, webhook, now, at_most).await? {
                    claimed.push(claim_one(connection, &delivery, lease_until, lease).await?);
                }
            }
            Ok(claimed)
        })
    })
    .await
}

/// By `deliveries_due`.
async fn due_of(
    connection: &mut DbConnection,
    dialect: Dialect,
    webhook: WebhookId,
    now: Timestamp,
    at_most: u32,
) -> Result<Vec<String>, StoreError> {
    let sql = format!(
        "SELECT id FROM deliveries WHERE webhook_id = $1 AND state = 'pending' AND due_at <= $2 \
         AND EXISTS (SELECT 1 FROM webhooks w WHERE w.id = $1 AND w.enabled = 1 AND w.deleted_at IS NULL) \
         ORDER BY due_at, id LIMIT $3{}",
        dialect.skip_locked()
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(webhook.to_string())
        .bind(now.as_millis())
        .bind(i64::from(at_most))
        .fetch_all(connection)
        .await?;
    found.iter().map(|row| row.text("id")).collect()
}

async fn claim_one(
    connection: &mut DbConnection,
    delivery: &str,
    lease_until: Timestamp,
    lease: AttemptId,
) -> Result<Claimed, StoreError> {
    sqlx::query("UPDATE deliveries SET lease = $2, due_at = $3 WHERE id = $1")
        .bind(delivery.to_owned())
        .bind(lease.to_string())
        .bind(lease_until.as_millis())
        .execute(&mut *connection)
        .await?;
    let row = sqlx::query(
        "SELECT d.id, d.webhook_id, d.company_id, d.attempts, d.test, d.replayed_from, d.resume_at, d.event_id, w.environment, w.url, \
         w.sealed_secret, w.previous_secret, w.previous_until, w.last_key_id, e.event_type, e.body FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id \
         JOIN events e ON e.id = d.event_id WHERE d.id = $1",
    )
    .bind(delivery.to_owned())
    .fetch_one(connection)
    .await?;
    read_claimed(&row, lease)
}

fn read_claimed(row: &AnyRow, lease: AttemptId) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        delivery: row.parsed("id")?,
        lease,
        webhook: row.parsed("webhook_id")?,
        company: row.parsed("company_id")?,
        environment: row.parsed("environment")?,
        url: row.text("url")?,
        // What waits of a deleted webhook was ended with it, so that there is a secret here.
        own_secrets: rows::own_secrets(row)?,
        last_key: row.maybe_parsed("last_key_id")?,
        event: row.parsed("event_id")?,
        event_type: row.parsed("event_type")?,
        body: Sealed::from_bytes(row.blob("body")?),
        attempts: rows::number(row.int("attempts")?, "attempts")?,
        test: row.flag("test")?,
        replay: match rows::maybe_state(row, "replayed_from")? {
            Some(from) => Some(Replay {
                from,
                resume_at: row.maybe_time("resume_at")?,
            }),
            None => None,
        },
    })
}

pub(super) async fn give_back(
    db: &Db,
    delivery: DeliveryId,
    lease: AttemptId,
    at: Timestamp,
) -> Result<(), StoreError> {
    db.write(Urgency::Background, move |connection| {
        Box::pin(async move {
            sqlx::query("UPDATE deliveries SET lease = NULL, due_at = $3 WHERE id = $1 AND lease = $2")
                .bind(delivery.to_string())
                .bind(lease.to_string())
                .bind(at.as_millis())
                .execute(connection)
                .await?;
            Ok(())
        })
    })
    .await
}

/// Once at start. By `deliveries_due`, whole.
pub(super) async fn forget_leases(db: &Db, now: Timestamp) -> Result<u64, StoreError> {
    db.write(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            let forgotten = sqlx::query(
                "UPDATE deliveries SET lease = NULL, due_at = $1 WHERE state = 'pending' AND lease IS NOT NULL",
            )
            .bind(now.as_millis())
            .execute(connection)
            .await?;
            Ok(forgotten.rows_affected())
        })
    })
    .await
}

/// The claimed one, and what else of its company and environment is due and not claimed: the next claim would only find
/// the same. By `deliveries_due`.
pub(super) async fn hold(db: &Db, claimed: Claimed, now: Timestamp) -> Result<(), StoreError> {
    db.write(Urgency::Background, move |connection| {
        Box::pin(async move {
            sqlx::query("UPDATE deliveries SET state = 'held', due_at = NULL, lease = NULL WHERE id = $1 AND lease = $2")
                .bind(claimed.delivery.to_string())
                .bind(claimed.lease.to_string())
                .execute(&mut *connection)
                .await?;
            sqlx::query(
                "UPDATE deliveries SET state = 'held', due_at = NULL WHERE state = 'pending' AND lease IS NULL \
                 AND due_at <= $3 AND webhook_id IN (SELECT id FROM webhooks WHERE company_id = $1 AND environment = $2)",
            )
            .bind(claimed.company.to_string())
            .bind(claimed.environment.as_str())
            .bind(now.as_millis())
            .execute(connection)
            .await?;
            Ok(())
        })
    })
    .await
}

/// By `deliveries_held`.
pub(super) async fn held(db: &Db) -> Result<Vec<HeldScope>, StoreError> {
    let found = sqlx::query(
        "SELECT DISTINCT w.company_id, w.environment FROM webhooks w \
         WHERE w.id IN (SELECT d.webhook_id FROM deliveries d WHERE d.state = 'held')",
    )
    .fetch_all(db.reader())
    .await?;
    found
        .iter()
        .map(|row| {
            let environment: Environment = row.parsed("environment")?;
            Ok(HeldScope {
                company: row.parsed("company_id")?,
                environment,
            })
        })
        .collect()
}

/// Due since they were made, which puts the oldest first.
pub(super) async fn release(db: &Db, scope: HeldScope) -> Result<Vec<WebhookId>, StoreError> {
    db.write(Urgency::Background, move |connection| {
        Box::pin(async move {
            let released = sqlx::query(
                "UPDATE deliveries SET state = 'pending', due_at = created_at WHERE state = 'held' \
                 AND webhook_id IN (SELECT id FROM webhooks WHERE company_id = $1 AND environment = $2) \
                 RETURNING webhook_id",
            )
            .bind(scope.company.to_string())
            .bind(scope.environment.as_str())
            .fetch_all(connection)
            .await?;
            let mut webhooks: Vec<WebhookId> = released
                .iter()
                .map(|row| row.parsed("webhook_id"))
                .collect::<Result<_, _>>()?;
            webhooks.sort_unstable();
            webhooks.dedup();
            Ok(webhooks)
        })
    })
    .await
}

pub(super) async fn finish(db: &Db, attempt: FinishedAttempt) -> Result<Consequences, StoreError> {
    let dialect = db.dialect();
    db.write(Urgency::Background, move |connection| {
        Box::pin(async move {
            let record = record(connection, dialect, &attempt).await?;
            let number = finish_delivery(connection, &attempt).await?;
            insert_attempt(connection, &attempt, number).await?;
            apply_health(connection, &attempt, record).await
        })
    })
    .await
}

/// What a webhook's health was before this attempt.
struct Record {
    enabled: bool,
    failing_since: Option<Timestamp>,
    undelivered_since: Option<Timestamp>,
    warned: bool,
    last_key: Option<String>,
}

/// Locks the webhook where its health is about to change. A success that changes nothing takes no lock: all the
/// deliveries of a busy webhook would queue there.
async fn record(
    connection: &mut DbConnection,
    dialect: Dialect,
    attempt: &FinishedAttempt,
) -> Result<Record, StoreError> {
    let lock = match attempt.health {
        Some(HealthChange::Failed { .. } | HealthChange::Gone { .. }) => dialect.for_update(),
        Some(HealthChange::Succeeded { .. }) | None => "",
    };
    let webhook = attempt.claimed.webhook;
    let found = read_record(connection, webhook, lock).await?;
    match &attempt.health {
        Some(HealthChange::Succeeded { key }) if found.changed_by_success(&key.to_string()) => {
            read_record(connection, webhook, dialect.for_update()).await
        }
        _ => Ok(found),
    }
}

async fn read_record(
    connection: &mut DbConnection,
    webhook: WebhookId,
    lock: &str,
) -> Result<Record, StoreError> {
    let sql = format!(
        "SELECT enabled, deleted_at, failing_since, undelivered_since, warned_at, last_key_id FROM webhooks WHERE id = $1{lock}"
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(webhook.to_string())
        .fetch_one(connection)
        .await?;
    Ok(Record {
        enabled: row.flag("enabled")? && row.maybe_int("deleted_at")?.is_none(),
        failing_since: row.maybe_time("failing_since")?,
        undelivered_since: row.maybe_time("undelivered_since")?,
        warned: row.maybe_int("warned_at")?.is_some(),
        last_key: row.maybe_text("last_key_id")?,
    })
}

impl Record {
    fn changed_by_success(&self, key: &str) -> bool {
        self.failing_since.is_some()
            || self.undelivered_since.is_some()
            || self.last_key.as_deref() != Some(key)
    }
}

/// The attempt's number among those of its kind. Who still has the lease decides the state; who has lost it may only report
/// a success of a delivery that nobody else is working on, and that something was sent.
async fn finish_delivery(
    connection: &mut DbConnection,
    attempt: &FinishedAttempt,
) -> Result<i64, StoreError> {
    let (status, failure) = rows::outcome_columns(&attempt.outcome);
    let id = attempt.claimed.delivery.to_string();
    let by_hand = attempt.claimed.replay.is_some();
    let row = sqlx::query(
        "UPDATE deliveries SET attempts = attempts + $6, replays = replays + $7, last_attempt_at = $2, last_status = $3, \
         last_failure = $4, last_duration_ms = $5, state = CASE WHEN state = 'skipped' THEN 'exhausted' ELSE state END \
         WHERE id = $1 RETURNING attempts, replays, lease",
    )
    .bind(id.clone())
    .bind(attempt.ended_at.as_millis())
    .bind(status)
    .bind(failure.map(str::to_owned))
    .bind(i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX))
    .bind(i64::from(!by_hand))
    .bind(i64::from(by_hand))
    .fetch_one(&mut *connection)
    .await?;
    let lease = row.maybe_text("lease")?;
    let ours = lease.as_deref() == Some(attempt.claimed.lease.to_string().as_str());
    let delivered = attempt.then == Then::Ended(DeliveryState::Delivered);
    if ours || (lease.is_none() && delivered) {
        let (state, due_at) = match attempt.then {
            Then::RetryAt(at) => (DeliveryState::Pending, Some(at.as_millis())),
            Then::Ended(state) => (state, None),
        };
        sqlx::query(
            "UPDATE deliveries SET state = $2, due_at = $3, lease = NULL, replayed_from = NULL, resume_at = NULL \
             WHERE id = $1",
        )
        .bind(id)
        .bind(state.as_str())
        .bind(due_at)
        .execute(connection)
        .await?;
    }
    row.int(if by_hand { "replays" } else { "attempts" })
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
    .bind(i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX))
    .bind(status)
    .bind(failure.map(str::to_owned))
    .bind(attempt.signed_by.map(|key| key.to_string()))
    .bind(attempt.signed_by_last_four.clone())
    .bind(i64::from(claimed.replay.is_some()))
    .bind(claimed.url.clone())
    .bind(hops)
    .execute(connection)
    .await?;
    Ok(())
}

async fn apply_health(
    connection: &mut DbConnection,
    attempt: &FinishedAttempt,
    record: Record,
) -> Result<Consequences, StoreError> {
    let webhook = attempt.claimed.webhook;
    match &attempt.health {
        None => note_test(connection, attempt).await,
        Some(HealthChange::Succeeded { key }) => {
            if record.changed_by_success(&key.to_string()) {
                let sql = "UPDATE webhooks SET failing_since = NULL, undelivered_since = NULL, warned_at = NULL, \
                           last_key_id = $2 WHERE id = $1";
                sqlx::query(sql)
                    .bind(webhook.to_string())
                    .bind(key.to_string())
                    .execute(connection)
                    .await?;
            }
            Ok(Consequences::default())
        }
        // Somebody else has switched it off or deleted it meanwhile, for a reason of their own.
        Some(_) if !record.enabled => Ok(Consequences::default()),
        Some(HealthChange::Gone { disabled }) => {
            note_failure(connection, webhook, &record, attempt.ended_at).await?;
            disable(connection, webhook, DisabledReason::Gone, disabled).await
        }
        Some(HealthChange::Failed {
            disable_before,
            warn_before,
            disabled,
            warned,
        }) => {
            let since = note_failure(connection, webhook, &record, attempt.ended_at).await?;
            if since <= *disable_before {
                return disable(connection, webhook, DisabledReason::FailedTooLong, disabled).await;
            }
            if since > *warn_before || record.warned {
                return Ok(Consequences::default());
            }
            sqlx::query("UPDATE webhooks SET warned_at = $2 WHERE id = $1")
                .bind(webhook.to_string())
                .bind(attempt.ended_at.as_millis())
                .execute(&mut *connection)
                .await?;
            audit::record(connection, warned).await?;
            Ok(Consequences {
                disabled: None,
                warned: true,
            })
        }
    }
}

/// A test says nothing of the health but how it ended.
async fn note_test(
    connection: &mut DbConnection,
    attempt: &FinishedAttempt,
) -> Result<Consequences, StoreError> {
    let delivered = attempt.then == Then::Ended(DeliveryState::Delivered);
    sqlx::query("UPDATE webhooks SET last_test_at = $2, last_test_delivered = $3 WHERE id = $1")
        .bind(attempt.claimed.webhook.to_string())
        .bind(attempt.ended_at.as_millis())
        .bind(i64::from(delivered))
        .execute(connection)
        .await?;
    Ok(Consequences::default())
}

/// Since when it has been failing, this failure included.
async fn note_failure(
    connection: &mut DbConnection,
    webhook: WebhookId,
    record: &Record,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    if let Some(since) = record.failing_since {
        return Ok(since);
    }
    sqlx::query(
        "UPDATE webhooks SET failing_since = $2, undelivered_since = COALESCE(undelivered_since, $2) WHERE id = $1",
    )
        .bind(webhook.to_string())
        .bind(now.as_millis())
        .execute(connection)
        .await?;
    Ok(now)
}

async fn disable(
    connection: &mut DbConnection,
    webhook: WebhookId,
    reason: DisabledReason,
    entry: &model::AuditEntry,
) -> Result<Consequences, StoreError> {
    sqlx::query("UPDATE webhooks SET enabled = 0, disabled_reason = $2, updated_at = $3 WHERE id = $1")
        .bind(webhook.to_string())
        .bind(reason.as_str())
        .bind(entry.at.as_millis())
        .execute(&mut *connection)
        .await?;
    // What waits goes on waiting (`webhooks::Standing`): it has a time, and `due_of` passes over a webhook that is off.
    audit::record(connection, entry).await?;
    Ok(Consequences {
        disabled: Some(reason),
        warned: false,
    })
}

/// By `events_by_age`. Small steps, so that nobody waits for it.
pub(super) async fn prune(db: &Db, before: Timestamp, at_most: u32) -> Result<u64, StoreError> {
    db.write(Urgency::Background, move |connection| {
        Box::pin(async move {
            let old = sqlx::query(
                "SELECT e.id FROM events e WHERE e.created_at < $1 AND NOT EXISTS (SELECT 1 FROM deliveries d \
                 WHERE d.event_id = e.id AND (d.state IN ('pending', 'held') OR d.last_attempt_at >= $1)) \
                 ORDER BY e.created_at LIMIT $2",
            )
            .bind(before.as_millis())
            .bind(i64::from(at_most))
            .fetch_all(&mut *connection)
            .await?;
            for row in &old {
                remove_event(connection, row.parsed("id")?).await?;
            }
            Ok(old.len() as u64)
        })
    })
    .await
}

async fn remove_event(connection: &mut DbConnection, event: EventId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE event_id = $1)",
        "DELETE FROM deliveries WHERE event_id = $1",
        "DELETE FROM events WHERE id = $1",
    ] {
        sqlx::query(sql)
            .bind(event.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

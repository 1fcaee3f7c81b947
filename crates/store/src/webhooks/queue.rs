//! Deliveries that are due or held: claims them with a lease, and holds and releases those without a key.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use model::{AttemptId, CompanyId, DeliveryId, Environment, Timestamp, WebhookId};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use vault::Sealed;
use webhooks::decide::Pace;
use webhooks::{
    Claimed, DeliveryQueue, Endpoint, Fate, HeldScope, LastFailure, Overdue, Paced, StorageFailure, Taken,
};

use super::{StoredWebhooks, paces, rows};
use crate::{Columns, DbConnection, Dialect, StoreError, Urgency, statement};

#[async_trait]
impl DeliveryQueue for StoredWebhooks {
    /// Steps through `deliveries_due` from one webhook to the next, so that webhooks without anything waiting cost
    /// nothing. The condition on `enabled` only skips webhooks that are not worth asking about. The decision is in
    /// `claim`.
    async fn due(&self) -> Result<Vec<(WebhookId, CompanyId, Timestamp)>, StorageFailure> {
        let statement = sqlx::query(
            "WITH RECURSIVE waiting (id) AS (SELECT MIN(webhook_id) FROM deliveries WHERE state = 'pending' AND brake IS NULL UNION ALL \
             SELECT (SELECT MIN(d.webhook_id) FROM deliveries d WHERE d.state = 'pending' AND d.brake IS NULL AND d.webhook_id > waiting.id) \
             FROM waiting WHERE waiting.id IS NOT NULL) \
             SELECT w.id, w.company_id, (SELECT d.due_at FROM deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending' \
             AND d.brake IS NULL ORDER BY d.due_at, d.id LIMIT 1) AS due_at FROM waiting JOIN webhooks w ON w.id = waiting.id \
             WHERE w.enabled = 1 AND w.deleted_at IS NULL",
        );
        let read = |row: &AnyRow| {
            let (webhook, company) = (row.parsed("id")?, row.parsed("company_id")?);
            Ok(row.maybe_time("due_at")?.map(|at| (webhook, company, at)))
        };
        Ok(self.all(statement, read).await?.into_iter().flatten().collect())
    }

    async fn claim(
        &self,
        wanted: Vec<(WebhookId, u32)>,
        now: Timestamp,
        lease_until: Timestamp,
        lease: AttemptId,
    ) -> Result<Taken, StorageFailure> {
        let dialect = self.db.dialect();
        self.write(Urgency::Background, move |connection| {
            Box::pin(async move {
                let receivers = receivers(connection, dialect, &wanted).await?;
                let paces = paces_of(connection, dialect, &receivers, now).await?;
                let mut taken = Taken::default();
                for (webhook, asked) in wanted {
                    let Some(receiver) = receivers.get(&webhook) else {
                        continue;
                    };
                    let pace = paces.get(&webhook);
                    let at_most = pace.map_or(asked, |pace| asked.min(pace.allowed));
                    let lease = (lease, lease_until);
                    let found = match at_most {
                        0 => Vec::new(),
                        at_most => due_of(connection, dialect, webhook, now, at_most).await?,
                    };
                    for row in &found {
                        taken.claimed.push(read_claimed(row, webhook, receiver, lease)?);
                    }
                    if let Some(pace) = pace {
                        let got = u32::try_from(found.len()).unwrap_or(u32::MAX);
                        paces::write(connection, webhook, pace.used(got)).await?;
                        taken
                            .paced
                            .extend((got == pace.allowed && got < asked).then(|| Paced {
                                webhook,
                                company: receiver.company,
                                again_at: pace.again_at(got),
                            }));
                    }
                }
                hold_lease(connection, dialect, &taken.claimed, (lease, lease_until)).await?;
                Ok(taken)
            })
        })
        .await
    }

    /// Uses the index `deliveries_due`. A claimed delivery is due when its lease expires, so it is not counted.
    async fn overdue(
        &self,
        webhooks: Vec<WebhookId>,
        since: Timestamp,
        at_most: u64,
    ) -> Result<Vec<Overdue>, StorageFailure> {
        let dialect = self.db.dialect();
        let mut counts = Vec::with_capacity(webhooks.len());
        for part in statement::filled_parts(&webhooks) {
            let sql = format!(
                "SELECT w.id, (SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT 1 FROM deliveries d WHERE d.webhook_id = w.id \
                 AND d.state = 'pending' AND d.brake IS NULL AND d.due_at < {} LIMIT {}) AS overdue) AS overdue, \
                 (SELECT MIN(d.due_at) FROM deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending' \
                 AND d.brake IS NULL AND d.due_at < {}) AS oldest FROM webhooks w WHERE w.id IN ({})",
                dialect.placeholders(1, 1),
                dialect.placeholders(2, 1),
                dialect.placeholders(3, 1),
                dialect.placeholders(4, part.len())
            );
            let mut query = sqlx::query(AssertSqlSafe(sql))
                .bind(since.as_millis())
                .bind(i64::try_from(at_most).unwrap_or(i64::MAX))
                .bind(since.as_millis());
            for webhook in part {
                query = query.bind(webhook.to_string());
            }
            let read = |row: &AnyRow| {
                Ok(Overdue {
                    webhook: row.parsed("id")?,
                    deliveries: rows::number(row.int("overdue")?, "overdue")?,
                    oldest: row.maybe_time("oldest")?,
                })
            };
            counts.extend(self.all(query, read).await?);
        }
        Ok(counts)
    }

    async fn give_back(
        &self,
        claimed: Vec<(DeliveryId, AttemptId)>,
        at: Timestamp,
    ) -> Result<(), StorageFailure> {
        self.write(Urgency::Background, move |connection| {
            Box::pin(async move {
                for (delivery, lease) in claimed {
                    sqlx::query(
                        "UPDATE deliveries SET lease = NULL, due_at = $3 WHERE id = $1 AND lease = $2",
                    )
                    .bind(delivery.to_string())
                    .bind(lease.to_string())
                    .bind(at.as_millis())
                    .execute(&mut *connection)
                    .await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Runs once at start. Scans the whole indexes `deliveries_due` and `deliveries_on_hold`.
    async fn forget_leases(&self, now: Timestamp) -> Result<u64, StorageFailure> {
        self.write(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                let mut forgotten = 0;
                for sql in [
                    "UPDATE deliveries SET lease = NULL, due_at = $1 WHERE state = 'pending' AND brake IS NULL \
                     AND lease IS NOT NULL",
                    "UPDATE deliveries SET lease = NULL, due_at = $1 WHERE brake = 'hold' AND lease IS NOT NULL",
                ] {
                    let done = sqlx::query(sql).bind(now.as_millis()).execute(&mut *connection).await?;
                    forgotten += done.rows_affected();
                }
                Ok(forgotten)
            })
        })
        .await
    }

    /// The caller found no key ([`webhooks::Standing::NoKey`]). Holds the claimed delivery, if it still has its lease,
    /// and every other unclaimed due delivery of its company and environment: the next claim would find no key either.
    /// Uses the index `deliveries_due`.
    async fn hold(&self, claimed: &Claimed, now: Timestamp) -> Result<(), StorageFailure> {
        let (delivery, lease) = (claimed.delivery, claimed.lease);
        let (company, environment) = (claimed.company, claimed.environment);
        self.write(Urgency::Background, move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE deliveries SET state = 'held', due_at = NULL, lease = NULL WHERE id = $1 AND lease = $2",
                )
                .bind(delivery.to_string())
                .bind(lease.to_string())
                .execute(&mut *connection)
                .await?;
                sqlx::query(
                    "UPDATE deliveries SET state = 'held', due_at = NULL WHERE state = 'pending' AND brake IS NULL AND lease IS NULL \
                     AND due_at <= $3 AND webhook_id IN (SELECT id FROM webhooks WHERE company_id = $1 AND environment = $2)",
                )
                .bind(company.to_string())
                .bind(environment.as_str())
                .bind(now.as_millis())
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Uses the index `deliveries_held`.
    async fn held(&self) -> Result<Vec<HeldScope>, StorageFailure> {
        let statement = sqlx::query(
            "SELECT DISTINCT w.company_id, w.environment FROM webhooks w \
             WHERE w.id IN (SELECT d.webhook_id FROM deliveries d WHERE d.state = 'held' AND d.brake IS NULL)",
        );
        self.all(statement, |row| {
            Ok(HeldScope {
                company: row.parsed("company_id")?,
                environment: row.parsed("environment")?,
            })
        })
        .await
    }

    /// The caller has found a key. Makes deliveries due at the time they were created, so the oldest go first.
    async fn release(&self, scope: HeldScope) -> Result<Vec<WebhookId>, StorageFailure> {
        self.write(Urgency::Background, move |connection| {
            Box::pin(async move {
                let released = sqlx::query(
                    "UPDATE deliveries SET state = 'pending', due_at = created_at WHERE state = 'held' AND brake IS NULL \
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
}

/// What the webhooks with a rate limit may begin now.
async fn paces_of(
    connection: &mut DbConnection,
    dialect: Dialect,
    receivers: &HashMap<WebhookId, Receiver>,
    now: Timestamp,
) -> Result<HashMap<WebhookId, Pace>, StoreError> {
    let limits: HashMap<WebhookId, u32> = receivers
        .iter()
        .filter_map(|(webhook, receiver)| Some((*webhook, receiver.endpoint.rate_limit?)))
        .collect();
    let mut webhooks: Vec<WebhookId> = limits.keys().copied().collect();
    webhooks.sort_unstable();
    let used = paces::locked(connection, dialect, &webhooks).await?;
    let pace = |(webhook, rate)| {
        let used_to = used.get(&webhook).copied().unwrap_or(0);
        (webhook, Pace::at(now, rate, used_to))
    };
    Ok(limits.into_iter().map(pace).collect())
}

/// A webhook whose deliveries may be claimed.
struct Receiver {
    company: CompanyId,
    environment: Environment,
    endpoint: Endpoint,
}

/// The webhooks whose waiting deliveries may be sent now, as [`webhooks::Standing::waiting`] decides. The rows are not
/// locked: if a webhook is paused or deleted at this moment, the attempt counts as already in progress.
async fn receivers(
    connection: &mut DbConnection,
    dialect: Dialect,
    wanted: &[(WebhookId, u32)],
) -> Result<HashMap<WebhookId, Receiver>, StoreError> {
    let mut receivers = HashMap::with_capacity(wanted.len());
    for part in statement::filled_parts(wanted) {
        let sql = format!(
            "SELECT id, company_id, environment, disabled_reason, deleted_at, url, sealed_secret, previous_secret, \
             previous_until, last_key_id, headers, rate_limit FROM webhooks WHERE id IN ({})",
            dialect.placeholders(1, part.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (webhook, _) in part {
            query = query.bind(webhook.to_string());
        }
        for row in query.fetch_all(&mut *connection).await? {
            if rows::standing(&row)?.waiting() == Fate::Sent {
                let receiver = Receiver {
                    company: row.parsed("company_id")?,
                    environment: row.parsed("environment")?,
                    endpoint: rows::endpoint(&row)?,
                };
                receivers.insert(row.parsed("id")?, receiver);
            }
        }
    }
    Ok(receivers)
}

/// Uses the index `deliveries_due`.
async fn due_of(
    connection: &mut DbConnection,
    dialect: Dialect,
    webhook: WebhookId,
    now: Timestamp,
    at_most: u32,
) -> Result<Vec<AnyRow>, StoreError> {
    // Takes only rows that no one else is working on. PostgreSQL locks them; SQLite has one writer.
    let lock = dialect.on_postgres(" FOR UPDATE OF d SKIP LOCKED");
    let sql = format!(
        "SELECT d.id, d.attempts, d.test, d.replayed_from, d.resume_at, d.event_id, \
         d.last_key_id, d.last_status, d.last_failure, e.event_type, e.body \
         FROM deliveries d JOIN events e ON e.id = d.event_id \
         WHERE d.webhook_id = $1 AND d.state = 'pending' AND d.brake IS NULL AND d.due_at <= $2 ORDER BY d.due_at, d.id LIMIT $3{lock}"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(webhook.to_string())
        .bind(now.as_millis())
        .bind(i64::from(at_most))
        .fetch_all(connection)
        .await?;
    Ok(found)
}

async fn hold_lease(
    connection: &mut DbConnection,
    dialect: Dialect,
    claimed: &[Claimed],
    (lease, until): (AttemptId, Timestamp),
) -> Result<(), StoreError> {
    for part in statement::filled_parts(claimed) {
        let sql = format!(
            "UPDATE deliveries SET (lease, due_at) = ({}) WHERE id IN ({})",
            dialect.placeholders(1, 2),
            dialect.placeholders(3, part.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(lease.to_string())
            .bind(until.as_millis());
        for one in part {
            query = query.bind(one.delivery.to_string());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

fn read_claimed(
    row: &AnyRow,
    webhook: WebhookId,
    receiver: &Receiver,
    (lease, until): (AttemptId, Timestamp),
) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        delivery: row.parsed("id")?,
        lease,
        until,
        webhook,
        company: receiver.company,
        environment: receiver.environment,
        endpoint: receiver.endpoint.clone(),
        event: row.parsed("event_id")?,
        event_type: row.parsed("event_type")?,
        body: Arc::new(Sealed::from_bytes(row.blob("body")?)),
        attempts: rows::number(row.int("attempts")?, "attempts")?,
        before: last_failure(row)?,
        test: row.flag("test")?,
        replay: rows::replay(row)?,
    })
}

/// `None` if the latest attempt succeeded, or was made by a version that did not note its key here.
fn last_failure(row: &AnyRow) -> Result<Option<LastFailure>, StoreError> {
    if row.maybe_text("last_failure")?.is_none() {
        return Ok(None);
    }
    let status = rows::status(row, "last_status")?;
    let signed_by = row.maybe_parsed("last_key_id")?;
    Ok(signed_by.map(|signed_by| LastFailure { signed_by, status }))
}

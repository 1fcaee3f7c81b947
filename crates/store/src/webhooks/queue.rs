//! Deliveries that are due or held: claims them with a lease, and holds and releases those without a key.

use async_trait::async_trait;
use model::{AttemptId, CompanyId, DeliveryId, Environment, Timestamp, WebhookId};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use vault::Sealed;
use webhooks::{Claimed, DeliveryQueue, Endpoint, Fate, HeldScope, StorageFailure};

use super::{StoredWebhooks, rows};
use crate::{Columns, DbConnection, Dialect, StoreError, Urgency};

#[async_trait]
impl DeliveryQueue for StoredWebhooks {
    /// One look-up in `deliveries_due` per webhook. The condition on `enabled` only skips webhooks that are not worth
    /// asking about. The decision is in `claim`.
    async fn due(&self) -> Result<Vec<(WebhookId, CompanyId, Timestamp)>, StorageFailure> {
        let statement = sqlx::query(
            "SELECT w.id, w.company_id, (SELECT d.due_at FROM deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending' \
             ORDER BY d.due_at, d.id LIMIT 1) AS due_at FROM webhooks w WHERE w.enabled = 1 AND w.deleted_at IS NULL",
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
    ) -> Result<Vec<Claimed>, StorageFailure> {
        let dialect = self.db.dialect();
        self.write(Urgency::Background, move |connection| {
            Box::pin(async move {
                let mut claimed = Vec::new();
                for (webhook, at_most) in wanted {
                    let Some(receiver) = receiver(connection, webhook).await? else {
                        continue;
                    };
                    let due = due_of(connection, dialect, webhook, now, at_most).await?;
                    for row in &due {
                        let one = read_claimed(row, webhook, &receiver, lease)?;
                        hold_lease(connection, one.delivery, lease, lease_until).await?;
                        claimed.push(one);
                    }
                }
                Ok(claimed)
            })
        })
        .await
    }

    async fn give_back(
        &self,
        delivery: DeliveryId,
        lease: AttemptId,
        at: Timestamp,
    ) -> Result<(), StorageFailure> {
        self.write(Urgency::Background, move |connection| {
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

    /// Runs once at start. Scans the whole index `deliveries_due`.
    async fn forget_leases(&self, now: Timestamp) -> Result<u64, StorageFailure> {
        self.write(Urgency::Interactive, move |connection| {
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
                    "UPDATE deliveries SET state = 'held', due_at = NULL WHERE state = 'pending' AND lease IS NULL \
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
             WHERE w.id IN (SELECT d.webhook_id FROM deliveries d WHERE d.state = 'held')",
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
}

/// A webhook whose deliveries may be claimed.
struct Receiver {
    company: CompanyId,
    environment: Environment,
    endpoint: Endpoint,
}

/// `None` if no waiting delivery may be sent now, as [`webhooks::Standing::waiting`] decides. The row is not locked: if
/// the webhook is paused or deleted at this moment, the attempt counts as already in progress.
async fn receiver(connection: &mut DbConnection, webhook: WebhookId) -> Result<Option<Receiver>, StoreError> {
    let row = sqlx::query(
        "SELECT company_id, environment, disabled_reason, deleted_at, url, sealed_secret, previous_secret, \
         previous_until, last_key_id FROM webhooks WHERE id = $1",
    )
    .bind(webhook.to_string())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if rows::standing(&row)?.waiting() != Fate::Sent {
        return Ok(None);
    }
    Ok(Some(Receiver {
        company: row.parsed("company_id")?,
        environment: row.parsed("environment")?,
        endpoint: rows::endpoint(&row)?,
    }))
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
        "SELECT d.id, d.attempts, d.test, d.replayed_from, d.resume_at, d.event_id, e.event_type, e.body \
         FROM deliveries d JOIN events e ON e.id = d.event_id \
         WHERE d.webhook_id = $1 AND d.state = 'pending' AND d.due_at <= $2 ORDER BY d.due_at, d.id LIMIT $3{lock}"
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
    delivery: DeliveryId,
    lease: AttemptId,
    until: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE deliveries SET lease = $2, due_at = $3 WHERE id = $1")
        .bind(delivery.to_string())
        .bind(lease.to_string())
        .bind(until.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

fn read_claimed(
    row: &AnyRow,
    webhook: WebhookId,
    receiver: &Receiver,
    lease: AttemptId,
) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        delivery: row.parsed("id")?,
        lease,
        webhook,
        company: receiver.company,
        environment: receiver.environment,
        endpoint: receiver.endpoint.clone(),
        event: row.parsed("event_id")?,
        event_type: row.parsed("event_type")?,
        body: Sealed::from_bytes(row.blob("body")?),
        attempts: rows::number(row.int("attempts")?, "attempts")?,
        test: row.flag("test")?,
        replay: rows::replay(row)?,
    })
}

//! What the operator asks about any company.

use async_trait::async_trait;
use model::{EventId, Timestamp};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use webhooks::{Backlog, EventDelivery, EventRecord, OperatorStore, StorageFailure};

use super::{StoredWebhooks, rows};
use crate::{Columns, StoreError};

#[async_trait]
impl OperatorStore for StoredWebhooks {
    /// Uses the index `deliveries_of_event`.
    async fn event(&self, id: EventId, deliveries: u32) -> Result<Option<EventRecord>, StorageFailure> {
        let statement = sqlx::query(
            "SELECT id, company_id, environment, event_type, created_at, COALESCE(happened_at, created_at) AS happened_at, \
             published_by, request_id FROM events WHERE id = $1",
        )
        .bind(id.to_string());
        let Some(mut event) = self.one(statement, read_event).await? else {
            return Ok(None);
        };
        let sql = format!(
            "SELECT {}, w.name AS webhook_name, w.url FROM deliveries d JOIN events e ON e.id = d.event_id \
             JOIN webhooks w ON w.id = d.webhook_id WHERE d.event_id = $1 ORDER BY d.id LIMIT $2",
            rows::DELIVERY_COLUMNS
        );
        let statement = sqlx::query(AssertSqlSafe(sql))
            .bind(id.to_string())
            .bind(i64::from(deliveries));
        event.deliveries = self.all(statement, read_delivery).await?;
        Ok(Some(event))
    }

    /// Uses the indexes `deliveries_due`, `deliveries_held` and `deliveries_on_hold`, each whole.
    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StorageFailure> {
        let statement = sqlx::query(
            "SELECT waiting.kind, CAST(COUNT(*) AS BIGINT) AS deliveries FROM (SELECT CASE \
             WHEN d.lease IS NOT NULL AND d.due_at > $1 THEN 'under_way' WHEN w.enabled = 0 THEN 'webhook_off' \
             WHEN d.due_at <= $1 THEN 'due' ELSE 'scheduled' END AS kind \
             FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE d.state = 'pending' AND d.brake IS NULL) AS waiting \
             GROUP BY waiting.kind \
             UNION ALL SELECT 'no_key', CAST(COUNT(*) AS BIGINT) FROM deliveries WHERE state = 'held' AND brake IS NULL \
             UNION ALL SELECT 'on_hold', CAST(COUNT(*) AS BIGINT) FROM deliveries WHERE brake = 'hold'",
        )
        .bind(now.as_millis());
        let mut backlog = Backlog::default();
        for (kind, deliveries) in self.all(statement, read_kind).await? {
            let count = match kind.as_str() {
                "due" => &mut backlog.due,
                "scheduled" => &mut backlog.scheduled,
                "under_way" => &mut backlog.under_way,
                "webhook_off" => &mut backlog.webhook_off,
                "no_key" => &mut backlog.no_key,
                _ => &mut backlog.on_hold,
            };
            *count = deliveries;
        }
        Ok(backlog)
    }
}

fn read_kind(row: &AnyRow) -> Result<(String, u64), StoreError> {
    Ok((
        row.text("kind")?,
        rows::number(row.int("deliveries")?, "deliveries")?,
    ))
}

fn read_event(row: &AnyRow) -> Result<EventRecord, StoreError> {
    Ok(EventRecord {
        id: row.parsed("id")?,
        company: row.parsed("company_id")?,
        environment: row.parsed("environment")?,
        event_type: row.parsed("event_type")?,
        accepted_at: row.time("created_at")?,
        happened_at: row.time("happened_at")?,
        published_by: row.maybe_text("published_by")?,
        request_id: row.maybe_parsed("request_id")?,
        deliveries: Vec::new(),
    })
}

fn read_delivery(row: &AnyRow) -> Result<EventDelivery, StoreError> {
    Ok(EventDelivery {
        row: rows::delivery(row)?,
        webhook_name: row.text("webhook_name")?,
        url: row.text("url")?,
    })
}

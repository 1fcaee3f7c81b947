//! What the pages read: counts, deliveries and attempts.

use async_trait::async_trait;
use model::{
    Attempt, AttemptOutcome, CompanyId, DeliveryCursor, DeliveryId, DeliveryPlace, DeliveryRow, EventId,
    RequestDelivery, RequestId, RequestReceiver, Timestamp, WebhookId,
};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use vault::Sealed;
use webhooks::{
    DeliveryList, FailureCount, LastTest, PageStore, StorageFailure, StoredDelivery, WebhookFacts,
};

use super::StoredWebhooks;
use super::rows::{self, DELIVERY_COLUMNS};
use crate::{Columns, StoreError};

/// The most deliveries shown for one request.
const OF_REQUEST: i64 = 100;

/// The company `$1` and its brands; of a brand, only itself.
const COMPANY_AND_BRANDS: &str = "SELECT id FROM companies WHERE id = $1 OR parent_id = $1";

#[async_trait]
impl PageStore for StoredWebhooks {
    /// Uses the index `webhooks_url`, then `attempts_of_webhook` and `deliveries_due` for each webhook.
    async fn facts(
        &self,
        company: CompanyId,
        only: Option<WebhookId>,
        since: Timestamp,
    ) -> Result<Vec<WebhookFacts>, StorageFailure> {
        let statement = sqlx::query(
            "SELECT w.id, w.name, w.url, w.environment, w.events, w.enabled, w.disabled_reason, w.created_at, w.updated_at, \
             w.paused_by, w.previous_until, w.failing_since, w.undelivered_since, w.last_test_at, w.last_test_delivered, w.last_key_id, \
             (SELECT a.ended_at FROM attempts a WHERE a.webhook_id = w.id AND a.test = 0 ORDER BY a.ended_at DESC LIMIT 1) \
                 AS last_attempt_at, \
             (SELECT d.due_at FROM deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.brake IS NULL \
                 AND d.lease IS NULL ORDER BY d.due_at, d.id LIMIT 1) AS next_attempt_at, \
             (SELECT CAST(COUNT(DISTINCT a.delivery_id) AS BIGINT) FROM attempts a WHERE a.webhook_id = w.id \
                 AND a.ended_at >= $2 AND a.test = 0 AND a.failure IS NULL) AS delivered, \
             (SELECT CAST(COUNT(DISTINCT a.delivery_id) AS BIGINT) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id \
                 WHERE a.webhook_id = w.id AND a.ended_at >= $2 AND a.test = 0 AND a.failure IS NOT NULL \
                 AND d.state <> 'delivered') AS failed, \
             (SELECT CAST(COUNT(*) AS BIGINT) FROM deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending' \
                 AND d.brake IS NULL) AS pending, \
             (SELECT CAST(COUNT(*) AS BIGINT) FROM deliveries d WHERE d.webhook_id = w.id AND d.state = 'held' \
                 AND d.brake IS NULL) AS held, \
             (SELECT CAST(COUNT(*) AS BIGINT) FROM deliveries d WHERE d.webhook_id = w.id AND d.brake = 'hold') AS on_hold \
             FROM webhooks w WHERE w.company_id = $1 AND w.deleted_at IS NULL AND ($3 = '' OR w.id = $3) \
             ORDER BY w.created_at, w.id",
        )
        .bind(company.to_string())
        .bind(since.as_millis())
        .bind(only.map(|id| id.to_string()).unwrap_or_default());
        self.all(statement, read_facts).await
    }

    async fn deliveries(
        &self,
        list: DeliveryList<'_>,
        cursor: DeliveryCursor,
        at_most: u32,
    ) -> Result<Vec<DeliveryRow>, StorageFailure> {
        self.listed(list, cursor, at_most).await
    }

    async fn count_list(
        &self,
        list: DeliveryList<'_>,
        newer_than: Option<DeliveryPlace>,
        at_most: u64,
    ) -> Result<u64, StorageFailure> {
        self.counted(list, newer_than, at_most).await
    }

    async fn deliveries_now(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        ids: &[DeliveryId],
    ) -> Result<Vec<DeliveryRow>, StorageFailure> {
        self.listed_now(company, webhook, ids).await
    }

    /// Uses the indexes `companies_by_parent` and `events_by_request`.
    async fn events_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<EventId>, StorageFailure> {
        let sql = format!(
            "SELECT id FROM events WHERE company_id IN ({COMPANY_AND_BRANDS}) AND request_id = $2 \
             ORDER BY created_at, id LIMIT $3"
        );
        let statement = sqlx::query(AssertSqlSafe(sql))
            .bind(company.to_string())
            .bind(request.to_string())
            .bind(OF_REQUEST);
        self.all(statement, |row| row.parsed("id")).await
    }

    /// Uses the indexes `companies_by_parent`, `events_by_request` and `deliveries_of_event`.
    async fn deliveries_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<RequestDelivery>, StorageFailure> {
        let sql = format!(
            "SELECT {DELIVERY_COLUMNS}, w.name AS webhook_name, c.name AS company_name, \
             CASE WHEN e.company_id = $1 THEN 1 ELSE 0 END AS own \
             FROM events e JOIN companies c ON c.id = e.company_id JOIN deliveries d ON d.event_id = e.id \
             JOIN webhooks w ON w.id = d.webhook_id \
             WHERE e.company_id IN ({COMPANY_AND_BRANDS}) AND e.request_id = $2 \
             ORDER BY d.created_at DESC, d.id DESC LIMIT $3"
        );
        let statement = sqlx::query(AssertSqlSafe(sql))
            .bind(company.to_string())
            .bind(request.to_string())
            .bind(OF_REQUEST);
        self.all(statement, read_of_request).await
    }

    async fn delivery(
        &self,
        company: CompanyId,
        id: DeliveryId,
    ) -> Result<Option<StoredDelivery>, StorageFailure> {
        let sql = format!(
            "SELECT {DELIVERY_COLUMNS}, w.name, w.environment, COALESCE(e.happened_at, e.created_at) AS event_created_at, e.request_id, e.body \
             FROM deliveries d JOIN events e ON e.id = d.event_id JOIN webhooks w ON w.id = d.webhook_id \
             WHERE d.id = $1 AND d.company_id = $2"
        );
        let statement = sqlx::query(AssertSqlSafe(sql))
            .bind(id.to_string())
            .bind(company.to_string());
        let Some(mut found) = self.one(statement, read_stored).await? else {
            return Ok(None);
        };
        // Uses the index `attempts_of_delivery`.
        let attempts = sqlx::query(
            "SELECT id, number, started_at, duration_ms, status, failure, signed_by_last_four, replay, hops FROM attempts \
             WHERE delivery_id = $1 ORDER BY seq",
        )
        .bind(id.to_string());
        found.attempts = self.all(attempts, read_attempt).await?;
        Ok(Some(found))
    }

    /// Uses the index `attempts_of_webhook`.
    async fn failures(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        since: Timestamp,
    ) -> Result<Vec<FailureCount>, StorageFailure> {
        let statement = sqlx::query(
            "SELECT status, failure, CAST(COUNT(*) AS BIGINT) AS attempts FROM attempts \
             WHERE webhook_id = $1 AND company_id = $2 AND ended_at >= $3 AND test = 0 AND failure IS NOT NULL \
             GROUP BY status, failure ORDER BY attempts DESC, failure, status",
        )
        .bind(webhook.to_string())
        .bind(company.to_string())
        .bind(since.as_millis());
        self.all(statement, read_failures).await
    }
}

fn read_facts(row: &AnyRow) -> Result<WebhookFacts, StoreError> {
    Ok(WebhookFacts {
        webhook: rows::webhook(row)?,
        former_secret_until: row.maybe_time("previous_until")?,
        failing_since: row.maybe_time("failing_since")?,
        undelivered_since: row.maybe_time("undelivered_since")?,
        last_test: match row.maybe_time("last_test_at")? {
            Some(at) => Some(LastTest {
                at,
                delivered: row.flag("last_test_delivered")?,
            }),
            None => None,
        },
        last_key: row.maybe_parsed("last_key_id")?,
        last_attempt_at: row.maybe_time("last_attempt_at")?,
        next_attempt_at: row.maybe_time("next_attempt_at")?,
        delivered: rows::number(row.int("delivered")?, "delivered")?,
        failed: rows::number(row.int("failed")?, "failed")?,
        pending: rows::number(row.int("pending")?, "pending")?,
        held: rows::number(row.int("held")?, "held")?,
        on_hold: rows::number(row.int("on_hold")?, "on_hold")?,
    })
}

/// Reads a delivery without its attempts.
fn read_of_request(row: &AnyRow) -> Result<RequestDelivery, StoreError> {
    let to = if !row.flag("own")? {
        RequestReceiver::Brand(row.text("company_name")?)
    } else if row.maybe_time("deleted_at")?.is_some() {
        RequestReceiver::DeletedWebhook
    } else {
        RequestReceiver::Webhook(row.text("webhook_name")?)
    };
    Ok(RequestDelivery {
        row: rows::delivery(row)?,
        to,
    })
}

fn read_stored(row: &AnyRow) -> Result<StoredDelivery, StoreError> {
    Ok(StoredDelivery {
        row: rows::delivery(row)?,
        webhook_name: row.text("name")?,
        environment: row.parsed("environment")?,
        event_created_at: row.time("event_created_at")?,
        request_id: row.maybe_parsed("request_id")?,
        body: Sealed::from_bytes(row.blob("body")?),
        attempts: Vec::new(),
    })
}

fn read_failures(row: &AnyRow) -> Result<FailureCount, StoreError> {
    match rows::outcome(row)? {
        AttemptOutcome::Failed { class, status } => Ok(FailureCount {
            class,
            status,
            attempts: rows::number(row.int("attempts")?, "attempts")?,
        }),
        AttemptOutcome::Succeeded { .. } => Err(StoreError::corrupt("a success among failures")),
    }
}

fn read_attempt(row: &AnyRow) -> Result<Attempt, StoreError> {
    let hops = serde_json::from_str(&row.text("hops")?)
        .map_err(|error| StoreError::corrupt(format!("hops: {error}")))?;
    Ok(Attempt {
        id: row.parsed("id")?,
        number: rows::number(row.int("number")?, "number")?,
        started_at: row.time("started_at")?,
        duration_ms: rows::number(row.int("duration_ms")?, "duration_ms")?,
        outcome: rows::outcome(row)?,
        signed_by_last_four: row.maybe_text("signed_by_last_four")?,
        replay: row.flag("replay")?,
        hops,
    })
}

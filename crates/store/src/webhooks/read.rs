//! What pages and the public API's history read: counts, deliveries, attempts.

use model::{
    Attempt, CompanyId, DeliveryId, DeliveryRow, Environment, EventId, RequestId, Timestamp, WebhookId,
};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use vault::Sealed;
use webhooks::{
    FailureCount, HistoryFilter, HistoryPage, HistoryRow, LastTest, StoredDelivery, WebhookFacts,
};

use super::rows::{self, DELIVERY_COLUMNS};
use crate::{Columns, Db, StoreError};

/// Deliveries shown of one request at most.
const OF_REQUEST: i64 = 100;

/// By `webhooks_url`, then for each webhook by `attempts_of_webhook` and `deliveries_due`.
pub(super) async fn facts(
    db: &Db,
    company: CompanyId,
    only: Option<WebhookId>,
    since: Timestamp,
) -> Result<Vec<WebhookFacts>, StoreError> {
    let found = sqlx::query(
        "SELECT w.id, w.name, w.url, w.environment, w.events, w.enabled, w.disabled_reason, w.created_at, w.updated_at, \
         w.previous_until, w.failing_since, w.undelivered_since, w.last_test_at, w.last_test_delivered, w.last_key_id, \
         (SELECT a.ended_at FROM attempts a WHERE a.webhook_id = w.id AND a.test = 0 ORDER BY a.ended_at DESC LIMIT 1) \
             AS last_attempt_at, \
         (SELECT d.due_at FROM deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.lease IS NULL \
             ORDER BY d.due_at, d.id LIMIT 1) AS next_attempt_at, \
         (SELECT CAST(COUNT(DISTINCT a.delivery_id) AS BIGINT) FROM attempts a WHERE a.webhook_id = w.id \
             AND a.ended_at >= $2 AND a.test = 0 AND a.failure IS NULL) AS delivered, \
         (SELECT CAST(COUNT(DISTINCT a.delivery_id) AS BIGINT) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id \
             WHERE a.webhook_id = w.id AND a.ended_at >= $2 AND a.test = 0 AND a.failure IS NOT NULL \
             AND d.state <> 'delivered') AS failed, \
         (SELECT CAST(COUNT(*) AS BIGINT) FROM deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending') AS pending, \
         (SELECT CAST(COUNT(*) AS BIGINT) FROM deliveries d WHERE d.webhook_id = w.id AND d.state = 'held') AS held \
         FROM webhooks w WHERE w.company_id = $1 AND w.deleted_at IS NULL AND ($3 = '' OR w.id = $3) \
         ORDER BY w.created_at, w.id",
    )
    .bind(company.to_string())
    .bind(since.as_millis())
    .bind(only.map(|id| id.to_string()).unwrap_or_default())
    .fetch_all(db.reader())
    .await?;
    found.iter().map(read_facts).collect()
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
    })
}

/// By `deliveries_of_webhook`.
pub(super) async fn deliveries(
    db: &Db,
    company: CompanyId,
    webhook: WebhookId,
    at_most: u32,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let sql = format!(
        "SELECT {DELIVERY_COLUMNS} FROM deliveries d JOIN events e ON e.id = d.event_id JOIN webhooks w ON w.id = d.webhook_id \
         WHERE d.webhook_id = $1 AND d.company_id = $2 ORDER BY d.created_at DESC, d.id DESC LIMIT $3"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(webhook.to_string())
        .bind(company.to_string())
        .bind(i64::from(at_most))
        .fetch_all(db.reader())
        .await?;
    found.iter().map(rows::delivery).collect()
}

/// By `events_by_request`.
pub(super) async fn events_of_request(
    db: &Db,
    company: CompanyId,
    request: RequestId,
) -> Result<Vec<EventId>, StoreError> {
    let found = sqlx::query(
        "SELECT id FROM events WHERE company_id = $1 AND request_id = $2 ORDER BY created_at, id LIMIT $3",
    )
    .bind(company.to_string())
    .bind(request.to_string())
    .bind(OF_REQUEST)
    .fetch_all(db.reader())
    .await?;
    found.iter().map(|row| row.parsed("id")).collect()
}

/// By `events_by_request` and `deliveries_of_event`.
pub(super) async fn deliveries_of_request(
    db: &Db,
    company: CompanyId,
    request: RequestId,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let sql = format!(
        "SELECT {DELIVERY_COLUMNS} FROM events e JOIN deliveries d ON d.event_id = e.id JOIN webhooks w ON w.id = d.webhook_id \
         WHERE e.company_id = $1 AND e.request_id = $2 ORDER BY d.created_at DESC, d.id DESC LIMIT $3"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(company.to_string())
        .bind(request.to_string())
        .bind(OF_REQUEST)
        .fetch_all(db.reader())
        .await?;
    found.iter().map(rows::delivery).collect()
}

pub(super) async fn delivery(
    db: &Db,
    company: CompanyId,
    id: DeliveryId,
) -> Result<Option<StoredDelivery>, StoreError> {
    let sql = format!(
        "SELECT {DELIVERY_COLUMNS}, w.name, w.environment, e.created_at AS event_created_at, e.request_id, e.body \
         FROM deliveries d JOIN events e ON e.id = d.event_id JOIN webhooks w ON w.id = d.webhook_id \
         WHERE d.id = $1 AND d.company_id = $2"
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(id.to_string())
        .bind(company.to_string())
        .fetch_optional(db.reader())
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(StoredDelivery {
        row: rows::delivery(&row)?,
        webhook_name: row.text("name")?,
        environment: row.parsed("environment")?,
        event_created_at: row.time("event_created_at")?,
        request_id: row.maybe_parsed("request_id")?,
        body: Sealed::from_bytes(row.blob("body")?),
        attempts: attempts(db, id).await?,
    }))
}

/// By `attempts_of_delivery`.
async fn attempts(db: &Db, delivery: DeliveryId) -> Result<Vec<Attempt>, StoreError> {
    let found = sqlx::query(
        "SELECT id, number, started_at, duration_ms, status, failure, signed_by_last_four, replay, hops FROM attempts \
         WHERE delivery_id = $1 ORDER BY seq",
    )
    .bind(delivery.to_string())
    .fetch_all(db.reader())
    .await?;
    found.iter().map(read_attempt).collect()
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

/// By `attempts_of_webhook`.
pub(super) async fn failures(
    db: &Db,
    company: CompanyId,
    webhook: WebhookId,
    since: Timestamp,
) -> Result<Vec<FailureCount>, StoreError> {
    let found = sqlx::query(
        "SELECT status, failure, CAST(COUNT(*) AS BIGINT) AS attempts FROM attempts \
         WHERE webhook_id = $1 AND company_id = $2 AND ended_at >= $3 AND test = 0 AND failure IS NOT NULL \
         GROUP BY status, failure ORDER BY attempts DESC, failure, status",
    )
    .bind(webhook.to_string())
    .bind(company.to_string())
    .bind(since.as_millis())
    .fetch_all(db.reader())
    .await?;
    found
        .iter()
        .map(|row| match rows::outcome(row)? {
            model::AttemptOutcome::Failed { class, status } => Ok(FailureCount {
                class,
                status,
                attempts: rows::number(row.int("attempts")?, "attempts")?,
            }),
            model::AttemptOutcome::Succeeded { .. } => Err(StoreError::corrupt("a success among failures")),
        })
        .collect()
}

/// By `attempts_history`, from the page's edge on in its direction.
pub(super) async fn history(
    db: &Db,
    company: CompanyId,
    environment: Environment,
    filter: HistoryFilter,
) -> Result<Vec<HistoryRow>, StoreError> {
    let (before, after, order) = match filter.page {
        HistoryPage::Newest => (i64::MAX, i64::MIN, "DESC"),
        HistoryPage::Before(seq) => (seq, i64::MIN, "DESC"),
        HistoryPage::After(seq) => (i64::MAX, seq, "ASC"),
    };
    let sql = format!(
        "SELECT a.seq, a.event_id, a.event_type, a.status, a.failure, a.url, e.created_at AS event_created_at, e.body \
         FROM attempts a JOIN events e ON e.id = a.event_id \
         WHERE a.company_id = $1 AND a.environment = $2 AND a.seq < $3 AND a.seq > $4 AND a.ended_at >= $5 \
         AND a.ended_at <= $6 AND ($7 = '' OR a.event_type = $7) AND ($8 = 0 OR a.status = $8) \
         ORDER BY a.seq {order} LIMIT $9"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(company.to_string())
        .bind(environment.as_str())
        .bind(before)
        .bind(after)
        .bind(filter.from.as_millis())
        .bind(filter.to.map_or(i64::MAX, Timestamp::as_millis))
        .bind(
            filter
                .event_type
                .map(|one| one.as_str().to_owned())
                .unwrap_or_default(),
        )
        .bind(filter.status.map_or(0, i64::from))
        .bind(i64::from(filter.size))
        .fetch_all(db.reader())
        .await?;
    let mut rows: Vec<HistoryRow> = found.iter().map(read_history).collect::<Result<_, _>>()?;
    if matches!(filter.page, HistoryPage::After(_)) {
        rows.reverse();
    }
    Ok(rows)
}

fn read_history(row: &AnyRow) -> Result<HistoryRow, StoreError> {
    Ok(HistoryRow {
        seq: row.int("seq")?,
        event_id: row.parsed("event_id")?,
        event_type: row.parsed("event_type")?,
        event_created_at: row.time("event_created_at")?,
        outcome: rows::outcome(row)?,
        url: row.text("url")?,
        body: Sealed::from_bytes(row.blob("body")?),
    })
}

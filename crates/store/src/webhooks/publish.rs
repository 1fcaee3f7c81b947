//! Events with their deliveries in one transaction; test events and replays.

use model::{AttemptId, AuditEntry, CompanyId, DeliveryId, DeliveryState, Timestamp, WebhookId};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use webhooks::{Claimed, Fate, Idempotency, NewEvent, NewTest, PublishedEvent, Replayed, Standing};

use super::rows;
use crate::{Columns, Db, DbConnection, Dialect, StoreError, Urgency, audit};

pub(super) async fn publish(db: &Db, event: NewEvent) -> Result<PublishedEvent, StoreError> {
    let idempotency = event.idempotency.clone();
    let dialect = db.dialect();
    let written = db.write::<PublishedEvent, StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            if let Some(idempotency) = &event.idempotency
                && let Some(before) = earlier(connection, idempotency).await?
            {
                return Ok(before);
            }
            insert_event(connection, &event).await?;
            let stored = insert_deliveries(connection, dialect, &event).await?;
            audit::record(connection, &event.audit).await?;
            Ok(stored)
        })
    });
    match (written.await, idempotency) {
        // Two came at once with the same key, and the other one was first.
        (Err(error), Some(idempotency)) if error.is_unique_violation() => {
            db.write(Urgency::Interactive, move |connection| {
                Box::pin(async move { earlier(connection, &idempotency).await?.ok_or(error) })
            })
            .await
        }
        (written, _) => written,
    }
}

/// What an earlier request with this key came to.
async fn earlier(
    connection: &mut DbConnection,
    idempotency: &Idempotency,
) -> Result<Option<PublishedEvent>, StoreError> {
    let row = sqlx::query(
        "SELECT e.id, e.request_hash, \
         (SELECT CAST(COUNT(*) AS BIGINT) FROM deliveries d WHERE d.event_id = e.id) AS deliveries \
         FROM events e WHERE e.idempotency_key = $1",
    )
    .bind(idempotency.key.clone())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.blob("request_hash")? != idempotency.request_hash {
        return Ok(Some(PublishedEvent::Conflict));
    }
    let deliveries = rows::number(row.int("deliveries")?, "deliveries")?;
    Ok(Some(PublishedEvent::Before {
        event: row.parsed("id")?,
        deliveries,
    }))
}

async fn insert_event(connection: &mut DbConnection, event: &NewEvent) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO events (id, company_id, environment, event_type, created_at, request_id, body, idempotency_key, \
         request_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(event.id.to_string())
    .bind(event.company.to_string())
    .bind(event.environment.as_str())
    .bind(event.event_type.as_str())
    .bind(event.created_at.as_millis())
    .bind(event.request_id.map(|id| id.to_string()))
    .bind(event.body.as_bytes().to_vec())
    .bind(event.idempotency.as_ref().map(|idempotency| idempotency.key.clone()))
    .bind(event.idempotency.as_ref().map(|idempotency| idempotency.request_hash.to_vec()))
    .execute(connection)
    .await?;
    Ok(())
}

/// A delivery for each webhook that subscribes to it, as [`Standing::arriving`] says. On PostgreSQL the webhooks are locked
/// against being deleted in the same moment, which would leave a delivery waiting for ever. By `webhooks_url`.
async fn insert_deliveries(
    connection: &mut DbConnection,
    dialect: Dialect,
    event: &NewEvent,
) -> Result<PublishedEvent, StoreError> {
    let lock = match dialect {
        Dialect::Sqlite => "",
        Dialect::Postgres => " FOR SHARE",
    };
    let sql = format!(
        "SELECT id, events, disabled_reason, url, sealed_secret, previous_secret, previous_until, last_key_id FROM webhooks \
         WHERE company_id = $1 AND environment = $2 AND deleted_at IS NULL{lock}"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(event.company.to_string())
        .bind(event.environment.as_str())
        .fetch_all(&mut *connection)
        .await?;
    let (mut deliveries, mut waking, mut claimed) = (0, Vec::new(), Vec::new());
    for row in &found {
        if !rows::events(row.maybe_text("events")?.as_deref())?.includes(event.event_type) {
            continue;
        }
        let webhook: WebhookId = row.parsed("id")?;
        let mut delivery = NewDelivery::due(event, webhook);
        match Standing::of(rows::disabled(row)?).arriving() {
            Fate::Ended => continue,
            Fate::Skipped => delivery.state = DeliveryState::Skipped,
            Fate::Waits => {}
            Fate::Sent => match event
                .claim
                .as_ref()
                .filter(|claim| !claim.except.contains(&webhook))
            {
                Some(claim) => {
                    delivery.claim = Some((claim.lease, claim.until));
                    claimed.push(claimed_at_birth(row, event, &delivery, claim.lease)?);
                }
                None => waking.push(webhook),
            },
        }
        deliveries += 1;
        delivery.insert(connection, event).await?;
    }
    Ok(PublishedEvent::Stored {
        deliveries,
        waking,
        claimed,
    })
}

fn claimed_at_birth(
    row: &AnyRow,
    event: &NewEvent,
    delivery: &NewDelivery,
    lease: AttemptId,
) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        delivery: delivery.id,
        lease,
        webhook: delivery.webhook,
        company: event.company,
        environment: event.environment,
        url: row.text("url")?,
        own_secrets: rows::own_secrets(row)?,
        last_key: row.maybe_parsed("last_key_id")?,
        event: event.id,
        event_type: event.event_type,
        body: event.body.clone(),
        attempts: 0,
        test: false,
        replay: None,
    })
}

struct NewDelivery {
    id: DeliveryId,
    webhook: WebhookId,
    state: DeliveryState,
    test: bool,
    claim: Option<(AttemptId, Timestamp)>,
}

impl NewDelivery {
    fn due(event: &NewEvent, webhook: WebhookId) -> Self {
        let id = DeliveryId::time_ordered(event.created_at, vault::random());
        Self {
            id,
            webhook,
            state: DeliveryState::Pending,
            test: false,
            claim: None,
        }
    }

    async fn insert(&self, connection: &mut DbConnection, event: &NewEvent) -> Result<(), StoreError> {
        let due_at = self.claim.map_or(event.created_at, |(_, until)| until);
        sqlx::query(
            "INSERT INTO deliveries (id, webhook_id, event_id, company_id, test, state, attempts, due_at, lease, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9)",
        )
        .bind(self.id.to_string())
        .bind(self.webhook.to_string())
        .bind(event.id.to_string())
        .bind(event.company.to_string())
        .bind(i64::from(self.test))
        .bind(self.state.as_str())
        .bind((self.state == DeliveryState::Pending).then_some(due_at.as_millis()))
        .bind(self.claim.map(|(lease, _)| lease.to_string()))
        .bind(event.created_at.as_millis())
        .execute(connection)
        .await?;
        Ok(())
    }
}

pub(super) async fn send_test(db: &Db, test: NewTest) -> Result<bool, StoreError> {
    let lock = db.dialect().for_share();
    db.write(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            let NewTest { event, webhook, delivery } = test;
            let sql = format!(
                "SELECT id FROM webhooks WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL AND enabled = 1{lock}"
            );
            let found = sqlx::query(AssertSqlSafe(sql))
            .bind(webhook.to_string())
            .bind(event.company.to_string())
            .fetch_optional(&mut *connection)
            .await?;
            if found.is_none() {
                return Ok(false);
            }
            insert_event(connection, &event).await?;
            let delivery = NewDelivery { id: delivery, test: true, ..NewDelivery::due(&event, webhook) };
            delivery.insert(connection, &event).await?;
            audit::record(connection, &event.audit).await?;
            Ok(true)
        })
    })
    .await
}

pub(super) async fn replay(
    db: &Db,
    company: CompanyId,
    delivery: DeliveryId,
    now: Timestamp,
    entry: AuditEntry,
) -> Result<Replayed, StoreError> {
    let dialect = db.dialect();
    db.write(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            let judged = judge_replay(connection, dialect, company, delivery).await?;
            if let Replayed::Due(_) = judged {
                // One that is asked for twice keeps what the first remembered.
                sqlx::query(
                    "UPDATE deliveries SET resume_at = CASE WHEN replayed_from IS NULL THEN due_at ELSE resume_at END, \
                     replayed_from = COALESCE(replayed_from, state), state = 'pending', due_at = $2, lease = NULL \
                     WHERE id = $1",
                )
                .bind(delivery.to_string())
                .bind(now.as_millis())
                .execute(&mut *connection)
                .await?;
                audit::record(connection, &entry).await?;
            }
            Ok(judged)
        })
    })
    .await
}

/// A lease that has run out counts as none only for the worker: it takes the delivery up by itself.
async fn judge_replay(
    connection: &mut DbConnection,
    dialect: Dialect,
    company: CompanyId,
    delivery: DeliveryId,
) -> Result<Replayed, StoreError> {
    // The webhook first, as everywhere: one that is deleted meanwhile ends what waits, and nothing may begin to wait after.
    let hold = format!(
        "SELECT id FROM webhooks WHERE id = (SELECT webhook_id FROM deliveries WHERE id = $1 AND company_id = $2){}",
        dialect.for_share()
    );
    sqlx::query(AssertSqlSafe(hold))
        .bind(delivery.to_string())
        .bind(company.to_string())
        .fetch_optional(&mut *connection)
        .await?;
    let lock = match dialect {
        Dialect::Sqlite => "",
        Dialect::Postgres => " FOR UPDATE OF d",
    };
    let sql = format!(
        "SELECT d.webhook_id, d.state, d.test, d.lease, w.enabled FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id \
         WHERE d.id = $1 AND d.company_id = $2 AND w.deleted_at IS NULL{lock}"
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(delivery.to_string())
        .bind(company.to_string())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else {
        return Ok(Replayed::NotFound);
    };
    Ok(if row.flag("test")? {
        Replayed::Test
    } else if !row.flag("enabled")? {
        Replayed::WebhookDisabled
    } else if row.maybe_text("lease")?.is_some() {
        Replayed::Busy
    } else if rows::state(&row, "state")? == DeliveryState::Held {
        Replayed::Held
    } else {
        Replayed::Due(row.parsed("webhook_id")?)
    })
}

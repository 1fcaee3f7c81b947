//! Stores events with their deliveries in one transaction; also test events and replays.

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, DeliveryId, DeliveryState, Timestamp, WebhookId};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use webhooks::decide::{self, Begins, Earlier, ReplayFacts, Subscriber};
use webhooks::{
    ClaimAtBirth, Claimed, Idempotency, NewEvent, NewTest, PublishStore, PublishedEvent, Replay, Replayed,
    StorageFailure, Tested,
};

use super::{StoredWebhooks, rows};
use crate::{Columns, DbConnection, Dialect, StoreError, Urgency, audit};

#[async_trait]
impl PublishStore for StoredWebhooks {
    async fn publish(&self, event: NewEvent) -> Result<PublishedEvent, StorageFailure> {
        let idempotency = event.idempotency.clone();
        let dialect = self.db.dialect();
        let written = self
            .db
            .write::<_, StoreError, _>(Urgency::Interactive, move |connection| {
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
            // Two requests used the same key at once, and the other one was first.
            (Err(error), Some(idempotency)) if error.is_unique_violation() => {
                self.write(Urgency::Interactive, move |connection| {
                    Box::pin(async move { earlier(connection, &idempotency).await?.ok_or(error) })
                })
                .await
            }
            (written, _) => Ok(written?),
        }
    }

    async fn send_test(&self, test: NewTest) -> Result<Tested, StorageFailure> {
        let sql = format!(
            "SELECT disabled_reason, deleted_at FROM webhooks WHERE id = $1 AND company_id = $2 \
             AND deleted_at IS NULL{}",
            self.db.dialect().for_share()
        );
        self.write(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                let event = &test.event;
                let row = sqlx::query(AssertSqlSafe(sql))
                    .bind(test.webhook.to_string())
                    .bind(event.company.to_string())
                    .fetch_optional(&mut *connection)
                    .await?;
                let Some(row) = row else {
                    return Ok(Tested::NotFound);
                };
                if !decide::may_test(rows::standing(&row)?) {
                    return Ok(Tested::WebhookOff);
                }
                insert_event(connection, event).await?;
                let delivery = NewDelivery {
                    id: test.delivery,
                    webhook: test.webhook,
                    test: true,
                    state: DeliveryState::Pending,
                    claim: None,
                };
                delivery.insert(connection, event).await?;
                audit::record(connection, &event.audit).await?;
                Ok(Tested::Due)
            })
        })
        .await
    }

    async fn replay(
        &self,
        company: CompanyId,
        delivery: DeliveryId,
        now: Timestamp,
        entry: AuditEntry,
    ) -> Result<Replayed, StorageFailure> {
        let dialect = self.db.dialect();
        self.write(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                let found = replay_facts(connection, dialect, company, delivery).await?;
                let Some((webhook, facts)) = found else {
                    return Ok(Replayed::NotFound);
                };
                match decide::may_replay(&facts) {
                    Err(refused) => Ok(Replayed::Refused(refused)),
                    Ok(remembered) => {
                        make_due(connection, delivery, now, remembered).await?;
                        audit::record(connection, &entry).await?;
                        Ok(Replayed::Due(webhook))
                    }
                }
            })
        })
        .await
    }
}

/// The result of an earlier request with this idempotency key.
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
    let earlier = Earlier {
        event: row.parsed("id")?,
        request_hash: row.blob("request_hash")?,
        deliveries: rows::number(row.int("deliveries")?, "deliveries")?,
    };
    Ok(Some(decide::repetition(idempotency, earlier)))
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

/// Inserts a delivery for each of the [`decide::recipients`].
async fn insert_deliveries(
    connection: &mut DbConnection,
    dialect: Dialect,
    event: &NewEvent,
) -> Result<PublishedEvent, StoreError> {
    let subscribers = subscribers(connection, dialect, event).await?;
    let recipients = decide::recipients(event.event_type, event.claim.as_ref(), subscribers);
    let (mut waking, mut claimed) = (Vec::new(), Vec::new());
    let deliveries = recipients.len() as u64;
    for (subscriber, begins) in recipients {
        let delivery = NewDelivery {
            id: DeliveryId::time_ordered(event.created_at, vault::random()),
            webhook: subscriber.webhook,
            test: false,
            state: begins.state(),
            claim: event.claim.as_ref().filter(|_| begins == Begins::Claimed),
        };
        delivery.insert(connection, event).await?;
        if let Some(claim) = delivery.claim {
            claimed.push(claimed_at_birth(event, delivery.id, subscriber, claim));
        } else if begins == Begins::Due {
            waking.push(subscriber.webhook);
        }
    }
    Ok(PublishedEvent::Stored {
        deliveries,
        waking,
        claimed,
    })
}

/// The webhooks of the event's company and environment. On PostgreSQL they are locked against a simultaneous deletion,
/// which would leave a delivery waiting for ever. Uses the index `webhooks_url`.
async fn subscribers(
    connection: &mut DbConnection,
    dialect: Dialect,
    event: &NewEvent,
) -> Result<Vec<Subscriber>, StoreError> {
    let lock = dialect.for_share();
    let sql = format!(
        "SELECT id, events, disabled_reason, deleted_at, url, sealed_secret, previous_secret, previous_until, \
         last_key_id FROM webhooks WHERE company_id = $1 AND environment = $2 AND deleted_at IS NULL{lock}"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(event.company.to_string())
        .bind(event.environment.as_str())
        .fetch_all(connection)
        .await?;
    let read = |row: &AnyRow| {
        Ok(Subscriber {
            webhook: row.parsed("id")?,
            events: rows::events(row.maybe_text("events")?.as_deref())?,
            standing: rows::standing(row)?,
            endpoint: rows::endpoint(row)?,
        })
    };
    found.iter().map(read).collect()
}

fn claimed_at_birth(
    event: &NewEvent,
    delivery: DeliveryId,
    subscriber: Subscriber,
    claim: &ClaimAtBirth,
) -> Claimed {
    Claimed {
        delivery,
        lease: claim.lease,
        webhook: subscriber.webhook,
        company: event.company,
        environment: event.environment,
        endpoint: subscriber.endpoint,
        event: event.id,
        event_type: event.event_type,
        body: event.body.clone(),
        attempts: 0,
        test: false,
        replay: None,
    }
}

struct NewDelivery<'a> {
    id: DeliveryId,
    webhook: WebhookId,
    test: bool,
    state: DeliveryState,
    claim: Option<&'a ClaimAtBirth>,
}

impl NewDelivery<'_> {
    async fn insert(&self, connection: &mut DbConnection, event: &NewEvent) -> Result<(), StoreError> {
        let due_at = self.claim.map_or(event.created_at, |claim| claim.until);
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
        .bind(self.claim.map(|claim| claim.lease.to_string()))
        .bind(event.created_at.as_millis())
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// The webhook of a delivery, and the facts for the decision. Both rows stay locked until the commit.
async fn replay_facts(
    connection: &mut DbConnection,
    dialect: Dialect,
    company: CompanyId,
    delivery: DeliveryId,
) -> Result<Option<(WebhookId, ReplayFacts)>, StoreError> {
    // Lock the webhook first, as everywhere. Deleting a webhook ends its waiting deliveries, and no delivery may start
    // to wait after that.
    let hold = format!(
        "SELECT id FROM webhooks WHERE id = (SELECT webhook_id FROM deliveries WHERE id = $1 AND company_id = $2){}",
        dialect.for_share()
    );
    sqlx::query(AssertSqlSafe(hold))
        .bind(delivery.to_string())
        .bind(company.to_string())
        .fetch_optional(&mut *connection)
        .await?;
    let sql = format!(
        "SELECT d.webhook_id, d.state, d.test, d.lease, d.due_at, d.replayed_from, d.resume_at, w.disabled_reason, \
         w.deleted_at FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id \
         WHERE d.id = $1 AND d.company_id = $2 AND w.deleted_at IS NULL{}",
        dialect.on_postgres(" FOR UPDATE OF d")
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(delivery.to_string())
        .bind(company.to_string())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let facts = ReplayFacts {
        standing: rows::standing(&row)?,
        test: row.flag("test")?,
        under_way: row.maybe_text("lease")?.is_some(),
        state: rows::state(&row, "state")?,
        due_at: row.maybe_time("due_at")?,
        earlier: rows::replay(&row)?,
    };
    Ok(Some((row.parsed("webhook_id")?, facts)))
}

async fn make_due(
    connection: &mut DbConnection,
    delivery: DeliveryId,
    now: Timestamp,
    remembered: Replay,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE deliveries SET state = 'pending', due_at = $2, lease = NULL, replayed_from = $3, resume_at = $4 \
         WHERE id = $1",
    )
    .bind(delivery.to_string())
    .bind(now.as_millis())
    .bind(remembered.from.as_str())
    .bind(remembered.resume_at.map(Timestamp::as_millis))
    .execute(connection)
    .await?;
    Ok(())
}

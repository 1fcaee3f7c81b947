//! Stores events with their deliveries in one transaction; also test events and replays.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, DeliveryId, DeliveryState, Environment, Timestamp, WebhookId};
use sqlx::AssertSqlSafe;
use webhooks::decide::{self, Begins, Claims, Earlier, ReplayFacts, Subscriber};
use webhooks::{
    Away, ClaimAtBirth, NewEvent, NewEvents, NewTest, PublishStore, PublishedEvent, Replay, Replayed,
    StorageFailure, Tested,
};

use super::{StoredWebhooks, rows};
use crate::{Columns, DbConnection, Dialect, StoreError, Urgency, audit, statement};

#[async_trait]
impl PublishStore for StoredWebhooks {
    async fn publish(&self, new: Arc<NewEvents>) -> Result<Vec<PublishedEvent>, StorageFailure> {
        if self.db.is_away() {
            return Err(away(StoreError::Away));
        }
        let written = match self.publish_once(Arc::clone(&new)).await {
            // Two nodes used the same idempotency key at once, and the other one was first. Its event is found now.
            Err(error) if error.is_unique_violation() => self.publish_once(new).await,
            written => written,
        };
        written.map_err(|error| {
            if error.is_away() {
                away(error)
            } else {
                error.into()
            }
        })
    }

    async fn send_test(&self, test: NewTest) -> Result<Tested, StorageFailure> {
        let sql = format!(
            "SELECT disabled_reason, deleted_at FROM webhooks WHERE id = $1 AND company_id = $2 \
             AND deleted_at IS NULL{}",
            self.db.dialect().for_share()
        );
        let dialect = self.db.dialect();
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
                insert_events(connection, dialect, &[event]).await?;
                let delivery = NewDelivery {
                    id: test.delivery,
                    webhook: test.webhook,
                    event,
                    test: true,
                    state: DeliveryState::Pending,
                    claim: None,
                };
                insert_deliveries(connection, dialect, &[delivery]).await?;
                audit::record(connection, &test.audit).await?;
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

fn away(error: StoreError) -> StorageFailure {
    Box::new(Away(error.into()))
}

impl StoredWebhooks {
    async fn publish_once(&self, new: Arc<NewEvents>) -> Result<Vec<PublishedEvent>, StoreError> {
        let dialect = self.db.dialect();
        self.db
            .write(Urgency::Interactive, move |connection| {
                Box::pin(async move { publish_all(connection, dialect, &new).await })
            })
            .await
    }
}

async fn publish_all(
    connection: &mut DbConnection,
    dialect: Dialect,
    new: &NewEvents,
) -> Result<Vec<PublishedEvent>, StoreError> {
    let mut earlier = earlier(connection, dialect, &new.events).await?;
    let subscribers = subscribers(connection, dialect, &new.events).await?;
    let mut claims = Claims::within(new.claim.as_ref().map(|claim| claim.room.clone()));
    let (mut results, mut events, mut deliveries) = (Vec::new(), Vec::new(), Vec::new());
    for event in &new.events {
        if let Some(idempotency) = &event.idempotency
            && let Some(before) = earlier.get(&idempotency.key)
        {
            results.push(decide::repetition(idempotency, before.clone()));
            continue;
        }
        let of_scope = subscribers.get(&(event.company, event.environment));
        let of_scope = of_scope.map_or(&[][..], Vec::as_slice);
        let recipients = decide::recipients(&event.event_type, event.company, &mut claims, of_scope);
        if let Some(idempotency) = &event.idempotency {
            // The same key may come again in this batch.
            let this = Earlier {
                event: event.id,
                request_hash: idempotency.request_hash.to_vec(),
                deliveries: recipients.len() as u64,
            };
            earlier.insert(idempotency.key.clone(), this);
        }
        results.push(deliver(event, new.claim.as_ref(), recipients, &mut deliveries));
        events.push(event);
    }
    insert_events(connection, dialect, &events).await?;
    insert_deliveries(connection, dialect, &deliveries).await?;
    Ok(results)
}

/// Adds a delivery for each recipient of the event.
fn deliver<'a>(
    event: &'a NewEvent,
    claim: Option<&'a ClaimAtBirth>,
    recipients: Vec<(&Subscriber, Begins)>,
    deliveries: &mut Vec<NewDelivery<'a>>,
) -> PublishedEvent {
    let (mut waking, mut claimed) = (Vec::new(), Vec::new());
    let count = recipients.len() as u64;
    for (subscriber, begins) in recipients {
        let delivery = NewDelivery {
            id: DeliveryId::time_ordered(event.created_at, vault::random()),
            webhook: subscriber.webhook,
            event,
            test: false,
            state: begins.state(),
            claim: claim.filter(|_| begins == Begins::Claimed),
        };
        if let Some(claim) = delivery.claim {
            claimed.push(subscriber.claimed(event, delivery.id, claim));
        } else if begins == Begins::Due {
            waking.push(subscriber.webhook);
        }
        deliveries.push(delivery);
    }
    PublishedEvent::Stored {
        deliveries: count,
        waking,
        claimed,
    }
}

/// The results of earlier requests with the idempotency keys of these.
async fn earlier(
    connection: &mut DbConnection,
    dialect: Dialect,
    events: &[NewEvent],
) -> Result<HashMap<String, Earlier>, StoreError> {
    let keys = events.iter().filter_map(|event| event.idempotency.as_ref());
    let keys: Vec<&String> = keys.map(|idempotency| &idempotency.key).collect();
    let mut found = HashMap::new();
    for part in statement::filled_parts(&keys) {
        let sql = format!(
            "SELECT e.id, e.idempotency_key, e.request_hash, \
             (SELECT CAST(COUNT(*) AS BIGINT) FROM deliveries d WHERE d.event_id = e.id) AS deliveries \
             FROM events e WHERE e.idempotency_key IN ({})",
            dialect.placeholders(1, part.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for key in part {
            query = query.bind(key.to_string());
        }
        for row in query.fetch_all(&mut *connection).await? {
            let earlier = Earlier {
                event: row.parsed("id")?,
                request_hash: row.blob("request_hash")?,
                deliveries: rows::number(row.int("deliveries")?, "deliveries")?,
            };
            found.insert(row.text("idempotency_key")?, earlier);
        }
    }
    Ok(found)
}

async fn insert_events(
    connection: &mut DbConnection,
    dialect: Dialect,
    events: &[&NewEvent],
) -> Result<(), StoreError> {
    for part in statement::parts(events) {
        let sql = format!(
            "INSERT INTO events (id, company_id, environment, event_type, created_at, request_id, body, idempotency_key, \
             request_hash, published_by_kind, published_by, published_from, happened_at) VALUES {}",
            dialect.rows(part.len(), 13)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for event in part {
            let idempotency = event.idempotency.as_ref();
            query = query
                .bind(event.id.to_string())
                .bind(event.company.to_string())
                .bind(event.environment.as_str())
                .bind(event.event_type.as_str())
                .bind(event.created_at.as_millis())
                .bind(event.request_id.map(|id| id.to_string()))
                .bind(event.body.as_bytes().to_vec())
                .bind(idempotency.map(|idempotency| idempotency.key.clone()))
                .bind(idempotency.map(|idempotency| idempotency.request_hash.to_vec()))
                .bind(event.published_by.kind.as_str())
                .bind(event.published_by.name.clone())
                .bind(event.published_by.address.clone())
                .bind(event.happened_at.map(Timestamp::as_millis));
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// A company's environment.
type Scope = (CompanyId, Environment);

/// The webhooks of the events' companies and environments. On PostgreSQL they are locked against a simultaneous
/// deletion, which would leave a delivery waiting for ever. Uses the index `webhooks_url`.
async fn subscribers(
    connection: &mut DbConnection,
    dialect: Dialect,
    events: &[NewEvent],
) -> Result<HashMap<Scope, Vec<Subscriber>>, StoreError> {
    let scopes: BTreeSet<Scope> = events
        .iter()
        .map(|event| (event.company, event.environment))
        .collect();
    let scopes: Vec<Scope> = scopes.into_iter().collect();
    let mut found: HashMap<Scope, Vec<Subscriber>> = HashMap::new();
    for part in statement::filled_parts(&scopes) {
        let sql = format!(
            "SELECT w.id, w.company_id, w.environment, w.events, w.disabled_reason, w.deleted_at, w.url, w.sealed_secret, \
             w.previous_secret, w.previous_until, w.last_key_id, w.headers, w.rate_limit FROM webhooks w \
             WHERE (w.company_id, w.environment) IN (VALUES {}) AND w.deleted_at IS NULL ORDER BY w.id{}",
            dialect.rows(part.len(), 2),
            dialect.on_postgres(" FOR SHARE OF w")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (company, environment) in part {
            query = query.bind(company.to_string()).bind(environment.as_str());
        }
        for row in query.fetch_all(&mut *connection).await? {
            let subscriber = Subscriber {
                webhook: row.parsed("id")?,
                events: rows::events(row.maybe_text("events")?.as_deref())?,
                standing: rows::standing(&row)?,
                endpoint: rows::endpoint(&row)?,
            };
            let scope = (row.parsed("company_id")?, row.parsed("environment")?);
            found.entry(scope).or_default().push(subscriber);
        }
    }
    Ok(found)
}

struct NewDelivery<'a> {
    id: DeliveryId,
    webhook: WebhookId,
    event: &'a NewEvent,
    test: bool,
    state: DeliveryState,
    claim: Option<&'a ClaimAtBirth>,
}

async fn insert_deliveries(
    connection: &mut DbConnection,
    dialect: Dialect,
    deliveries: &[NewDelivery<'_>],
) -> Result<(), StoreError> {
    for part in statement::parts(deliveries) {
        let sql = format!(
            "INSERT INTO deliveries (id, webhook_id, event_id, company_id, test, state, attempts, due_at, lease, created_at) \
             VALUES {}",
            dialect.rows(part.len(), 10)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for delivery in part {
            let event = delivery.event;
            let due_at = delivery.claim.map_or(event.created_at, |claim| claim.until);
            query = query
                .bind(delivery.id.to_string())
                .bind(delivery.webhook.to_string())
                .bind(event.id.to_string())
                .bind(event.company.to_string())
                .bind(i64::from(delivery.test))
                .bind(delivery.state.as_str())
                .bind(0_i64)
                .bind((delivery.state == DeliveryState::Pending).then_some(due_at.as_millis()))
                .bind(delivery.claim.map(|claim| claim.lease.to_string()))
                .bind(event.created_at.as_millis());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
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
        "SELECT d.webhook_id, d.state, d.brake, d.test, d.lease, d.due_at, d.replayed_from, d.resume_at, w.disabled_reason, \
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
        on_hold: rows::on_hold(&row)?,
        under_way: row.maybe_text("lease")?.is_some(),
        state: rows::state(&row)?,
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
        "UPDATE deliveries SET state = 'pending', brake = NULL, due_at = $2, lease = NULL, replayed_from = $3, resume_at = $4 \
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

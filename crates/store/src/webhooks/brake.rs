//! The operator's brake: finds the deliveries that are meant, and writes what becomes of them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, DeliveryId, DeliveryState, Timestamp, WebhookId};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use webhooks::decide::{self, BrakeAction, BrakeFacts, Braked, Shelf};
use webhooks::{
    BrakeCount, BrakeSelection, BrakeStep, BrakeStepDone, BrakeStore, ShelfPlace, StorageFailure,
};

use super::{StoredWebhooks, rows};
use crate::{Columns, DbConnection, Dialect, StoreError, Urgency, audit, statement};

#[async_trait]
impl BrakeStore for StoredWebhooks {
    async fn company_of(&self, webhook: WebhookId) -> Result<Option<CompanyId>, StorageFailure> {
        let statement =
            sqlx::query("SELECT company_id FROM webhooks WHERE id = $1").bind(webhook.to_string());
        self.one(statement, |row| row.parsed("company_id")).await
    }

    /// Uses the index of each shelf, for the webhooks of the selection.
    async fn count(
        &self,
        action: BrakeAction,
        selection: &BrakeSelection,
    ) -> Result<Vec<BrakeCount>, StorageFailure> {
        let mut counts = Vec::new();
        for shelf in action.shelves() {
            let accepted_at = accepted_at(*shelf);
            let sql = format!(
                "SELECT d.webhook_id, d.company_id, CAST(COUNT(*) AS BIGINT) AS deliveries, \
                 CAST(COUNT(d.lease) AS BIGINT) AS under_way, MIN(d.created_at) AS oldest, MAX(d.created_at) AS newest \
                 FROM deliveries d WHERE {} AND d.webhook_id IN (SELECT w.id FROM webhooks w \
                 WHERE ($1 = '' OR w.company_id = $1) AND ($2 = '' OR w.id = $2)) \
                 AND {accepted_at} >= $3 AND {accepted_at} <= $4{} GROUP BY d.webhook_id, d.company_id ORDER BY d.webhook_id",
                on(*shelf),
                of_type(selection, "$5")
            );
            let mut query = sqlx::query(AssertSqlSafe(sql))
                .bind(selection.company.map(|id| id.to_string()).unwrap_or_default())
                .bind(selection.webhook.map(|id| id.to_string()).unwrap_or_default())
                .bind(from(selection))
                .bind(selection.until.as_millis());
            if let Some(event_type) = &selection.event_type {
                query = query.bind(event_type.to_string());
            }
            counts.extend(self.all(query, |row| read_count(*shelf, row)).await?);
        }
        Ok(counts)
    }

    async fn record(&self, entry: AuditEntry) -> Result<(), StorageFailure> {
        self.write(Urgency::Interactive, move |connection| {
            Box::pin(async move { audit::record(connection, &entry).await })
        })
        .await
    }

    /// Finds the deliveries without a lock, and decides about each with its row locked.
    async fn step(&self, step: BrakeStep) -> Result<BrakeStepDone, StorageFailure> {
        let found = self.next_of(&step).await?;
        let whole = u32::try_from(found.len()).is_ok_and(|found| found >= step.at_most);
        let next = found.last().copied().filter(|_| whole);
        if found.is_empty() {
            return Ok(BrakeStepDone {
                changed: 0,
                claimed: false,
                next,
            });
        }
        let (dialect, action) = (self.db.dialect(), step.action);
        let (changed, claimed) = self
            .write(Urgency::Background, move |connection| {
                Box::pin(async move {
                    // In the order of their ids, as everywhere.
                    let ids: BTreeSet<DeliveryId> = found.iter().map(|(_, id)| *id).collect();
                    let ids: Vec<DeliveryId> = ids.into_iter().collect();
                    let mut changed = Vec::new();
                    for mut waiting in read_waiting(connection, dialect, &ids).await? {
                        if waiting.apply(action) {
                            changed.push(waiting);
                        }
                    }
                    write_waiting(connection, dialect, &changed).await?;
                    let claimed = changed.iter().any(|one| one.was_claimed);
                    Ok((changed.len() as u64, claimed))
                })
            })
            .await?;
        Ok(BrakeStepDone {
            changed,
            claimed,
            next,
        })
    }
}

impl StoredWebhooks {
    /// The next selected deliveries of a webhook on a shelf, in the order of its index.
    async fn next_of(&self, step: &BrakeStep) -> Result<Vec<ShelfPlace>, StorageFailure> {
        let (key, accepted_at) = (key_of(step.shelf), accepted_at(step.shelf));
        let sql = format!(
            "SELECT d.id, d.{key} AS at FROM deliveries d WHERE d.webhook_id = $1 AND {} AND (d.{key}, d.id) > ($2, $3) \
             AND {accepted_at} >= $4 AND {accepted_at} <= $5{} ORDER BY d.{key}, d.id LIMIT $6",
            on(step.shelf),
            of_type(&step.selection, "$7")
        );
        let (at, id) = match step.after {
            Some((at, id)) => (at.as_millis(), id.to_string()),
            None => (i64::MIN, String::new()),
        };
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(step.webhook.to_string())
            .bind(at)
            .bind(id)
            .bind(from(&step.selection))
            .bind(step.selection.until.as_millis())
            .bind(i64::from(step.at_most));
        if let Some(event_type) = &step.selection.event_type {
            query = query.bind(event_type.to_string());
        }
        self.all(query, |row| Ok((row.time("at")?, row.parsed("id")?)))
            .await
    }
}

/// The condition of a shelf's index, for `deliveries` as `d`.
const fn on(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Due => "d.state = 'pending' AND d.brake IS NULL",
        Shelf::NoKey => "d.state = 'held' AND d.brake IS NULL",
        Shelf::OnHold => "d.brake = 'hold'",
    }
}

/// By which column the index of a shelf orders the deliveries of a webhook.
const fn key_of(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Due => "due_at",
        Shelf::NoKey | Shelf::OnHold => "created_at",
    }
}

/// When a delivery's event was accepted. The sign keeps databases from reading the whole history of a webhook by the
/// index `deliveries_of_webhook`, which has this column.
const fn accepted_at(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Due => "+d.created_at",
        Shelf::NoKey | Shelf::OnHold => "d.created_at",
    }
}

fn of_type(selection: &BrakeSelection, placeholder: &str) -> String {
    match selection.event_type {
        None => String::new(),
        Some(_) => format!(
            " AND EXISTS (SELECT 1 FROM events e WHERE e.id = d.event_id AND e.event_type = {placeholder})"
        ),
    }
}

fn from(selection: &BrakeSelection) -> i64 {
    selection.from.map_or(i64::MIN, Timestamp::as_millis)
}

fn read_count(shelf: Shelf, row: &AnyRow) -> Result<BrakeCount, StoreError> {
    Ok(BrakeCount {
        shelf,
        webhook: row.parsed("webhook_id")?,
        company: row.parsed("company_id")?,
        deliveries: rows::number(row.int("deliveries")?, "deliveries")?,
        under_way: rows::number(row.int("under_way")?, "under_way")?,
        oldest: row.time("oldest")?,
        newest: row.time("newest")?,
    })
}

/// The columns of a delivery that the brake changes.
struct Waiting {
    id: DeliveryId,
    state: DeliveryState,
    on_hold: bool,
    due_at: Option<i64>,
    lease: Option<String>,
    replayed_from: Option<String>,
    resume_at: Option<i64>,
    was_claimed: bool,
}

impl Waiting {
    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let lease = row.maybe_text("lease")?;
        Ok(Self {
            id: row.parsed("id")?,
            state: rows::state(row)?,
            on_hold: rows::on_hold(row)?,
            due_at: row.maybe_int("due_at")?,
            replayed_from: row.maybe_text("replayed_from")?,
            resume_at: row.maybe_int("resume_at")?,
            was_claimed: lease.is_some(),
            lease,
        })
    }

    /// Applies what [`decide::braked`] decides. Returns whether that changes anything.
    fn apply(&mut self, action: BrakeAction) -> bool {
        let facts = BrakeFacts {
            state: self.state,
            on_hold: self.on_hold,
            replayed_from: self.replayed_from.as_deref().and_then(DeliveryState::from_name),
        };
        match decide::braked(action, &facts) {
            Braked::Stays => return false,
            Braked::OnHold => self.on_hold = true,
            Braked::Released => self.on_hold = false,
            Braked::Ended(state) => {
                (self.state, self.on_hold, self.due_at) = (state, false, None);
                (self.lease, self.replayed_from, self.resume_at) = (None, None, None);
            }
        }
        true
    }
}

/// Without those that another transaction has locked: waiting for it could end in a deadlock, and the next pass comes to
/// them.
async fn read_waiting(
    connection: &mut DbConnection,
    dialect: Dialect,
    ids: &[DeliveryId],
) -> Result<Vec<Waiting>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for part in statement::filled_parts(ids) {
        let sql = format!(
            "SELECT id, state, brake, due_at, lease, replayed_from, resume_at FROM deliveries WHERE id IN ({}) ORDER BY id{}",
            dialect.placeholders(1, part.len()),
            dialect.on_postgres(" FOR UPDATE SKIP LOCKED")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for id in part {
            query = query.bind(id.to_string());
        }
        for row in query.fetch_all(&mut *connection).await? {
            found.push(Waiting::read(&row)?);
        }
    }
    Ok(found)
}

async fn write_waiting(
    connection: &mut DbConnection,
    dialect: Dialect,
    changed: &[Waiting],
) -> Result<(), StoreError> {
    for part in statement::filled_parts(changed) {
        let sql = format!(
            "UPDATE deliveries SET state = v.column2, brake = v.column3, due_at = v.column4, lease = v.column5, \
             replayed_from = v.column6, resume_at = v.column7 FROM (VALUES {}) AS v WHERE deliveries.id = v.column1",
            dialect.rows(part.len(), 7)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for one in part {
            let (state, brake) = rows::state_columns(one.state, one.on_hold);
            query = query
                .bind(one.id.to_string())
                .bind(state)
                .bind(brake.map(str::to_owned))
                .bind(one.due_at)
                .bind(one.lease.clone())
                .bind(one.replayed_from.clone())
                .bind(one.resume_at);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

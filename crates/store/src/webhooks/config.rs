//! Creates, changes and deletes webhooks, and reads their configuration.

use std::fmt::Write as _;

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, DeliveryState, Environment, Webhook, WebhookId};
use sqlx::AssertSqlSafe;
use webhooks::decide::{self, Changed, Waiting};
use webhooks::{ConfigStore, NewWebhook, Standing, StorageFailure, WebhookChange, Written};

use super::{StoredWebhooks, rows};
use crate::{Columns, DbConnection, Dialect, StoreError, Urgency, audit};

const COLUMNS: &str =
    "id, name, url, environment, events, enabled, disabled_reason, paused_by, created_at, updated_at";

#[async_trait]
impl ConfigStore for StoredWebhooks {
    async fn create(&self, new: NewWebhook, entry: AuditEntry) -> Result<Written<()>, StorageFailure> {
        let written = self
            .db
            .write::<_, StoreError, _>(Urgency::Interactive, move |connection| {
                Box::pin(async move {
                    insert(connection, &new).await?;
                    audit::record(connection, &entry).await
                })
            });
        Ok(taken_or(written.await.map(Written::Done))?)
    }

    async fn change(
        &self,
        company: CompanyId,
        id: WebhookId,
        change: WebhookChange,
        entry: AuditEntry,
    ) -> Result<Written<Webhook>, StorageFailure> {
        let dialect = self.db.dialect();
        let written = self
            .db
            .write::<_, StoreError, _>(Urgency::Interactive, move |connection| {
                Box::pin(async move {
                    let Some(before) = locked(connection, dialect, company, id).await? else {
                        return Ok(Written::NotFound);
                    };
                    let changed = decide::changed(before, change, &entry.actor.name, entry.at);
                    write_changed(connection, &changed).await?;
                    settle_waiting(connection, id, changed.waiting).await?;
                    audit::record(connection, &entry).await?;
                    Ok(Written::Done(changed.webhook))
                })
            });
        Ok(taken_or(written.await)?)
    }

    async fn delete(
        &self,
        company: CompanyId,
        id: WebhookId,
        entry: AuditEntry,
    ) -> Result<bool, StorageFailure> {
        self.write(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                let deleted = sqlx::query(
                    "UPDATE webhooks SET deleted_at = $3, sealed_secret = NULL, previous_secret = NULL, \
                     previous_until = NULL, headers = NULL WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL",
                )
                .bind(id.to_string())
                .bind(company.to_string())
                .bind(entry.at.as_millis())
                .execute(&mut *connection)
                .await?;
                if deleted.rows_affected() == 0 {
                    return Ok(false);
                }
                settle_waiting(connection, id, Waiting::of(Standing::Deleted, false)).await?;
                audit::record(connection, &entry).await?;
                Ok(true)
            })
        })
        .await
    }

    async fn webhook(&self, company: CompanyId, id: WebhookId) -> Result<Option<Webhook>, StorageFailure> {
        let sql = format!(
            "SELECT {COLUMNS} FROM webhooks WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL"
        );
        let statement = sqlx::query(AssertSqlSafe(sql))
            .bind(id.to_string())
            .bind(company.to_string());
        self.one(statement, rows::webhook).await
    }

    /// Uses the index `webhooks_url`.
    async fn webhooks(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<Vec<Webhook>, StorageFailure> {
        let sql = format!(
            "SELECT {COLUMNS} FROM webhooks WHERE company_id = $1 AND environment = $2 AND deleted_at IS NULL \
             ORDER BY created_at, id"
        );
        let statement = sqlx::query(AssertSqlSafe(sql))
            .bind(company.to_string())
            .bind(environment.as_str());
        self.all(statement, rows::webhook).await
    }

    /// Uses the index `webhooks_url`.
    async fn url_taken(
        &self,
        company: CompanyId,
        environment: Environment,
        normal_url: &str,
        except: Option<WebhookId>,
    ) -> Result<bool, StorageFailure> {
        let statement = sqlx::query(
            "SELECT id FROM webhooks WHERE company_id = $1 AND environment = $2 AND normal_url = $3 \
             AND deleted_at IS NULL",
        )
        .bind(company.to_string())
        .bind(environment.as_str())
        .bind(normal_url.to_owned());
        let holder = self.one(statement, |row| row.parsed::<WebhookId>("id")).await?;
        Ok(holder.is_some() && holder != except)
    }
}

/// The unique index decides, even if two requests come at once.
fn taken_or<T>(written: Result<Written<T>, StoreError>) -> Result<Written<T>, StoreError> {
    match written {
        Err(error) if error.is_unique_violation() => Ok(Written::UrlTaken),
        other => other,
    }
}

async fn insert(connection: &mut DbConnection, new: &NewWebhook) -> Result<(), StoreError> {
    let webhook = &new.webhook;
    sqlx::query(
        "INSERT INTO webhooks (id, company_id, environment, name, url, normal_url, events, enabled, disabled_reason, \
         sealed_secret, created_at, updated_at, paused_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(webhook.id.to_string())
    .bind(new.company.to_string())
    .bind(webhook.environment.as_str())
    .bind(webhook.name.clone())
    .bind(webhook.url.clone())
    .bind(new.normal_url.clone())
    .bind(rows::events_column(&webhook.events))
    .bind(i64::from(webhook.enabled))
    .bind(webhook.disabled.map(|reason| reason.as_str().to_owned()))
    .bind(new.secret.as_bytes().to_vec())
    .bind(webhook.created_at.as_millis())
    .bind(webhook.updated_at.as_millis())
    .bind(webhook.paused_by.clone())
    .execute(connection)
    .await?;
    Ok(())
}

/// Reads the webhook and locks it against other changes until the commit.
async fn locked(
    connection: &mut DbConnection,
    dialect: Dialect,
    company: CompanyId,
    id: WebhookId,
) -> Result<Option<Webhook>, StoreError> {
    let lock = dialect.for_update();
    let sql = format!(
        "SELECT {COLUMNS} FROM webhooks WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL{lock}"
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(id.to_string())
        .bind(company.to_string())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(rows::webhook).transpose()
}

async fn write_changed(connection: &mut DbConnection, changed: &Changed) -> Result<(), StoreError> {
    let webhook = &changed.webhook;
    sqlx::query(
        "UPDATE webhooks SET name = $2, url = $3, normal_url = COALESCE($4, normal_url), events = $5, enabled = $6, \
         disabled_reason = $7, updated_at = $8, paused_by = $9 WHERE id = $1",
    )
    .bind(webhook.id.to_string())
    .bind(webhook.name.clone())
    .bind(webhook.url.clone())
    .bind(changed.normal_url.clone())
    .bind(rows::events_column(&webhook.events))
    .bind(i64::from(webhook.enabled))
    .bind(webhook.disabled.map(|reason| reason.as_str().to_owned()))
    .bind(webhook.updated_at.as_millis())
    .bind(webhook.paused_by.clone())
    .execute(&mut *connection)
    .await?;
    if changed.forgets_headers {
        sqlx::query("UPDATE webhooks SET headers = NULL WHERE id = $1")
            .bind(webhook.id.to_string())
            .execute(&mut *connection)
            .await?;
    }
    if changed.forgets_failures {
        sqlx::query("UPDATE webhooks SET failing_since = NULL, warned_at = NULL WHERE id = $1")
            .bind(webhook.id.to_string())
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Applies the decision to all deliveries that wait for a webhook. One statement handles any number of them. Uses the
/// index `deliveries_due`, and where deliveries end `deliveries_of_webhook`.
async fn settle_waiting(
    connection: &mut DbConnection,
    webhook: WebhookId,
    waiting: Waiting,
) -> Result<(), StoreError> {
    let sql = match waiting {
        Waiting::Stays => return Ok(()),
        // Selects deliveries that only wait for their time, not those with an attempt in progress or a manual replay.
        // They become due at the time they were created, so the oldest go first. Held deliveries stay: they have no key
        // to sign them and are sent once there is one. So do those that the operator holds.
        Waiting::GoesOut => {
            "UPDATE deliveries SET due_at = created_at WHERE webhook_id = $1 AND state = 'pending' \
                             AND brake IS NULL AND lease IS NULL AND replayed_from IS NULL"
                .to_owned()
        }
        Waiting::Ends => format!(
            "UPDATE deliveries SET due_at = NULL, lease = NULL, replayed_from = NULL, resume_at = NULL, state = {}, \
             brake = {} WHERE webhook_id = $1 AND state IN ('pending', 'held')",
            ends_as(|ended| Some(rows::state_columns(ended, false).0)),
            ends_as(|ended| rows::state_columns(ended, false).1)
        ),
    };
    sqlx::query(AssertSqlSafe(sql))
        .bind(webhook.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// A column of what [`decide::ends_as`] decides, as an SQL expression. It is built by calling the function with every
/// possible combination of facts.
fn ends_as(column: fn(DeliveryState) -> Option<&'static str>) -> String {
    let mut sql = "CASE".to_owned();
    for from in std::iter::once(None).chain(DeliveryState::ALL.map(Some)) {
        let from_is = match from {
            None => "IS NULL".to_owned(),
            Some(state) => format!("= '{}'", state.as_str()),
        };
        for (tried, is_tried) in [(false, "= 0"), (true, "> 0")] {
            let ended = column(decide::ends_as(from, tried));
            let ended = ended.map_or("NULL".to_owned(), |ended| format!("'{ended}'"));
            // Writing to a string cannot fail.
            let _ = write!(
                sql,
                " WHEN replayed_from {from_is} AND attempts + replays {is_tried} THEN {ended}"
            );
        }
    }
    sql + " END"
}

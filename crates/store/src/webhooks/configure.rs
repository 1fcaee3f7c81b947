//! Creating, changing and deleting webhooks, and reading them as they are configured.

use model::{AuditEntry, CompanyId, DisabledReason, Environment, Timestamp, Webhook, WebhookId};
use sqlx::AssertSqlSafe;
use webhooks::{Fate, NewWebhook, Standing, WebhookChange, Written};

use super::rows;
use crate::{Columns, Db, DbConnection, Dialect, StoreError, Urgency, audit};

const COLUMNS: &str = "id, name, url, environment, events, enabled, disabled_reason, created_at, updated_at";

pub(super) async fn create(db: &Db, new: NewWebhook, entry: AuditEntry) -> Result<Written<()>, StoreError> {
    let written = db.write::<_, StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            insert(connection, &new).await?;
            audit::record(connection, &entry).await
        })
    });
    taken_or(written.await.map(Written::Done))
}

/// The unique index decides, also between two that come at once.
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
         sealed_secret, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
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
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn change(
    db: &Db,
    company: CompanyId,
    id: WebhookId,
    change: WebhookChange,
    entry: AuditEntry,
) -> Result<Written<Webhook>, StoreError> {
    let dialect = db.dialect();
    let written = db.write::<_, StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            let Some(before) = locked(connection, dialect, company, id).await? else {
                return Ok(Written::NotFound);
            };
            let after = apply(connection, before, change, entry.at).await?;
            audit::record(connection, &entry).await?;
            Ok(Written::Done(after))
        })
    });
    taken_or(written.await)
}

/// The webhook, which nobody else changes until the commit.
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

async fn apply(
    connection: &mut DbConnection,
    mut webhook: Webhook,
    change: WebhookChange,
    now: Timestamp,
) -> Result<Webhook, StoreError> {
    let enabled_now = change.enabled == Some(true) && !webhook.enabled;
    let new_start = enabled_now || change.url.as_ref().is_some_and(|url| url.given != webhook.url);
    let normal_url = change.url.as_ref().map(|url| url.normal.clone());
    webhook.name = change.name.unwrap_or(webhook.name);
    webhook.url = change.url.map_or(webhook.url, |url| url.given);
    webhook.events = change.events.unwrap_or(webhook.events);
    webhook.enabled = change.enabled.unwrap_or(webhook.enabled);
    webhook.disabled = match (webhook.enabled, webhook.disabled) {
        (true, _) => None,
        (false, reason) => Some(reason.unwrap_or(DisabledReason::ByHand)),
    };
    webhook.updated_at = now;
    sqlx::query(
        "UPDATE webhooks SET name = $2, url = $3, normal_url = COALESCE($4, normal_url), events = $5, enabled = $6, \
         disabled_reason = $7, updated_at = $8 WHERE id = $1",
    )
    .bind(webhook.id.to_string())
    .bind(webhook.name.clone())
    .bind(webhook.url.clone())
    .bind(normal_url)
    .bind(rows::events_column(&webhook.events))
    .bind(i64::from(webhook.enabled))
    .bind(webhook.disabled.map(|reason| reason.as_str().to_owned()))
    .bind(now.as_millis())
    .execute(&mut *connection)
    .await?;
    if new_start {
        sqlx::query("UPDATE webhooks SET failing_since = NULL, warned_at = NULL WHERE id = $1")
            .bind(webhook.id.to_string())
            .execute(&mut *connection)
            .await?;
    }
    settle_waiting(
        connection,
        webhook.id,
        Standing::of(webhook.disabled),
        enabled_now,
    )
    .await?;
    Ok(webhook)
}

/// Does to what waits for a webhook what [`Standing::waiting`] says. By `deliveries_due` and `deliveries_held`.
///
/// What is sent again after a pause is due since it was made, which puts the oldest first; an attempt that is under way, or
/// was asked for by hand, keeps its time. What ends is skipped if it was never tried, else exhausted, and what had ended
/// before somebody asked for one more attempt is again what it was.
async fn settle_waiting(
    connection: &mut DbConnection,
    webhook: WebhookId,
    standing: Standing,
    enabled_now: bool,
) -> Result<(), StoreError> {
    let sql = match standing.waiting() {
        Fate::Sent if enabled_now => {
            "UPDATE deliveries SET due_at = created_at WHERE webhook_id = $1 AND state = 'pending' AND lease IS NULL \
             AND replayed_from IS NULL"
        }
        Fate::Sent | Fate::Waits | Fate::Skipped => return Ok(()),
        Fate::Ended => {
            "UPDATE deliveries SET due_at = NULL, lease = NULL, replayed_from = NULL, resume_at = NULL, \
             state = CASE WHEN replayed_from IN ('delivered', 'exhausted', 'skipped') THEN replayed_from \
                          WHEN attempts + replays > 0 THEN 'exhausted' ELSE 'skipped' END \
             WHERE webhook_id = $1 AND state IN ('pending', 'held')"
        }
    };
    sqlx::query(sql)
        .bind(webhook.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn delete(
    db: &Db,
    company: CompanyId,
    id: WebhookId,
    entry: AuditEntry,
) -> Result<bool, StoreError> {
    db.write(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            let deleted = sqlx::query(
                "UPDATE webhooks SET deleted_at = $3, sealed_secret = NULL, previous_secret = NULL, previous_until = NULL WHERE id = $1 AND company_id = $2 \
                 AND deleted_at IS NULL",
            )
            .bind(id.to_string())
            .bind(company.to_string())
            .bind(entry.at.as_millis())
            .execute(&mut *connection)
            .await?;
            if deleted.rows_affected() == 0 {
                return Ok(false);
            }
            settle_waiting(connection, id, Standing::Deleted, false).await?;
            audit::record(connection, &entry).await?;
            Ok(true)
        })
    })
    .await
}

pub(super) async fn webhook(
    db: &Db,
    company: CompanyId,
    id: WebhookId,
) -> Result<Option<Webhook>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM webhooks WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(id.to_string())
        .bind(company.to_string())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(rows::webhook).transpose()
}

/// By `webhooks_url`.
pub(super) async fn webhooks(
    db: &Db,
    company: CompanyId,
    environment: Environment,
) -> Result<Vec<Webhook>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM webhooks WHERE company_id = $1 AND environment = $2 AND deleted_at IS NULL \
         ORDER BY created_at, id"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(company.to_string())
        .bind(environment.as_str())
        .fetch_all(db.reader())
        .await?;
    found.iter().map(rows::webhook).collect()
}

/// By `webhooks_url`.
pub(super) async fn enabled_count(
    db: &Db,
    company: CompanyId,
    environment: Environment,
) -> Result<u64, StoreError> {
    let row = sqlx::query(
        "SELECT CAST(COUNT(*) AS BIGINT) AS enabled FROM webhooks \
         WHERE company_id = $1 AND environment = $2 AND enabled = 1 AND deleted_at IS NULL",
    )
    .bind(company.to_string())
    .bind(environment.as_str())
    .fetch_one(db.reader())
    .await?;
    rows::number(row.int("enabled")?, "enabled")
}

/// By `webhooks_url`.
pub(super) async fn url_taken(
    db: &Db,
    company: CompanyId,
    environment: Environment,
    normal_url: &str,
    except: Option<WebhookId>,
) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT id FROM webhooks WHERE company_id = $1 AND environment = $2 AND normal_url = $3 AND deleted_at IS NULL",
    )
    .bind(company.to_string())
    .bind(environment.as_str())
    .bind(normal_url.to_owned())
    .fetch_optional(db.reader())
    .await?;
    let Some(row) = row else { return Ok(false) };
    let holder: WebhookId = row.parsed("id")?;
    Ok(Some(holder) != except)
}

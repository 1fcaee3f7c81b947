//! The terms of a key, and keys that end by themselves.

use keys::{ChangedRow, Changing, DeletedRow, DueKey, KeysError, Limits, NewKey};
use model::{
    Actor, AuditAction, AuditEntry, AuditId, CompanyId, DeletedKeySummary, Environment, KeyId, KeySummary,
    KeyTerms, LastUsed, Timestamp,
};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::feed::{self, Changed, read_lookup};
use super::rotations;
use crate::{Columns, Db, DbConnection, Dialect, Migration, StoreError, audit};

/// The columns.
pub const MIGRATION: Migration = Migration {
    name: "0015_key_terms",
    sql: include_str!("../../migrations/0015_key_terms.sql"),
};

/// The columns that [`read`] wants.
pub(super) const COLUMNS: &str = "name, note, expires_at, delete_at, read_only, networks, requests_a_minute";

pub(super) fn read(row: &AnyRow) -> Result<KeyTerms, StoreError> {
    Ok(KeyTerms {
        name: row.text("name")?,
        note: row.text("note")?,
        ..read_limits(row)?
    })
}

/// A key as it is listed.
pub(super) fn read_summary(row: &AnyRow) -> Result<KeySummary, StoreError> {
    let last_used = match row.maybe_time("last_used_at")? {
        Some(at) => Some(LastUsed {
            at,
            address: row.maybe_text("last_used_address")?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(KeySummary {
        id: row.parsed("id")?,
        environment: row.parsed("environment")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        last_four: row.text("last_four")?,
        last_used,
        terms: read(row)?,
    })
}

/// The terms that requests are judged by, without the texts.
pub(super) fn read_limits(row: &AnyRow) -> Result<KeyTerms, StoreError> {
    let requests = row.maybe_int("requests_a_minute")?;
    let out_of_range = |_| StoreError::corrupt("requests_a_minute is out of range");
    Ok(KeyTerms {
        expires_at: row.maybe_time("expires_at")?,
        delete_at: row.maybe_time("delete_at")?,
        read_only: row.flag("read_only")?,
        networks: row
            .text("networks")?
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        requests_a_minute: requests.map(u32::try_from).transpose().map_err(out_of_range)?,
        ..KeyTerms::default()
    })
}

/// `None` for most keys.
pub(super) fn limits(row: &AnyRow) -> Result<Option<std::sync::Arc<Limits>>, StoreError> {
    Ok(Limits::of(&read_limits(row)?))
}

pub(super) async fn change(
    connection: &mut DbConnection,
    dialect: Dialect,
    changing: Changing,
) -> Result<ChangedRow, KeysError> {
    let sql = format!(
        "SELECT id, environment, lookup_hash, last_four, created_at, created_by, last_used_at, last_used_address, {COLUMNS} \
         FROM api_keys WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL \
         AND (delete_at IS NULL OR delete_at > $3){}",
        dialect.for_update()
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(changing.key.to_string())
        .bind(changing.company.to_string())
        .bind(changing.at.as_millis())
        .fetch_optional(&mut *connection)
        .await
        .map_err(StoreError::from)?
        .ok_or(KeysError::NotFound)?;
    let lookup = read_lookup(&row)?;
    let mut key = read_summary(&row)?;
    let before = key.terms.delete_at;
    key.terms = changing.change.apply(key.terms);
    let terms = key.terms.clone();
    let scheduled = (before != terms.delete_at).then_some(&changing.actor.name);
    sqlx::query(
        "UPDATE api_keys SET name = $1, note = $2, expires_at = $3, delete_at = $4, read_only = $5, networks = $6, \
         requests_a_minute = $7, delete_set_by = COALESCE($8, delete_set_by) WHERE id = $9",
    )
    .bind(terms.name)
    .bind(terms.note)
    .bind(terms.expires_at.map(Timestamp::as_millis))
    .bind(terms.delete_at.map(Timestamp::as_millis))
    .bind(i64::from(terms.read_only))
    .bind(terms.networks.join(" "))
    .bind(terms.requests_a_minute.map(i64::from))
    .bind(scheduled.cloned())
    .bind(changing.key.to_string())
    .execute(&mut *connection)
    .await
    .map_err(StoreError::from)?;
    let entry = AuditEntry {
        id: changing.audit,
        at: changing.at,
        company: Some(changing.company),
        actor: changing.actor,
        action: AuditAction::KeyChanged,
        subject: changing.key.to_string(),
        detail: format!("{}; {}", key.environment.label(), changing.change.words()),
    };
    audit::record(connection, &entry).await?;
    Ok(ChangedRow {
        lookup,
        key,
        version: feed::record(connection, Changed::Key(changing.key)).await?,
    })
}

/// Uses the index `api_keys_due`.
pub(super) async fn due(db: &Db, now: Timestamp) -> Result<Vec<DueKey>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, company_id FROM api_keys WHERE deleted_at IS NULL AND delete_at IS NOT NULL AND delete_at <= $1 \
         ORDER BY delete_at, id",
    )
    .bind(now.as_millis())
    .fetch_all(db.reader())
    .await?;
    let read = |row: &AnyRow| {
        Ok(DueKey {
            company: row.parsed("company_id")?,
            key: row.parsed("id")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Of many that try, the one whose update finds the row active deletes it.
pub(super) async fn delete_due(
    connection: &mut DbConnection,
    due: DueKey,
    now: Timestamp,
    id: AuditId,
) -> Result<DeletedRow, KeysError> {
    let row = sqlx::query(
        "UPDATE api_keys SET sealed = NULL, deleted_at = delete_at, deleted_by = COALESCE(delete_set_by, 'Gatehouse') \
         WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL AND delete_at <= $3 \
         RETURNING environment, lookup_hash, last_four, deleted_at, deleted_by",
    )
    .bind(due.key.to_string())
    .bind(due.company.to_string())
    .bind(now.as_millis())
    .fetch_optional(&mut *connection)
    .await
    .map_err(StoreError::from)?
    .ok_or(KeysError::NotFound)?;
    let mut deleted = read_deleted(&row, due.key)?;
    rotations::key_deleted(connection, due.key, deleted.at).await?;
    let entry = AuditEntry {
        id,
        at: now,
        company: Some(due.company),
        actor: Actor::system(),
        action: AuditAction::KeyDeleted,
        subject: due.key.to_string(),
        detail: format!("{}; scheduled by {}", deleted.environment.label(), deleted.by),
    };
    audit::record(connection, &entry).await?;
    deleted.version = feed::record(connection, Changed::Key(due.key)).await?;
    Ok(deleted)
}

/// Deletes the key of the environment that ended first, if one had ended by the moment of `entry`, so that `key` has a slot.
/// Its version is not recorded yet: that comes last in a transaction.
pub(super) async fn free_slot(
    connection: &mut DbConnection,
    key: &NewKey,
    entry: &AuditEntry,
) -> Result<Option<DeletedRow>, KeysError> {
    let ended = "deleted_at IS NULL AND (expires_at <= $1 OR delete_at <= $1)";
    let sql = format!(
        "UPDATE api_keys SET sealed = NULL, \
         deleted_at = CASE WHEN delete_at <= $1 THEN delete_at ELSE $1 END, \
         deleted_by = CASE WHEN delete_at <= $1 THEN COALESCE(delete_set_by, $2) ELSE $2 END \
         WHERE {ended} AND id = (SELECT id FROM api_keys WHERE company_id = $3 AND environment = $4 AND {ended} \
         ORDER BY CASE WHEN delete_at <= $1 AND (expires_at IS NULL OR delete_at < expires_at) THEN delete_at \
         ELSE expires_at END, id LIMIT 1) \
         RETURNING id, environment, lookup_hash, last_four, deleted_at, deleted_by"
    );
    // Another transaction may free the one that this statement picks. The next statement sees what it did, and picks the key
    // in the other slot.
    let mut row = None;
    for _slot in 1..=2 {
        row = sqlx::query(AssertSqlSafe(sql.clone()))
            .bind(entry.at.as_millis())
            .bind(entry.actor.name.clone())
            .bind(key.company.to_string())
            .bind(key.environment.as_str())
            .fetch_optional(&mut *connection)
            .await
            .map_err(StoreError::from)?;
        if row.is_some() {
            break;
        }
    }
    let Some(row) = row else { return Ok(None) };
    let freed = read_deleted(&row, row.parsed("id")?)?;
    rotations::key_deleted(connection, freed.key, freed.at).await?;
    let entry = AuditEntry {
        id: AuditId::time_ordered(entry.at, vault::random()),
        at: entry.at,
        company: Some(key.company),
        actor: entry.actor.clone(),
        action: AuditAction::KeyDeleted,
        subject: freed.key.to_string(),
        detail: format!(
            "{}; it had ended, and a new key needed its slot",
            freed.environment.label()
        ),
    };
    audit::record(connection, &entry).await?;
    Ok(Some(freed))
}

/// Uses the index `api_keys_by_company`: a company has few keys, deleted ones included.
pub(super) async fn deleted(
    db: &Db,
    company: CompanyId,
    most: usize,
) -> Result<Vec<DeletedKeySummary>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, environment, last_four, name, created_at, created_by, deleted_at, deleted_by FROM api_keys \
         WHERE company_id = $1 AND deleted_at IS NOT NULL ORDER BY deleted_at DESC, id DESC LIMIT $2",
    )
    .bind(company.to_string())
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .fetch_all(db.reader())
    .await?;
    let read = |row: &AnyRow| {
        Ok(DeletedKeySummary {
            id: row.parsed("id")?,
            environment: row.parsed("environment")?,
            last_four: row.text("last_four")?,
            name: row.text("name")?,
            created_at: row.time("created_at")?,
            created_by: row.text("created_by")?,
            deleted_at: row.time("deleted_at")?,
            deleted_by: row.text("deleted_by")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Without the version.
pub(super) fn read_deleted(row: &AnyRow, key: KeyId) -> Result<DeletedRow, StoreError> {
    let environment: Environment = row.parsed("environment")?;
    Ok(DeletedRow {
        key,
        at: row.time("deleted_at")?,
        by: row.text("deleted_by")?,
        environment,
        lookup: read_lookup(row)?,
        last_four: row.text("last_four")?,
        version: 0,
    })
}

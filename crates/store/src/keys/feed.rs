//! The rows that snapshots of the keys are built from. Each has the number of its latest change, so that a node reads what
//! changed and not everything.
//!
//! The numbers are those of the one row of `change_version`. A change locks it until it is committed, so changes are
//! committed in the order of their numbers: a reader that sees a number sees all rows up to it.
//!
//! Only tombstones of old keys are removed, and every node drops those by their age. A node that missed such a tombstone
//! still has the key, so the latest number of a removed row is kept, and a node that has not come so far reads everything.
//! Nothing removes companies.

use futures_util::TryStreamExt;
use keys::{CompanyRow, CredentialRow, CredentialState, Loaded};
use model::{CompanyId, KeyId, Timestamp};
use sqlx::any::AnyRow;
use vault::LookupHash;

use crate::{Columns, Db, DbConnection, StoreError};

/// A row that the snapshots contain.
#[derive(Clone, Copy, Debug)]
pub enum Changed {
    Key(KeyId),
    Company(CompanyId),
}

/// Increments the change version in the caller's transaction, marks the row with it and returns it. Nodes that see the
/// new number read the row. Call it as the last statement of any transaction that changes which requests are accepted.
pub async fn record(connection: &mut DbConnection, changed: Changed) -> Result<u64, StoreError> {
    let row = sqlx::query("UPDATE change_version SET version = version + 1 WHERE one = 1 RETURNING version")
        .fetch_one(&mut *connection)
        .await?;
    let version = row.int("version")?;
    // The transaction has written this row, so no other can hold it.
    let (sql, id) = match changed {
        Changed::Key(key) => (
            "UPDATE api_keys SET changed_in = $1 WHERE id = $2",
            key.to_string(),
        ),
        Changed::Company(company) => (
            "UPDATE companies SET changed_in = $1 WHERE id = $2",
            company.to_string(),
        ),
    };
    sqlx::query(sql)
        .bind(version)
        .bind(id)
        .execute(connection)
        .await?;
    unsigned(version)
}

/// The number of the latest change.
pub(super) async fn latest(db: &Db) -> Result<u64, StoreError> {
    let row = sqlx::query("SELECT version FROM change_version WHERE one = 1")
        .fetch_one(db.reader())
        .await?;
    unsigned(row.int("version")?)
}

/// What changed after `since`, or `None` if a row that changed after it was removed.
pub(super) async fn changes(db: &Db, since: u64) -> Result<Option<Loaded>, StoreError> {
    let changes = load(db, Some(since)).await?;
    // Read last: whatever was removed before the rows were read is known by now.
    let row = sqlx::query("SELECT removed FROM change_version WHERE one = 1")
        .fetch_one(db.reader())
        .await?;
    Ok((unsigned(row.int("removed")?)? <= since).then_some(changes))
}

/// Removes tombstones of keys deleted before this moment, in the caller's transaction, and returns how many.
///
/// Uses the index `api_keys_tombstones`.
pub(super) async fn remove_tombstones(
    connection: &mut DbConnection,
    deleted_before: Timestamp,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM api_keys WHERE deleted_at IS NOT NULL AND deleted_at < $1 RETURNING changed_in";
    let rows = sqlx::query(sql)
        .bind(deleted_before.as_millis())
        .fetch_all(&mut *connection)
        .await?;
    let mut latest = 0;
    for row in &rows {
        latest = row.int("changed_in")?.max(latest);
    }
    if latest > 0 {
        sqlx::query("UPDATE change_version SET removed = $1 WHERE one = 1 AND removed < $1")
            .bind(latest)
            .execute(connection)
            .await?;
    }
    Ok(rows.len() as u64)
}

/// Everything, or what changed after `since`. Reads the version first and the companies last. The rows may then be newer
/// than the version but never older, and every key that was read has its company.
///
/// Uses the indexes `api_keys_by_change` and `companies_by_change`.
pub(super) async fn load(db: &Db, since: Option<u64>) -> Result<Loaded, StoreError> {
    let version = latest(db).await?;
    let credentials = "SELECT id, company_id, environment, lookup_hash, last_four, deleted_at, deleted_by, changed_in, \
                       expires_at, delete_at, read_only, networks, requests_a_minute, imported FROM api_keys";
    let companies = "SELECT id, client_id, name, parent_id, imported_client_id, deleted_at FROM companies";
    Ok(Loaded {
        version,
        credentials: rows(db, credentials, since, read_credential).await?,
        companies: rows(db, companies, since, read_company).await?,
    })
}

/// Rows become values as they arrive, so that all rows of an installation are never held in both forms.
async fn rows<T>(
    db: &Db,
    sql: &str,
    since: Option<u64>,
    read: impl Fn(&AnyRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let sql = match since {
        Some(_) => format!("{sql} WHERE changed_in > $1"),
        None => sql.to_owned(),
    };
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
    if let Some(version) = since {
        query = query.bind(signed(version)?);
    }
    let mut found = query.fetch(db.reader());
    let mut rows = Vec::new();
    while let Some(row) = found.try_next().await? {
        rows.push(read(&row)?);
    }
    Ok(rows)
}

fn read_company(row: &AnyRow) -> Result<CompanyRow, StoreError> {
    Ok(CompanyRow {
        id: row.parsed("id")?,
        client_id: row.parsed("client_id")?,
        name: row.text("name")?,
        parent: row.maybe_parsed("parent_id")?,
        imported_client_id: row.maybe_text("imported_client_id")?,
        is_deleted: row.maybe_int("deleted_at")?.is_some(),
    })
}

fn read_credential(row: &AnyRow) -> Result<CredentialRow, StoreError> {
    let state = match (row.maybe_time("deleted_at")?, row.maybe_text("deleted_by")?) {
        (None, _) => CredentialState::Active,
        (Some(at), by) => CredentialState::Deleted {
            at,
            by: by.unwrap_or_default(),
        },
    };
    Ok(CredentialRow {
        id: row.parsed("id")?,
        company: row.parsed("company_id")?,
        environment: row.parsed("environment")?,
        lookup: read_lookup(row)?,
        last_four: row.text("last_four")?,
        state,
        imported: row.flag("imported")?,
        limits: super::terms::limits(row)?,
        changed_in: unsigned(row.int("changed_in")?)?,
    })
}

pub(super) fn read_lookup(row: &AnyRow) -> Result<LookupHash, StoreError> {
    let bytes: Result<[u8; 32], _> = row.blob("lookup_hash")?.try_into();
    bytes
        .map(LookupHash::from_bytes)
        .map_err(|_| StoreError::corrupt("lookup_hash does not hold 32 bytes"))
}

pub(super) fn unsigned(version: i64) -> Result<u64, StoreError> {
    u64::try_from(version).map_err(|_| StoreError::corrupt(format!("version holds {version}")))
}

pub(super) fn signed(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version).map_err(|_| StoreError::corrupt(format!("version {version} does not fit")))
}

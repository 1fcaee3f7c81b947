//! Keys of another system.

use keys::{ImportedKey, KeysError};
use model::AuditEntry;
use vault::LookupHash;

use super::feed::{self, Changed};
use super::slots;
use crate::{Db, DbConnection, Migration, StoreError, audit};

/// The columns.
pub const MIGRATION: Migration = Migration {
    name: "0017_imported_keys",
    sql: include_str!("../../migrations/0017_imported_keys.sql"),
};

const KNOWN: &str = "SELECT id FROM api_keys WHERE lookup_hash = $1";

pub(super) async fn is_known(db: &Db, lookup: LookupHash) -> Result<bool, StoreError> {
    let row = sqlx::query(KNOWN)
        .bind(lookup.as_bytes().to_vec())
        .fetch_optional(db.reader())
        .await?;
    Ok(row.is_some())
}

pub(super) async fn insert(
    connection: &mut DbConnection,
    imported: ImportedKey,
    entry: AuditEntry,
) -> Result<u64, KeysError> {
    let ImportedKey { key, by_digest } = imported;
    let known = sqlx::query(KNOWN)
        .bind(key.lookup.as_bytes().to_vec())
        .fetch_optional(&mut *connection)
        .await
        .map_err(StoreError::from)?;
    if known.is_some() {
        return Err(KeysError::AlreadyThere);
    }
    if !slots::insert(connection, &key).await? {
        return Err(KeysError::TwoActive);
    }
    sqlx::query("UPDATE api_keys SET imported = $1 WHERE id = $2")
        .bind(i64::from(by_digest))
        .bind(key.id.to_string())
        .execute(&mut *connection)
        .await
        .map_err(StoreError::from)?;
    audit::record(connection, &entry).await?;
    Ok(feed::record(connection, Changed::Key(key.id)).await?)
}

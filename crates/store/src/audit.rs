//! The audit trail. Each row is written in the same transaction as the change it records (invariant 4).

use model::AuditEntry;

use crate::{DbConnection, Migration, StoreError};

/// The table.
pub const MIGRATION: Migration = Migration {
    name: "0001_audit",
    sql: include_str!("../migrations/0001_audit.sql"),
};

/// Writes the row in the caller's transaction.
pub async fn record(connection: &mut DbConnection, entry: &AuditEntry) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit (id, at, company_id, actor_kind, actor_name, address, action, subject, detail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(entry.id.to_string())
    .bind(entry.at.as_millis())
    .bind(entry.company.map(|company| company.to_string()))
    .bind(entry.actor.kind.as_str())
    .bind(entry.actor.name.clone())
    .bind(entry.actor.address.clone())
    .bind(entry.action.as_str())
    .bind(entry.subject.clone())
    .bind(entry.detail.clone())
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes all of them with the caller's transaction.
pub async fn record_all(connection: &mut DbConnection, entries: &[AuditEntry]) -> Result<(), StoreError> {
    for entry in entries {
        record(connection, entry).await?;
    }
    Ok(())
}

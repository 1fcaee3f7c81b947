//! The audit trail. Each row is written in the same transaction as the change it records (invariant 4).

use model::{Actor, AuditEntry};

use crate::{DbConnection, Migration, StoreError};

/// The table.
pub const MIGRATION: Migration = Migration {
    name: "0001_audit",
    sql: include_str!("../migrations/0001_audit.sql"),
};

/// Writes the row in the caller's transaction.
pub async fn record(connection: &mut DbConnection, entry: &AuditEntry) -> Result<(), StoreError> {
    // Names every field, so that a new one does not compile until it has a column.
    let AuditEntry {
        id,
        at,
        company,
        actor: Actor { kind, name, address },
        action,
        subject,
        detail,
    } = entry;
    sqlx::query(
        "INSERT INTO audit (id, at, company_id, actor_kind, actor_name, address, action, subject, detail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id.to_string())
    .bind(at.as_millis())
    .bind(company.map(|company| company.to_string()))
    .bind(kind.as_str())
    .bind(name.clone())
    .bind(address.clone())
    .bind(action.as_str())
    .bind(subject.clone())
    .bind(detail.clone())
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes all rows in the caller's transaction.
pub async fn record_all(connection: &mut DbConnection, entries: &[AuditEntry]) -> Result<(), StoreError> {
    for entry in entries {
        record(connection, entry).await?;
    }
    Ok(())
}

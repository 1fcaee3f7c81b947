//! Members, and what an operator revokes. Each change, the sessions it ends and the audit rows for both are written in
//! one transaction.

use accounts::{Member, MemberRow, PasswordHash};
use model::{AuditEntry, CompanyId, MemberId, OperatorTokenId, PersonId};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::sessions;
use crate::audit::record_all;
use crate::{Columns, Db, DbConnection, StoreError, Urgency, audit};

pub(super) async fn members(db: &Db, company: CompanyId) -> Result<Vec<MemberRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT m.id, m.company_id, m.person_id, m.role, m.created_at, p.email \
         FROM members m JOIN people p ON p.id = m.person_id WHERE m.company_id = $1 ORDER BY p.email",
    )
    .bind(company.to_string())
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(read_member).collect()
}

pub(super) async fn member(db: &Db, member: MemberId) -> Result<Option<MemberRow>, StoreError> {
    let row = sqlx::query(
        "SELECT m.id, m.company_id, m.person_id, m.role, m.created_at, p.email \
         FROM members m JOIN people p ON p.id = m.person_id WHERE m.id = $1",
    )
    .bind(member.to_string())
    .fetch_optional(db.reader())
    .await?;
    row.as_ref().map(read_member).transpose()
}

pub(super) async fn remove_member(
    db: &Db,
    member: Member,
    removed: AuditEntry,
    ended: Vec<AuditEntry>,
) -> Result<Option<Vec<[u8; 32]>>, StoreError> {
    let held = hold_person(db);
    db.write::<Option<Vec<[u8; 32]>>, StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            sqlx::query(AssertSqlSafe(held))
                .bind(member.person.to_string())
                .fetch_optional(&mut *connection)
                .await?;
            let deleted = sqlx::query("DELETE FROM members WHERE id = $1")
                .bind(member.id.to_string())
                .execute(&mut *connection)
                .await?;
            if deleted.rows_affected() == 0 {
                return Ok(None);
            }
            audit::record(connection, &removed).await?;
            let sessions = end_sessions(connection, member.person, &ended).await?;
            sqlx::query(
                "DELETE FROM people WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM members WHERE person_id = $1)",
            )
            .bind(member.person.to_string())
            .execute(connection)
            .await?;
            Ok(Some(sessions))
        })
    })
    .await
}

pub(super) async fn set_password(
    db: &Db,
    person: PersonId,
    hash: PasswordHash,
    set: Vec<AuditEntry>,
    ended: Vec<AuditEntry>,
) -> Result<Option<Vec<[u8; 32]>>, StoreError> {
    db.write::<Option<Vec<[u8; 32]>>, StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            let updated = sqlx::query("UPDATE people SET password_hash = $1 WHERE id = $2")
                .bind(hash.as_stored().to_owned())
                .bind(person.to_string())
                .execute(&mut *connection)
                .await?;
            if updated.rows_affected() == 0 {
                return Ok(None);
            }
            record_all(connection, &set).await?;
            Ok(Some(end_sessions(connection, person, &ended).await?))
        })
    })
    .await
}

pub(super) async fn end_sessions_of(
    db: &Db,
    person: PersonId,
    ended: Vec<AuditEntry>,
) -> Result<Vec<[u8; 32]>, StoreError> {
    let held = hold_person(db);
    db.write::<Vec<[u8; 32]>, StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            sqlx::query(AssertSqlSafe(held))
                .bind(person.to_string())
                .fetch_optional(&mut *connection)
                .await?;
            end_sessions(connection, person, &ended).await
        })
    })
    .await
}

/// Locks the person's row, so a sign-in and this transaction wait for each other. Otherwise a session could start after
/// the sessions were ended.
fn hold_person(db: &Db) -> String {
    format!("SELECT id FROM people WHERE id = $1{}", db.dialect().for_update())
}

async fn end_sessions(
    connection: &mut DbConnection,
    person: PersonId,
    ended: &[AuditEntry],
) -> Result<Vec<[u8; 32]>, StoreError> {
    let rows = sqlx::query("DELETE FROM sessions WHERE person_id = $1 RETURNING token_hash")
        .bind(person.to_string())
        .fetch_all(&mut *connection)
        .await?;
    if !rows.is_empty() {
        record_all(connection, ended).await?;
        sessions::bump_version(connection).await?;
    }
    rows.iter().map(sessions::token_hash).collect()
}

pub(super) async fn revoke_operator_token(
    db: &Db,
    id: OperatorTokenId,
    entry: AuditEntry,
) -> Result<bool, StoreError> {
    db.write::<bool, StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            let deleted = sqlx::query("DELETE FROM operator_tokens WHERE id = $1")
                .bind(id.to_string())
                .execute(&mut *connection)
                .await?;
            if deleted.rows_affected() == 0 {
                return Ok(false);
            }
            audit::record(connection, &entry).await?;
            Ok(true)
        })
    })
    .await
}

fn read_member(row: &AnyRow) -> Result<MemberRow, StoreError> {
    let member = Member {
        id: row.parsed("id")?,
        company: row.parsed("company_id")?,
        person: row.parsed("person_id")?,
        role: row.parsed("role")?,
        created_at: row.time("created_at")?,
    };
    Ok(MemberRow {
        member,
        email: row.parsed("email")?,
    })
}

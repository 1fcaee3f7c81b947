//! The table `sessions`: starts, reads and ends sessions.

use accounts::{Email, EndedSession, NewSession, PasswordHash, Session, SessionsOf};
use model::{SessionId, Timestamp};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::audit::record_all;
use crate::{Columns, Db, DbConnection, StoreError, Urgency};

const COLUMNS: &str =
    "s.token_hash, s.person_id, s.created_at, s.seen_at, s.expires_at, s.proof_at, s.address, p.email";

/// Holds the person's row until the commit, so that setting a new password ends this session too. If the password
/// change comes later, it waits for the commit and finds the session. If it came first, this function finds the new
/// password and starts nothing.
pub(super) async fn start(db: &Db, new: NewSession) -> Result<bool, StoreError> {
    let held = format!(
        "SELECT password_hash FROM people WHERE id = $1{}",
        db.dialect().for_update()
    );
    db.write::<bool, StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            let person = sqlx::query(AssertSqlSafe(held))
                .bind(new.session.person.to_string())
                .fetch_optional(&mut *connection)
                .await?;
            let Some(person) = person else {
                return Ok(false);
            };
            let current = PasswordHash::from_stored(person.text("password_hash")?);
            if !new.may_start(&current) {
                return Ok(false);
            }
            insert(connection, &new.session).await?;
            record_all(connection, &new.audit).await?;
            if let Some(former) = &new.former {
                delete(connection, former).await?;
            }
            Ok(true)
        })
    })
    .await
}

async fn insert(connection: &mut DbConnection, session: &Session) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sessions (token_hash, person_id, created_at, seen_at, expires_at, proof_at, address) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(session.token_hash.to_vec())
    .bind(session.person.to_string())
    .bind(session.created_at.as_millis())
    .bind(session.seen_at.as_millis())
    .bind(session.expires_at.as_millis())
    .bind(session.proof_at.as_millis())
    .bind(session.address.map(|address| address.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn end(db: &Db, ended: EndedSession) -> Result<bool, StoreError> {
    db.write::<bool, StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move { delete(connection, &ended).await })
    })
    .await
}

async fn delete(connection: &mut DbConnection, ended: &EndedSession) -> Result<bool, StoreError> {
    let deleted = sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
        .bind(ended.token_hash.to_vec())
        .execute(&mut *connection)
        .await?;
    if deleted.rows_affected() == 0 {
        return Ok(false);
    }
    record_all(connection, &ended.audit).await?;
    bump_version(connection).await?;
    Ok(true)
}

/// Tells other nodes that some of their streams may have to end.
pub(super) async fn bump_version(connection: &mut DbConnection) -> Result<(), StoreError> {
    sqlx::query("UPDATE install SET sessions_version = sessions_version + 1 WHERE one = 1")
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn version(db: &Db) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT sessions_version FROM install WHERE one = 1")
        .fetch_optional(db.reader())
        .await?;
    row.map_or(Ok(0), |row| row.int("sessions_version"))
}

pub(super) async fn by_hash(db: &Db, token_hash: [u8; 32]) -> Result<Option<(Session, Email)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions s JOIN people p ON p.id = s.person_id WHERE s.token_hash = $1"
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(token_hash.to_vec())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(read).transpose()
}

/// Scans all sessions, so it is only for operators' requests.
pub(super) async fn by_id(db: &Db, id: SessionId) -> Result<Option<(Session, Email)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions s JOIN people p ON p.id = s.person_id \
         WHERE substr(s.token_hash, 1, 16) = $1"
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(id.to_bytes().to_vec())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(read).transpose()
}

pub(super) async fn list(db: &Db, of: SessionsOf) -> Result<Vec<(Session, Email)>, StoreError> {
    let (condition, id) = match of {
        SessionsOf::Everybody => ("", None),
        SessionsOf::Company(company) => (
            "WHERE s.person_id IN (SELECT person_id FROM members WHERE company_id = $1)",
            Some(company.to_string()),
        ),
        SessionsOf::Person(person) => ("WHERE s.person_id = $1", Some(person.to_string())),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions s JOIN people p ON p.id = s.person_id {condition} \
         ORDER BY s.created_at DESC, s.token_hash"
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    if let Some(id) = id {
        query = query.bind(id);
    }
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter().map(read).collect()
}

pub(super) async fn touch(db: &Db, token_hash: [u8; 32], seen_at: Timestamp) -> Result<(), StoreError> {
    db.write::<(), StoreError, _>(Urgency::Background, move |connection| {
        Box::pin(async move {
            // `seen_at` never moves back, because two requests may write in either order.
            sqlx::query("UPDATE sessions SET seen_at = $1 WHERE token_hash = $2 AND seen_at < $1")
                .bind(seen_at.as_millis())
                .bind(token_hash.to_vec())
                .execute(connection)
                .await?;
            Ok(())
        })
    })
    .await
}

pub(super) async fn remove_dead(db: &Db, now: Timestamp, idle_since: Timestamp) -> Result<(), StoreError> {
    db.write::<(), StoreError, _>(Urgency::Background, move |connection| {
        Box::pin(async move {
            sqlx::query("DELETE FROM sessions WHERE expires_at <= $1 OR seen_at <= $2")
                .bind(now.as_millis())
                .bind(idle_since.as_millis())
                .execute(connection)
                .await?;
            Ok(())
        })
    })
    .await
}

pub(super) fn token_hash(row: &AnyRow) -> Result<[u8; 32], StoreError> {
    row.blob("token_hash")?
        .try_into()
        .map_err(|_| StoreError::corrupt("token_hash is not 32 bytes"))
}

fn read(row: &AnyRow) -> Result<(Session, Email), StoreError> {
    let session = Session {
        token_hash: token_hash(row)?,
        person: row.parsed("person_id")?,
        created_at: row.time("created_at")?,
        seen_at: row.time("seen_at")?,
        expires_at: row.time("expires_at")?,
        proof_at: row.time("proof_at")?,
        address: row.maybe_parsed("address")?,
    };
    Ok((session, row.parsed("email")?))
}

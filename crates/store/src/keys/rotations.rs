//! Rotations. A rotation ends in the transaction that deletes one of its keys, so while it has not ended, both are there.
//!
//! The deletion of an old key locks both keys first, in the order of their ids, then the rotation, and judges what it then
//! sees: whatever another node does at the same moment, the old key is never deleted without a new one that was used.

use keys::{
    Beginning, Begun, ChangingRotation, DeletedRow, DueRotation, Inserted, KeysError, NewKey, Rotating,
    RotationChange, StoredRotation, words_of,
};
use model::{
    Actor, AuditAction, AuditEntry, CompanyId, Environment, KeyId, KeyRotation, KeySummary, RotationEnd,
    RotationFacts, RotationPlan, RotationStage, RotationWait, Timestamp,
};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::feed::{self, Changed};
use super::{slots, terms};
use crate::{Columns, Db, DbConnection, Dialect, Migration, StoreError, audit};

/// The table.
pub const MIGRATION: Migration = Migration {
    name: "0016_key_rotations",
    sql: include_str!("../../migrations/0016_key_rotations.sql"),
};

/// With what it is judged by.
const STORED: &str = "SELECT r.new_key, r.new_last_four, r.old_key, r.old_last_four, r.company_id, r.environment, \
    r.started_at, r.started_by, r.delete_at, r.quiet_ms, r.plan_by, r.cancelled_at, r.cancelled_by, r.ended_at, r.ended_as, \
    o.last_used_at AS old_used_at, n.last_used_at AS new_used_at, n.expires_at AS new_expires_at, n.delete_at AS new_delete_at \
    FROM key_rotations r LEFT JOIN api_keys o ON o.id = r.old_key LEFT JOIN api_keys n ON n.id = r.new_key";

fn read(row: &AnyRow) -> Result<StoredRotation, StoreError> {
    let plan = match (row.maybe_time("delete_at")?, row.maybe_int("quiet_ms")?) {
        (Some(at), _) => RotationPlan::At(at),
        (None, Some(millis)) => RotationPlan::Quiet(millis),
        (None, None) => RotationPlan::Undecided,
    };
    let stage = match (row.maybe_time("ended_at")?, row.maybe_time("cancelled_at")?) {
        (Some(at), _) => RotationStage::Ended {
            at,
            how: read_end(row)?,
        },
        (None, Some(at)) => RotationStage::Cancelled {
            at,
            by: row.maybe_text("cancelled_by")?.unwrap_or_default(),
        },
        (None, None) => RotationStage::Running,
    };
    let ends = [
        row.maybe_time("new_expires_at")?,
        row.maybe_time("new_delete_at")?,
    ];
    Ok(StoredRotation {
        rotation: KeyRotation {
            environment: row.parsed("environment")?,
            old_key: row.parsed("old_key")?,
            old_last_four: row.text("old_last_four")?,
            new_key: row.parsed("new_key")?,
            new_last_four: row.text("new_last_four")?,
            started_at: row.time("started_at")?,
            started_by: row.text("started_by")?,
            plan,
            plan_by: row.text("plan_by")?,
            stage,
        },
        facts: RotationFacts {
            old_last_used: row.maybe_time("old_used_at")?,
            new_last_used: row.maybe_time("new_used_at")?,
            new_ends_at: ends.into_iter().flatten().min(),
        },
    })
}

fn read_end(row: &AnyRow) -> Result<RotationEnd, StoreError> {
    let text = row.text("ended_as")?;
    let found = RotationEnd::ALL.into_iter().find(|end| end.as_str() == text);
    found.ok_or_else(|| StoreError::corrupt(format!("ended_as holds {text}")))
}

/// Uses the primary key and the index `key_rotations_of_old_key`.
pub(super) async fn of_key(
    db: &Db,
    company: CompanyId,
    key: KeyId,
) -> Result<Option<StoredRotation>, StoreError> {
    let sql = format!(
        "{STORED} WHERE r.company_id = $1 AND (r.old_key = $2 OR r.new_key = $2) \
         ORDER BY CASE WHEN r.ended_at IS NULL THEN 0 ELSE 1 END, r.started_at DESC, r.new_key DESC LIMIT 1"
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(company.to_string())
        .bind(key.to_string())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(read).transpose()
}

pub(super) async fn company_of(db: &Db, key: KeyId) -> Result<Option<CompanyId>, StoreError> {
    let row = sqlx::query("SELECT company_id FROM key_rotations WHERE old_key = $1 OR new_key = $1 LIMIT 1")
        .bind(key.to_string())
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| row.parsed("company_id")).transpose()
}

/// Within a transaction. With a lock on the rotation alone.
async fn one(
    connection: &mut DbConnection,
    dialect: Dialect,
    due: DueRotation,
) -> Result<StoredRotation, KeysError> {
    let sql = format!(
        "{STORED} WHERE r.new_key = $1 AND r.company_id = $2{}",
        dialect.on_postgres(" FOR UPDATE OF r")
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(due.new_key.to_string())
        .bind(due.company.to_string())
        .fetch_optional(connection)
        .await
        .map_err(StoreError::from)?;
    Ok(read(&row.ok_or(KeysError::NoRotation)?)?)
}

/// The active key that is to be replaced, locked. It may have ended.
async fn active(
    connection: &mut DbConnection,
    dialect: Dialect,
    company: CompanyId,
    key: KeyId,
) -> Result<KeySummary, KeysError> {
    let sql = format!(
        "SELECT id, environment, last_four, created_at, created_by, last_used_at, last_used_address, {} FROM api_keys \
         WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL{}",
        terms::COLUMNS,
        dialect.for_update()
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(key.to_string())
        .bind(company.to_string())
        .fetch_optional(connection)
        .await
        .map_err(StoreError::from)?;
    Ok(terms::read_summary(&row.ok_or(KeysError::NotFound)?)?)
}

pub(super) async fn begin(
    connection: &mut DbConnection,
    dialect: Dialect,
    beginning: Beginning,
) -> Result<Begun, KeysError> {
    let Beginning {
        old,
        new,
        plan,
        actor,
        audit: audits,
    } = beginning;
    let (now, environment) = (new.created_at, new.environment);
    let old = active(connection, dialect, new.company, old).await?;
    if old.terms.is_deleted(now) {
        return Err(KeysError::NotFound);
    }
    if old.terms.has_expired(now) {
        return Err(KeysError::CannotRotate(format!(
            "The key ending in {} has expired, so there is nothing to move over from. Generate a new key.",
            old.last_four
        )));
    }
    let entry = |id, action, subject: KeyId, detail| AuditEntry {
        id,
        at: now,
        company: Some(new.company),
        actor: actor.clone(),
        action,
        subject: subject.to_string(),
        detail,
    };
    let generated = entry(
        audits[0],
        AuditAction::KeyGenerated,
        new.id,
        format!(
            "{}; to replace the key ending in {}",
            environment.label(),
            old.last_four
        ),
    );
    let mut freed = None;
    if !slots::insert(connection, &new).await? {
        freed = terms::free_slot(connection, &new, &generated).await?;
        if freed.is_none() || !slots::insert(connection, &new).await? {
            return Err(no_slot(connection, &old, new.company).await?);
        }
    }
    let key = inherit(connection, &old, &new).await?;
    let rotation = KeyRotation {
        environment,
        old_key: old.id,
        old_last_four: old.last_four,
        new_key: new.id,
        new_last_four: new.last_four.clone(),
        started_at: now,
        started_by: actor.name.clone(),
        plan,
        plan_by: actor.name.clone(),
        stage: RotationStage::Running,
    };
    insert(connection, &rotation, new.company).await?;
    let started = entry(
        audits[1],
        AuditAction::KeyRotationStarted,
        rotation.old_key,
        format!(
            "{}; new key ending in {}; {}",
            environment.label(),
            new.last_four,
            words_of(plan)
        ),
    );
    audit::record_all(connection, &[generated, started]).await?;
    if let Some(freed) = &mut freed {
        freed.version = feed::record(connection, Changed::Key(freed.key)).await?;
    }
    let version = feed::record(connection, Changed::Key(new.id)).await?;
    Ok(Begun {
        inserted: Inserted { version, freed },
        key,
        rotation,
    })
}

/// Why there is no slot for a new key.
async fn no_slot(
    connection: &mut DbConnection,
    old: &KeySummary,
    company: CompanyId,
) -> Result<KeysError, KeysError> {
    let row = sqlx::query(
        "SELECT k.last_four, (SELECT r.old_key FROM key_rotations r WHERE r.company_id = $1 AND r.environment = $2 \
         AND r.ended_at IS NULL) AS rotated FROM api_keys k \
         WHERE k.company_id = $1 AND k.environment = $2 AND k.deleted_at IS NULL AND k.id <> $3",
    )
    .bind(company.to_string())
    .bind(old.environment.as_str())
    .bind(old.id.to_string())
    .fetch_optional(connection)
    .await
    .map_err(StoreError::from)?;
    let Some(row) = row else {
        return Ok(KeysError::TwoActive);
    };
    let other = row.text("last_four")?;
    let why = match row.maybe_parsed::<KeyId>("rotated")? {
        Some(rotated) if rotated == old.id => format!(
            "This key is already being replaced by the key ending in {other}. Finish that rotation, or delete the new key \
             and start again."
        ),
        Some(_) => {
            format!("This key is itself replacing the key ending in {other}. Finish that rotation first.")
        }
        None => format!(
            "Two keys are active in {}: the one ending in {} and the one ending in {other}. A rotation makes a second key, \
             so delete the one that is not used first.",
            old.environment.label(),
            old.last_four
        ),
    };
    Ok(KeysError::CannotRotate(why))
}

/// Gives the new key what it has from the old one: everything but its dates.
async fn inherit(
    connection: &mut DbConnection,
    old: &KeySummary,
    new: &NewKey,
) -> Result<KeySummary, KeysError> {
    let mut inherited = old.terms.clone();
    (inherited.expires_at, inherited.delete_at) = (None, None);
    sqlx::query(
        "UPDATE api_keys SET name = $1, note = $2, read_only = $3, networks = $4, requests_a_minute = $5 WHERE id = $6",
    )
    .bind(inherited.name.clone())
    .bind(inherited.note.clone())
    .bind(i64::from(inherited.read_only))
    .bind(inherited.networks.join(" "))
    .bind(inherited.requests_a_minute.map(i64::from))
    .bind(new.id.to_string())
    .execute(connection)
    .await
    .map_err(StoreError::from)?;
    Ok(KeySummary {
        id: new.id,
        environment: new.environment,
        created_at: new.created_at,
        created_by: new.created_by.clone(),
        last_four: new.last_four.clone(),
        last_used: None,
        terms: inherited,
    })
}

const fn columns(plan: RotationPlan) -> (Option<i64>, Option<i64>) {
    match plan {
        RotationPlan::Undecided => (None, None),
        RotationPlan::At(at) => (Some(at.as_millis()), None),
        RotationPlan::Quiet(millis) => (None, Some(millis)),
    }
}

async fn insert(
    connection: &mut DbConnection,
    rotation: &KeyRotation,
    company: CompanyId,
) -> Result<(), StoreError> {
    let (delete_at, quiet) = columns(rotation.plan);
    sqlx::query(
        "INSERT INTO key_rotations (new_key, new_last_four, old_key, old_last_four, company_id, environment, started_at, \
         started_by, delete_at, quiet_ms, plan_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $8)",
    )
    .bind(rotation.new_key.to_string())
    .bind(rotation.new_last_four.clone())
    .bind(rotation.old_key.to_string())
    .bind(rotation.old_last_four.clone())
    .bind(company.to_string())
    .bind(rotation.environment.as_str())
    .bind(rotation.started_at.as_millis())
    .bind(rotation.started_by.clone())
    .bind(delete_at)
    .bind(quiet)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn change(
    connection: &mut DbConnection,
    dialect: Dialect,
    changing: ChangingRotation,
) -> Result<StoredRotation, KeysError> {
    let due = DueRotation {
        company: changing.company,
        new_key: changing.new_key,
    };
    let StoredRotation { mut rotation, facts } = one(connection, dialect, due).await?;
    let refused = match (&rotation.stage, &changing.change) {
        (RotationStage::Ended { .. }, _) => Some(RotationWait::HasEnded),
        (RotationStage::Cancelled { .. }, RotationChange::Plan(_)) => Some(RotationWait::IsCancelled),
        _ => None,
    };
    if let Some(wait) = refused {
        return Err(KeysError::RotationWaits(wait));
    }
    let by = changing.actor.name.clone();
    match changing.change {
        RotationChange::Plan(plan) => (rotation.plan, rotation.plan_by) = (plan, by),
        RotationChange::Cancel => {
            rotation.stage = RotationStage::Cancelled { at: changing.at, by };
        }
        RotationChange::Resume(plan) => {
            rotation.stage = RotationStage::Running;
            // The one who resumes it says that the old key may go.
            (rotation.plan, rotation.plan_by) = (plan.unwrap_or(rotation.plan), by);
        }
    }
    let (delete_at, quiet) = columns(rotation.plan);
    let cancelled = match &rotation.stage {
        RotationStage::Cancelled { at, by } => Some((at.as_millis(), by.clone())),
        _ => None,
    };
    sqlx::query(
        "UPDATE key_rotations SET delete_at = $1, quiet_ms = $2, plan_by = $3, cancelled_at = $4, cancelled_by = $5 \
         WHERE new_key = $6",
    )
    .bind(delete_at)
    .bind(quiet)
    .bind(rotation.plan_by.clone())
    .bind(cancelled.as_ref().map(|(at, _)| *at))
    .bind(cancelled.map(|(_, by)| by))
    .bind(rotation.new_key.to_string())
    .execute(&mut *connection)
    .await
    .map_err(StoreError::from)?;
    let entry = AuditEntry {
        id: changing.audit,
        at: changing.at,
        company: Some(changing.company),
        actor: changing.actor,
        action: AuditAction::KeyRotationChanged,
        subject: rotation.old_key.to_string(),
        detail: format!("{}; {}", rotation.environment.label(), changing.change.words()),
    };
    audit::record(connection, &entry).await?;
    Ok(StoredRotation { rotation, facts })
}

/// Leaves out those that cannot be due yet; each is judged again by [`delete_old`]. Uses the index `key_rotations_open`.
pub(super) async fn due(db: &Db, now: Timestamp) -> Result<Vec<DueRotation>, StoreError> {
    let rows = sqlx::query(
        "SELECT r.new_key, r.company_id FROM key_rotations r JOIN api_keys o ON o.id = r.old_key \
         JOIN api_keys n ON n.id = r.new_key WHERE r.ended_at IS NULL AND r.cancelled_at IS NULL \
         AND n.last_used_at IS NOT NULL \
         AND (r.delete_at <= $1 OR COALESCE(o.last_used_at, r.started_at) + r.quiet_ms <= $1) ORDER BY r.new_key",
    )
    .bind(now.as_millis())
    .fetch_all(db.reader())
    .await?;
    let read = |row: &AnyRow| {
        Ok(DueRotation {
            company: row.parsed("company_id")?,
            new_key: row.parsed("new_key")?,
        })
    };
    rows.iter().map(read).collect()
}

pub(super) async fn delete_old(
    connection: &mut DbConnection,
    dialect: Dialect,
    rotating: Rotating,
) -> Result<DeletedRow, KeysError> {
    let sql = format!(
        "SELECT id FROM api_keys WHERE id IN (SELECT old_key FROM key_rotations WHERE new_key = $1) OR id = $1 \
         ORDER BY id{}",
        dialect.for_update()
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(rotating.due.new_key.to_string())
        .fetch_all(&mut *connection)
        .await
        .map_err(StoreError::from)?;
    let StoredRotation { rotation, facts } = one(connection, dialect, rotating.due).await?;
    let wait = match &rotating.by {
        Some(_) => rotation.forbids(&facts, rotating.at),
        None => {
            let now = earlier_of_clocks(connection, dialect, rotating.at).await?;
            rotation.waits_for(&facts, now)
        }
    };
    if let Some(wait) = wait {
        return Err(KeysError::RotationWaits(wait));
    }
    let by = rotating
        .by
        .as_ref()
        .map_or(&rotation.plan_by, |actor| &actor.name);
    let row = sqlx::query(
        "UPDATE api_keys SET sealed = NULL, deleted_at = $1, deleted_by = $2 \
         WHERE id = $3 AND company_id = $4 AND deleted_at IS NULL \
         RETURNING environment, lookup_hash, last_four, deleted_at, deleted_by",
    )
    .bind(rotating.at.as_millis())
    .bind(by.clone())
    .bind(rotation.old_key.to_string())
    .bind(rotating.due.company.to_string())
    .fetch_optional(&mut *connection)
    .await
    .map_err(StoreError::from)?
    .ok_or(KeysError::NotFound)?;
    let mut deleted = terms::read_deleted(&row, rotation.old_key)?;
    end(connection, rotation.new_key, RotationEnd::Rotated, rotating.at).await?;
    let entry = deletion_audit(&rotation, rotating, deleted.environment);
    audit::record(connection, &entry).await?;
    deleted.version = feed::record(connection, Changed::Key(deleted.key)).await?;
    Ok(deleted)
}

fn deletion_audit(rotation: &KeyRotation, rotating: Rotating, environment: Environment) -> AuditEntry {
    let planned = match rotating.by {
        Some(_) => String::new(),
        None => format!(", as {} had planned", rotation.plan_by),
    };
    AuditEntry {
        id: rotating.audit,
        at: rotating.at,
        company: Some(rotating.due.company),
        actor: rotating.by.unwrap_or_else(Actor::system),
        action: AuditAction::KeyDeleted,
        subject: rotation.old_key.to_string(),
        detail: format!(
            "{}; replaced by the key ending in {}{planned}",
            environment.label(),
            rotation.new_last_four
        ),
    }
}

/// A node whose clock is ahead must not delete a key early. With one process, there is one clock.
async fn earlier_of_clocks(
    connection: &mut DbConnection,
    dialect: Dialect,
    now: Timestamp,
) -> Result<Timestamp, KeysError> {
    if dialect == Dialect::Sqlite {
        return Ok(now);
    }
    let sql = format!("SELECT {} AS now", dialect.clock_millis());
    let row = sqlx::query(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .map_err(StoreError::from)?;
    Ok(row.time("now")?.min(now))
}

async fn end(
    connection: &mut DbConnection,
    new_key: KeyId,
    how: RotationEnd,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE key_rotations SET ended_at = $1, ended_as = $2 WHERE new_key = $3")
        .bind(at.as_millis())
        .bind(how.as_str())
        .bind(new_key.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends the rotation of a key that was deleted otherwise. Belongs in the transaction of every such deletion, after the row of
/// the key.
pub(super) async fn key_deleted(
    connection: &mut DbConnection,
    key: KeyId,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE key_rotations SET ended_at = $1, \
         ended_as = CASE WHEN new_key = $2 THEN 'new_key_deleted' ELSE 'old_key_deleted' END \
         WHERE ended_at IS NULL AND (old_key = $2 OR new_key = $2)",
    )
    .bind(at.as_millis())
    .bind(key.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes rotations that ended before this moment.
pub(super) async fn remove_old(
    connection: &mut DbConnection,
    ended_before: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM key_rotations WHERE ended_at IS NOT NULL AND ended_at < $1")
        .bind(ended_before.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

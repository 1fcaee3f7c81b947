//! API keys, the change version and the nodes that follow it, on both databases.
//!
//! Every transaction locks the row of `change_version` last. Two transactions can therefore never deadlock over it, and
//! each holds it only during its commit. [`feed`] numbers the rows that a change wrote.

pub mod feed;
mod imported;
mod rotations;
mod slots;
mod terms;

use std::time::Duration;

use async_trait::async_trait;
use keys::{
    Beginning, Begun, ChangedRow, Changing, ChangingRotation, DeletedRow, Deletion, DueKey, DueRotation,
    ImportedKey, Inserted, KeyStore, KeysError, Loaded, NewKey, NodeId, Renewal, Rotating, SealedKey,
    StoredRotation, Touch,
};
use model::{
    AuditAction, AuditEntry, AuditId, CompanyId, DeletedKeySummary, Environment, KeyId, KeySummary, Timestamp,
};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use vault::{LookupHash, Sealed};

use self::feed::{Changed, signed};
pub use self::imported::MIGRATION as IMPORTED_MIGRATION;
pub use self::rotations::MIGRATION as ROTATIONS_MIGRATION;
pub use self::terms::MIGRATION as TERMS_MIGRATION;
use crate::{Columns, Db, DbConnection, Dialect, Migration, StoreError, Urgency, audit};

/// The tables.
pub const MIGRATION: Migration = Migration {
    name: "0003_keys",
    sql: include_str!("../migrations/0003_keys.sql"),
};

/// The numbers of the changes.
pub const FEED_MIGRATION: Migration = Migration {
    name: "0014_change_feed",
    sql: include_str!("../migrations/0014_change_feed.sql"),
};

/// The index for keys by company.
pub const BY_COMPANY_MIGRATION: Migration = Migration {
    name: "0012_api_keys_by_company",
    sql: include_str!("../migrations/0012_api_keys_by_company.sql"),
};

/// How many keys one transaction touches at most.
const TOUCHED_TOGETHER: usize = 500;

/// Locks the rows in the order of their ids, so that two nodes never wait for each other.
const HELD: &str = "WITH held AS (SELECT id FROM api_keys WHERE id IN \
     (SELECT id FROM json_to_recordset(CAST($1 AS JSON)) AS touched (id TEXT)) ORDER BY id FOR UPDATE) ";

/// As JSON, which [`Dialect::touched`] reads.
fn listed(touches: &[Touch]) -> String {
    let list: Vec<serde_json::Value> = touches
        .iter()
        .map(|touch| {
            serde_json::json!({
                "id": touch.key.to_string(),
                "at": touch.at.as_millis(),
                "address": touch.address.to_string(),
            })
        })
        .collect();
    serde_json::Value::from(list).to_string()
}

/// A node whose lease ended this long ago will not come back under the same id.
const NODE_FORGOTTEN_AFTER_MS: i64 = 3_600_000;

/// [`KeyStore`] on a [`Db`].
#[derive(Clone, Debug)]
pub struct StoredKeys {
    db: Db,
}

impl StoredKeys {
    pub const fn new(db: Db) -> Self {
        Self { db }
    }
}

impl From<StoreError> for KeysError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed => Self::Stopping,
            other => Self::Store(Box::new(other)),
        }
    }
}

#[async_trait]
impl KeyStore for StoredKeys {
    async fn load(&self) -> Result<Loaded, KeysError> {
        Ok(feed::load(&self.db, None).await?)
    }

    async fn changes_since(&self, version: u64) -> Result<Option<Loaded>, KeysError> {
        Ok(feed::changes(&self.db, version).await?)
    }

    async fn change_version(&self) -> Result<u64, KeysError> {
        Ok(feed::latest(&self.db).await?)
    }

    async fn company_of(&self, key: KeyId) -> Result<CompanyId, KeysError> {
        let row = sqlx::query("SELECT company_id FROM api_keys WHERE id = $1 AND deleted_at IS NULL")
            .bind(key.to_string())
            .fetch_optional(self.db.reader())
            .await
            .map_err(StoreError::from)?;
        Ok(row.ok_or(KeysError::NotFound)?.parsed("company_id")?)
    }

    /// Uses the index `api_keys_slot`.
    async fn list(&self, company: CompanyId) -> Result<Vec<KeySummary>, KeysError> {
        let sql = format!(
            "SELECT id, environment, last_four, created_at, created_by, last_used_at, last_used_address, {} FROM api_keys \
             WHERE company_id = $1 AND deleted_at IS NULL ORDER BY created_at, id",
            terms::COLUMNS
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(company.to_string())
            .fetch_all(self.db.reader())
            .await
            .map_err(StoreError::from)?;
        Ok(rows.iter().map(terms::read_summary).collect::<Result<_, _>>()?)
    }

    async fn deleted(&self, company: CompanyId, most: usize) -> Result<Vec<DeletedKeySummary>, KeysError> {
        Ok(terms::deleted(&self.db, company, most).await?)
    }

    async fn insert(&self, key: NewKey, entry: AuditEntry) -> Result<Inserted, KeysError> {
        self.db
            .write(Urgency::Interactive, move |connection| {
                Box::pin(async move {
                    let mut freed = None;
                    if !slots::insert(connection, &key).await? {
                        freed = terms::free_slot(connection, &key, &entry).await?;
                        if freed.is_none() || !slots::insert(connection, &key).await? {
                            return Err(KeysError::TwoActive);
                        }
                    }
                    audit::record(connection, &entry).await?;
                    if let Some(freed) = &mut freed {
                        freed.version = feed::record(connection, Changed::Key(freed.key)).await?;
                    }
                    let version = feed::record(connection, Changed::Key(key.id)).await?;
                    Ok(Inserted { version, freed })
                })
            })
            .await
    }

    async fn change(&self, changing: Changing) -> Result<ChangedRow, KeysError> {
        let dialect = self.db.dialect();
        self.db
            .write(Urgency::Interactive, move |connection| {
                Box::pin(async move { terms::change(connection, dialect, changing).await })
            })
            .await
    }

    async fn due(&self, now: Timestamp) -> Result<Vec<DueKey>, KeysError> {
        Ok(terms::due(&self.db, now).await?)
    }

    async fn delete_due(&self, due: DueKey, now: Timestamp, audit: AuditId) -> Result<DeletedRow, KeysError> {
        self.db
            .write(Urgency::Interactive, move |connection| {
                Box::pin(async move { terms::delete_due(connection, due, now, audit).await })
            })
            .await
    }

    async fn begin_rotation(&self, beginning: Beginning) -> Result<Begun, KeysError> {
        let dialect = self.db.dialect();
        self.db
            .write(Urgency::Interactive, move |connection| {
                Box::pin(async move { rotations::begin(connection, dialect, beginning).await })
            })
            .await
    }

    async fn rotation_of(&self, company: CompanyId, key: KeyId) -> Result<Option<StoredRotation>, KeysError> {
        Ok(rotations::of_key(&self.db, company, key).await?)
    }

    async fn company_of_rotation(&self, key: KeyId) -> Result<Option<CompanyId>, KeysError> {
        Ok(rotations::company_of(&self.db, key).await?)
    }

    async fn change_rotation(&self, changing: ChangingRotation) -> Result<StoredRotation, KeysError> {
        let dialect = self.db.dialect();
        self.db
            .write(Urgency::Interactive, move |connection| {
                Box::pin(async move { rotations::change(connection, dialect, changing).await })
            })
            .await
    }

    async fn due_rotations(&self, now: Timestamp) -> Result<Vec<DueRotation>, KeysError> {
        Ok(rotations::due(&self.db, now).await?)
    }

    async fn delete_rotated(&self, rotating: Rotating) -> Result<DeletedRow, KeysError> {
        let dialect = self.db.dialect();
        self.db
            .write(Urgency::Interactive, move |connection| {
                Box::pin(async move { rotations::delete_old(connection, dialect, rotating).await })
            })
            .await
    }

    async fn import(&self, key: ImportedKey, entry: AuditEntry) -> Result<u64, KeysError> {
        self.db
            .write(Urgency::Interactive, move |connection| {
                Box::pin(async move { imported::insert(connection, key, entry).await })
            })
            .await
    }

    async fn is_known(&self, lookup: LookupHash) -> Result<bool, KeysError> {
        Ok(imported::is_known(&self.db, lookup).await?)
    }

    async fn sealed(&self, company: CompanyId, key: KeyId) -> Result<SealedKey, KeysError> {
        let row = sqlx::query(
            "SELECT id, environment, last_four, created_at, sealed, expires_at, delete_at FROM api_keys \
             WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL",
        )
        .bind(key.to_string())
        .bind(company.to_string())
        .fetch_optional(self.db.reader())
        .await
        .map_err(StoreError::from)?;
        Ok(read_sealed(&row.ok_or(KeysError::NotFound)?)?)
    }

    /// Uses the index `api_keys_slot`.
    async fn sealed_of(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<Vec<SealedKey>, KeysError> {
        let rows = sqlx::query(
            "SELECT id, environment, last_four, created_at, sealed, expires_at, delete_at FROM api_keys \
             WHERE company_id = $1 AND environment = $2 AND deleted_at IS NULL ORDER BY created_at, id",
        )
        .bind(company.to_string())
        .bind(environment.as_str())
        .fetch_all(self.db.reader())
        .await
        .map_err(StoreError::from)?;
        Ok(rows.iter().map(read_sealed).collect::<Result<_, _>>()?)
    }

    async fn record_access(
        &self,
        company: CompanyId,
        key: KeyId,
        entry: AuditEntry,
    ) -> Result<(), KeysError> {
        let for_share = self.db.dialect().for_share();
        self.db.write(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                let sql = format!(
                    "SELECT id FROM api_keys WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL{for_share}"
                );
                let active = sqlx::query(AssertSqlSafe(sql))
                    .bind(key.to_string())
                    .bind(company.to_string())
                    .fetch_optional(&mut *connection)
                    .await
                    .map_err(StoreError::from)?;
                if active.is_none() {
                    return Err(KeysError::NotFound);
                }
                Ok(audit::record(connection, &entry).await?)
            })
        })
        .await
    }

    async fn delete(&self, deletion: Deletion) -> Result<DeletedRow, KeysError> {
        self.db
            .write(Urgency::Interactive, move |connection| {
                Box::pin(async move {
                    let row = sqlx::query(
                        "UPDATE api_keys SET sealed = NULL, deleted_at = $1, deleted_by = $2 \
                     WHERE id = $3 AND company_id = $4 AND deleted_at IS NULL \
                     RETURNING environment, lookup_hash, last_four, deleted_at, deleted_by",
                    )
                    .bind(deletion.at.as_millis())
                    .bind(deletion.actor.name.clone())
                    .bind(deletion.key.to_string())
                    .bind(deletion.company.to_string())
                    .fetch_optional(&mut *connection)
                    .await
                    .map_err(StoreError::from)?
                    .ok_or(KeysError::NotFound)?;
                    let mut deleted = terms::read_deleted(&row, deletion.key)?;
                    rotations::key_deleted(connection, deletion.key, deletion.at).await?;
                    audit::record(connection, &deletion_audit(deletion, deleted.environment)).await?;
                    deleted.version = feed::record(connection, Changed::Key(deleted.key)).await?;
                    Ok(deleted)
                })
            })
            .await
    }

    /// One statement and one transaction for many keys: other writes take their turn between them, and a busy hour with a
    /// hundred thousand keys costs little more than one with a hundred.
    async fn touch(&self, touches: Vec<Touch>) -> Result<(), KeysError> {
        let update = format!(
            "{held}UPDATE api_keys SET last_used_at = touched.at, last_used_address = touched.address \
             FROM {touched} WHERE api_keys.id = touched.id{is_held} \
             AND (last_used_at IS NULL OR last_used_at < touched.at)",
            held = self.db.dialect().on_postgres(HELD),
            touched = self.db.dialect().touched(),
            is_held = self
                .db
                .dialect()
                .on_postgres(" AND api_keys.id IN (SELECT id FROM held)"),
        );
        for together in touches.chunks(TOUCHED_TOGETHER) {
            let (update, list) = (update.clone(), listed(together));
            self.db
                .write(Urgency::Background, move |connection| {
                    Box::pin(async move {
                        let update = sqlx::query(AssertSqlSafe(update)).bind(list);
                        update.execute(connection).await.map_err(StoreError::from)?;
                        Ok::<(), KeysError>(())
                    })
                })
                .await?;
        }
        Ok(())
    }

    async fn purge(&self, deleted_before: Timestamp) -> Result<u64, KeysError> {
        self.db
            .write(Urgency::Background, move |connection| {
                Box::pin(async move {
                    rotations::remove_old(connection, deleted_before).await?;
                    Ok(feed::remove_tombstones(connection, deleted_before).await?)
                })
            })
            .await
    }

    /// SQLite appends whole pages to its write-ahead log and merges them into the file later. Until then the log still
    /// holds the page from before the deletion. PostgreSQL's files are out of our reach; the secrets in them stay
    /// sealed.
    async fn scrub(&self) -> Result<(), KeysError> {
        if self.db.dialect() == Dialect::Sqlite {
            let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .fetch_one(self.db.reader())
                .await;
            checkpoint.map_err(StoreError::from)?;
        }
        Ok(())
    }

    fn is_shared(&self) -> bool {
        self.db.dialect() == Dialect::Postgres
    }

    async fn renew_lease(&self, node: NodeId, applied: u64, lease: Duration) -> Result<Renewal, KeysError> {
        let dialect = self.db.dialect();
        self.db
            .write(Urgency::Interactive, move |connection| {
                Box::pin(async move {
                    // A transaction that creates a new version and this renewal wait for each other on this row.
                    // Without the lock a node could renew its lease at a version that has just been superseded.
                    let sql = format!(
                        "SELECT version FROM change_version WHERE one = 1{}",
                        dialect.for_share()
                    );
                    let latest = sqlx::query(AssertSqlSafe(sql))
                        .fetch_one(&mut *connection)
                        .await
                        .map_err(StoreError::from)?;
                    if Renewal::of(applied, feed::unsigned(latest.int("version")?)?) == Renewal::Behind {
                        return Ok(Renewal::Behind);
                    }
                    let clock = dialect.clock_millis();
                    let sql = format!(
                        "INSERT INTO nodes (id, applied_version, lease_until) VALUES ($1, $2, {clock} + $3) \
                     ON CONFLICT (id) DO UPDATE \
                     SET applied_version = excluded.applied_version, lease_until = excluded.lease_until"
                    );
                    sqlx::query(AssertSqlSafe(sql))
                        .bind(node.to_string())
                        .bind(signed(applied)?)
                        .bind(millis(lease))
                        .execute(&mut *connection)
                        .await
                        .map_err(StoreError::from)?;
                    forget_old_nodes(connection, dialect).await?;
                    Ok(Renewal::Renewed)
                })
            })
            .await
    }

    async fn nodes_behind(&self, version: u64, asking: NodeId) -> Result<u64, KeysError> {
        let sql = format!(
            "SELECT CAST(COUNT(*) AS BIGINT) AS behind FROM nodes \
             WHERE id <> $1 AND applied_version < $2 AND lease_until > {}",
            self.db.dialect().clock_millis()
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(asking.to_string())
            .bind(signed(version)?)
            .fetch_one(self.db.reader())
            .await
            .map_err(StoreError::from)?;
        Ok(row.int("behind")?.unsigned_abs())
    }

    async fn leave(&self, node: NodeId) -> Result<(), KeysError> {
        self.db
            .write(Urgency::Interactive, move |connection| {
                Box::pin(async move {
                    sqlx::query("DELETE FROM nodes WHERE id = $1")
                        .bind(node.to_string())
                        .execute(connection)
                        .await
                        .map_err(StoreError::from)?;
                    Ok(())
                })
            })
            .await
    }
}

async fn forget_old_nodes(connection: &mut DbConnection, dialect: Dialect) -> Result<(), StoreError> {
    let sql = format!(
        "DELETE FROM nodes WHERE lease_until < {} - $1",
        dialect.clock_millis()
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(NODE_FORGOTTEN_AFTER_MS)
        .execute(connection)
        .await?;
    Ok(())
}

fn deletion_audit(deletion: Deletion, environment: Environment) -> AuditEntry {
    AuditEntry {
        id: deletion.audit,
        at: deletion.at,
        company: Some(deletion.company),
        actor: deletion.actor,
        action: AuditAction::KeyDeleted,
        subject: deletion.key.to_string(),
        detail: environment.label().to_owned(),
    }
}

fn read_sealed(row: &AnyRow) -> Result<SealedKey, StoreError> {
    Ok(SealedKey {
        id: row.parsed("id")?,
        environment: row.parsed("environment")?,
        last_four: row.text("last_four")?,
        created_at: row.time("created_at")?,
        sealed: Sealed::from_bytes(row.blob("sealed")?),
        expires_at: row.maybe_time("expires_at")?,
        delete_at: row.maybe_time("delete_at")?,
    })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

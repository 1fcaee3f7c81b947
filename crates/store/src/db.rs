//! A database handle: many readers, and writes as closures that run inside a transaction.
//!
//! SQLite allows one writer, so one task does all the writing. It takes the waiting writes (interactive and background
//! ones in turn, so that neither starves the other), runs them in the same transaction, each but the first in a
//! savepoint, and commits once. The whole group costs one fsync, and a write
//! returns only after that commit. PostgreSQL runs each write in its own transaction.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::migrate::{self, Migration};
use crate::{Dialect, StoreError};

/// The connection a closure runs its statements on.
pub type DbConnection = AnyConnection;

/// The future a closure returns.
pub type Work<'c, T, E> = BoxFuture<'c, Result<T, E>>;

/// The oldest SQLite version without the WAL-reset bug.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// The most writes that share one commit.
const COMMIT_GROUP: usize = 128;

/// How many writes may queue before callers have to wait for a place in the queue.
const QUEUE: usize = 1024;

/// Who is waiting for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// A caller is waiting for the result.
    Interactive,
    /// No one is waiting: the request that caused the write has moved on.
    Background,
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A power cut, from the moment the write returns.
    Full,
    /// A crash of the process. A power cut may lose the last moments but never damages the file.
    Normal,
}

/// Where the database is.
#[derive(Clone, Debug)]
pub enum DbOptions {
    Sqlite {
        file: PathBuf,
        durability: Durability,
    },
    /// `schema` is created if it is missing. Each test uses its own.
    Postgres {
        url: String,
        schema: Option<String>,
        connections: u32,
    },
}

/// A handle on one database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    dialect: Dialect,
    pool: AnyPool,
    writer: Option<Writer>,
    /// Whether PostgreSQL cannot be reached at the moment. [`crate::start_relay`] finds out.
    away: Arc<AtomicBool>,
}

#[derive(Clone, Debug)]
struct Writer {
    interactive: mpsc::Sender<Job>,
    background: mpsc::Sender<Job>,
    closing: Arc<Notify>,
    /// Nothing is ever sent here. The sender is dropped when the writer task ends, which wakes the receiver.
    ended: watch::Receiver<()>,
}

type Job = Box<dyn WaitingWrite>;

impl Db {
    /// Opens the database and brings its tables up to date.
    pub async fn open(options: &DbOptions, migrations: &[Migration]) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        match options {
            DbOptions::Sqlite { file, durability } => Self::open_sqlite(file, *durability, migrations).await,
            DbOptions::Postgres {
                url,
                schema,
                connections,
            } => Self::open_postgres(url, schema.as_deref(), *connections, migrations).await,
        }
    }

    async fn open_sqlite(
        file: &Path,
        durability: Durability,
        migrations: &[Migration],
    ) -> Result<Self, StoreError> {
        let url = sqlite_url(file)?;
        let mut connection = AnyConnection::connect(&format!("{url}?mode=rwc")).await?;
        check_sqlite_version(&mut connection).await?;
        let synchronous = match durability {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
        };
        let pragmas = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON; \
             PRAGMA busy_timeout = 5000; PRAGMA cache_size = -32000; PRAGMA secure_delete = ON"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(pragmas))
            .execute(&mut connection)
            .await?;
        migrate::run(&mut connection, Dialect::Sqlite, migrations).await?;

        let pool = AnyPoolOptions::new()
            .max_connections(4)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    let pragmas =
                        "PRAGMA query_only = ON; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -32000";
                    sqlx::raw_sql(pragmas).execute(connection).await.map(|_| ())
                })
            })
            .connect(&format!("{url}?mode=rw"))
            .await?;
        let (interactive, urgent) = mpsc::channel(QUEUE);
        let (background, patient) = mpsc::channel(QUEUE);
        let (closing, (running, ended)) = (Arc::new(Notify::new()), watch::channel(()));
        tokio::spawn({
            let closing = Arc::clone(&closing);
            async move {
                run_writer(connection, urgent, patient, &closing).await;
                drop(running);
            }
        });
        Ok(Self {
            dialect: Dialect::Sqlite,
            pool,
            writer: Some(Writer {
                interactive,
                background,
                closing,
                ended,
            }),
            away: Arc::default(),
        })
    }

    /// Opens a file of SQLite as it is, to look at it. Nothing is migrated.
    pub async fn open_to_read(file: &Path) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(1)
            .connect(&format!("{}?mode=rw", sqlite_url(file)?))
            .await?;
        Ok(Self {
            dialect: Dialect::Sqlite,
            pool,
            writer: None,
            away: Arc::default(),
        })
    }

    async fn open_postgres(
        url: &str,
        schema: Option<&str>,
        connections: u32,
        migrations: &[Migration],
    ) -> Result<Self, StoreError> {
        let schema = schema.unwrap_or("public").to_owned();
        if !schema
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Err(StoreError::Unusable(format!(
                "the schema name {schema:?} is not made of letters, digits and _"
            )));
        }
        let mut connection = AnyConnection::connect(url).await?;
        // Several nodes may start at once. The lock makes them create and migrate one after another.
        sqlx::raw_sql("SELECT pg_advisory_lock(7106001)")
            .execute(&mut connection)
            .await?;
        let create = format!("CREATE SCHEMA IF NOT EXISTS {schema}; SET search_path TO {schema}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(create))
            .execute(&mut connection)
            .await?;
        let migrated = migrate::run(&mut connection, Dialect::Postgres, migrations).await;
        sqlx::raw_sql("SELECT pg_advisory_unlock(7106001)")
            .execute(&mut connection)
            .await?;
        migrated?;
        connection.close().await?;

        let search_path = format!("SET search_path TO {schema}");
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(5))
            .after_connect(move |connection, _| {
                let search_path = search_path.clone();
                Box::pin(async move {
                    sqlx::raw_sql(sqlx::AssertSqlSafe(search_path))
                        .execute(connection)
                        .await
                        .map(|_| ())
                })
            })
            .connect(url)
            .await?;
        Ok(Self {
            dialect: Dialect::Postgres,
            pool,
            writer: None,
            away: Arc::default(),
        })
    }

    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The pool for reads: `sqlx::query("…").fetch_all(db.reader())`. On SQLite these connections refuse to write.
    pub const fn reader(&self) -> &AnyPool {
        &self.pool
    }

    /// Whether the database is known to be out of reach, so that there is no point in waiting for a connection.
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// Runs `work` in a transaction and returns once it is committed. An error rolls back everything this `work` did,
    /// and nothing that other callers did.
    ///
    /// ```ignore
    /// db.write(Urgency::Interactive, move |connection| Box::pin(async move { … Ok(()) })).await
    /// ```
    pub async fn write<T, E, F>(&self, urgency: Urgency, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> Work<'c, T, E> + Send + 'static,
    {
        let Some(writer) = &self.writer else {
            return self.write_alone(work).await;
        };
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Waiting {
            work: Some(work),
            result: None,
            answer,
        });
        let queue = match urgency {
            Urgency::Interactive => &writer.interactive,
            Urgency::Background => &writer.background,
        };
        if queue.send(job).await.is_err() {
            return Err(StoreError::Closed.into());
        }
        answered.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Runs one PostgreSQL transaction in its own task, so a caller that is cancelled cannot interrupt it halfway.
    async fn write_alone<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> Work<'c, T, E> + Send + 'static,
    {
        let pool = self.pool.clone();
        let transaction = tokio::spawn(async move {
            let mut transaction = pool.begin().await.map_err(StoreError::from)?;
            let value = work(&mut transaction).await?;
            transaction.commit().await.map_err(StoreError::from)?;
            Ok(value)
        });
        transaction
            .await
            .unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Waits until open reads and queued writes have finished. SQLite's writer closes last because the last connection
    /// to close merges the write-ahead log into the file and deletes it, and the read-only connections cannot.
    pub async fn close(&self) {
        self.pool.close().await;
        if let Some(writer) = &self.writer {
            writer.closing.notify_one();
            let mut ended = writer.ended.clone();
            while ended.changed().await.is_ok() {}
        }
    }
}

/// A write that is waiting for its commit.
trait WaitingWrite: Send {
    fn run<'c>(&'c mut self, connection: &'c mut DbConnection) -> BoxFuture<'c, bool>;
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Waiting<T, E, F> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> WaitingWrite for Waiting<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: for<'c> FnOnce(&'c mut DbConnection) -> Work<'c, T, E> + Send,
{
    /// Returns whether to keep what the work wrote.
    fn run<'c>(&'c mut self, connection: &'c mut DbConnection) -> BoxFuture<'c, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else {
                return false;
            };
            let result = work(connection).await;
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (self.result, committed) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(StoreError::Closed.into()),
        };
        // The caller may be gone. The write is kept all the same.
        let _ = self.answer.send(result);
    }
}

async fn run_writer(
    mut connection: AnyConnection,
    mut urgent: mpsc::Receiver<Job>,
    mut patient: mpsc::Receiver<Job>,
    closing: &Notify,
) {
    let mut is_closing = false;
    loop {
        let first = tokio::select! {
            biased;
            () = closing.notified(), if !is_closing => {
                // Writes already in the queue still run. New ones are refused.
                is_closing = true;
                urgent.close();
                patient.close();
                continue;
            }
            job = next_job(&mut urgent, &mut patient) => match job {
                Some(job) => job,
                None => break,
            },
        };
        let mut group = Vec::with_capacity(8);
        group.push(first);
        while group.len() < COMMIT_GROUP {
            let before = group.len();
            group.extend(patient.try_recv());
            group.extend(urgent.try_recv());
            if group.len() == before {
                break;
            }
        }
        commit_group(&mut connection, group).await;
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the database did not close cleanly");
    }
}

/// Returns `None` once every sender is gone and both queues are empty.
async fn next_job(urgent: &mut mpsc::Receiver<Job>, patient: &mut mpsc::Receiver<Job>) -> Option<Job> {
    tokio::select! {
        biased;
        Some(job) = urgent.recv() => Some(job),
        Some(job) = patient.recv() => Some(job),
        else => None,
    }
}

async fn commit_group(connection: &mut AnyConnection, mut group: Vec<Job>) {
    let mut outcome = execute(connection, "BEGIN IMMEDIATE").await;
    if outcome.is_ok() {
        for (number, job) in group.iter_mut().enumerate() {
            outcome = if number == 0 {
                run_first(connection, job).await
            } else {
                run_in_savepoint(connection, job).await
            };
            if outcome.is_err() {
                break;
            }
        }
        outcome = match outcome {
            Ok(()) => execute(connection, "COMMIT").await,
            failed => failed,
        };
        if outcome.is_err()
            && let Err(error) = execute(connection, "ROLLBACK").await
        {
            tracing::debug!(%error, "there was no transaction left to roll back");
        }
    }
    match outcome {
        Ok(()) => group.into_iter().for_each(|job| job.finish(Ok(()))),
        Err(error) => {
            let full = error.is_disk_full();
            tracing::error!(%error, cause = ?error, full, "a group of writes was not committed");
            for job in group {
                job.finish(Err(if full {
                    StoreError::DiskFull
                } else {
                    StoreError::Unusable("the commit failed".to_owned())
                }));
            }
        }
    }
}

/// Nothing has been written before the first work of a transaction. So it needs no savepoint, which would cost a copy of
/// every page it changes: an error from it rolls back the transaction and begins another.
async fn run_first(connection: &mut AnyConnection, job: &mut Job) -> Result<(), StoreError> {
    if kept(connection, job).await {
        return Ok(());
    }
    execute(connection, "ROLLBACK").await?;
    execute(connection, "BEGIN IMMEDIATE").await
}

/// An error from the work itself rolls back to the savepoint and goes to its caller. This function fails only if the
/// savepoint itself fails.
async fn run_in_savepoint(connection: &mut AnyConnection, job: &mut Job) -> Result<(), StoreError> {
    execute(connection, "SAVEPOINT one_write").await?;
    if !kept(connection, job).await {
        execute(connection, "ROLLBACK TO one_write").await?;
    }
    execute(connection, "RELEASE one_write").await
}

/// Runs the work. Returns whether what it wrote is kept.
async fn kept(connection: &mut AnyConnection, job: &mut Job) -> bool {
    // A panic in one caller's work must not end the writer that every caller shares.
    let run = AssertUnwindSafe(job.run(connection)).catch_unwind();
    run.await.unwrap_or(false)
}

async fn execute(connection: &mut AnyConnection, sql: &'static str) -> Result<(), StoreError> {
    sqlx::raw_sql(sql).execute(connection).await?;
    Ok(())
}

/// Where a file of SQLite is, for sqlx.
pub(crate) fn sqlite_url(file: &Path) -> Result<String, StoreError> {
    let text = file
        .to_str()
        .ok_or_else(|| StoreError::Unusable(format!("{} is not UTF-8", file.display())))?;
    // Escape the characters that would end the path in the URL.
    Ok(format!(
        "sqlite://{}",
        text.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
    ))
}

async fn check_sqlite_version(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(connection)
        .await?;
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let found = (
        parts.next().unwrap_or(0),
        parts.next().unwrap_or(0),
        parts.next().unwrap_or(0),
    );
    if found < OLDEST_SQLITE {
        let (major, minor, patch) = OLDEST_SQLITE;
        return Err(StoreError::Unusable(format!(
            "SQLite {version} is older than {major}.{minor}.{patch}"
        )));
    }
    Ok(())
}

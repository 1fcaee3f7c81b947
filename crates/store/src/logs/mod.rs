//! The log store: implements [`Sink`], [`Ledger`] and [`Reader`] on both databases. Rows are in segments (see the crate
//! `segments`); this is what makes them durable, and what lets several nodes write and read them.
//!
//! A batch becomes a delta in the *catalogue*, a few tables of the log's database, in the transaction that gives its rows
//! their numbers. Its rows are also kept in memory. A segment that is full, or whose day is over, is *closed*: its columns
//! become immutable blobs in the *container*, and one transaction replaces its deltas by its head. A handle follows the
//! catalogue before each answer, so it sees what other nodes have stored. A start follows it from the beginning.

mod append;
mod catalogue;
mod closing;
mod container;
mod copy;
mod erasing;
mod files;
pub mod look;
mod moving;
pub mod old_rows;
mod read;
mod recheck;
mod removing;
mod retention;
mod runs;
mod state;
mod status;
mod steps;
mod tables;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use logs::{
    Batch, Found, Ledger, LogStoreError, Question, Reader, Retention, Run, RunReport, Scope, Sink, Sought,
    Traced,
};
use model::{Kept, LogEntry, LogTotals, Moving, RequestId, Timestamp};
use segments::{Cache, Day, ROWS};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

pub use copy::{CopiedSegments, Removals, copy_segments};
pub use erasing::{Erasure, Receipt, erase, receipts};
pub use moving::MoveOptions;
pub use retention::Swept;
pub use state::Held;
pub use status::{Status, status};
pub use steps::{Step, Watcher};

use crate::{Db, Migration, StoreError};
use append::Writing;
use closing::Closing;
use container::Blobs;
use files::Files;
use state::State;
use tables::Tables;

/// The tables of the log database, in order.
pub const LOG_MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_logs",
        sql: include_str!("../../migrations/logs/0001_logs.sql"),
    },
    Migration {
        name: "0002_segments",
        sql: include_str!("../../migrations/logs/0002_segments.sql"),
    },
    Migration {
        name: "0003_retention",
        sql: include_str!("../../migrations/logs/0003_retention.sql"),
    },
    Migration {
        name: "0004_move",
        sql: include_str!("../../migrations/logs/0004_move.sql"),
    },
];

/// Where closed segments are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Container {
    /// In files below this folder, which exists and belongs to this process alone. With SQLite.
    Folder(PathBuf),
    /// In tables of the same database. With PostgreSQL.
    Tables,
}

/// How a handle on the log works.
#[derive(Clone, Debug)]
pub struct LogsOptions {
    pub container: Container,
    /// Rows after which a segment is closed. At most [`ROWS`].
    pub rows_per_segment: usize,
    /// The pause after a segment could not be closed. It doubles up to 5 seconds.
    pub retry_close: Duration,
    /// Pauses the removing of files while a backup copies them.
    pub removals: Removals,
    /// The bound for decoded parts of closed segments in memory, in bytes.
    pub cache_bytes: usize,
    /// Is told of each step. Only tests set it.
    pub watcher: Watcher,
}

impl LogsOptions {
    /// The values a server uses.
    pub fn new(container: Container) -> Self {
        Self {
            container,
            rows_per_segment: ROWS,
            retry_close: Duration::from_secs(1),
            removals: Removals::default(),
            cache_bytes: 128 * 1024 * 1024,
            watcher: Watcher::default(),
        }
    }
}

/// The log in a database that was opened with [`LOG_MIGRATIONS`]. Cheap to clone; all clones share what they have in
/// memory.
#[derive(Clone, Debug)]
pub struct Logs {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    db: Db,
    blobs: Blobs,
    options: LogsOptions,
    watcher: Watcher,
    state: State,
    writing: Mutex<Writing>,
    /// Held while following, so that two do not read the same.
    following: Mutex<()>,
    closing: Closing,
    cache: Cache,
    /// No row of a version before is missing from the segments.
    all_moved: AtomicBool,
    /// Distinguishes this handle from those of other nodes.
    keeper: i64,
}

impl Logs {
    /// Reads the catalogue and the rows of open segments. Must be called within a tokio runtime.
    pub async fn open(db: Db, options: LogsOptions) -> Result<Self, StoreError> {
        let blobs = match &options.container {
            Container::Folder(folder) => Blobs::Files(Files::new(folder.clone())),
            Container::Tables => Blobs::Tables(Tables::new(db.clone(), Handle::current())),
        };
        let inner = Arc::new(Inner {
            db,
            blobs,
            watcher: options.watcher.clone(),
            cache: Cache::new(options.cache_bytes),
            options,
            state: State::new(),
            writing: Mutex::default(),
            following: Mutex::default(),
            closing: Closing::new(),
            all_moved: AtomicBool::new(false),
            keeper: RandomState::new().build_hasher().finish() as i64,
        });
        inner.follow().await?;
        Ok(Self { inner })
    }

    /// Numbers of segments, for metrics.
    pub fn held(&self) -> Held {
        self.inner.state.held()
    }

    /// Whether full segments cannot be closed at the moment. Their rows stay in the catalogue's database.
    pub fn cannot_close(&self) -> bool {
        self.inner.closing.is_failing()
    }

    /// Removes what is no longer kept. Every node calls it every hour or so; one of them does the work.
    pub async fn sweep(&self, retention: Retention, now: Timestamp) -> Result<Swept, StoreError> {
        self.inner.close_due(Day::of(now)).await;
        if !self.inner.is_keeper(now).await? {
            return Ok(Swept::default());
        }
        self.inner.sweep(retention, now).await
    }

    /// Removes the rows that [`erase`] has hidden. Every node calls it every minute or so, and after an erasure; one of them
    /// does the work. What is interrupted goes on with the next call.
    pub async fn remove_erased(&self, clock: impl Fn() -> Timestamp + Send + Sync) -> Result<(), StoreError> {
        self.inner.follow().await?;
        self.inner.close_due(Day::of(clock())).await;
        self.inner.remove_erased(&clock).await
    }

    /// Closes what a run has written, as at the end of a day. Returns when all segments are closed, or none can be.
    pub async fn close_segments(&self, run: Run) -> Result<(), LogStoreError> {
        self.inner.writing.lock().await.end(run.0);
        self.inner.follow().await?;
        for segment in self.inner.state.tails_of(run.0) {
            self.inner.close_soon(segment);
        }
        self.inner.closing.settled().await;
        Ok(())
    }
}

impl Inner {
    /// Takes in everything that is committed.
    async fn follow(self: &Arc<Self>) -> Result<(), StoreError> {
        let _turn = self.following.lock().await;
        let known = self.state.known();
        let news = catalogue::news(&self.db, known).await?;
        if news.known == known {
            return Ok(());
        }
        let inner = Arc::clone(self);
        blocking(move || inner.state.apply(news)).await
    }

    /// Removes the files of segments that do not exist. There are some after a kill in the middle of removing them.
    async fn remove_orphans(&self) -> Result<(), StoreError> {
        let Blobs::Files(files) = self.blobs.clone() else {
            return Ok(());
        };
        let _going = self.options.removals.begin().await;
        let known = catalogue::all(&self.db).await?;
        let removed = blocking(move || files.remove_others(&known))
            .await?
            .map_err(StoreError::Files)?;
        if !removed.is_empty() {
            tracing::info!(
                files = removed.len(),
                "removed files of the log that belong to no segment"
            );
        }
        Ok(())
    }
}

#[async_trait]
impl Sink for Logs {
    async fn append(&self, batch: Batch) -> Result<(), LogStoreError> {
        append::append(&self.inner, batch).await
    }

    async fn trace(&self, sought: Arc<[Sought]>, above: i64) -> Result<Traced, LogStoreError> {
        read::trace(&self.inner, sought, above).await
    }
}

#[async_trait]
impl Ledger for Logs {
    async fn start_run(&self, at: Timestamp) -> Result<Run, LogStoreError> {
        let run = runs::start(&self.inner.db, at).await?;
        if let Err(error) = self.inner.remove_orphans().await {
            // They only take room. The next start tries again.
            tracing::warn!(%error, cause = ?error, "could not look for files of the log that belong to no segment");
        }
        self.inner.close_abandoned().await?;
        // It reads whole segments, and a start does not wait for that.
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move {
            if let Err(error) = inner.recheck().await {
                tracing::warn!(%error, cause = ?error, "could not look again at damaged segments of the log");
            }
        });
        Ok(run)
    }

    async fn end_run(&self, report: RunReport) -> Result<(), LogStoreError> {
        let run = report.run;
        runs::end(&self.inner.db, report).await?;
        self.close_segments(run).await
    }

    async fn totals(&self, scope: Scope, from: Timestamp, to: Timestamp) -> Result<LogTotals, LogStoreError> {
        Ok(runs::totals(&self.inner.db, scope, from, to).await?)
    }

    async fn moving(&self) -> Result<Option<Moving>, LogStoreError> {
        Ok(self.how_far_moved().await?)
    }

    async fn begins(&self, scope: Scope) -> Result<Option<Kept>, LogStoreError> {
        // In a task of its own, as answers are.
        tokio::spawn(retention::begins(Arc::clone(&self.inner), scope))
            .await
            .map_err(|error| LogStoreError::Unavailable(Box::new(error)))?
    }
}

#[async_trait]
impl Reader for Logs {
    async fn find(&self, scope: Scope, question: &Question) -> Result<Found, LogStoreError> {
        read::find(&self.inner, scope, question).await
    }

    async fn entry(&self, scope: Scope, request: RequestId) -> Result<Option<LogEntry>, LogStoreError> {
        read::entry(&self.inner, scope, request).await
    }

    async fn entries(&self, scope: Scope, requests: &[RequestId]) -> Result<Vec<LogEntry>, LogStoreError> {
        read::entries(&self.inner, scope, requests).await
    }
}

/// Runs what keeps a core busy or waits for a disk on a thread of its own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Unusable(format!("a task of the log failed: {error}")))
}

impl From<StoreError> for LogStoreError {
    fn from(error: StoreError) -> Self {
        if error.is_disk_full() {
            Self::DiskFull
        } else if refuses_the_row(&error) {
            Self::Refused(Box::new(error))
        } else {
            Self::Unavailable(Box::new(error))
        }
    }
}

/// Whether the row itself is at fault and not the database. These are PostgreSQL's classes 22, 23 and 54, and SQLite's
/// TOOBIG, CONSTRAINT and MISMATCH.
fn refuses_the_row(error: &StoreError) -> bool {
    let StoreError::Database(sqlx::Error::Database(error)) = error else {
        return false;
    };
    let Some(code) = error.code() else { return false };
    if code.len() == 5
        && error
            .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
            .is_some()
    {
        return ["22", "23", "54"].iter().any(|class| code.starts_with(class));
    }
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 18..=20))
}

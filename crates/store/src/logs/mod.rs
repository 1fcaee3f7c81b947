//! The log store: implements [`Sink`], [`Ledger`] and [`Reader`] on both databases. On SQLite it has its own database, so a burst of log
//! rows never delays the deletion of a key.

mod append;
pub mod old_rows;
mod page;
mod runs;

use async_trait::async_trait;
use logs::{Batch, Found, Ledger, LogStoreError, Question, Reader, Run, RunReport, Scope, Sink};
use model::{LogEntry, LogTotals, RequestId, Timestamp};

use crate::{Db, Migration, StoreError};

/// The tables of the log database, in order.
pub const LOG_MIGRATIONS: &[Migration] = &[Migration {
    name: "0001_logs",
    sql: include_str!("../../migrations/logs/0001_logs.sql"),
}];

/// The log in a database that was opened with [`LOG_MIGRATIONS`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Logs {
    db: Db,
}

impl Logs {
    pub const fn new(db: Db) -> Self {
        Self { db }
    }
}

#[async_trait]
impl Sink for Logs {
    async fn append(&self, batch: Batch) -> Result<(), LogStoreError> {
        append::append(&self.db, batch).await
    }
}

#[async_trait]
impl Ledger for Logs {
    async fn start_run(&self, at: Timestamp) -> Result<Run, LogStoreError> {
        runs::start(&self.db, at).await
    }

    async fn end_run(&self, report: RunReport) -> Result<(), LogStoreError> {
        runs::end(&self.db, report).await
    }

    async fn totals(&self, scope: Scope, from: Timestamp, to: Timestamp) -> Result<LogTotals, LogStoreError> {
        Ok(page::totals(&self.db, scope, from, to).await?)
    }
}

#[async_trait]
impl Reader for Logs {
    async fn find(&self, scope: Scope, question: &Question) -> Result<Found, LogStoreError> {
        page::find(&self.db, scope, question).await
    }

    async fn entry(&self, scope: Scope, request: RequestId) -> Result<Option<LogEntry>, LogStoreError> {
        Ok(page::entry(&self.db, scope, request).await?)
    }
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

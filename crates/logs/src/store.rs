//! What the log needs of a database, as a trait, and what it exchanges with it.

use std::sync::Arc;

use async_trait::async_trait;
use model::{
    Body, CompanyId, Environment, HeaderField, KeyId, LogEntry, LogFilter, LogPage, Recorded, RequestId,
    Timestamp, Verdict,
};
use thiserror::Error;

use crate::{KeyTrace, Place};

/// A redacted entry, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    pub request_id: RequestId,
    pub at: Timestamp,
    pub place: Place,
    pub environment: Option<Environment>,
    pub key: Option<KeyTrace>,
    pub recorded: Recorded,
    pub method: String,
    pub path: String,
    pub status: u16,
    pub verdict: Verdict,
    pub verdict_detail: String,
    pub duration_us: u64,
    pub upstream_us: Option<u64>,
    pub address: String,
    pub user_agent: Option<String>,
    pub request_headers: Vec<HeaderField>,
    pub request_body: Body,
    pub response_headers: Vec<HeaderField>,
    pub response_body: Body,
}

/// Whose rows may be seen. There is no way to read the log without one (invariant 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A company that is no brand: its own rows and those of its brands.
    WithBrands(CompanyId),
    /// A brand: its own rows only.
    Brand(CompanyId),
}

impl Scope {
    /// The company who looks.
    pub const fn company(self) -> CompanyId {
        match self {
            Self::WithBrands(company) | Self::Brand(company) => company,
        }
    }
}

/// One run of a server, from its start to its stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run(pub i64);

/// A time in which rows may have been lost: an earlier run stopped without saying so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last moment of which that run is known to have written everything.
    pub from: Timestamp,
    /// When the next run noticed.
    pub to: Timestamp,
}

/// The counters of a run, as totals since it started: writing them twice does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    pub run: Run,
    /// Now: until here the run is known to live.
    pub at: Timestamp,
    /// Includes the entries of the batch it comes with.
    pub stored: u64,
    pub dropped: u64,
    pub suppressed: u64,
    /// For each company whose numbers changed since the last report.
    pub losses: Vec<(LossOf, Loss)>,
}

/// Whose log lost something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LossOf {
    /// The parent of a brand; any other company itself.
    pub root: CompanyId,
    pub company: CompanyId,
}

/// What a company's log lost within a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    pub dropped: u64,
    pub suppressed: u64,
}

/// Entries that are written together with the run's counters, in one transaction. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// None of them when it is only a sign of life.
    pub entries: Arc<Vec<StoredEntry>>,
    pub report: RunReport,
}

/// The tables of the log.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Begins a run and records a gap for every earlier one that ended without [`LogStore::end_run`].
    async fn start_run(&self, at: Timestamp) -> Result<Run, LogStoreError>;

    /// Writes a batch, all or nothing. An entry whose request id is stored already is left as it is, so that a batch
    /// may be tried again.
    async fn append(&self, batch: Batch) -> Result<(), LogStoreError>;

    /// Ends a run cleanly.
    async fn end_run(&self, report: RunReport) -> Result<(), LogStoreError>;

    /// At most 50 rows, newest first by `seq`.
    async fn page(&self, scope: Scope, filter: &LogFilter, now: Timestamp) -> Result<LogPage, LogStoreError>;

    /// One entry; none when there is no such request in this scope. Its events are not known here: the list is empty.
    async fn entry(&self, scope: Scope, request: RequestId) -> Result<Option<LogEntry>, LogStoreError>;

    /// How many requests of `company` (with its brands' by `X-Brand-Id`) named this key since the minute of `since`.
    async fn count_by_key(
        &self,
        company: CompanyId,
        key: KeyId,
        since: Timestamp,
    ) -> Result<u64, LogStoreError>;
}

/// What can go wrong between the log and its database.
#[derive(Debug, Error)]
pub enum LogStoreError {
    #[error("there is no room on the disk for log rows")]
    DiskFull,
    /// The database refused what was written; trying the same again will not help.
    #[error("the database refused a log row")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the log cannot be read or written now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

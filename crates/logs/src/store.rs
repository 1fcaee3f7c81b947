//! What the log needs from a database, as a trait, with the types it exchanges.

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

/// Whose rows may be read. Every query needs a scope, so no code can read the log without naming a company (invariant
/// 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A company that is not a brand: its own rows and those of its brands.
    WithBrands(CompanyId),
    /// A brand: its own rows only.
    Brand(CompanyId),
}

impl Scope {
    /// The company that is reading.
    pub const fn company(self) -> CompanyId {
        match self {
            Self::WithBrands(company) | Self::Brand(company) => company,
        }
    }
}

/// One run of a server, from its start to its stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run(pub i64);

/// The counters of a run, as totals since its start, so that writing them twice does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    pub run: Run,
    /// The current time, which proves that the run was still alive at that moment.
    pub at: Timestamp,
    /// Includes the entries of the batch this report is written with.
    pub stored: u64,
    pub dropped: u64,
    pub suppressed: u64,
    /// For each company whose numbers changed since the last report.
    pub losses: Vec<(LossOf, Loss)>,
}

/// The company whose log lost entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LossOf {
    /// A brand's parent. For any other company, the company itself.
    pub root: CompanyId,
    pub company: CompanyId,
}

/// What a company's log lost within a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    pub dropped: u64,
    pub suppressed: u64,
}

/// Entries that are written in one transaction, together with the run's counters. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Empty if the batch is only a heartbeat.
    pub entries: Arc<Vec<StoredEntry>>,
    pub report: RunReport,
}

/// The tables of the log.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Begins a run, and records a gap for every earlier run that ended without [`LogStore::end_run`].
    async fn start_run(&self, at: Timestamp) -> Result<Run, LogStoreError>;

    /// Writes the whole batch or nothing. Skips entries whose request id is already stored, so that a batch can be
    /// retried.
    async fn append(&self, batch: Batch) -> Result<(), LogStoreError>;

    /// Ends a run cleanly.
    async fn end_run(&self, report: RunReport) -> Result<(), LogStoreError>;

    /// At most 50 rows, newest first by `seq`.
    async fn page(&self, scope: Scope, filter: &LogFilter, now: Timestamp) -> Result<LogPage, LogStoreError>;

    /// One entry, or `None` if this scope has no such request. Its list of events is empty, because events are not
    /// known here.
    async fn entry(&self, scope: Scope, request: RequestId) -> Result<Option<LogEntry>, LogStoreError>;

    /// How many requests of `company` (including brands named by `X-Brand-Id`) used this key since the minute of
    /// `since`.
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
    /// The database refused the data. Retrying the same data will not help.
    #[error("the database refused a log row")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the log cannot be read or written now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

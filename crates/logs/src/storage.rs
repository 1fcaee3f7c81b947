//! What the log needs from its storage, as small traits, with the types they exchange.

use std::sync::Arc;

use async_trait::async_trait;
use model::{
    Body, CompanyId, Environment, ErrorCode, HeaderField, Kept, LogEntry, LogTotals, Moving, Recorded,
    RequestId, Timestamp, Verdict,
};
use thiserror::Error;

use crate::{Found, KeyTrace, Place, Question, Scope, Sought, Traced};

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
    /// [`model::STATUS_NOT_KNOWN`] if it is not known.
    pub status: u16,
    pub verdict: Verdict,
    pub verdict_detail: String,
    /// What the API's response says went wrong.
    pub error_code: Option<ErrorCode>,
    pub duration_us: u64,
    pub upstream_us: Option<u64>,
    pub address: String,
    pub user_agent: Option<String>,
    pub request_headers: Vec<HeaderField>,
    pub request_body: Body,
    pub response_headers: Vec<HeaderField>,
    pub response_body: Body,
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
    /// The number of its first entry within the run, counted from 0. It grows from batch to batch by the number of
    /// entries, also over batches that were given up, so a batch is identified by its run and this number.
    pub first: u64,
    /// Empty if the batch is only a heartbeat.
    pub entries: Arc<Vec<StoredEntry>>,
    pub report: RunReport,
    pub origin: Origin,
}

/// Where the entries of a batch come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This server recorded them.
    Recorded,
    /// A program sent them afterwards. None of them was among the rows up to this `seq`, and the batch may be written only
    /// if there are no others. They arrived out of order, so they have segments of their own.
    Sent { looked_to: i64 },
}

/// Stores batches.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Writes the whole batch or nothing, and the run's counters with it. If a batch with this run and this `first` is
    /// stored already, because its first try failed after the commit, writes only the counters.
    async fn append(&self, batch: Batch) -> Result<(), LogStoreError>;

    /// Looks for requests among the rows with a larger `seq` than `above`; all rows, if that is 0.
    async fn trace(&self, sought: Arc<[Sought]>, above: i64) -> Result<Traced, LogStoreError>;
}

/// Knows the runs and what they lost.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Begins a run, and records a gap for every earlier run that ended without [`Ledger::end_run`].
    async fn start_run(&self, at: Timestamp) -> Result<Run, LogStoreError>;

    /// Ends a run cleanly.
    async fn end_run(&self, report: RunReport) -> Result<(), LogStoreError>;

    /// What the current runs have lost of this scope's requests, and the latest gap between `from` and `to`.
    async fn totals(&self, scope: Scope, from: Timestamp, to: Timestamp) -> Result<LogTotals, LogStoreError>;

    /// How far the rows of a version before have been moved. `None` if there are none that are missing from answers.
    async fn moving(&self) -> Result<Option<Moving>, LogStoreError> {
        Ok(None)
    }

    /// Where this scope's log begins, if its requests were erased or the oldest were removed to make room.
    async fn begins(&self, scope: Scope) -> Result<Option<Kept>, LogStoreError> {
        let _ = scope;
        Ok(None)
    }
}

/// Answers questions about stored rows.
#[async_trait]
pub trait Reader: Send + Sync {
    /// Returns an error if it cannot answer at all. Rows that cannot be read are in [`Found::damaged`].
    async fn find(&self, scope: Scope, question: &Question) -> Result<Found, LogStoreError>;

    /// One entry, or `None` if this scope has no such request. Its list of events is empty, because events are not
    /// known here. As in [`Found::rows`], it names its brand, even if that brand reads.
    async fn entry(&self, scope: Scope, request: RequestId) -> Result<Option<LogEntry>, LogStoreError>;

    /// The entries with these ids, in this order. Leaves out those that this scope does not have.
    async fn entries(&self, scope: Scope, requests: &[RequestId]) -> Result<Vec<LogEntry>, LogStoreError> {
        let mut found = Vec::with_capacity(requests.len());
        for request in requests {
            found.extend(self.entry(scope, *request).await?);
        }
        Ok(found)
    }
}

/// What can go wrong between the log and its database.
#[derive(Debug, Error)]
pub enum LogStoreError {
    #[error("there is no room on the disk for log rows")]
    DiskFull,
    /// The database refused the data. Retrying the same data will not help.
    #[error("the database refused a log row")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another node declared this run dead and ended it. Only a new run can store rows.
    #[error("this run of the log was ended by another node")]
    Fenced,
    /// Others stored rows after these were looked for. Nothing was written; look again, and try again.
    #[error("other rows were stored in the meantime")]
    Overtaken,
    #[error("the log cannot be read or written now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

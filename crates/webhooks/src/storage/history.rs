//! The public API's history of attempts.

use async_trait::async_trait;
use model::{AttemptOutcome, CompanyId, Environment, EventId, EventType, Timestamp};
use vault::Sealed;

use crate::StorageFailure;

/// Which attempts the public API's history shows.
#[derive(Clone, Debug)]
pub struct HistoryFilter {
    pub from: Timestamp,
    pub to: Option<Timestamp>,
    pub event_type: Option<EventType>,
    pub status: Option<u16>,
    pub page: HistoryPage,
    /// The most rows to return.
    pub size: u32,
}

/// Where a page of the history begins. Rows are ordered by `seq`, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryPage {
    Newest,
    /// Rows older than this one.
    Before(i64),
    /// The rows just newer than this one.
    After(i64),
}

/// One attempt in the public API's history.
#[derive(Clone, Debug)]
pub struct HistoryRow {
    pub seq: i64,
    pub event_id: EventId,
    pub event_type: EventType,
    pub event_created_at: Timestamp,
    pub outcome: AttemptOutcome,
    /// The URL it was sent to.
    pub url: String,
    pub body: Sealed,
}

/// For `GET /v1/webhook-requests/`.
#[async_trait]
pub trait HistoryStore: Send + Sync {
    /// Newest first.
    async fn history(
        &self,
        company: CompanyId,
        environment: Environment,
        filter: HistoryFilter,
    ) -> Result<Vec<HistoryRow>, StorageFailure>;
}

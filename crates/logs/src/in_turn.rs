//! Shares database reads fairly. A search through many rows uses one of a few connections, and no company may use all
//! of them.

use std::sync::Arc;

use async_trait::async_trait;
use model::{CompanyId, KeyId, LogEntry, LogFilter, LogPage, RequestId, Timestamp};
use shares::FairShare;

use crate::{Batch, LogStore, LogStoreError, Run, RunReport, Scope};

/// A store that divides its reads fairly between companies. Writes are not limited.
pub struct InTurn {
    store: Arc<dyn LogStore>,
    reads: FairShare<CompanyId>,
}

impl InTurn {
    /// `at_once` is the number of reads that the database can do at the same time.
    pub fn new(store: Arc<dyn LogStore>, at_once: usize) -> Self {
        Self {
            store,
            reads: FairShare::new(at_once),
        }
    }
}

impl std::fmt::Debug for InTurn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InTurn")
            .field("reads", &self.reads)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl LogStore for InTurn {
    async fn start_run(&self, at: Timestamp) -> Result<Run, LogStoreError> {
        self.store.start_run(at).await
    }

    async fn append(&self, batch: Batch) -> Result<(), LogStoreError> {
        self.store.append(batch).await
    }

    async fn end_run(&self, report: RunReport) -> Result<(), LogStoreError> {
        self.store.end_run(report).await
    }

    async fn page(&self, scope: Scope, filter: &LogFilter, now: Timestamp) -> Result<LogPage, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        self.store.page(scope, filter, now).await
    }

    async fn entry(&self, scope: Scope, request: RequestId) -> Result<Option<LogEntry>, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        self.store.entry(scope, request).await
    }

    async fn count_by_key(
        &self,
        company: CompanyId,
        key: KeyId,
        since: Timestamp,
    ) -> Result<u64, LogStoreError> {
        let _place = self.reads.take(company).await;
        self.store.count_by_key(company, key, since).await
    }
}

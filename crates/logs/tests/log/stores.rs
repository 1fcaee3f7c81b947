//! Stores for the tests of the recorder: one that fails or hangs on demand.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use clock::ManualClock;
use live::Bus;
use logs::{
    Batch, Ledger, LogStoreError, Origin, Recorder, RecorderOptions, Run, RunReport, Scope, Sink, Sought,
    StoredEntry, Traced,
};
use model::{LogTotals, RequestId, Timestamp};
use tokio::sync::Semaphore;

use crate::entries::NOW;

/// What the next append does. Appends after the end of the list succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Succeed,
    DiskFull,
    Unavailable,
    Fenced,
}

/// Keeps its batches, or fails as told.
pub(crate) struct Store {
    next: Mutex<VecDeque<Next>>,
    fails: AtomicBool,
    /// Every batch with this entry is refused.
    poison: Option<RequestId>,
    /// Each append waits for a permit.
    pub(crate) allowed: Semaphore,
    tried: Mutex<Vec<Batch>>,
    stored: Mutex<Vec<Batch>>,
    /// What other nodes store next, each before a batch that was sent.
    others: Mutex<VecDeque<Vec<StoredEntry>>>,
    runs: Mutex<i64>,
    ended: Mutex<Option<RunReport>>,
}

impl Store {
    pub(crate) fn failing(next: impl IntoIterator<Item = Next>) -> Arc<Self> {
        Arc::new(Self::new(next, None, Semaphore::MAX_PERMITS))
    }

    pub(crate) fn refusing(poison: RequestId) -> Arc<Self> {
        Arc::new(Self::new([], Some(poison), Semaphore::MAX_PERMITS))
    }

    /// Until it gets permits.
    pub(crate) fn hanging() -> Arc<Self> {
        Arc::new(Self::new([], None, 0))
    }

    fn new(next: impl IntoIterator<Item = Next>, poison: Option<RequestId>, permits: usize) -> Self {
        Self {
            next: Mutex::new(next.into_iter().collect()),
            fails: AtomicBool::new(false),
            poison,
            allowed: Semaphore::new(permits),
            tried: Mutex::default(),
            stored: Mutex::default(),
            others: Mutex::default(),
            runs: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    /// Another node stores these at the worst moment: after the look for what is sent, and before it is stored.
    pub(crate) fn store_in_between(&self, rows: Vec<StoredEntry>) {
        self.others.lock().expect("not poisoned").push_back(rows);
    }

    /// From now on every append fails.
    pub(crate) fn fail_until_told(&self) {
        self.fails.store(true, Ordering::SeqCst);
    }

    pub(crate) fn succeed_again(&self) {
        self.fails.store(false, Ordering::SeqCst);
    }

    /// Every append, whatever became of it.
    pub(crate) fn tried(&self) -> Vec<Batch> {
        self.tried.lock().expect("not poisoned").clone()
    }

    pub(crate) fn batches(&self) -> Vec<Batch> {
        self.stored.lock().expect("not poisoned").clone()
    }

    /// The stored rows, in order.
    pub(crate) fn stored(&self) -> Vec<RequestId> {
        let batches = self.batches();
        let rows = batches.iter().flat_map(|batch| batch.entries.iter());
        rows.map(|entry| entry.request_id).collect()
    }

    pub(crate) fn last_report(&self) -> RunReport {
        self.batches().pop().expect("something was stored").report
    }

    /// The last report of a run that ended cleanly.
    pub(crate) fn ended(&self) -> Option<RunReport> {
        self.ended.lock().expect("not poisoned").clone()
    }
}

#[async_trait]
impl Sink for Store {
    async fn append(&self, batch: Batch) -> Result<(), LogStoreError> {
        self.allowed.acquire().await.expect("it is never closed").forget();
        self.tried.lock().expect("not poisoned").push(batch.clone());
        if self.fails.load(Ordering::SeqCst) {
            return Err(LogStoreError::Unavailable("down".into()));
        }
        match self.next.lock().expect("not poisoned").pop_front() {
            Some(Next::DiskFull) => return Err(LogStoreError::DiskFull),
            Some(Next::Unavailable) => return Err(LogStoreError::Unavailable("down".into())),
            Some(Next::Fenced) => return Err(LogStoreError::Fenced),
            Some(Next::Succeed) | None => {}
        }
        let mut rows = batch.entries.iter();
        if rows.any(|entry| Some(entry.request_id) == self.poison) {
            return Err(LogStoreError::Refused("bad row".into()));
        }
        let mut stored = self.stored.lock().expect("not poisoned");
        if let Origin::Sent { looked_to } = batch.origin {
            if let Some(rows) = self.others.lock().expect("not poisoned").pop_front() {
                stored.push(Batch {
                    entries: Arc::new(rows),
                    ..batch.clone()
                });
            }
            let rows: usize = stored.iter().map(|batch| batch.entries.len()).sum();
            if rows as i64 != looked_to {
                return Err(LogStoreError::Overtaken);
            }
        }
        stored.push(batch);
        Ok(())
    }

    async fn trace(&self, sought: Arc<[Sought]>, above: i64) -> Result<Traced, LogStoreError> {
        let rows = self.stored();
        let new = &rows[above as usize..];
        let known = sought.iter().filter(|one| new.contains(&one.request));
        Ok(Traced {
            stored: known.map(|one| one.request).collect(),
            as_of: rows.len() as i64,
            ..Traced::default()
        })
    }
}

#[async_trait]
impl Ledger for Store {
    async fn start_run(&self, _: Timestamp) -> Result<Run, LogStoreError> {
        let mut runs = self.runs.lock().expect("not poisoned");
        *runs += 1;
        Ok(Run(*runs))
    }

    async fn end_run(&self, report: RunReport) -> Result<(), LogStoreError> {
        *self.ended.lock().expect("not poisoned") = Some(report);
        Ok(())
    }

    async fn totals(&self, _: Scope, _: Timestamp, _: Timestamp) -> Result<LogTotals, LogStoreError> {
        Err(LogStoreError::Unavailable("not used by these tests".into()))
    }
}

pub(crate) fn options() -> RecorderOptions {
    let mut options = RecorderOptions::new(ManualClock::at(NOW).into());
    options.retries = vec![Duration::ZERO; 2];
    options
}

pub(crate) async fn start(store: &Arc<Store>, options: RecorderOptions) -> Recorder {
    Recorder::start(store.clone(), store.clone(), Bus::default(), options)
        .await
        .expect("it starts")
}

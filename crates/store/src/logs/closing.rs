//! Closes segments in the background: encodes one, makes its blobs durable, and replaces its deltas by it in one
//! transaction. Until then everything stays as it is, so a close that fails is tried again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logs::LogStoreError;
use segments::{Encoded, SegmentId};
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use super::catalogue::{self, Segment};
use super::container::Blobs;
use super::state::{Tail, Torn};
use super::steps::{Step, Watcher};
use super::{Inner, blocking, runs, tables};
use crate::{DbConnection, Dialect, StoreError, Urgency};

/// How many full segments may wait in memory. Each has up to 16 MiB of headers and bodies.
const WAITING: usize = 4;

/// The longest pause between two tries. Rows are lost as long as nothing can be closed, also after there is room again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The segments that wait to be closed.
#[derive(Debug)]
pub(super) struct Closing {
    segments: Mutex<BTreeSet<SegmentId>>,
    progress: watch::Sender<Progress>,
    /// One at a time: encoding keeps a core busy.
    turn: Semaphore,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    waiting: usize,
    failing: Option<Failure>,
}

/// Why the last try failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    DiskFull,
    Other,
}

impl Closing {
    pub(super) fn new() -> Self {
        Self {
            segments: Mutex::default(),
            progress: watch::Sender::default(),
            turn: Semaphore::new(1),
        }
    }

    /// Whether the last close failed.
    pub(super) fn is_failing(&self) -> bool {
        self.progress.borrow().failing.is_some()
    }

    /// Returns when another segment may be begun. An error if the others cannot be closed now.
    pub(super) async fn room(&self) -> Result<(), LogStoreError> {
        let progress = self
            .until(|progress| progress.waiting < WAITING || progress.failing.is_some())
            .await;
        match progress.failing {
            _ if progress.waiting < WAITING => Ok(()),
            Some(Failure::DiskFull) => Err(LogStoreError::DiskFull),
            _ => Err(LogStoreError::Unavailable(
                "full segments of the log cannot be closed".into(),
            )),
        }
    }

    /// Returns when all segments are closed, or none can be.
    pub(super) async fn settled(&self) {
        self.until(|progress| progress.waiting == 0 || progress.failing.is_some())
            .await;
    }

    async fn until(&self, holds: impl FnMut(&Progress) -> bool) -> Progress {
        let mut progress = self.progress.subscribe();
        // The sender is in `self`, so this is no error.
        progress.wait_for(holds).await.map(|now| *now).unwrap_or_default()
    }

    /// Returns whether the segment was not waiting already.
    fn begin(&self, segment: SegmentId) -> bool {
        let mut segments = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = segments.insert(segment);
        self.progress
            .send_modify(|progress| progress.waiting = segments.len());
        begun
    }

    fn failed(&self, error: &StoreError) {
        let failure = if error.is_disk_full() {
            Failure::DiskFull
        } else {
            Failure::Other
        };
        self.progress
            .send_modify(|progress| progress.failing = Some(failure));
    }

    fn end(&self, segment: SegmentId) {
        let mut segments = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        segments.remove(&segment);
        self.progress.send_replace(Progress {
            waiting: segments.len(),
            failing: None,
        });
    }
}

/// Why the transaction changed nothing.
enum NotClosed {
    /// Another node has closed it, or this one without noticing.
    Before,
    /// There are other rows in the tail than in memory.
    Differs,
    Failed(StoreError),
}

impl From<StoreError> for NotClosed {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl Inner {
    /// Closes a segment that gets no more rows, in the background.
    pub(super) fn close_soon(self: &Arc<Self>, segment: SegmentId) {
        if self.closing.begin(segment) {
            tokio::spawn(close(Arc::clone(self), segment));
        }
    }

    /// Closes the segments of runs that have ended.
    pub(super) async fn close_abandoned(self: &Arc<Self>) -> Result<(), StoreError> {
        let segments = catalogue::abandoned(&self.db).await?;
        if !segments.is_empty() {
            self.follow().await?;
            segments.into_iter().for_each(|segment| self.close_soon(segment));
        }
        Ok(())
    }
}

/// Tries until it succeeds, or the database is closed.
async fn close(inner: Arc<Inner>, segment: SegmentId) {
    let mut pause = inner.options.retry_close;
    let mut was_failing = false;
    loop {
        let tried = match inner.closing.turn.acquire().await {
            Ok(_turn) => try_to_close(&inner, segment).await,
            Err(_) => return,
        };
        match tried {
            Ok(()) => break,
            Err(StoreError::Closed) => return,
            Err(error) => {
                if !std::mem::replace(&mut was_failing, true) {
                    tracing::error!(segment = segment.0, %error, cause = ?error, "could not close a segment of the log; trying again");
                }
                inner.closing.failed(&error);
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    if was_failing {
        tracing::info!(segment = segment.0, "the segment of the log could be closed");
    }
    inner.closing.end(segment);
}

async fn try_to_close(inner: &Arc<Inner>, segment: SegmentId) -> Result<(), StoreError> {
    let Some(tail) = inner.state.tail(segment) else {
        return Ok(());
    };
    let reading = tail.clone();
    let encoded = blocking(move || {
        let open = reading.open.read().unwrap_or_else(PoisonError::into_inner);
        open.encode()
    })
    .await?;
    match replace_deltas(inner, segment, &tail, encoded).await {
        Ok(Some(closed)) => {
            inner.watcher.at(Step::SegmentCommitted);
            inner.state.close(closed);
        }
        Ok(None) => inner.state.forget(segment),
        Err(NotClosed::Before) => inner.follow().await?,
        Err(NotClosed::Failed(error)) => return Err(error),
        Err(NotClosed::Differs) => {
            let deltas = catalogue::deltas_of(&inner.db, segment).await?;
            let state = Arc::clone(inner);
            blocking(move || state.state.reload(segment, deltas)).await?;
            return Err(StoreError::corrupt(
                "the tail has other rows than memory; it is read again",
            ));
        }
    }
    Ok(())
}

/// Stores the blobs, then runs the transaction. `None` if all deltas were torn, so that there is no segment.
async fn replace_deltas(
    inner: &Arc<Inner>,
    segment: SegmentId,
    tail: &Tail,
    encoded: Option<Encoded>,
) -> Result<Option<Segment>, NotClosed> {
    let mut encoded = encoded;
    let mut blobs = None;
    match (&inner.blobs, &mut encoded) {
        (Blobs::Files(files), Some(encoded)) => {
            let (files, watcher) = (files.clone(), inner.watcher.clone());
            let place = (encoded.meta.day, segment);
            let (rows, bodies) = (std::mem::take(&mut encoded.rows), encoded.bodies.take());
            blocking(move || files.put(place, &rows, bodies.as_deref(), &watcher))
                .await?
                .map_err(StoreError::Files)?;
        }
        (Blobs::Tables(tables), Some(encoded)) => {
            tables.prepare(encoded.meta.day).await?;
            blobs = Some((std::mem::take(&mut encoded.rows), encoded.bodies.take()));
        }
        (_, None) => {}
    }
    let close = Close {
        segment,
        run: tail.run,
        rows: tail.rows(),
        torn: tail.torn,
        encoded,
        blobs,
    };
    let (dialect, watcher) = (inner.db.dialect(), inner.watcher.clone());
    inner
        .db
        .write(Urgency::Background, move |connection| {
            Box::pin(async move { close.commit(connection, dialect, &watcher).await })
        })
        .await
}

/// One transaction.
struct Close {
    segment: SegmentId,
    run: i64,
    /// How many rows the tail must have.
    rows: i64,
    torn: Option<Torn>,
    /// Without its blobs. `None` if there is nothing but torn deltas.
    encoded: Option<Encoded>,
    /// Rows and bodies, where they are in the same database.
    blobs: Option<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Close {
    async fn commit(
        self,
        connection: &mut DbConnection,
        dialect: Dialect,
        watcher: &Watcher,
    ) -> Result<Option<Segment>, NotClosed> {
        if let (Some((rows, bodies)), Some(encoded)) = (self.blobs, &self.encoded) {
            // Before the lock, because this takes longer than everything else.
            tables::put(connection, (encoded.meta.day, self.segment), rows, bodies).await?;
            watcher.at(Step::BlobsWritten);
            watcher.at(Step::BlobsNamed);
        }
        catalogue::hold_order(connection, dialect).await?;
        let rows = catalogue::rows_in_tail(connection, self.segment).await?;
        if rows == 0 {
            return Err(NotClosed::Before);
        }
        if rows != self.rows {
            return Err(NotClosed::Differs);
        }
        catalogue::delete_deltas(connection, self.segment).await?;
        if let Some(torn) = self.torn {
            runs::lose(connection, self.run, torn).await?;
        }
        let change = catalogue::next_change(connection).await?;
        let Some(encoded) = self.encoded else {
            return Ok(None);
        };
        let meta = encoded.meta;
        catalogue::insert_segment(connection, self.run, &meta, encoded.head.clone(), change).await?;
        watcher.at(Step::DeltasDeleted);
        Ok(Some(Segment {
            id: self.segment,
            change,
            rows: u64::from(meta.rows),
            from: meta.min_at,
            to: meta.max_at,
            damaged: false,
            bodies_kept: true,
            head: encoded.head,
        }))
    }
}

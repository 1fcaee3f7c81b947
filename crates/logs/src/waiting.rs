//! Where entries wait between the requests and the writer. Requests never wait for the writer here, except up to a few
//! milliseconds in [`Waiting::room`].

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use crate::lanes::{Amount, Epoch, Held, Kind, Lanes, PATIENT, Pushed, Taken};

/// How long a request may wait before it is read.
const PATIENCE: Duration = Duration::from_millis(5);

/// How many entries are taken before requests get their turn at the lock.
const AT_ONCE: usize = 256;

pub(crate) struct Waiting {
    lanes: Mutex<Lanes>,
    batch: Amount,
    /// The first entry has arrived, or there is enough for a batch.
    work: Notify,
    nearly_full: AtomicBool,
    /// It is no longer nearly full.
    room: Notify,
    patient: Semaphore,
}

/// What the writer finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Nothing,
    Some,
    /// Enough for a batch.
    Enough,
}

impl Waiting {
    pub(crate) fn new(bound: Amount, batch: Amount) -> Self {
        // A batch that can never be full would always wait for its time.
        let batch = Amount {
            rows: batch.rows.min(bound.rows),
            bytes: batch.bytes.min(bound.bytes),
        };
        Self {
            lanes: Mutex::new(Lanes::new(bound)),
            batch,
            work: Notify::new(),
            nearly_full: AtomicBool::new(false),
            room: Notify::new(),
            patient: Semaphore::new(PATIENT),
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts an entry, and returns those that lost their place.
    pub(crate) fn push(&self, entry: Held, kind: Kind) -> Vec<Held> {
        let (lost, wake) = {
            let mut lanes = self.lanes();
            let before = (lanes.is_empty(), lanes.fill(self.batch));
            let Pushed { accepted, lost } = lanes.push(entry, kind);
            // The writer has to look when the first entry arrives and when the batch is full. In between it only waits.
            let wake = accepted && (before.0 || before.1 != lanes.fill(self.batch));
            self.nearly_full.store(lanes.are_nearly_full(), Ordering::Relaxed);
            (lost, wake)
        };
        if wake {
            self.work.notify_one();
        }
        lost
    }

    /// Waits for a place, so that the entry cannot be lost to others. Returns the entry if there will be none.
    pub(crate) async fn push_patiently(&self, entry: Held) -> Vec<Held> {
        match self.patient.acquire().await {
            Ok(place) => {
                // Given back when the entry is taken.
                place.forget();
                self.push(entry, Kind::Patient)
            }
            Err(_) => vec![entry],
        }
    }

    /// Returns at once unless three quarters of the places are taken; then when that has changed, or after 5 ms.
    pub(crate) async fn room(&self) {
        if !self.nearly_full.load(Ordering::Relaxed) {
            return;
        }
        let room = self.room.notified();
        // It may have changed before we began to listen.
        if self.nearly_full.load(Ordering::Relaxed) {
            let _ = timeout(PATIENCE, room).await;
        }
    }

    pub(crate) fn work(&self) -> Work {
        let lanes = self.lanes();
        if lanes.is_empty() {
            Work::Nothing
        } else if lanes.fill(self.batch) {
            Work::Enough
        } else {
            Work::Some
        }
    }

    /// Returns when there may be more work than before.
    pub(crate) async fn more_work(&self) {
        self.work.notified().await;
    }

    /// The next batch.
    pub(crate) fn take(&self) -> Taken {
        let mut taken = Taken {
            entries: Vec::new(),
            patient: 0,
            bytes: 0,
        };
        // In pieces, so that requests do not wait for the whole batch.
        while taken.entries.len() < self.batch.rows && taken.bytes < self.batch.bytes {
            let mut lanes = self.lanes();
            if lanes.is_empty() {
                break;
            }
            let rows = AT_ONCE.min(self.batch.rows - taken.entries.len());
            lanes.take(&mut taken, rows, self.batch.bytes);
            if self.nearly_full.load(Ordering::Relaxed) && !lanes.are_nearly_full() {
                self.nearly_full.store(false, Ordering::Relaxed);
                self.room.notify_waiters();
            }
        }
        self.patient.add_permits(std::mem::take(&mut taken.patient));
        taken
    }

    /// Begins an epoch.
    pub(crate) fn next_epoch(&self) -> Epoch {
        self.lanes().next_epoch()
    }

    /// When the oldest entry arrived.
    pub(crate) fn oldest(&self) -> Option<Epoch> {
        self.lanes().oldest()
    }

    /// Refuses every further entry.
    pub(crate) fn close(&self) {
        self.patient.close();
        self.lanes().close();
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

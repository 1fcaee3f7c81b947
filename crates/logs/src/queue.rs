//! What waits to be redacted and written: one lane for each company, emptied in turn by size. A company that sends what is
//! slow to redact waits behind its own entries; another company's next entry comes with the next batch.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::CompanyId;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::Entry;

/// With each turn a company may send so many bytes more.
const TURN_BYTES: usize = 32 * 1024;

/// How much may wait, and how much is taken at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
    pub(crate) batch_rows: usize,
    pub(crate) batch_bytes: usize,
}

impl Bounds {
    /// One company has at most three quarters, so that there is always room for the others.
    const fn share(of: usize) -> usize {
        of - of / 4
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    bounds: Bounds,
    inner: Mutex<Inner>,
    /// There is enough for a batch, a first entry, or somebody waits.
    pub(crate) filled: Notify,
    /// Something was taken out.
    room: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    lanes: HashMap<CompanyId, Lane>,
    /// The companies with entries, the next one first.
    turns: VecDeque<CompanyId>,
    entries: usize,
    bytes: usize,
    /// The number of the next entry.
    next: u64,
    /// When the oldest entry came, as far as is known.
    since: Option<Instant>,
    flushes: Vec<(u64, oneshot::Sender<()>)>,
    /// Dropped at the end.
    ends: Vec<oneshot::Sender<()>>,
    closed: bool,
    ended: bool,
}

#[derive(Debug, Default)]
struct Lane {
    entries: VecDeque<(u64, Box<Entry>)>,
    bytes: usize,
    /// Bytes it may still send in this turn.
    credit: usize,
}

/// What the writer should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Now.
    Batch,
    /// At the latest when the oldest entry has waited long enough.
    Since(Instant),
    /// Nothing waits.
    Nothing,
    /// Nothing waits and nothing will come.
    End,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            inner: Mutex::default(),
            filled: Notify::new(),
            room: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the entry back when there is no room for it.
    pub(crate) fn push(&self, entry: Box<Entry>) -> Result<(), Refused> {
        let (of, weight) = (entry.place.root, entry.weight());
        let mut inner = self.lock();
        if inner.closed {
            return Err(Refused::Closed(entry));
        }
        let (held, held_bytes) = inner
            .lanes
            .get(&of)
            .map_or((0, 0), |lane| (lane.entries.len(), lane.bytes));
        let bounds = self.bounds;
        let fits = inner.entries < bounds.entries
            && inner.bytes + weight <= bounds.bytes
            && held < Bounds::share(bounds.entries)
            && held_bytes + weight <= Bounds::share(bounds.bytes);
        if !fits {
            return Err(Refused::Full(entry));
        }
        let number = inner.next;
        inner.next += 1;
        inner.entries += 1;
        inner.bytes += weight;
        inner.since.get_or_insert_with(Instant::now);
        let lane = inner.lanes.entry(of).or_default();
        let is_new = lane.entries.is_empty();
        lane.entries.push_back((number, entry));
        lane.bytes += weight;
        if is_new {
            inner.turns.push_back(of);
        }
        let tell = inner.entries == 1 || inner.is_enough(bounds);
        drop(inner);
        if tell {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits for room. Gives the entry back when the queue is closed.
    pub(crate) async fn push_waiting(&self, mut entry: Box<Entry>) -> Result<(), Box<Entry>> {
        loop {
            // Registered before the attempt, so that no room that appears in between is missed.
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            match self.push(entry) {
                Ok(()) => return Ok(()),
                Err(Refused::Closed(entry)) => return Err(entry),
                Err(Refused::Full(back)) => entry = back,
            }
            room.await;
        }
    }

    pub(crate) fn due(&self) -> Due {
        let inner = self.lock();
        if inner.entries == 0 {
            if inner.closed {
                return Due::End;
            }
            return if inner.flushes.is_empty() {
                Due::Nothing
            } else {
                Due::Batch
            };
        }
        if inner.closed || !inner.flushes.is_empty() || inner.is_enough(self.bounds) {
            return Due::Batch;
        }
        inner.since.map_or(Due::Batch, Due::Since)
    }

    /// The entries of the next batch: of each company in turn.
    pub(crate) fn take(&self) -> Vec<Entry> {
        let mut inner = self.lock();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(company) = inner.turns.pop_front() {
            let Some(mut lane) = inner.lanes.remove(&company) else {
                continue;
            };
            lane.credit += TURN_BYTES;
            while batch.len() < self.bounds.batch_rows
                && bytes < self.bounds.batch_bytes
                && let Some((_, entry)) = lane.entries.front()
                && entry.weight() <= lane.credit
                && let Some((_, entry)) = lane.entries.pop_front()
            {
                let weight = entry.weight();
                lane.credit -= weight;
                lane.bytes -= weight;
                bytes += weight;
                batch.push(*entry);
            }
            if !lane.entries.is_empty() {
                inner.lanes.insert(company, lane);
                inner.turns.push_back(company);
            }
            if batch.len() >= self.bounds.batch_rows || bytes >= self.bounds.batch_bytes {
                break;
            }
        }
        inner.entries -= batch.len();
        inner.bytes -= bytes;
        inner.since = (inner.entries > 0).then(Instant::now);
        drop(inner);
        self.room.notify_waiters();
        batch
    }

    /// The answer comes when everything that waits now is written or lost; at once when nobody writes any more.
    pub(crate) fn flush(&self) -> oneshot::Receiver<()> {
        let (done, waiting) = oneshot::channel();
        let mut inner = self.lock();
        if !inner.ended {
            let next = inner.next;
            inner.flushes.push((next, done));
        }
        drop(inner);
        self.filled.notify_one();
        waiting
    }

    /// Answers those who wait for nothing any more.
    pub(crate) fn written(&self) {
        let mut inner = self.lock();
        let fronts = inner.lanes.values().filter_map(|lane| lane.entries.front());
        let oldest = fronts.map(|(number, _)| *number).min().unwrap_or(u64::MAX);
        let (done, waiting) = std::mem::take(&mut inner.flushes)
            .into_iter()
            .partition(|(until, _)| *until <= oldest);
        inner.flushes = waiting;
        drop(inner);
        let done: Vec<(u64, oneshot::Sender<()>)> = done;
        done.into_iter().for_each(|(_, sender)| {
            let _ = sender.send(());
        });
    }

    /// Takes nothing more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
        self.room.notify_waiters();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Nobody writes any more.
    pub(crate) fn end(&self) {
        let mut inner = self.lock();
        inner.ended = true;
        inner.flushes.clear();
        inner.ends.clear();
    }

    /// Returns when nobody writes any more.
    pub(crate) async fn ended(&self) {
        let waiting = {
            let mut inner = self.lock();
            if inner.ended {
                return;
            }
            let (end, waiting) = oneshot::channel();
            inner.ends.push(end);
            waiting
        };
        // It is dropped at the end.
        let _ = waiting.await;
    }
}

impl Inner {
    const fn is_enough(&self, bounds: Bounds) -> bool {
        self.entries >= bounds.batch_rows || self.bytes >= bounds.batch_bytes
    }
}

/// Why an entry was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    Full(Box<Entry>),
    Closed(Box<Entry>),
}

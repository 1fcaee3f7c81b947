//! Accepts log entries without making a request wait, and counts those it cannot accept.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clock::Clock;
use live::Bus;
use model::CompanyId;
use tokio::sync::{mpsc, oneshot};

use crate::suppression::Suppression;
use crate::writer::{self, Writer};
use crate::{Entry, Ledger, LogStoreError, Loss, LossOf, Names, Sink};

/// How the recorder waits and retries.
#[derive(Clone)]
pub struct RecorderOptions {
    /// The source of the current time.
    pub clock: Clock,
    /// Maximum number of entries waiting to be written. Companies share this and the bytes fairly.
    pub waiting_entries: usize,
    /// Maximum number of bytes of captured headers and bodies waiting to be written.
    pub waiting_bytes: usize,
    /// A batch is written when it has this many rows,
    pub batch_rows: usize,
    /// or this many bytes to redact,
    pub batch_bytes: usize,
    /// or when its first row has waited this long.
    pub batch_delay: Duration,
    /// The names whose values are never stored.
    pub names: Arc<Names>,
    /// How often a run without entries reports that it is alive. After a crash, the last report bounds the gap in the
    /// log.
    pub heartbeat: Duration,
    /// Pauses before retrying a batch that could not be written. After the last retry, its rows count as dropped.
    pub retries: Vec<Duration>,
}

impl RecorderOptions {
    /// The values a server uses.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            waiting_entries: 32_768,
            waiting_bytes: 48 * 1024 * 1024,
            batch_rows: 512,
            batch_bytes: 1024 * 1024,
            batch_delay: Duration::from_millis(200),
            names: Arc::default(),
            heartbeat: Duration::from_secs(5),
            retries: [100, 500, 1000, 2000].map(Duration::from_millis).to_vec(),
        }
    }
}

impl fmt::Debug for RecorderOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecorderOptions")
            .field("batch_rows", &self.batch_rows)
            .finish_non_exhaustive()
    }
}

/// Counters of this run. When no entry is waiting, `seen = stored + dropped + suppressed` (invariant 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub seen: u64,
    pub stored: u64,
    pub dropped: u64,
    pub suppressed: u64,
}

impl Totals {
    /// Entries accepted and not yet stored.
    pub const fn waiting(self) -> u64 {
        self.seen
            .saturating_sub(self.stored + self.dropped + self.suppressed)
    }
}

/// Accepts log entries. Cheap to clone; all clones are the same recorder.
#[derive(Clone, Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Item>,
}

/// An item in the queue.
pub(crate) enum Item {
    Entry(Box<Entry>),
    /// The sender waited for room in the queue, so the entry does not count against any company's share.
    Patient(Box<Entry>),
    Flush(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

/// The counters that the recorder and the writer share.
#[derive(Debug)]
pub(crate) struct Shared {
    seen: AtomicU64,
    pub(crate) stored: AtomicU64,
    dropped: AtomicU64,
    suppressed: AtomicU64,
    waiting: Mutex<Waiting>,
    losses: Mutex<HashMap<LossOf, Loss>>,
    suppression: Suppression,
    /// For requests with a deleted key. It is a separate budget because outsiders cannot send such requests; with a
    /// common one, a flood of refused requests would hide them.
    former_keys: Suppression,
}

/// The entries waiting to be written, counted for the company that owns the key. When too many wait, the company with
/// the most loses entries first. By the rule of shares, a company with few entries always finds room.
#[derive(Debug)]
struct Waiting {
    entries: shares::Ledger<CompanyId>,
    bytes: shares::Ledger<CompanyId>,
}

impl Waiting {
    fn take(&mut self, company: CompanyId, weight: usize) -> bool {
        if !self.entries.take(&company, 1) {
            return false;
        }
        let taken = self.bytes.take(&company, weight);
        if !taken {
            self.entries.give_back(&company, 1);
        }
        taken
    }
}

impl Shared {
    fn new(options: &RecorderOptions) -> Self {
        Self {
            seen: AtomicU64::default(),
            stored: AtomicU64::default(),
            dropped: AtomicU64::default(),
            suppressed: AtomicU64::default(),
            waiting: Mutex::new(Waiting {
                entries: shares::Ledger::new(options.waiting_entries),
                bytes: shares::Ledger::new(options.waiting_bytes),
            }),
            losses: Mutex::default(),
            suppression: Suppression::default(),
            former_keys: Suppression::default(),
        }
    }

    /// Reserves room for a waiting entry.
    fn take_room(&self, entry: &Entry) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.take(entry.place.root, entry.weight())
    }

    /// Releases the room of an entry that is no longer waiting.
    pub(crate) fn give_room_back(&self, entry: &Entry) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entries.give_back(&entry.place.root, 1);
        waiting.bytes.give_back(&entry.place.root, entry.weight());
    }

    pub(crate) fn totals(&self) -> Totals {
        // `seen` is read last, so that it includes everything already counted as stored or lost.
        let (stored, dropped) = (
            self.stored.load(Ordering::SeqCst),
            self.dropped.load(Ordering::SeqCst),
        );
        let suppressed = self.suppressed.load(Ordering::SeqCst);
        Totals {
            seen: self.seen.load(Ordering::SeqCst),
            stored,
            dropped,
            suppressed,
        }
    }

    /// The losses of every company since the start of the run.
    pub(crate) fn losses(&self) -> HashMap<LossOf, Loss> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn dropped(&self, of: LossOf) {
        self.losses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(of)
            .or_default()
            .dropped += 1;
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }

    fn suppressed(&self, of: LossOf) {
        self.losses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(of)
            .or_default()
            .suppressed += 1;
        self.suppressed.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether the entry should be stored.
    fn admits(&self, entry: &Entry) -> bool {
        self.seen.fetch_add(1, Ordering::SeqCst);
        let budget = if entry.key.is_some() {
            &self.former_keys
        } else {
            &self.suppression
        };
        let admitted = entry.verdict.key_was_recognised() || budget.admits(entry.place.company, entry.at);
        if !admitted {
            self.suppressed(entry.place.loss_of());
        }
        admitted
    }
}

impl Recorder {
    /// Begins a run in the ledger and starts the writer. Must be called within a tokio runtime. After each commit, tells
    /// `bus` which companies' logs changed.
    pub async fn start(
        sink: Arc<dyn Sink>,
        ledger: Arc<dyn Ledger>,
        bus: Bus,
        options: RecorderOptions,
    ) -> Result<Self, LogStoreError> {
        let run = ledger.start_run(options.clock.now()).await?;
        let shared = Arc::new(Shared::new(&options));
        let (queue, items) = mpsc::channel(options.waiting_entries);
        let writer = Writer::new(sink, ledger, bus, options, Arc::clone(&shared), run);
        tokio::spawn(writer::run(writer, items));
        Ok(Self { shared, queue })
    }

    /// Accepts an entry, or counts it as dropped if too many are waiting. Never waits.
    pub fn record(&self, entry: Entry) {
        if !self.shared.admits(&entry) {
            return;
        }
        let of = entry.place.loss_of();
        if !self.shared.take_room(&entry) {
            self.shared.dropped(of);
            return;
        }
        if let Err(error) = self.queue.try_send(Item::Entry(Box::new(entry))) {
            if let Item::Entry(entry) = error.into_inner() {
                self.shared.give_room_back(&entry);
            }
            self.shared.dropped(of);
        }
    }

    /// Accepts an entry, waiting for room if necessary. For ingest and the demo's history, where nothing may be
    /// dropped.
    pub async fn record_waiting(&self, entry: Entry) {
        if !self.shared.admits(&entry) {
            return;
        }
        let of = entry.place.loss_of();
        if self.queue.send(Item::Patient(Box::new(entry))).await.is_err() {
            self.shared.dropped(of);
        }
    }

    /// Returns when everything recorded so far is stored or counted as dropped.
    pub async fn flush(&self) {
        let (done, waiting) = oneshot::channel();
        if self.queue.send(Item::Flush(done)).await.is_ok() {
            let _ = waiting.await;
        }
    }

    /// Flushes, ends the run cleanly and stops. Entries recorded later count as dropped. If the store fails, it is
    /// retried only once.
    pub async fn shutdown(&self) {
        let (done, waiting) = oneshot::channel();
        if self.queue.send(Item::Stop(done)).await.is_ok() {
            let _ = waiting.await;
        }
    }

    /// The counters of this run, for metrics.
    pub fn totals(&self) -> Totals {
        self.shared.totals()
    }
}

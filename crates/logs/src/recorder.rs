//! Accepts log entries without making a request wait for the disk, and counts those it cannot accept.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clock::Clock;
use live::Bus;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::gatherer::{Gatherer, Step};
use crate::lanes::{Amount, Held, Kind};
use crate::tally::Tally;
use crate::waiting::Waiting;
use crate::writer::Writer;
use crate::{Entry, Ledger, LogStoreError, Names, Sink, Totals, sent};

/// How the recorder waits and retries.
#[derive(Clone)]
pub struct RecorderOptions {
    /// The source of the current time.
    pub clock: Clock,
    /// Maximum number of entries waiting to be written. When there are more, or more bytes, the company with most
    /// waiting bytes loses entries first.
    pub waiting_entries: usize,
    /// Maximum number of bytes waiting to be written.
    pub waiting_bytes: usize,
    /// A batch is written when it has this many rows,
    pub batch_rows: usize,
    /// or this many bytes to redact,
    pub batch_bytes: usize,
    /// or when its first row has waited this long.
    pub batch_delay: Duration,
    /// The names whose values are never stored.
    pub names: Arc<Names>,
    /// How often a run without entries reports that it is alive. After a crash, the gap in the log begins at the last
    /// report.
    pub heartbeat: Duration,
    /// How long an entry may have waited elsewhere before it is recorded. After a crash, the gap in the log begins that much earlier.
    pub held_before: Duration,
    /// Pauses before retrying a batch that could not be written; the last one is repeated until it can be. Until then
    /// entries wait, and who loses some when there are too many is decided there. A recorder that stops retries once.
    pub retries: Vec<Duration>,
}

impl RecorderOptions {
    /// The values a server uses.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            waiting_entries: 65_536,
            waiting_bytes: 48 * 1024 * 1024,
            batch_rows: 8_192,
            batch_bytes: 4 * 1024 * 1024,
            batch_delay: Duration::from_millis(200),
            names: Arc::default(),
            heartbeat: Duration::from_secs(5),
            held_before: Duration::ZERO,
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

/// Accepts log entries. Cheap to clone; all clones are the same recorder.
#[derive(Clone, Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    pub(crate) sent: Arc<Entrance>,
}

/// Where entries come in that a program sends.
pub(crate) struct Entrance {
    pub(crate) places: Semaphore,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) names: Arc<Names>,
    /// To the writer.
    pub(crate) steps: mpsc::Sender<Step>,
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance")
            .field("places", &self.places)
            .finish_non_exhaustive()
    }
}

/// What the tasks behind the recorder are told, apart from entries.
pub(crate) enum Command {
    Flush(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

/// What the recorder and its tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) tally: Tally,
    pub(crate) waiting: Waiting,
    /// Tells the writer not to wait for a store that fails.
    pub(crate) stop: Stop,
}

/// Whether the recorder is stopping.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    is_on: AtomicBool,
    wake: Notify,
}

impl Stop {
    fn set(&self) {
        self.is_on.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }

    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::SeqCst)
    }

    /// Returns after the pause, or as soon as the recorder stops.
    pub(crate) async fn sleep(&self, pause: Duration) {
        if !self.is_on() {
            let _ = timeout(pause, self.wake.notified()).await;
        }
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
        let begun = options.clock.now();
        let run = ledger.start_run(begun).await?;
        let bound = Amount {
            rows: options.waiting_entries,
            bytes: options.waiting_bytes,
        };
        let batch = Amount {
            rows: options.batch_rows,
            bytes: options.batch_bytes,
        };
        let shared = Arc::new(Shared {
            tally: Tally::default(),
            waiting: Waiting::new(bound, batch),
            stop: Stop::default(),
        });
        let (commands, told) = mpsc::channel(16);
        // One batch may be redacted while another is being stored.
        let (redacted, steps) = mpsc::channel(1);
        let sent = Arc::new(Entrance {
            places: Semaphore::new(sent::AT_ONCE),
            sink: Arc::clone(&sink),
            names: Arc::clone(&options.names),
            steps: redacted.clone(),
        });
        let gatherer = Gatherer::new(options.clone(), Arc::clone(&shared));
        let writer = Writer::new(sink, ledger, bus, options, Arc::clone(&shared), run, begun);
        tokio::spawn(gatherer.run(told, redacted));
        tokio::spawn(writer.run(steps));
        Ok(Self {
            shared,
            commands,
            sent,
        })
    }

    /// Accepts an entry, or counts it or another as dropped if too many are waiting. Never waits.
    pub fn record(&self, entry: impl Into<Box<Entry>>) {
        let entry = entry.into();
        if self.shared.tally.admits(&entry) {
            let lost = self.shared.waiting.push(entry, Kind::Ordinary);
            self.count_dropped(&lost);
        }
    }

    /// Accepts an entry, waiting for room if necessary. For ingest and the demo's history, where nothing may be
    /// dropped.
    pub async fn record_waiting(&self, entry: Entry) {
        if self.shared.tally.admits(&entry) {
            let lost = self.shared.waiting.push_patiently(Box::new(entry)).await;
            self.count_dropped(&lost);
        }
    }

    fn count_dropped(&self, lost: &[Held]) {
        for entry in lost {
            self.shared.tally.dropped(entry.place.loss_of());
        }
    }

    /// Call it before the next request of a connection is dealt with. Returns at once, unless so many entries are waiting
    /// that some may soon be dropped; then it waits up to 5 ms for the writer to catch up.
    pub async fn room(&self) {
        self.shared.waiting.room().await;
    }

    /// Returns when everything recorded so far is stored or counted as dropped.
    pub async fn flush(&self) {
        let (done, waiting) = oneshot::channel();
        if self.commands.send(Command::Flush(done)).await.is_ok() {
            let _ = waiting.await;
        }
    }

    /// Flushes, ends the run cleanly and stops. Entries recorded later count as dropped. If the store fails, it is
    /// retried only once.
    pub async fn shutdown(&self) {
        self.shared.stop.set();
        let (done, waiting) = oneshot::channel();
        if self.commands.send(Command::Stop(done)).await.is_ok() {
            let _ = waiting.await;
        }
    }

    /// The counters since the start, for metrics.
    pub fn totals(&self) -> Totals {
        self.shared.tally.totals()
    }
}

//! The first of two tasks behind [`crate::Recorder`]. It waits until there is enough for a batch, redacts it, and passes
//! it to the writer, which stores it while the next one is being redacted.

use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::available_parallelism;

use model::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use crate::lanes::{Epoch, Held};
use crate::recorder::{Command, Shared};
use crate::redact::Redactor;
use crate::sent::Sent;
use crate::waiting::Work;
use crate::{LossOf, Names, RecorderOptions, StoredEntry};

/// A batch of at least this many bytes is redacted by several threads.
const WORTH_DIVIDING: usize = 256 * 1024;

/// What the writer is to do next.
pub(crate) enum Step {
    Write(Redacted),
    Sent(Sent),
    /// Say that everything before is done.
    Answer(oneshot::Sender<()>),
    Stop(Option<oneshot::Sender<()>>),
}

/// Entries ready to be stored. None, if the run only has to say that it is alive.
pub(crate) struct Redacted {
    pub(crate) entries: Vec<StoredEntry>,
    /// All entries that were recorded before this time are in this batch or in earlier ones.
    pub(crate) complete_to: Timestamp,
    /// The server is stopping and cannot wait long.
    pub(crate) stopping: bool,
}

pub(crate) struct Gatherer {
    options: RecorderOptions,
    shared: Arc<Shared>,
    /// When the epochs of waiting entries began, oldest first. The last is the current one.
    epochs: VecDeque<(Epoch, Timestamp, Instant)>,
    last_sign_of_life: Instant,
    threads: usize,
}

/// Why the gatherer stopped waiting.
enum Then {
    Write,
    Answer(oneshot::Sender<()>),
    Stop(Option<oneshot::Sender<()>>),
}

impl Gatherer {
    pub(crate) fn new(options: RecorderOptions, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        let threads = available_parallelism().map_or(1, NonZero::get).min(4);
        Self {
            epochs: VecDeque::from([(0, options.clock.now(), now)]),
            options,
            shared,
            last_sign_of_life: now,
            threads,
        }
    }

    /// Runs until it is told to stop, all recorders are gone, or the writer has ended.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>, steps: mpsc::Sender<Step>) {
        loop {
            let then = self.wait(&mut commands).await;
            let stopping = matches!(then, Then::Stop(_));
            if stopping {
                self.shared.waiting.close();
            }
            let passed = match &then {
                Then::Write => self.pass_on(&steps, stopping).await,
                Then::Answer(_) | Then::Stop(_) => self.pass_everything_on(&steps, stopping).await,
            };
            if !passed {
                return;
            }
            let last = match then {
                Then::Write => continue,
                Then::Answer(waiting) => Step::Answer(waiting),
                Then::Stop(waiting) => Step::Stop(waiting),
            };
            if steps.send(last).await.is_err() || stopping {
                return;
            }
        }
    }

    /// Returns when a batch is full, when its first entry has waited long enough, or when a sign of life is due.
    async fn wait(&mut self, commands: &mut mpsc::Receiver<Command>) -> Then {
        loop {
            let due = match self.shared.waiting.work() {
                Work::Enough => return Then::Write,
                // At the latest, its first entry arrived when the epoch began.
                Work::Some => self.oldest().1 + self.options.batch_delay,
                Work::Nothing => self.last_sign_of_life + self.options.heartbeat,
            };
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command::Flush(waiting)) => return Then::Answer(waiting),
                    Some(Command::Stop(waiting)) => return Then::Stop(Some(waiting)),
                    None => return Then::Stop(None),
                },
                () = self.shared.waiting.more_work() => {}
                () = sleep_until(due) => return Then::Write,
            }
        }
    }

    /// Passes the next batch to the writer. Returns false if the writer has ended.
    async fn pass_on(&mut self, steps: &mpsc::Sender<Step>, stopping: bool) -> bool {
        // Reserved before the entries are taken: while the writer is busy, they wait where they are bounded.
        let Ok(step) = steps.reserve().await else {
            return false;
        };
        step.send(Step::Write(self.next(stopping).await));
        true
    }

    /// Like [`Self::pass_on`], for everything that was recorded so far.
    async fn pass_everything_on(&mut self, steps: &mpsc::Sender<Step>, stopping: bool) -> bool {
        let until = self.current_epoch();
        while self.shared.waiting.oldest().is_some_and(|oldest| oldest <= until) {
            if !self.pass_on(steps, stopping).await {
                return false;
            }
        }
        true
    }

    /// Takes and redacts the next batch.
    async fn next(&mut self, stopping: bool) -> Redacted {
        let (now, begun) = (self.options.clock.now(), Instant::now());
        let epoch = self.shared.waiting.next_epoch();
        self.epochs.push_back((epoch, now, begun));
        let taken = self.shared.waiting.take();
        self.last_sign_of_life = begun;
        let held_before = self.options.held_before.as_millis() as i64;
        let complete_to = self.oldest().0.plus_millis(-held_before);
        let threads = if taken.bytes < WORTH_DIVIDING {
            1
        } else {
            self.threads
        };
        Redacted {
            entries: self.redact(taken.entries, threads).await,
            complete_to,
            stopping,
        }
    }

    fn current_epoch(&self) -> Epoch {
        self.epochs.back().map_or(0, |(epoch, _, _)| *epoch)
    }

    /// When the epoch of the oldest waiting entry began; without one, the current epoch. Forgets earlier ones.
    fn oldest(&mut self) -> (Timestamp, Instant) {
        let oldest = self.shared.waiting.oldest().unwrap_or(Epoch::MAX);
        while self.epochs.len() > 1 && self.epochs[1].0 <= oldest {
            self.epochs.pop_front();
        }
        let (_, at, begun) = self.epochs[0];
        (at, begun)
    }

    /// On threads of its own: redacting many large bodies keeps a CPU busy, and on a runtime thread it would delay
    /// requests.
    async fn redact(&self, mut entries: Vec<Held>, threads: usize) -> Vec<StoredEntry> {
        if entries.is_empty() {
            return Vec::new();
        }
        let each = entries.len().div_ceil(threads);
        let mut parts = Vec::with_capacity(threads);
        while entries.len() > each {
            parts.push(entries.split_off(entries.len() - each));
        }
        parts.push(entries);
        let begin = |part| {
            let names = Arc::clone(&self.options.names);
            spawn_blocking(move || redact_all(part, &names))
        };
        // The last part has the oldest entries.
        let redactions: Vec<_> = parts.into_iter().rev().map(begin).collect();
        let mut all = Vec::new();
        for redaction in redactions {
            // A panic is caught within, so this fails only while the runtime stops.
            let Ok((mut redacted, lost)) = redaction.await else {
                continue;
            };
            lost.into_iter().for_each(|of| self.shared.tally.dropped(of));
            if all.is_empty() {
                all = redacted;
            } else {
                all.append(&mut redacted);
            }
        }
        all
    }
}

/// A defect in redaction must lose neither the secret nor the other rows.
fn redact_all(entries: Vec<Held>, names: &Names) -> (Vec<StoredEntry>, Vec<LossOf>) {
    let (mut redacted, mut lost) = (Vec::with_capacity(entries.len()), Vec::new());
    let mut redactor = Redactor::new(names);
    for entry in entries {
        let of = entry.place.loss_of();
        match catch_unwind(AssertUnwindSafe(|| redactor.redact(*entry))) {
            Ok((entry, _)) => redacted.push(entry),
            Err(_) => {
                tracing::error!("redacting a log row failed; dropping it");
                lost.push(of);
            }
        }
    }
    (redacted, lost)
}

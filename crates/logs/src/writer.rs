//! The second of two tasks behind [`crate::Recorder`]. It stores batches, retries, reports what was lost, and tells open
//! pages.

mod sent;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use live::{Bus, Topic};
use model::{CompanyId, Timestamp};
use tokio::sync::mpsc;

use crate::gatherer::{Redacted, Step};
use crate::recorder::Shared;
use crate::{
    Batch, Ledger, LogStoreError, Loss, LossOf, Origin, RecorderOptions, Run, RunReport, Sink, StoredEntry,
    Totals,
};

pub(crate) struct Writer {
    sink: Arc<dyn Sink>,
    ledger: Arc<dyn Ledger>,
    bus: Bus,
    options: RecorderOptions,
    shared: Arc<Shared>,
    run: Run,
    /// The number of the next entry within the run.
    next: u64,
    /// What the store has recorded, counted since the start.
    recorded: Recorded,
    /// What it has recorded for earlier runs. Only a run that another node has ended has a successor.
    earlier: Recorded,
    /// Whether the last write failed, so that a long outage is logged once and not for every batch.
    failing: bool,
    /// All entries that this server recorded before this time are stored.
    complete_to: Timestamp,
}

/// Counters on their way to the store, counted since the start.
struct Counted {
    totals: Totals,
    /// Of the companies whose numbers the store does not have.
    losses: Vec<(LossOf, Loss)>,
}

/// Counters that the store has.
#[derive(Clone, Default)]
struct Recorded {
    totals: Totals,
    losses: HashMap<LossOf, Loss>,
}

impl Writer {
    pub(crate) fn new(
        sink: Arc<dyn Sink>,
        ledger: Arc<dyn Ledger>,
        bus: Bus,
        options: RecorderOptions,
        shared: Arc<Shared>,
        run: Run,
        begun: Timestamp,
    ) -> Self {
        Self {
            complete_to: begun,
            sink,
            ledger,
            bus,
            options,
            shared,
            run,
            next: 0,
            recorded: Recorded::default(),
            earlier: Recorded::default(),
            failing: false,
        }
    }

    pub(crate) async fn run(mut self, mut steps: mpsc::Receiver<Step>) {
        while let Some(step) = steps.recv().await {
            match step {
                Step::Write(redacted) => self.write(redacted).await,
                Step::Sent(sent) => self.write_sent(sent).await,
                Step::Answer(waiting) => drop(waiting.send(())),
                Step::Stop(waiting) => {
                    self.end_run().await;
                    waiting.map(|waiting| waiting.send(()));
                    return;
                }
            }
        }
    }

    /// Stores the entries, or counts them as dropped.
    async fn write(&mut self, redacted: Redacted) {
        let Redacted {
            entries,
            complete_to,
            stopping,
        } = redacted;
        self.complete_to = complete_to;
        let mut parts = VecDeque::from([Arc::new(entries)]);
        while let Some(entries) = parts.pop_front() {
            match self.append(&entries, Origin::Recorded, stopping).await {
                Ok(()) => {}
                // One bad row must not lose the others.
                Err(LogStoreError::Refused(error)) if entries.len() > 1 => {
                    tracing::warn!(%error, rows = entries.len(), "a batch of log rows was refused; writing it in halves");
                    let (older, newer) = entries.split_at(entries.len() / 2);
                    parts.push_front(Arc::new(newer.to_vec()));
                    parts.push_front(Arc::new(older.to_vec()));
                }
                Err(_) => {
                    let owners = entries.iter().map(|entry| entry.place.loss_of());
                    owners.for_each(|of| self.shared.tally.dropped(of));
                }
            }
        }
    }

    /// Appends the entries as one batch. It does not give up while the store fails: the entries that are lost then are
    /// chosen among those that wait, company by company, and not by which batch they happen to be in.
    async fn append(
        &mut self,
        entries: &Arc<Vec<StoredEntry>>,
        origin: Origin,
        stopping: bool,
    ) -> Result<(), LogStoreError> {
        let mut failures = 0;
        let mut first = self.take_numbers(entries);
        let mut was_fenced = false;
        loop {
            let counted = self.count(entries.len());
            let batch = Batch {
                first,
                entries: Arc::clone(entries),
                report: self.report(&counted, self.complete_to),
                origin,
            };
            let error = match self.sink.append(batch).await {
                Ok(()) => {
                    if origin != Origin::Recorded {
                        self.shared.tally.seen_sent(entries.len());
                    }
                    self.written(entries, counted);
                    return Ok(());
                }
                Err(LogStoreError::Overtaken) => return Err(LogStoreError::Overtaken),
                Err(error) => error,
            };
            if matches!(error, LogStoreError::Fenced)
                && !std::mem::replace(&mut was_fenced, true)
                && self.start_another_run().await
            {
                first = self.take_numbers(entries);
                continue;
            }
            if !std::mem::replace(&mut self.failing, true) {
                tracing::error!(%error, cause = ?error, "could not write log rows; trying again");
            }
            if matches!(error, LogStoreError::Refused(_)) {
                return Err(error);
            }
            let Some(pause) = self.pause_after(failures, &error, entries.is_empty(), stopping) else {
                return Err(error);
            };
            failures += 1;
            self.shared.stop.sleep(pause).await;
        }
    }

    /// How long to wait before the next try, or `None` to give up.
    fn pause_after(
        &self,
        failures: usize,
        error: &LogStoreError,
        is_sign_of_life: bool,
        stopping: bool,
    ) -> Option<Duration> {
        let retries = &self.options.retries;
        let retry = retries.get(failures).copied();
        if is_sign_of_life {
            // The next one says the same.
            None
        } else if stopping || self.shared.stop.is_on() {
            retry.filter(|_| failures == 0)
        } else if matches!(error, LogStoreError::Fenced) {
            // Another node ends each run as soon as it begins, which may go on for ever.
            retry
        } else {
            retry.or_else(|| retries.last().copied())
        }
    }

    fn take_numbers(&mut self, entries: &[StoredEntry]) -> u64 {
        let first = self.next;
        self.next += entries.len() as u64;
        first
    }

    /// After another node has ended this run. What it stored and lost stays recorded with it.
    async fn start_another_run(&mut self) -> bool {
        match self.ledger.start_run(self.options.clock.now()).await {
            Ok(run) => {
                tracing::warn!("another node ended this run of the log; beginning another");
                self.earlier = self.recorded.clone();
                (self.run, self.next) = (run, 0);
                true
            }
            Err(error) => {
                tracing::error!(%error, cause = ?error, "could not begin another run of the log");
                false
            }
        }
    }

    fn written(&mut self, entries: &[StoredEntry], counted: Counted) {
        if std::mem::take(&mut self.failing) {
            tracing::info!(
                dropped = self.shared.tally.totals().dropped,
                "log rows can be written again"
            );
        }
        self.shared.tally.stored(entries.len());
        self.shared.tally.reported(&counted.losses);
        self.recorded.totals = counted.totals;
        self.recorded.losses.extend(counted.losses);
        let changed: HashSet<CompanyId> = entries
            .iter()
            .flat_map(|entry| [entry.place.root, entry.place.company])
            .collect();
        changed
            .into_iter()
            .for_each(|company| self.bus.publish(company, Topic::Logs));
    }

    /// The counters as they will be once `more` entries are stored.
    fn count(&self, more: usize) -> Counted {
        let mut totals = self.shared.tally.totals();
        totals.stored += more as u64;
        Counted {
            totals,
            losses: self.shared.tally.unreported(),
        }
    }

    /// The part of the counters that belongs to this run.
    fn report(&self, counted: &Counted, at: Timestamp) -> RunReport {
        let Counted { totals, losses } = counted;
        let earlier = &self.earlier;
        let of_this_run = |(of, loss): &(LossOf, Loss)| {
            let before = earlier.losses.get(of).copied().unwrap_or_default();
            let loss = Loss {
                dropped: loss.dropped - before.dropped,
                suppressed: loss.suppressed - before.suppressed,
            };
            (*of, loss)
        };
        RunReport {
            run: self.run,
            at,
            stored: totals.stored - earlier.totals.stored,
            dropped: totals.dropped - earlier.totals.dropped,
            suppressed: totals.suppressed - earlier.totals.suppressed,
            losses: losses.iter().map(of_this_run).collect(),
        }
    }

    async fn end_run(&mut self) {
        let report = self.report(&self.count(0), self.options.clock.now());
        if let Err(error) = self.ledger.end_run(report).await {
            tracing::error!(%error, cause = ?error, "could not record the end of this run; the next start will record a gap");
        }
    }
}

//! The task behind [`crate::Recorder`]. It gathers entries, redacts them, writes them in batches, and tells open pages.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use live::{Bus, Topic};
use model::CompanyId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use crate::lanes::{Lanes, Waiting};
use crate::recorder::{Item, Shared};
use crate::{
    Batch, Entry, Ledger, LogStoreError, Loss, LossOf, RecorderOptions, Run, RunReport, Sink, StoredEntry,
    redact,
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
    /// The losses that the store has recorded.
    reported: HashMap<LossOf, Loss>,
    /// Whether the last write failed, so that a long outage is logged once and not for every batch.
    failing: bool,
}

/// Why gathering ended.
enum Then {
    GoOn,
    Answer(oneshot::Sender<()>),
    Stop(Option<oneshot::Sender<()>>),
}

/// Runs until it is told to stop or all recorders are gone.
pub(crate) async fn run(mut writer: Writer, mut items: mpsc::Receiver<Item>) {
    let mut lanes = Lanes::default();
    loop {
        let then = writer.gather(&mut items, &mut lanes).await;
        let stopping = matches!(then, Then::Stop(_));
        loop {
            writer.write_next(&mut lanes, stopping).await;
            if lanes.is_empty() || matches!(then, Then::GoOn) {
                break;
            }
        }
        match then {
            Then::GoOn => {}
            Then::Answer(waiting) => drop(waiting.send(())),
            Then::Stop(waiting) => {
                writer.stop(items).await;
                waiting.map(|waiting| waiting.send(()));
                return;
            }
        }
    }
}

impl Writer {
    pub(crate) fn new(
        sink: Arc<dyn Sink>,
        ledger: Arc<dyn Ledger>,
        bus: Bus,
        options: RecorderOptions,
        shared: Arc<Shared>,
        run: Run,
    ) -> Self {
        Self {
            sink,
            ledger,
            bus,
            options,
            shared,
            run,
            next: 0,
            reported: HashMap::new(),
            failing: false,
        }
    }

    /// Fills the lanes until there is a batch, its first row has waited long enough, or a heartbeat is due.
    async fn gather(&self, items: &mut mpsc::Receiver<Item>, lanes: &mut Lanes) -> Then {
        let options = &self.options;
        // Entries left over from a full batch have already waited.
        let mut deadline = if lanes.is_empty() {
            Instant::now() + options.heartbeat
        } else {
            Instant::now()
        };
        while lanes.rows() < options.waiting_entries {
            let enough = lanes.fill(options.batch_rows, options.batch_bytes);
            // Even if there is enough for a batch, takes in everything that is queued first, so that every company
            // gets its turn.
            let next = match items.try_recv() {
                Ok(item) => Ok(Some(item)),
                Err(_) if enough => return Then::GoOn,
                Err(_) => timeout_at(deadline, items.recv()).await,
            };
            let first = lanes.is_empty();
            match next {
                Ok(Some(Item::Entry(entry))) => lanes.push(Waiting {
                    entry,
                    has_share: true,
                }),
                Ok(Some(Item::Patient(entry))) => lanes.push(Waiting {
                    entry,
                    has_share: false,
                }),
                Ok(Some(Item::Flush(waiting))) => return Then::Answer(waiting),
                Ok(Some(Item::Stop(waiting))) => return Then::Stop(Some(waiting)),
                Ok(None) => return Then::Stop(None),
                Err(_) => return Then::GoOn,
            }
            if first {
                deadline = Instant::now() + options.batch_delay;
            }
        }
        Then::GoOn
    }

    /// Writes the next batch from the lanes.
    async fn write_next(&mut self, lanes: &mut Lanes, stopping: bool) {
        let batch = lanes.take(self.options.batch_rows, self.options.batch_bytes);
        let entries = batch
            .into_iter()
            .map(|waiting| {
                if waiting.has_share {
                    self.shared.give_room_back(&waiting.entry);
                }
                *waiting.entry
            })
            .collect();
        self.write(entries, stopping).await;
    }

    /// Redacts and stores the entries, or counts them as dropped.
    async fn write(&mut self, entries: Vec<Entry>, stopping: bool) {
        let owners: Vec<LossOf> = entries.iter().map(|entry| entry.place.loss_of()).collect();
        // Redacting up to 16 MiB keeps the CPU busy. On a runtime thread it would delay requests.
        let names = Arc::clone(&self.options.names);
        let redaction = tokio::task::spawn_blocking(move || {
            entries
                .into_iter()
                .map(|entry| redact(entry, &names))
                .collect::<Vec<_>>()
        });
        let Ok(entries) = redaction.await else {
            tracing::error!(rows = owners.len(), "redacting log rows failed; dropping them");
            owners.into_iter().for_each(|owner| self.shared.dropped(owner));
            return;
        };
        let retries = if stopping {
            self.options.retries.iter().take(1)
        } else {
            self.options.retries.iter().take(100)
        };
        let mut pauses = retries.copied().collect::<Vec<_>>().into_iter();
        let first = self.next;
        self.next += entries.len() as u64;
        let mut batch = Batch {
            first,
            report: self.report(entries.len()),
            entries: Arc::new(entries),
        };
        loop {
            match self.sink.append(batch.clone()).await {
                Ok(()) => return self.written(batch),
                Err(LogStoreError::Refused(error)) if batch.entries.len() > 1 => {
                    tracing::warn!(%error, "a batch of log rows was refused; writing them one by one");
                    return self.write_singly(first, &batch.entries).await;
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::error!(%error, cause = ?error, "could not write log rows; trying again");
                    }
                    let refused = matches!(error, LogStoreError::Refused(_));
                    let Some(pause) = pauses.next().filter(|_| !refused && !batch.entries.is_empty()) else {
                        break;
                    };
                    sleep(pause).await;
                    batch.report = self.report(batch.entries.len());
                }
            }
        }
        batch
            .entries
            .iter()
            .for_each(|entry| self.shared.dropped(entry.place.loss_of()));
    }

    /// Writes entries one by one, so that one bad row does not lose its whole batch.
    async fn write_singly(&mut self, first: u64, entries: &[StoredEntry]) {
        for (first, entry) in (first..).zip(entries) {
            let batch = Batch {
                first,
                entries: Arc::new(vec![entry.clone()]),
                report: self.report(1),
            };
            match self.sink.append(batch.clone()).await {
                Ok(()) => self.written(batch),
                Err(_) => self.shared.dropped(entry.place.loss_of()),
            }
        }
    }

    fn written(&mut self, batch: Batch) {
        if std::mem::take(&mut self.failing) {
            tracing::info!(
                dropped = self.shared.totals().dropped,
                "log rows can be written again"
            );
        }
        self.shared
            .stored
            .fetch_add(batch.entries.len() as u64, Ordering::SeqCst);
        self.reported.extend(batch.report.losses);
        let changed: HashSet<CompanyId> = batch
            .entries
            .iter()
            .flat_map(|entry| [entry.place.root, entry.place.company])
            .collect();
        changed
            .into_iter()
            .for_each(|company| self.bus.publish(company, Topic::Logs));
    }

    /// The counters as they will be once `more` entries are stored.
    fn report(&self, more: usize) -> RunReport {
        let totals = self.shared.totals();
        let losses = self.shared.losses().into_iter();
        RunReport {
            run: self.run,
            at: self.options.clock.now(),
            stored: totals.stored + more as u64,
            dropped: totals.dropped,
            suppressed: totals.suppressed,
            losses: losses
                .filter(|(of, loss)| self.reported.get(of) != Some(loss))
                .collect(),
        }
    }

    /// Drops and counts everything that arrives after the stop, then ends the run.
    async fn stop(&mut self, mut items: mpsc::Receiver<Item>) {
        items.close();
        while let Some(item) = items.recv().await {
            match item {
                Item::Entry(entry) | Item::Patient(entry) => self.shared.dropped(entry.place.loss_of()),
                Item::Flush(waiting) | Item::Stop(waiting) => drop(waiting.send(())),
            }
        }
        if let Err(error) = self.ledger.end_run(self.report(0)).await {
            tracing::error!(%error, cause = ?error, "could not record the end of this run; the next start will record a gap");
        }
    }
}

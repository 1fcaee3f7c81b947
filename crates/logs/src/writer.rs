//! The task behind [`crate::Recorder`]: gathers entries, redacts them, writes them in batches, and tells open pages.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use live::{Hub, Topic};
use model::CompanyId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use crate::recorder::{Item, Shared};
use crate::{
    Batch, Entry, LogStore, LogStoreError, Loss, LossOf, RecorderOptions, Run, RunReport, StoredEntry, redact,
};

pub(crate) struct Writer {
    store: Arc<dyn LogStore>,
    hub: Hub,
    options: RecorderOptions,
    shared: Arc<Shared>,
    run: Run,
    /// The losses that the store knows of.
    reported: HashMap<LossOf, Loss>,
    /// Whether the last write failed, so that a long fault is logged once and not with every batch.
    failing: bool,
}

/// Why gathering ended.
enum Then {
    GoOn,
    Answer(oneshot::Sender<()>),
    Stop(Option<oneshot::Sender<()>>),
}

/// Runs until it is told to stop or the last recorder is gone.
pub(crate) async fn run(mut writer: Writer, mut items: mpsc::Receiver<Item>) {
    loop {
        let (entries, then) = writer.gather(&mut items).await;
        let stopping = matches!(then, Then::Stop(_));
        writer.write(entries, stopping).await;
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
        store: Arc<dyn LogStore>,
        hub: Hub,
        options: RecorderOptions,
        shared: Arc<Shared>,
        run: Run,
    ) -> Self {
        Self {
            store,
            hub,
            options,
            shared,
            run,
            reported: HashMap::new(),
            failing: false,
        }
    }

    /// The entries of the next batch: none when only a sign of life is due.
    async fn gather(&self, items: &mut mpsc::Receiver<Item>) -> (Vec<Entry>, Then) {
        let mut entries = Vec::new();
        let mut deadline = Instant::now() + self.options.heartbeat;
        loop {
            match timeout_at(deadline, items.recv()).await {
                Ok(Some(item @ (Item::Entry(_) | Item::Patient(_)))) => {
                    if entries.is_empty() {
                        deadline = Instant::now() + self.options.batch_delay;
                    }
                    if let Item::Entry(entry) = &item {
                        self.shared.give_room_back(entry);
                    }
                    if let Item::Entry(entry) | Item::Patient(entry) = item {
                        entries.push(*entry);
                    }
                    if entries.len() >= self.options.batch_rows {
                        return (entries, Then::GoOn);
                    }
                }
                Ok(Some(Item::Flush(waiting))) => return (entries, Then::Answer(waiting)),
                Ok(Some(Item::Stop(waiting))) => return (entries, Then::Stop(Some(waiting))),
                Ok(None) => return (entries, Then::Stop(None)),
                Err(_) => return (entries, Then::GoOn),
            }
        }
    }

    /// Redacts and stores the entries, or counts them as dropped.
    async fn write(&mut self, entries: Vec<Entry>, stopping: bool) {
        let owners: Vec<LossOf> = entries.iter().map(|entry| entry.place.loss_of()).collect();
        // Redaction is arithmetic on up to 16 MiB; the threads that answer requests have better things to do.
        let names = Arc::clone(&self.options.names);
        let redaction = tokio::task::spawn_blocking(move || {
            entries
                .into_iter()
                .map(|entry| redact(entry, &names))
                .collect::<Vec<_>>()
        });
        let Ok(entries) = redaction.await else {
            tracing::error!(rows = owners.len(), "redacting log rows failed; they are dropped");
            owners.into_iter().for_each(|owner| self.shared.dropped(owner));
            return;
        };
        let retries = if stopping {
            self.options.retries.iter().take(1)
        } else {
            self.options.retries.iter().take(100)
        };
        let mut pauses = retries.copied().collect::<Vec<_>>().into_iter();
        let mut batch = Batch {
            report: self.report(entries.len()),
            entries: Arc::new(entries),
        };
        loop {
            match self.store.append(batch.clone()).await {
                Ok(()) => return self.written(batch),
                Err(LogStoreError::Refused(error)) if batch.entries.len() > 1 => {
                    tracing::warn!(%error, "a batch of log rows was refused; writing them one by one");
                    return self.write_singly(&batch.entries).await;
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::error!(%error, cause = ?error, "log rows cannot be written; trying again");
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

    /// One bad row must not take the rest of its batch with it.
    async fn write_singly(&mut self, entries: &[StoredEntry]) {
        for entry in entries {
            let batch = Batch {
                entries: Arc::new(vec![entry.clone()]),
                report: self.report(1),
            };
            match self.store.append(batch.clone()).await {
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
            .for_each(|company| self.hub.publish(company, Topic::Logs));
    }

    /// The counters once `more` entries are stored.
    fn report(&self, more: usize) -> RunReport {
        let totals = self.shared.totals();
        let losses = self.shared.losses().into_iter();
        RunReport {
            run: self.run,
            at: (self.options.clock)(),
            stored: totals.stored + more as u64,
            dropped: totals.dropped,
            suppressed: totals.suppressed,
            losses: losses
                .filter(|(of, loss)| self.reported.get(of) != Some(loss))
                .collect(),
        }
    }

    /// Whatever came after the stop is dropped and counted; then the run ends.
    async fn stop(&mut self, mut items: mpsc::Receiver<Item>) {
        items.close();
        while let Some(item) = items.recv().await {
            match item {
                Item::Entry(entry) | Item::Patient(entry) => self.shared.dropped(entry.place.loss_of()),
                Item::Flush(waiting) | Item::Stop(waiting) => drop(waiting.send(())),
            }
        }
        if let Err(error) = self.store.end_run(self.report(0)).await {
            tracing::error!(%error, cause = ?error, "the end of this run could not be written; the next start will record a gap");
        }
    }
}

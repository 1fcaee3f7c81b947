//! Delivers what is due. There is one worker per process. It is woken by the bell for commits of its own process, and
//! by its clock for retries. A slow poll of the database finds what other processes did or left behind.
//!
//! Each webhook has a lane with its own limit, and each company has a fair share of all attempts. A receiver that hangs
//! fills only its lane, and a company whose receivers all hang fills only its share. No one else is affected.
//!
//! [`Scheduler`] decides all of this. Here are the tasks, the waits and the calls of the database that it asks for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::{AttemptId, CompanyId, Timestamp, WebhookId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::attempt::Ran;
use crate::scheduler::{Command, Input, Scheduler, lease_until};
use crate::storage::{Claimed, FinishedAttempt, Taken};
use crate::{Sender, StorageFailure, Webhooks, attempt, pressure, pruning, results};

/// How long stopping waits for a claim that is on its way.
const LAST_CLAIM: Duration = Duration::from_secs(2);

/// How much a worker does at once.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// The most attempts in progress for one webhook.
    pub per_webhook: u32,
    /// The most attempts in progress in all.
    pub at_once: u32,
    /// How often to check the database without being woken.
    pub look_every: Duration,
    /// How long [`RunningWorker::stop`] waits for attempts in progress.
    pub drain: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            per_webhook: 32,
            at_once: 512,
            look_every: Duration::from_secs(2),
            drain: Duration::from_secs(12),
        }
    }
}

/// A worker that has not been started.
#[derive(Debug)]
pub struct Worker {
    webhooks: Webhooks,
    sender: Arc<Sender>,
    key_changes: watch::Receiver<u64>,
    options: WorkerOptions,
}

/// A running worker. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct RunningWorker {
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Worker {
    /// `key_changes` changes whenever keys are generated or deleted, so that held deliveries are released.
    pub fn new(
        webhooks: Webhooks,
        sender: Arc<Sender>,
        key_changes: watch::Receiver<u64>,
        options: WorkerOptions,
    ) -> Self {
        Self {
            webhooks,
            sender,
            key_changes,
            options,
        }
    }

    pub fn start(self) -> RunningWorker {
        let stop = CancellationToken::new();
        let (messages, heard) = mpsc::unbounded_channel();
        let (results, writing) = results::start(self.webhooks.clone(), messages.clone());
        let run = Run {
            webhooks: self.webhooks,
            sender: self.sender,
            drain: self.options.drain,
            scheduler: Scheduler::new(self.options),
            attempts: TaskTracker::new(),
            messages,
            results,
            started: Instant::now(),
        };
        let (pruning, stopped) = (pruning::run(run.webhooks.clone()), stop.clone());
        tokio::spawn(async move { stopped.run_until_cancelled(pruning).await });
        let task = tokio::spawn(run.run(self.key_changes, heard, writing, stop.clone()));
        RunningWorker {
            stop,
            task: Some(task),
        }
    }
}

impl RunningWorker {
    /// Stops taking new deliveries and waits for the attempts in progress, up to the time limit. An attempt that has
    /// not finished by then is repeated when its lease expires.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the delivery worker had stopped unexpectedly");
        }
    }
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Run {
    webhooks: Webhooks,
    sender: Arc<Sender>,
    drain: Duration,
    scheduler: Scheduler,
    attempts: TaskTracker,
    messages: mpsc::UnboundedSender<Input>,
    results: mpsc::Sender<FinishedAttempt>,
    started: Instant,
}

impl Run {
    async fn run(
        mut self,
        mut key_changes: watch::Receiver<u64>,
        mut messages: mpsc::UnboundedReceiver<Input>,
        writing: JoinHandle<()>,
        stop: CancellationToken,
    ) {
        let clock = self.webhooks.parts().clock.clone();
        let mut keys_changed = false;
        loop {
            // The bell remembers a ring that comes after this line until we wait below. So a commit between the
            // database query and the wait is not missed.
            let visitors = self.webhooks.bell().take();
            self.hear(Input::Waiting(visitors.waiting)).await;
            while let Ok(message) = messages.try_recv() {
                self.hear(message).await;
            }
            let now = clock.now();
            self.hear(Input::Handed(visitors.claimed)).await;
            for webhook in visitors.changed {
                self.hear(Input::Halted { webhook }).await;
            }
            keys_changed |= key_changes.has_changed().unwrap_or(false);
            if self.scheduler.is_to_look(now, keys_changed) {
                keys_changed = false;
                key_changes.mark_unchanged();
                let found = self.look().await.inspect_err(
                    |error| tracing::error!(%error, "the delivery worker cannot use the database"),
                );
                self.hear_at(Input::Looked(found.ok()), now).await;
            }
            let mut commands = Vec::new();
            let (bell, monotonic) = (self.webhooks.bell(), self.started.elapsed());
            self.scheduler.ask(now, monotonic, || bell.close(), &mut commands);
            self.carry_out(commands, now).await;
            let rest = self.scheduler.rest(now);
            if rest.admission.is_some() {
                self.webhooks.bell().admit(rest.admission);
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.webhooks.bell().heard() => {}
                Some(message) = messages.recv() => self.hear(message).await,
                Ok(()) = key_changes.changed() => keys_changed = true,
                () = clock.sleep_until(rest.until) => {}
                () = clock.sleep(rest.at_most) => {}
            }
        }
        self.end(messages, writing).await;
    }

    /// Waits for the attempts in progress and for their results to be written, and gives back what has not started.
    async fn end(mut self, mut messages: mpsc::UnboundedReceiver<Input>, writing: JoinHandle<()>) {
        // Anything handed over after this is sent when its lease expires.
        self.webhooks.bell().admit(None);
        let mut unstarted = self.scheduler.stop();
        let mut claiming = self.scheduler.is_claiming();
        while claiming && let Ok(Some(message)) = tokio::time::timeout(LAST_CLAIM, messages.recv()).await {
            if let Input::Claimed { taken, .. } = message {
                claiming = false;
                unstarted.extend(taken.unwrap_or_default().claimed);
            }
        }
        unstarted.extend(self.webhooks.bell().take().claimed);
        self.give_back(unstarted).await;
        self.attempts.close();
        drop(self.results);
        let ended = async {
            self.attempts.wait().await;
            writing.await
        };
        match tokio::time::timeout(self.drain, ended).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "finished attempts could not be written"),
            Err(_) => tracing::warn!(
                left = self.attempts.len(),
                "some attempts did not finish in time and will be repeated"
            ),
        }
    }

    async fn hear(&mut self, input: Input) {
        let now = self.webhooks.parts().clock.now();
        self.hear_at(input, now).await;
    }

    async fn hear_at(&mut self, input: Input, now: Timestamp) {
        let mut commands = Vec::new();
        self.scheduler.hear(input, now, &mut commands);
        self.carry_out(commands, now).await;
    }

    async fn carry_out(&mut self, commands: Vec<Command>, now: Timestamp) {
        for command in commands {
            match command {
                Command::Start(claimed) => self.attempt(claimed),
                Command::GiveBack(claimed) => {
                    if let Some(webhooks) = self.give_back(claimed).await {
                        // This leads to no further command.
                        let given_back = Input::GivenBack(webhooks);
                        self.scheduler.hear(given_back, now, &mut Vec::new());
                    }
                }
                Command::Claim(wanted) => self.claim(wanted, now),
                Command::Count { webhooks, since } => self.count(webhooks, since),
                Command::NoneOverdue => self.webhooks.pressure().count(pressure::Count::default()),
            }
        }
    }

    /// Returns claimed deliveries to the queue, due now, and names their webhooks. `None` if the database failed.
    async fn give_back(&self, claimed: Vec<Claimed>) -> Option<Vec<(WebhookId, CompanyId)>> {
        if claimed.is_empty() {
            return None;
        }
        let leases = claimed.iter().map(|one| (one.delivery, one.lease)).collect();
        let parts = self.webhooks.parts();
        if let Err(error) = parts.store.queue.give_back(leases, parts.clock.now()).await {
            tracing::error!(%error, deliveries = claimed.len(), "could not return claimed deliveries; they wait until their lease expires");
            return None;
        }
        Some(claimed.iter().map(|one| (one.webhook, one.company)).collect())
    }

    /// Finds what other processes made due, what an earlier process left behind, and held deliveries that can be
    /// released.
    async fn look(&self) -> Result<Vec<(WebhookId, CompanyId, Timestamp)>, StorageFailure> {
        let queue = &self.webhooks.parts().store.queue;
        for scope in queue.held().await? {
            self.webhooks.release(scope).await?;
        }
        queue.due().await
    }

    /// Claims deliveries. The lanes go on while the database is asked.
    fn claim(&self, wanted: Vec<(WebhookId, u32)>, now: Timestamp) {
        let id = AttemptId::time_ordered(now, vault::random());
        let queue = Arc::clone(&self.webhooks.parts().store.queue);
        let mut claiming = Claiming {
            messages: self.messages.clone(),
            wanted,
            taken: None,
        };
        tokio::spawn(async move {
            match queue
                .claim(claiming.wanted.clone(), now, lease_until(now), id)
                .await
            {
                Ok(taken) => claiming.taken = Some(taken),
                Err(error) => tracing::error!(error = %error, "the delivery worker cannot claim deliveries"),
            }
            drop(claiming);
        });
    }

    /// Counts what is overdue and tells the publishers.
    fn count(&self, webhooks: HashMap<WebhookId, CompanyId>, since: Timestamp) {
        let (parts, messages) = (self.webhooks.clone(), self.messages.clone());
        tokio::spawn(async move {
            let asked = webhooks.keys().copied().collect();
            let queue = &parts.parts().store.queue;
            let counts = queue.overdue(asked, since, pressure::MOST_OVERDUE + 1).await;
            let overdue = pressure::Count::of(counts.unwrap_or_default(), &webhooks);
            parts.pressure().count(overdue);
            // No one listens any more once the worker has stopped.
            let _ = messages.send(Input::Counted);
        });
    }

    fn attempt(&self, claimed: Claimed) {
        let (webhooks, sender, results) = (self.webhooks.clone(), self.sender.clone(), self.results.clone());
        let place = Place {
            messages: self.messages.clone(),
            webhook: claimed.webhook,
            company: claimed.company,
            took: None,
        };
        self.attempts.spawn(async move {
            // Move the whole value into the task. With only one of its fields, the closure would capture just that
            // field, and the rest would be dropped at once.
            let mut place = place;
            match attempt::run(&webhooks, &sender, claimed).await {
                Ran::Finished(finished) => {
                    place.took = Some(Duration::from_millis(finished.duration_ms));
                    // The results are written until every attempt has ended.
                    let _ = results.send(*finished).await;
                }
                Ran::DueAt(at) => place.due_at(at),
                Ran::Left => {}
            }
        });
    }
}

/// A claim on its way. Dropping it says how it ended, so a panic says it too.
struct Claiming {
    messages: mpsc::UnboundedSender<Input>,
    wanted: Vec<(WebhookId, u32)>,
    taken: Option<Taken>,
}

impl Drop for Claiming {
    fn drop(&mut self) {
        // No one listens any more once the worker has stopped.
        let _ = self.messages.send(Input::Claimed {
            wanted: std::mem::take(&mut self.wanted),
            taken: self.taken.take(),
        });
    }
}

/// A slot in a lane. Dropping it frees it, so a panic frees it too.
struct Place {
    messages: mpsc::UnboundedSender<Input>,
    webhook: WebhookId,
    company: CompanyId,
    took: Option<Duration>,
}

impl Place {
    fn due_at(&self, at: Timestamp) {
        let _ = self.messages.send(Input::Due {
            at,
            webhook: self.webhook,
            company: self.company,
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // No one listens any more once the worker has stopped.
        let _ = self.messages.send(Input::Ended {
            webhook: self.webhook,
            company: self.company,
            took: self.took,
        });
    }
}

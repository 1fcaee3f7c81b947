//! Delivers what is due. There is one worker per process. It is woken by the bell for commits of its own process, and
//! by its clock for retries. A slow poll of the database finds what other processes did or left behind.
//!
//! Each webhook has a lane with its own limit, and each company has a fair share of all attempts. A receiver that hangs
//! fills only its lane, and a company whose receivers all hang fills only its share. No one else is affected.

use std::sync::Arc;
use std::time::Duration;

use model::{AttemptId, CompanyId, Timestamp, WebhookId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::attempt::Ran;
use crate::lanes::Lanes;
use crate::storage::{Claimed, FinishedAttempt, Taken};
use crate::{DEADLINE, Sender, StorageFailure, Webhooks, attempt, pressure, pruning, results};

/// How long a claim lasts: the sender's deadline plus time for the writes before and after.
pub(crate) const LEASE: Duration = DEADLINE.saturating_add(Duration::from_secs(20));
/// How much of its lease a delivery needs when its attempt starts: the deadline plus time for the writes.
const ENOUGH_LEASE_MILLIS: i64 = 15_000;
/// How long stopping waits for a claim that is on its way.
const LAST_CLAIM: Duration = Duration::from_secs(2);
/// How long to wait after a database error.
const AFTER_FAULT_SECONDS: i64 = 1;

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
            options: self.options,
            lanes: Lanes::new(self.options),
            attempts: TaskTracker::new(),
            messages,
            results,
            claiming: false,
            claim_at: Timestamp::from_millis(0),
            counting: false,
            count_at: Instant::now(),
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

/// What the worker is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// An attempt has ended, and its slot is free. `took` is `None` if nothing was sent.
    Ended {
        webhook: WebhookId,
        company: CompanyId,
        took: Option<Duration>,
    },
    /// A claim has ended. `None` if it failed.
    Claimed {
        wanted: Vec<(WebhookId, u32)>,
        taken: Option<Taken>,
    },
    /// This webhook was disabled. What is claimed for it must not start.
    Disabled { webhook: WebhookId },
    /// What is overdue. `None` if they could not be counted.
    Overdue(Option<pressure::Count>),
    /// A delivery of this webhook is due at that time.
    Due {
        at: Timestamp,
        webhook: WebhookId,
        company: CompanyId,
    },
}

struct Run {
    webhooks: Webhooks,
    sender: Arc<Sender>,
    options: WorkerOptions,
    lanes: Lanes,
    attempts: TaskTracker,
    messages: mpsc::UnboundedSender<Message>,
    results: mpsc::Sender<FinishedAttempt>,
    /// Whether a claim is on its way, and when there may be another after one that failed.
    claiming: bool,
    claim_at: Timestamp,
    /// Whether overdue deliveries are being counted, and when to count them again.
    counting: bool,
    count_at: Instant,
}

impl Run {
    async fn run(
        mut self,
        mut key_changes: watch::Receiver<u64>,
        mut messages: mpsc::UnboundedReceiver<Message>,
        writing: JoinHandle<()>,
        stop: CancellationToken,
    ) {
        let clock = self.webhooks.parts().clock.clone();
        let look_every = i64::try_from(self.options.look_every.as_millis()).unwrap_or(i64::MAX);
        let mut look_at = clock.now();
        loop {
            // The bell remembers a ring that comes after this line until we wait below. So a commit between the
            // database query and the wait is not missed.
            let visitors = self.webhooks.bell().take();
            self.lanes.ready(visitors.waiting);
            while let Ok(message) = messages.try_recv() {
                self.hear(message).await;
            }
            let now = clock.now();
            self.begin(visitors.claimed).await;
            for webhook in visitors.changed {
                self.lanes.changed(webhook);
                self.halt(webhook).await;
            }
            let keys_changed = key_changes.has_changed().unwrap_or(false);
            let mut went_wrong = None;
            if keys_changed || look_at <= now {
                key_changes.mark_unchanged();
                look_at = now.plus_millis(look_every);
                went_wrong = self.look(now).await.err();
            }
            self.lanes.due_by(now);
            self.claim(now);
            self.count_overdue(now);
            let wake_at = match went_wrong {
                Some(error) => {
                    tracing::error!(error = %error, "the delivery worker cannot use the database");
                    look_at = now.plus_seconds(AFTER_FAULT_SECONDS);
                    look_at
                }
                None => self.lanes.next().map_or(look_at, |due| due.min(look_at)),
            };
            // After a claim that failed, the next one has its time.
            let wake_at = if now < self.claim_at {
                wake_at.min(self.claim_at)
            } else {
                wake_at
            };
            if !self.claiming && self.lanes.wanted().is_empty() {
                self.webhooks.bell().admit(Some(self.lanes.admission()));
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.webhooks.bell().heard() => {}
                Some(message) = messages.recv() => self.hear(message).await,
                Ok(()) = key_changes.changed() => look_at = now,
                () = clock.sleep_until(wake_at) => {}
            }
        }
        self.end(messages, writing).await;
    }

    /// Waits for the attempts in progress and for their results to be written, and gives back what has not started.
    async fn end(mut self, mut messages: mpsc::UnboundedReceiver<Message>, writing: JoinHandle<()>) {
        // Anything handed over after this is sent when its lease expires.
        self.webhooks.bell().admit(None);
        let mut unstarted = self.lanes.take_all_waiting();
        while self.claiming
            && let Ok(Some(message)) = tokio::time::timeout(LAST_CLAIM, messages.recv()).await
        {
            if let Message::Claimed { taken, .. } = message {
                self.claiming = false;
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
        match tokio::time::timeout(self.options.drain, ended).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "finished attempts could not be written"),
            Err(_) => tracing::warn!(
                left = self.attempts.len(),
                "some attempts did not finish in time and will be repeated"
            ),
        }
    }

    async fn hear(&mut self, message: Message) {
        match message {
            Message::Ended {
                webhook,
                company,
                took,
            } => {
                self.lanes.end(webhook, company, took);
                self.start(webhook).await;
            }
            Message::Due { at, webhook, company } => self.lanes.later(at, webhook, company),
            Message::Claimed { wanted, taken } => self.claimed(&wanted, taken).await,
            Message::Disabled { webhook } => self.halt(webhook).await,
            Message::Overdue(overdue) => {
                self.counting = false;
                self.webhooks.pressure().count(overdue.unwrap_or_default());
            }
        }
    }

    /// A webhook was paused, changed, disabled or deleted: what is claimed for it and has not started goes back to the
    /// queue. On other nodes, no more than [`crate::lanes`] claims ahead is still sent.
    async fn halt(&mut self, webhook: WebhookId) {
        let waiting = self.lanes.take_waiting(webhook);
        self.give_back(waiting).await;
    }

    /// Puts claimed deliveries into their lanes and starts what may start. What finds no place waits in order.
    async fn begin(&mut self, claimed: Vec<Claimed>) {
        let mut refused = Vec::new();
        for one in claimed {
            let webhook = one.webhook;
            match self.lanes.add(one) {
                Ok(()) => self.start(webhook).await,
                Err(one) => refused.push(one),
            }
        }
        self.give_back(refused).await;
    }

    /// Starts what may start in this lane. A delivery that has waited there for too long is given back, because its
    /// lease would expire during the attempt.
    async fn start(&mut self, webhook: WebhookId) {
        let mut late = Vec::new();
        while let Some(claimed) = self.lanes.start(webhook) {
            let latest = self.webhooks.parts().clock.now().plus_millis(ENOUGH_LEASE_MILLIS);
            if claimed.until >= latest {
                self.attempt(claimed);
            } else {
                self.lanes.end(claimed.webhook, claimed.company, None);
                late.push(claimed);
            }
        }
        self.give_back(late).await;
    }

    /// Returns claimed deliveries to the queue, due now.
    async fn give_back(&mut self, claimed: Vec<Claimed>) {
        if claimed.is_empty() {
            return;
        }
        let leases = claimed.iter().map(|one| (one.delivery, one.lease)).collect();
        let parts = self.webhooks.parts();
        if let Err(error) = parts.store.queue.give_back(leases, parts.clock.now()).await {
            tracing::error!(%error, deliveries = claimed.len(), "could not return claimed deliveries; they wait until their lease expires");
        } else {
            self.lanes
                .ready(claimed.iter().map(|one| (one.webhook, one.company)));
        }
    }

    /// Finds what other processes made due, what an earlier process left behind, and held deliveries that can be
    /// released.
    async fn look(&mut self, now: Timestamp) -> Result<(), StorageFailure> {
        let parts = self.webhooks.parts();
        for scope in parts.store.queue.held().await? {
            self.webhooks.release(scope).await?;
        }
        for (webhook, company, at) in parts.store.queue.due().await? {
            if at <= now {
                self.lanes.ready([(webhook, company)])
            } else {
                self.lanes.later(at, webhook, company)
            }
        }
        Ok(())
    }

    /// Claims deliveries for the free places. The lanes go on while the database is asked.
    fn claim(&mut self, now: Timestamp) {
        if self.claiming || now < self.claim_at {
            return;
        }
        let wanted = self.lanes.wanted();
        if wanted.is_empty() {
            return;
        }
        if !self.webhooks.bell().close() {
            // A publication claims for the same places. It rings when it has ended.
            return;
        }
        self.claiming = true;
        self.lanes.begin_claim();
        let lease_until = now.plus_millis(i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX));
        let id = AttemptId::time_ordered(now, vault::random());
        let queue = Arc::clone(&self.webhooks.parts().store.queue);
        let mut claiming = Claiming {
            messages: self.messages.clone(),
            wanted,
            taken: None,
        };
        tokio::spawn(async move {
            match queue.claim(claiming.wanted.clone(), now, lease_until, id).await {
                Ok(taken) => claiming.taken = Some(taken),
                Err(error) => tracing::error!(error = %error, "the delivery worker cannot claim deliveries"),
            }
            drop(claiming);
        });
    }

    /// A claim has ended.
    async fn claimed(&mut self, wanted: &[(WebhookId, u32)], taken: Option<Taken>) {
        self.claiming = false;
        self.lanes.end_claim(wanted, taken.as_ref());
        match taken {
            Some(taken) => self.begin(taken.claimed).await,
            None => {
                self.claim_at = self
                    .webhooks
                    .parts()
                    .clock
                    .now()
                    .plus_seconds(AFTER_FAULT_SECONDS)
            }
        }
    }

    /// Counts, from time to time, what could start and does not.
    fn count_overdue(&mut self, now: Timestamp) {
        if self.counting || self.count_at > Instant::now() {
            return;
        }
        let startable = self.lanes.startable();
        if startable.is_empty() {
            self.webhooks.pressure().count(pressure::Count::default());
            return;
        }
        (self.counting, self.count_at) = (true, Instant::now() + pressure::COUNT_EVERY);
        let (queue, messages) = (
            Arc::clone(&self.webhooks.parts().store.queue),
            self.messages.clone(),
        );
        tokio::spawn(async move {
            let since = now.plus_millis(-pressure::OVERDUE_AFTER_MILLIS);
            let webhooks = startable.keys().copied().collect();
            let counts = queue.overdue(webhooks, since, pressure::MOST_OVERDUE + 1).await;
            let overdue = counts.map(|counts| pressure::Count::of(counts, &startable));
            // No one listens any more once the worker has stopped.
            let _ = messages.send(Message::Overdue(overdue.ok()));
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
    messages: mpsc::UnboundedSender<Message>,
    wanted: Vec<(WebhookId, u32)>,
    taken: Option<Taken>,
}

impl Drop for Claiming {
    fn drop(&mut self) {
        // No one listens any more once the worker has stopped.
        let _ = self.messages.send(Message::Claimed {
            wanted: std::mem::take(&mut self.wanted),
            taken: self.taken.take(),
        });
    }
}

/// A slot in a lane. Dropping it frees it, so a panic frees it too.
struct Place {
    messages: mpsc::UnboundedSender<Message>,
    webhook: WebhookId,
    company: CompanyId,
    took: Option<Duration>,
}

impl Place {
    fn due_at(&self, at: Timestamp) {
        let _ = self.messages.send(Message::Due {
            at,
            webhook: self.webhook,
            company: self.company,
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // No one listens any more once the worker has stopped.
        let _ = self.messages.send(Message::Ended {
            webhook: self.webhook,
            company: self.company,
            took: self.took,
        });
    }
}

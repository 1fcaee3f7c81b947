//! Delivers what is due. There is one worker per process. It is woken by the bell for commits of its own process, and
//! by its clock for retries. A slow poll of the database finds what other processes did or left behind.
//!
//! Each webhook has a lane with its own limit, and each company has a fair share of all attempts. A receiver that hangs
//! fills only its lane, and a company whose receivers all hang fills only its share. No one else is affected.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::{AttemptId, CompanyId, Timestamp, WebhookId};
use shares::Ledger;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::doorbell::Admission;
use crate::storage::Claimed;
use crate::{DEADLINE, Sender, StorageFailure, Webhooks, attempt};

/// How long a claim lasts: the sender's deadline plus time for the writes before and after.
pub(crate) const LEASE: Duration = DEADLINE.saturating_add(Duration::from_secs(20));
/// Events and their results are kept for 30 days (contract section 4.8), plus one day for callers that ask right at the
/// end.
const KEPT_SECONDS: i64 = 31 * 24 * 3600;
/// How many events are removed at once. Small, so that no other write waits long.
const PRUNED_AT_ONCE: u32 = 200;
/// How often to look for old events when there are few.
const PRUNE_EVERY_SECONDS: i64 = 600;
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
        let (finished, ended) = mpsc::unbounded_channel();
        let run = Run {
            webhooks: self.webhooks,
            sender: self.sender,
            options: self.options,
            lanes: Lanes::new(self.options),
            attempts: TaskTracker::new(),
            finished,
            prune_at: Timestamp::from_millis(0),
        };
        let task = tokio::spawn(run.run(self.key_changes, ended, stop.clone()));
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

/// An attempt has ended.
struct Ended {
    webhook: WebhookId,
    company: CompanyId,
    due: Option<Timestamp>,
}

struct Run {
    webhooks: Webhooks,
    sender: Arc<Sender>,
    options: WorkerOptions,
    lanes: Lanes,
    attempts: TaskTracker,
    finished: mpsc::UnboundedSender<Ended>,
    prune_at: Timestamp,
}

impl Run {
    async fn run(
        mut self,
        mut key_changes: watch::Receiver<u64>,
        mut ended: mpsc::UnboundedReceiver<Ended>,
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
            while let Ok(one) = ended.try_recv() {
                self.lanes.end(&one);
            }
            let now = clock.now();
            self.take_over(visitors.claimed, now).await;
            let keys_changed = key_changes.has_changed().unwrap_or(false);
            let mut went_wrong = None;
            if keys_changed || look_at <= now {
                key_changes.mark_unchanged();
                look_at = now.plus_millis(look_every);
                went_wrong = self.look(now).await.err();
            }
            self.lanes.due_by(now);
            if went_wrong.is_none() {
                went_wrong = self.claim(now).await.err();
            }
            let wake_at = match went_wrong {
                Some(error) => {
                    tracing::error!(error = %error, "the delivery worker cannot use the database");
                    look_at = now.plus_seconds(AFTER_FAULT_SECONDS);
                    look_at
                }
                None => self.lanes.next().map_or(look_at, |due| due.min(look_at)),
            };
            self.webhooks.bell().admit(self.lanes.admission());
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.webhooks.bell().heard() => {}
                Some(one) = ended.recv() => self.lanes.end(&one),
                Ok(()) = key_changes.changed() => look_at = now,
                () = clock.sleep_until(wake_at) => {}
            }
        }
        // Anything handed over after this is sent when its lease expires.
        self.webhooks.bell().admit(Admission::default());
        self.attempts.close();
        if tokio::time::timeout(self.options.drain, self.attempts.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                left = self.attempts.len(),
                "some attempts did not finish in time and will be repeated"
            );
        }
    }

    /// Starts the deliveries that publications have claimed. If a lane has filled up in the meantime, its delivery
    /// waits in order.
    async fn take_over(&mut self, claimed: Vec<Claimed>, now: Timestamp) {
        for one in claimed {
            if self.lanes.has_place(one.webhook, one.company) {
                self.lanes.begin(one.webhook, one.company);
                self.attempt(one);
            } else if let Err(error) = self
                .webhooks
                .parts()
                .store
                .queue
                .give_back(one.delivery, one.lease, now)
                .await
            {
                tracing::error!(error = %error, delivery = %one.delivery, "could not return a claimed delivery; it waits until its lease expires");
            } else {
                self.lanes.ready([(one.webhook, one.company)]);
            }
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
        if self.prune_at <= now {
            parts.store.prune.erase_former_secrets(now).await?;
            let removed = parts
                .store
                .prune
                .prune(now.minus_seconds(KEPT_SECONDS), PRUNED_AT_ONCE)
                .await?;
            // While there is more to remove, remove some at every look.
            let pause = if removed < u64::from(PRUNED_AT_ONCE) {
                PRUNE_EVERY_SECONDS
            } else {
                0
            };
            self.prune_at = now.plus_seconds(pause);
        }
        Ok(())
    }

    /// Claims deliveries for the free slots.
    async fn claim(&mut self, now: Timestamp) -> Result<(), StorageFailure> {
        let wanted = self.lanes.wanted();
        if wanted.is_empty() {
            return Ok(());
        }
        let lease_until = now.plus_millis(i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX));
        let id = AttemptId::time_ordered(now, vault::random());
        let claimed = self
            .webhooks
            .parts()
            .store
            .queue
            .claim(wanted.clone(), now, lease_until, id)
            .await?;
        self.lanes.claimed(&wanted, &claimed);
        for one in claimed {
            self.attempt(one);
        }
        Ok(())
    }

    fn attempt(&self, claimed: Claimed) {
        let (webhooks, sender) = (self.webhooks.clone(), self.sender.clone());
        let place = Place {
            finished: self.finished.clone(),
            webhook: claimed.webhook,
            company: claimed.company,
            due: None,
        };
        self.attempts.spawn(async move {
            // Move the whole value into the task. With only one of its fields, the closure would capture just that
            // field, and the rest would be dropped at once.
            let mut place = place;
            place.due = attempt::run(&webhooks, &sender, claimed).await;
        });
    }
}

/// A slot in a lane. Dropping it frees it, so a panic frees it too.
struct Place {
    finished: mpsc::UnboundedSender<Ended>,
    webhook: WebhookId,
    company: CompanyId,
    due: Option<Timestamp>,
}

impl Drop for Place {
    fn drop(&mut self) {
        // No one listens any more once the worker has stopped.
        let _ = self.finished.send(Ended {
            webhook: self.webhook,
            company: self.company,
            due: self.due,
        });
    }
}

/// Which webhooks may have something due, how many attempts each has in progress, and when to look again.
#[derive(Debug)]
struct Lanes {
    options: WorkerOptions,
    running: HashMap<WebhookId, u32>,
    /// All attempts that may be in progress, by company.
    places: Ledger<CompanyId>,
    ready: HashMap<WebhookId, CompanyId>,
    later: BTreeSet<(Timestamp, WebhookId, CompanyId)>,
}

/// A webhook that may have something due.
struct Asking {
    webhook: WebhookId,
    company: CompanyId,
    running: u32,
    places: u32,
}

impl Lanes {
    fn new(options: WorkerOptions) -> Self {
        Self {
            options,
            running: HashMap::new(),
            places: Ledger::new(usize::try_from(options.at_once).unwrap_or(usize::MAX)),
            ready: HashMap::new(),
            later: BTreeSet::new(),
        }
    }

    fn ready(&mut self, webhooks: impl IntoIterator<Item = (WebhookId, CompanyId)>) {
        self.ready.extend(webhooks);
    }

    fn later(&mut self, at: Timestamp, webhook: WebhookId, company: CompanyId) {
        self.later.insert((at, webhook, company));
    }

    /// Marks the webhooks whose retries have become due.
    fn due_by(&mut self, now: Timestamp) {
        while let Some((at, webhook, company)) = self.later.first().copied()
            && at <= now
        {
            self.later.pop_first();
            self.ready.insert(webhook, company);
        }
    }

    fn next(&self) -> Option<Timestamp> {
        self.later.first().map(|(at, ..)| *at)
    }

    /// How many deliveries to claim, for each webhook that may have some and has a free slot. Slots are given out one
    /// by one in turn, while the webhook's lane and its company's share have room.
    fn wanted(&self) -> Vec<(WebhookId, u32)> {
        let running = |webhook: &WebhookId| self.running.get(webhook).copied().unwrap_or(0);
        let mut asking: Vec<Asking> = self
            .ready
            .iter()
            .map(|(webhook, company)| Asking {
                webhook: *webhook,
                company: *company,
                running: running(webhook),
                places: 0,
            })
            .collect();
        // The company with the fewest comes first. Hanging receivers would otherwise ask again with every slot they free.
        asking.sort_by_key(|one| (self.places.held(&one.company), one.running));
        let mut places = self.places.clone();
        loop {
            let before = places.free();
            for one in &mut asking {
                let has_room = one.running + one.places < self.options.per_webhook;
                if has_room && places.take(&one.company, 1) {
                    one.places += 1;
                }
            }
            if places.free() == before {
                break;
            }
        }
        let asking = asking.into_iter().filter(|one| one.places > 0);
        asking.map(|one| (one.webhook, one.places)).collect()
    }

    fn has_place(&self, webhook: WebhookId, company: CompanyId) -> bool {
        let running = self.running.get(&webhook);
        running.is_none_or(|running| *running < self.options.per_webhook) && self.places.room(&company) > 0
    }

    /// An attempt is about to start.
    fn begin(&mut self, webhook: WebhookId, company: CompanyId) {
        *self.running.entry(webhook).or_insert(0) += 1;
        self.places.take_beyond_share(&company, 1);
    }

    /// For which webhooks publications may claim new deliveries, and how many.
    fn admission(&self) -> Admission {
        let per_webhook = self.options.per_webhook;
        let (full, open): (Vec<_>, Vec<_>) = self
            .running
            .iter()
            .partition(|(_, running)| **running >= per_webhook);
        let fullest = open.iter().map(|(_, running)| **running).max().unwrap_or(0);
        let busy = self
            .ready
            .keys()
            .chain(full.iter().map(|(webhook, _)| *webhook))
            .copied()
            .collect();
        let holders = self.places.holders().map(|(company, _)| *company);
        let full = holders.filter(|company| self.places.room(company) == 0).collect();
        let free = u32::try_from(self.places.free()).unwrap_or(u32::MAX);
        Admission {
            busy: Arc::new(busy),
            full: Arc::new(full),
            passes: free.min(per_webhook - fullest),
        }
    }

    /// A webhook that got as many as it asked for may have more.
    fn claimed(&mut self, wanted: &[(WebhookId, u32)], claimed: &[Claimed]) {
        for one in claimed {
            self.begin(one.webhook, one.company);
        }
        for (webhook, asked) in wanted {
            let got = claimed.iter().filter(|one| one.webhook == *webhook).count();
            if got < *asked as usize {
                self.ready.remove(webhook);
            }
        }
    }

    fn end(&mut self, ended: &Ended) {
        self.places.give_back(&ended.company, 1);
        if let Some(running) = self.running.get_mut(&ended.webhook) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(&ended.webhook);
            }
        }
        if let Some(at) = ended.due {
            self.later(at, ended.webhook, ended.company);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn webhook(byte: u8) -> WebhookId {
        WebhookId::from_random([byte; 16])
    }

    fn company(byte: u8) -> CompanyId {
        CompanyId::from_random([byte; 16])
    }

    /// A webhook whose company has no others.
    fn alone(byte: u8) -> (WebhookId, CompanyId) {
        (webhook(byte), company(byte))
    }

    fn lanes(per_webhook: u32, at_once: u32) -> Lanes {
        Lanes::new(WorkerOptions {
            per_webhook,
            at_once,
            ..WorkerOptions::default()
        })
    }

    fn occupy(lanes: &mut Lanes, (webhook, company): (WebhookId, CompanyId), places: u32) {
        (0..places).for_each(|_| lanes.begin(webhook, company));
    }

    fn ended(byte: u8, due: Option<Timestamp>) -> Ended {
        let (webhook, company) = alone(byte);
        Ended {
            webhook,
            company,
            due,
        }
    }

    #[test]
    fn a_full_lane_asks_for_nothing_and_leaves_slots_to_others() {
        let mut lanes = lanes(4, 20);
        occupy(&mut lanes, alone(1), 4);
        lanes.ready([alone(1), alone(2)]);
        assert_eq!(lanes.wanted(), vec![(webhook(2), 4)]);
        lanes.end(&ended(1, None));
        let mut wanted = lanes.wanted();
        wanted.sort();
        assert_eq!(wanted, vec![(webhook(1), 1), (webhook(2), 4)]);
    }

    #[test]
    fn no_one_gets_more_slots_than_there_are() {
        let mut lanes = lanes(8, 8);
        occupy(&mut lanes, alone(9), 6);
        lanes.ready((1..=5).map(alone));
        let wanted = lanes.wanted();
        assert_eq!(
            wanted.iter().map(|(_, places)| places).sum::<u32>(),
            2,
            "{wanted:?}"
        );
        assert!(wanted.iter().all(|(_, places)| *places == 1));
    }

    #[test]
    fn a_company_with_many_webhooks_leaves_slots_for_a_company_with_one() {
        let mut lanes = lanes(32, 512);
        let many = |byte| (webhook(byte), company(1));
        lanes.ready((1..=17).map(many));
        let wanted = lanes.wanted();
        assert_eq!(wanted.iter().map(|(_, places)| places).sum::<u32>(), 256);
        (1..=16).for_each(|byte| occupy(&mut lanes, many(byte), 16));
        assert!(lanes.wanted().is_empty(), "it already has its share");
        assert!(lanes.has_place(webhook(99), company(2)));
        assert!(!lanes.has_place(webhook(17), company(1)));
        assert!(lanes.admission().full.contains(&company(1)));
        lanes.ready([(webhook(99), company(2))]);
        assert_eq!(lanes.wanted(), vec![(webhook(99), 32)]);
    }

    #[test]
    fn a_webhook_that_is_full_or_has_a_backlog_is_busy() {
        let mut lanes = lanes(2, 5);
        occupy(&mut lanes, alone(1), 2);
        occupy(&mut lanes, alone(2), 1);
        lanes.ready([alone(3)]);
        let admission = lanes.admission();
        assert_eq!(*admission.busy, HashSet::from([webhook(1), webhook(3)]));
        assert_eq!(admission.passes, 1, "as many as the second has free slots");
        occupy(&mut lanes, alone(4), 2);
        assert_eq!(lanes.admission().passes, 0, "no slot is left at all");
    }

    #[test]
    fn a_retry_becomes_ready_when_it_is_due_and_no_earlier() {
        let mut lanes = lanes(4, 10);
        occupy(&mut lanes, alone(1), 1);
        let due = Timestamp::from_millis(5_000);
        lanes.end(&ended(1, Some(due)));
        lanes.due_by(due.plus_millis(-1));
        assert_eq!((lanes.wanted(), lanes.next()), (Vec::new(), Some(due)));
        lanes.due_by(due);
        assert_eq!((lanes.wanted(), lanes.next()), (vec![(webhook(1), 4)], None));
    }
}

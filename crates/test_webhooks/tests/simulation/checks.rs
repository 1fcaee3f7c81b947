//! What must be true of every run. A violation ends it and names the seed.

use std::collections::BTreeMap;

use model::{AttemptId, DeliveryId, DeliveryState, EventId, Timestamp, WebhookId};
use test_webhooks::MemoryWebhooks;
use webhooks::{Claimed, FinishedAttempt, Then};

use crate::receivers::Kind;
use crate::run::Rules;
use crate::world::{Hook, World};

/// The documented schedule, in seconds. Not the constant in the code, so that a wrong constant is noticed.
const DOCUMENTED_SECONDS: [i64; 9] = [30, 30, 30, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
const DOCUMENTED_ATTEMPTS: u32 = 10;
/// A lease and an attempt: for this time after the clocks disagreed, a lease may have ended too early.
const AFTER_DISTURBANCE_MS: i64 = 45_000;

/// A request that a receiver is answering.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    node: usize,
    attempt: u64,
    lease_until: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct Checks {
    seed: u64,
    /// Deliveries of stored events.
    pub(crate) deliveries: u64,
    /// Requests that receivers got.
    pub(crate) requests: u64,
    pub(crate) kills: u64,
    pub(crate) steps: u64,
    /// Attempts whose result was never written.
    pub(crate) lost: u64,
    /// Attempts that began while another of the same delivery was under way, after its lease had ended.
    pub(crate) overlaps: u64,
    /// Attempts that had lost their lease when they were written.
    pub(crate) stale: u64,
    pub(crate) replays: u64,
    /// After how many hours webhooks were disabled because they failed for too long.
    pub(crate) disabled_after: Vec<i64>,
    /// The longest that a first attempt waited, by company.
    pub(crate) first_after: BTreeMap<usize, i64>,
    /// The longest that a retry was late at a receiver that answers at once.
    pub(crate) latest_retry: i64,
    claims: BTreeMap<AttemptId, Timestamp>,
    under_way: BTreeMap<DeliveryId, Vec<UnderWay>>,
    due: BTreeMap<DeliveryId, Due>,
    running: BTreeMap<(usize, WebhookId), u32>,
    running_in_all: [u32; 2],
    set_at: Option<i64>,
    differ: bool,
    /// When each event was stored.
    stored: BTreeMap<EventId, i64>,
    digest: u64,
}

/// When the next scheduled attempt of a delivery may begin.
#[derive(Clone, Copy, Debug)]
struct Due {
    wall: Timestamp,
    /// The same on a clock that is never set.
    at: i64,
    /// It was claimed once this time had come. After that it may be given back.
    is_reached: bool,
}

impl Checks {
    pub(crate) fn of(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    #[track_caller]
    pub(crate) fn fail(&self, now: i64, what: &str) -> ! {
        panic!(
            "seed {}, after {now} ms: {what} (GATEHOUSE_SIMULATION_SEED={} repeats it)",
            self.seed, self.seed
        );
    }

    fn note(&mut self, now: i64, what: u64) {
        for part in [now as u64, what] {
            self.digest = (self.digest ^ part).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Equal for runs that went the same way.
    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }

    /// A wall clock was set. `differ` says whether those of the nodes disagree now.
    pub(crate) fn clock_was_set(&mut self, now: i64, differ: bool) {
        self.steps += 1;
        (self.set_at, self.differ) = (Some(now), differ);
    }

    /// Whether a lease may end too early.
    fn is_disturbed(&self, now: i64) -> bool {
        self.differ || self.set_at.is_some_and(|at| now - at < AFTER_DISTURBANCE_MS)
    }

    /// This event is stored.
    pub(crate) fn stored(&mut self, now: i64, event: EventId) {
        self.stored.insert(event, now);
    }

    /// Deliveries were claimed by a node whose clock said `wall`.
    pub(crate) fn claimed(&mut self, now: i64, claimed: &[Claimed], wall: Timestamp) {
        for one in claimed {
            self.claims.insert(one.lease, wall);
            if let Some(due) = self.due.get_mut(&one.delivery)
                && one.replay.is_none()
            {
                due.is_reached |= wall >= due.wall;
                if !due.is_reached {
                    let due = *due;
                    let what = format!("{} was claimed at {wall:?}, too early: {due:?}", one.delivery);
                    self.fail(now, &what);
                }
            }
        }
    }

    /// A node has started this delivery in its lane.
    pub(crate) fn started(&mut self, now: i64, node: usize, claimed: &Claimed, rules: &Rules) {
        let running = self.running.entry((node, claimed.webhook)).or_insert(0);
        *running += 1;
        self.running_in_all[node] += 1;
        let (of_webhook, in_all) = (*running, self.running_in_all[node]);
        if of_webhook > rules.options.per_webhook || in_all > rules.options.at_once {
            self.fail(
                now,
                &format!("{of_webhook} attempts of one webhook at once, {in_all} in all"),
            );
        }
    }

    pub(crate) fn ended(&mut self, node: usize, webhook: WebhookId) {
        if let Some(running) = self.running.get_mut(&(node, webhook)) {
            *running -= 1;
            self.running_in_all[node] -= 1;
        }
    }

    /// A receiver gets a request.
    pub(crate) fn request(&mut self, now: i64, node: usize, attempt: u64, claimed: &Claimed) {
        self.requests += 1;
        self.note(now, attempt);
        let claimed_at = self.claims.get(&claimed.lease).copied();
        let others = self.under_way.entry(claimed.delivery).or_default();
        let mut overlaps = false;
        if let Some(other) = others.iter().find(|other| other.attempt != attempt).copied() {
            overlaps = true;
            if claimed.replay.is_none() && claimed_at.is_none_or(|at| at < other.lease_until) {
                let what = format!(
                    "{} is under way twice, and the first had its lease until {:?}: {claimed:?}",
                    claimed.delivery, other.lease_until
                );
                self.fail(now, &what);
            }
        }
        let others = self.under_way.entry(claimed.delivery).or_default();
        if others.iter().all(|other| other.attempt != attempt) {
            others.push(UnderWay {
                node,
                attempt,
                lease_until: claimed.until,
            });
        }
        if overlaps {
            self.overlaps += 1;
            if !self.is_disturbed(now) {
                self.fail(now, "an attempt outlasted its lease, and no clock was set");
            }
        }
    }

    /// The first attempt of a delivery, or its next one, begins.
    pub(crate) fn begins(&mut self, now: i64, claimed: &Claimed, hook: &Hook) {
        if claimed.replay.is_some() {
            return;
        }
        if let Some(due) = self.due.remove(&claimed.delivery) {
            // At others it may wait for a place, because requests take long.
            if matches!(hook.receiver.kind, Kind::Broken | Kind::Strict(_)) {
                self.latest_retry = self.latest_retry.max(now - due.at);
            }
            if now < due.at && self.steps == 0 {
                self.fail(
                    now,
                    &format!("{} is tried {} ms early", claimed.delivery, due.at - now),
                );
            }
        } else if claimed.attempts == 0 {
            let stored = self.stored.get(&claimed.event).copied().unwrap_or(now);
            let longest = self.first_after.entry(hook.company).or_insert(0);
            *longest = (*longest).max(now - stored);
        }
    }

    /// The receiver has answered, or the connection is gone.
    pub(crate) fn answered(&mut self, delivery: DeliveryId, attempt: u64) {
        if let Some(others) = self.under_way.get_mut(&delivery) {
            others.retain(|other| other.attempt != attempt);
            if others.is_empty() {
                self.under_way.remove(&delivery);
            }
        }
    }

    /// An attempt is about to be written by a node whose clock says `wall`. `lease` is the delivery's.
    pub(crate) fn written(
        &mut self,
        now: i64,
        wall: Timestamp,
        attempt: &FinishedAttempt,
        lease: Option<AttemptId>,
    ) {
        let claimed = &attempt.claimed;
        if lease != Some(claimed.lease) {
            self.stale += 1;
            return;
        }
        let Then::RetryAt(at) = attempt.then else {
            self.due.remove(&claimed.delivery);
            return;
        };
        if claimed.replay.is_some() {
            return;
        }
        let wait = at.millis_since(attempt.ended_at);
        let planned = DOCUMENTED_SECONDS.get(claimed.attempts as usize).copied();
        let Some(planned) = planned else {
            self.fail(now, &format!("a retry after attempt {}", claimed.attempts + 1));
        };
        // Up to a tenth either way, from the fourth retry on. What a receiver asks for can only be later.
        let spread = if claimed.attempts < 3 { 0 } else { planned * 100 };
        let asks = attempt.outcome == crate::run::TOO_MANY;
        let early = wait < planned * 1000 - spread;
        if early || (wait > planned * 1000 + spread && !asks) {
            self.fail(
                now,
                &format!(
                    "{wait} ms after attempt {}, planned {planned} s",
                    claimed.attempts + 1
                ),
            );
        }
        let due = Due {
            wall: at,
            at: now + at.millis_since(wall),
            is_reached: false,
        };
        self.due.insert(claimed.delivery, due);
    }

    /// The due time of every delivery that waits for this webhook was moved.
    pub(crate) fn moved(&mut self, store: &MemoryWebhooks, webhook: WebhookId) {
        self.due.retain(|delivery, _| {
            let now = store.delivery_now(*delivery);
            now.is_some_and(|now| now.webhook != webhook)
        });
    }

    pub(crate) fn killed(&mut self, node: usize, lost: usize) {
        self.kills += 1;
        self.lost += lost as u64;
        for others in self.under_way.values_mut() {
            others.retain(|other| other.node != node);
        }
        self.under_way.retain(|_, others| !others.is_empty());
        self.running.retain(|(of, _), _| *of != node);
        self.running_in_all[node] = 0;
    }

    /// The run is over.
    pub(crate) fn end(&self, now: i64, store: &MemoryWebhooks, world: &mut World) {
        let deliveries = store.deliveries_now();
        if deliveries.len() as u64 != self.deliveries {
            self.fail(
                now,
                &format!(
                    "{} deliveries are stored of {}",
                    deliveries.len(),
                    self.deliveries
                ),
            );
        }
        for one in &deliveries {
            let hook = world.hook(one.webhook);
            let accepted = hook.receiver.accepted(one.delivery);
            let right = match one.state {
                DeliveryState::Delivered => accepted > 0,
                DeliveryState::Exhausted => {
                    hook.deleted || (may_fail(hook) && one.attempts >= DOCUMENTED_ATTEMPTS)
                }
                DeliveryState::Skipped => hook.deleted || hook.was_disabled,
                DeliveryState::Pending => hook.stays_paused,
                DeliveryState::Held | DeliveryState::Cancelled => false,
            };
            if !right {
                let kind = hook.receiver.kind;
                self.fail(
                    now,
                    &format!("{one:?} at a receiver that is {kind:?} and accepted it {accepted} times"),
                );
            }
            let strict = matches!(hook.receiver.kind, Kind::Strict(_)) && hook.switches_first;
            if strict && one.attempts > 4 && self.lost + self.stale == 0 {
                self.fail(
                    now,
                    &format!("{one:?} took more than four attempts in a rotation"),
                );
            }
        }
        let accepted = world
            .hooks
            .iter()
            .flat_map(|hook| hook.receiver.accepted.values());
        let twice: u64 = accepted.map(|times| u64::from(times - 1)).sum();
        if twice > self.lost + self.overlaps + self.stale + self.replays {
            self.fail(
                now,
                &format!("receivers accepted {twice} deliveries again: {self:?}"),
            );
        }
    }
}

/// Whether all ten attempts may fail at this receiver.
fn may_fail(hook: &Hook) -> bool {
    matches!(hook.receiver.kind, Kind::Broken | Kind::Hangs | Kind::Flaky) || hook.was_disabled
}

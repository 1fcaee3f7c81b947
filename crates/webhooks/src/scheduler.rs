//! Decides what the worker does: which deliveries to claim and when, which to start, which to give back, and until when
//! to sleep. There is no SQL, no socket and no clock here. [`crate::worker`] says what has happened and at what time,
//! and carries out the [`Command`]s. The simulation in `crates/test_webhooks` does the same with a time of its own.

use std::collections::HashMap;
use std::time::Duration;

use model::{CompanyId, Timestamp, WebhookId};

use crate::lanes::Lanes;
use crate::storage::{Claimed, Room, Taken};
use crate::{DEADLINE, WorkerOptions, pressure};

pub use crate::attempt::{Made, concluded};
pub use crate::doorbell::{Door, Visitors};
pub use crate::results::{AT_ONCE, MOST_WAITING, Unwritten, unwritten, written};
pub use crate::signing::{SigningPlan, choose, may_be_another_key};

/// How long a claim lasts: the sender's deadline plus time for the writes before and after.
pub const LEASE: Duration = DEADLINE.saturating_add(Duration::from_secs(20));
/// How much of its lease a delivery needs when its attempt starts: the deadline plus time for the writes.
const ENOUGH_LEASE_MILLIS: i64 = 15_000;
/// How long to wait after a database error.
const AFTER_FAULT_SECONDS: i64 = 1;

/// When a lease ends that begins now.
pub fn lease_until(now: Timestamp) -> Timestamp {
    now.plus_millis(millis(LEASE))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// What the scheduler is told.
#[derive(Debug)]
pub enum Input {
    /// These webhooks have deliveries due.
    Waiting(HashMap<WebhookId, CompanyId>),
    /// Publications have claimed these deliveries for this worker.
    Handed(Vec<Claimed>),
    /// An attempt has ended, and its place is free. `took` is `None` if nothing was sent.
    Ended {
        webhook: WebhookId,
        company: CompanyId,
        took: Option<Duration>,
    },
    /// A delivery of this webhook is due at that time.
    Due {
        at: Timestamp,
        webhook: WebhookId,
        company: CompanyId,
    },
    /// A claim has ended. `None` if it failed.
    Claimed {
        wanted: Vec<(WebhookId, u32)>,
        taken: Option<Taken>,
    },
    /// This webhook was paused, changed, disabled or deleted. What is claimed for it must not start.
    Halted { webhook: WebhookId },
    /// What [`Command::GiveBack`] named is in the queue again.
    GivenBack(Vec<(WebhookId, CompanyId)>),
    /// What [`Scheduler::is_to_look`] asked for: which webhooks have something waiting, and since or until when. `None` if
    /// the database failed.
    Looked(Option<Vec<(WebhookId, CompanyId, Timestamp)>>),
    /// The overdue deliveries are counted.
    Counted,
}

/// What the scheduler wants done.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are Start, the largest, and none is kept"
)]
pub enum Command {
    /// Make the attempt. [`Input::Ended`] follows in any case.
    Start(Claimed),
    /// Return these claimed deliveries to the queue, due now.
    GiveBack(Vec<Claimed>),
    /// Claim this number of deliveries of each webhook. [`Input::Claimed`] follows in any case.
    Claim(Vec<(WebhookId, u32)>),
    /// Count what these webhooks have had due since before that time. [`Input::Counted`] follows in any case.
    Count {
        webhooks: HashMap<WebhookId, CompanyId>,
        since: Timestamp,
    },
    /// There is nothing that could start and has not.
    NoneOverdue,
}

/// What the worker does until something happens.
#[derive(Debug)]
pub struct Rest {
    /// When to go on, by the wall clock.
    pub until: Timestamp,
    /// How long to rest at most. If the wall clock is set back, `until` is far away.
    pub at_most: Duration,
    /// How many deliveries publications may claim now. `None` if this does not change.
    pub admission: Option<Room>,
}

/// The decisions of one worker.
#[derive(Debug)]
pub struct Scheduler {
    options: WorkerOptions,
    lanes: Lanes,
    /// Whether a claim is on its way, and when there may be another after one that failed.
    claiming: bool,
    claim_at: Timestamp,
    /// When to look for what others have made due.
    look_at: Timestamp,
    /// Whether overdue deliveries are being counted, and when to count them again.
    counting: bool,
    count_at: Duration,
}

impl Scheduler {
    pub fn new(options: WorkerOptions) -> Self {
        let past = Timestamp::from_millis(0);
        Self {
            options,
            lanes: Lanes::new(options),
            claiming: false,
            claim_at: past,
            look_at: past,
            counting: false,
            count_at: Duration::ZERO,
        }
    }

    /// Takes in what has happened.
    pub fn hear(&mut self, input: Input, now: Timestamp, commands: &mut Vec<Command>) {
        match input {
            Input::Waiting(webhooks) => self.lanes.ready(webhooks),
            Input::Handed(claimed) => self.begin(claimed, now, commands),
            Input::Ended {
                webhook,
                company,
                took,
            } => {
                self.lanes.end(webhook, company, took);
                self.start(webhook, now, commands);
            }
            Input::Due { at, webhook, company } => self.lanes.later(at, webhook, company),
            Input::Claimed { wanted, taken } => {
                self.claiming = false;
                self.lanes.end_claim(&wanted, taken.as_ref());
                match taken {
                    Some(taken) => self.begin(taken.claimed, now, commands),
                    None => self.claim_at = now.plus_seconds(AFTER_FAULT_SECONDS),
                }
            }
            Input::Halted { webhook } => {
                self.lanes.changed(webhook);
                give_back(self.lanes.take_waiting(webhook), commands);
            }
            Input::GivenBack(webhooks) => self.lanes.ready(webhooks),
            Input::Looked(found) => self.looked(found, now),
            Input::Counted => self.counting = false,
        }
    }

    /// Whether to ask the database now for what others made due or left behind, and for held deliveries that can be
    /// released. The answer is [`Input::Looked`].
    pub fn is_to_look(&mut self, now: Timestamp, keys_changed: bool) -> bool {
        let next = now.plus_millis(millis(self.options.look_every));
        // The wall clock may have been set back.
        self.look_at = self.look_at.min(next);
        self.claim_at = self.claim_at.min(now.plus_seconds(AFTER_FAULT_SECONDS));
        if !keys_changed && self.look_at > now {
            return false;
        }
        self.look_at = next;
        true
    }

    /// Asks for what the database has to do. `close` closes the door to publications and returns whether none of them
    /// claims: either the worker claims, or one of them does. `monotonic` is any time that is never set back.
    pub fn ask(
        &mut self,
        now: Timestamp,
        monotonic: Duration,
        close: impl FnOnce() -> bool,
        commands: &mut Vec<Command>,
    ) {
        self.lanes.due_by(now);
        if !self.claiming && now >= self.claim_at {
            let wanted = self.lanes.wanted();
            // If a publication claims for the same places, it rings when it has ended.
            if !wanted.is_empty() && close() {
                self.claiming = true;
                self.lanes.begin_claim();
                commands.push(Command::Claim(wanted));
            }
        }
        self.count(now, monotonic, commands);
    }

    /// What to do now that nothing is left to do.
    pub fn rest(&self, now: Timestamp) -> Rest {
        let mut until = self
            .lanes
            .next()
            .map_or(self.look_at, |due| due.min(self.look_at));
        if now < self.claim_at {
            until = until.min(self.claim_at);
        }
        let idle = !self.claiming && self.lanes.wanted().is_empty();
        Rest {
            until,
            at_most: self.options.look_every,
            admission: idle.then(|| self.lanes.admission()),
        }
    }

    /// Returns what is claimed and must not start any more.
    pub fn stop(&mut self) -> Vec<Claimed> {
        self.lanes.take_all_waiting()
    }

    /// Whether a claim is on its way.
    pub fn is_claiming(&self) -> bool {
        self.claiming
    }

    /// Puts claimed deliveries into their lanes and starts what may start. What finds no place waits in order.
    fn begin(&mut self, claimed: Vec<Claimed>, now: Timestamp, commands: &mut Vec<Command>) {
        let mut refused = Vec::new();
        for one in claimed {
            let webhook = one.webhook;
            match self.lanes.add(one) {
                Ok(()) => self.start(webhook, now, commands),
                Err(one) => refused.push(one),
            }
        }
        give_back(refused, commands);
    }

    /// Starts what may start in this lane. A delivery that has waited there for too long is given back, because its
    /// lease would expire during the attempt.
    fn start(&mut self, webhook: WebhookId, now: Timestamp, commands: &mut Vec<Command>) {
        let mut late = Vec::new();
        while let Some(claimed) = self.lanes.start(webhook) {
            if claimed.until >= now.plus_millis(ENOUGH_LEASE_MILLIS) {
                commands.push(Command::Start(claimed));
            } else {
                self.lanes.end(claimed.webhook, claimed.company, None);
                late.push(claimed);
            }
        }
        give_back(late, commands);
    }

    fn looked(&mut self, found: Option<Vec<(WebhookId, CompanyId, Timestamp)>>, now: Timestamp) {
        let Some(found) = found else {
            self.look_at = now.plus_seconds(AFTER_FAULT_SECONDS);
            return;
        };
        for (webhook, company, at) in found {
            if at <= now {
                self.lanes.ready([(webhook, company)]);
            } else {
                self.lanes.later(at, webhook, company);
            }
        }
    }

    /// Counts, from time to time, what could start and does not.
    fn count(&mut self, now: Timestamp, monotonic: Duration, commands: &mut Vec<Command>) {
        if self.counting || self.count_at > monotonic {
            return;
        }
        let webhooks = self.lanes.startable();
        if webhooks.is_empty() {
            commands.push(Command::NoneOverdue);
            return;
        }
        (self.counting, self.count_at) = (true, monotonic + pressure::COUNT_EVERY);
        let since = now.plus_millis(-pressure::OVERDUE_AFTER_MILLIS);
        commands.push(Command::Count { webhooks, since });
    }
}

fn give_back(claimed: Vec<Claimed>, commands: &mut Vec<Command>) {
    if !claimed.is_empty() {
        commands.push(Command::GiveBack(claimed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::tests::{alone, claimed};

    const NOW: Timestamp = Timestamp::from_millis(10_000);

    fn scheduler() -> Scheduler {
        Scheduler::new(WorkerOptions {
            per_webhook: 2,
            at_once: 8,
            ..WorkerOptions::default()
        })
    }

    fn told(scheduler: &mut Scheduler, input: Input, now: Timestamp) -> Vec<Command> {
        let mut commands = Vec::new();
        scheduler.hear(input, now, &mut commands);
        commands
    }

    fn asked(scheduler: &mut Scheduler, now: Timestamp, may_claim: bool) -> Vec<Command> {
        let mut commands = Vec::new();
        scheduler.ask(now, Duration::ZERO, || may_claim, &mut commands);
        commands.retain(|command| matches!(command, Command::Claim(_)));
        commands
    }

    #[test]
    fn it_claims_what_waits_once_no_publication_does_and_starts_what_it_gets() {
        let mut scheduler = scheduler();
        told(&mut scheduler, Input::Waiting(HashMap::from([alone(1)])), NOW);
        assert!(asked(&mut scheduler, NOW, false).is_empty());
        let [Command::Claim(wanted)] = &asked(&mut scheduler, NOW, true)[..] else {
            panic!("it claims");
        };
        assert_eq!(*wanted, [(alone(1).0, 2)]);
        assert!(asked(&mut scheduler, NOW, true).is_empty(), "one claim at a time");
        assert!(scheduler.rest(NOW).admission.is_none(), "the worker claims");
        let input = Input::Claimed {
            wanted: wanted.clone(),
            taken: Some(Taken {
                claimed: vec![claimed(alone(1))],
                paced: Vec::new(),
            }),
        };
        assert!(matches!(
            told(&mut scheduler, input, NOW)[..],
            [Command::Start(_)]
        ));
        assert!(scheduler.rest(NOW).admission.is_some());
    }

    #[test]
    fn after_a_claim_that_failed_the_next_one_comes_a_second_later() {
        let mut scheduler = scheduler();
        scheduler.is_to_look(NOW, false);
        told(&mut scheduler, Input::Waiting(HashMap::from([alone(1)])), NOW);
        asked(&mut scheduler, NOW, true);
        let failed = Input::Claimed {
            wanted: vec![(alone(1).0, 2)],
            taken: None,
        };
        told(&mut scheduler, failed, NOW);
        assert!(asked(&mut scheduler, NOW.plus_millis(999), true).is_empty());
        assert_eq!(scheduler.rest(NOW).until, NOW.plus_seconds(1));
        assert_eq!(asked(&mut scheduler, NOW.plus_seconds(1), true).len(), 1);
    }

    #[test]
    fn a_delivery_whose_lease_ends_too_soon_is_given_back() {
        let mut scheduler = scheduler();
        let (one, late) = (claimed(alone(1)), claimed(alone(1)));
        let latest = one.until.plus_millis(-ENOUGH_LEASE_MILLIS);
        let commands = told(&mut scheduler, Input::Handed(vec![one]), latest);
        assert!(matches!(commands[..], [Command::Start(_)]));
        let commands = told(&mut scheduler, Input::Handed(vec![late]), latest.plus_millis(1));
        assert!(matches!(&commands[..], [Command::GiveBack(late)] if late.len() == 1));
    }

    #[test]
    fn what_is_claimed_for_a_webhook_that_is_paused_goes_back_and_the_rest_starts_in_turn() {
        let mut scheduler = scheduler();
        let commands = told(&mut scheduler, Input::Handed(vec![claimed(alone(1)); 5]), NOW);
        assert_eq!(commands.len(), 2, "its places");
        let ended = || Input::Ended {
            webhook: alone(1).0,
            company: alone(1).1,
            took: Some(Duration::from_millis(5)),
        };
        assert!(matches!(
            told(&mut scheduler, ended(), NOW)[..],
            [Command::Start(_)]
        ));
        let halted = told(&mut scheduler, Input::Halted { webhook: alone(1).0 }, NOW);
        assert!(matches!(&halted[..], [Command::GiveBack(rest)] if rest.len() == 2));
        assert!(told(&mut scheduler, ended(), NOW).is_empty());
    }

    #[test]
    fn a_wall_clock_that_is_set_back_delays_no_look_and_no_claim() {
        let mut scheduler = scheduler();
        assert!(scheduler.is_to_look(NOW, false));
        assert!(!scheduler.is_to_look(NOW, false));
        assert!(scheduler.is_to_look(NOW, true), "keys have changed");
        let failed = Input::Claimed {
            wanted: Vec::new(),
            taken: None,
        };
        told(&mut scheduler, failed, NOW);
        told(&mut scheduler, Input::Waiting(HashMap::from([alone(1)])), NOW);
        let before = NOW.plus_seconds(-9);
        assert!(!scheduler.is_to_look(before, false));
        let rest = scheduler.rest(before);
        assert!(rest.until <= before.plus_seconds(2) && rest.at_most <= Duration::from_secs(2));
        assert_eq!(asked(&mut scheduler, before.plus_seconds(1), true).len(), 1);
        assert!(scheduler.is_to_look(before.plus_seconds(2), false));
    }

    #[test]
    fn after_a_look_that_failed_the_next_one_comes_a_second_later() {
        let mut scheduler = scheduler();
        assert!(scheduler.is_to_look(NOW, false));
        told(&mut scheduler, Input::Looked(None), NOW);
        assert_eq!(scheduler.rest(NOW).until, NOW.plus_seconds(1));
        assert!(scheduler.is_to_look(NOW.plus_seconds(1), false));
        let found = [alone(1), alone(2)].map(|(webhook, company)| (webhook, company, NOW.plus_seconds(2)));
        told(
            &mut scheduler,
            Input::Looked(Some(found.to_vec())),
            NOW.plus_seconds(1),
        );
        assert!(asked(&mut scheduler, NOW.plus_seconds(1), true).is_empty());
        assert_eq!(scheduler.rest(NOW.plus_seconds(1)).until, NOW.plus_seconds(2));
        assert_eq!(asked(&mut scheduler, NOW.plus_seconds(2), true).len(), 1);
    }
}

//! The loop of a run: things that happen, each at its time. One is taken after the other, and nothing else passes time.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use model::{AttemptId, AttemptOutcome, CompanyId, FailureClass, Timestamp, WebhookId};
use test_webhooks::MemoryWebhooks;
use webhooks::scheduler::Input;
use webhooks::{NewEvents, WorkerOptions};

use crate::checks::Checks;
use crate::disturbances::Disturbance;
use crate::node::{At, Node};
use crate::publishing::Publication;
use crate::random::Random;
use crate::world::World;

pub(crate) const START: Timestamp = Timestamp::from_millis(1_767_614_400_000);
/// The only outcome that comes with a `Retry-After`.
pub(crate) const TOO_MANY: AttemptOutcome = AttemptOutcome::Failed {
    class: FailureClass::Status,
    status: Some(429),
};
const MINUTE: i64 = 60_000;
/// How often to find out whether all deliveries have ended.
const LOOK_FOR_THE_END: i64 = 5 * MINUTE;
/// After the last event, the schedule takes 27.6 hours, and up to a tenth more.
const LONGEST_DRAIN: i64 = 40 * 60 * MINUTE;

/// What happens in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) options: WorkerOptions,
    /// How many events are published, within how many milliseconds.
    pub(crate) events: i64,
    pub(crate) within: i64,
    pub(crate) kills: bool,
    pub(crate) clock_steps: bool,
    pub(crate) outages: bool,
    pub(crate) pauses: bool,
    pub(crate) rotations: bool,
    /// Receivers that fail.
    pub(crate) failures: bool,
}

#[derive(Debug)]
pub(crate) enum Event {
    Turn(At),
    /// The worker has slept for as long as it wanted. The number says for which sleep.
    Timer(At, u64),
    Tell(At, Input),
    ClaimArrives {
        at: At,
        wanted: Vec<(WebhookId, u32)>,
        now: Timestamp,
        lease: AttemptId,
    },
    CountArrives(At, BTreeMap<WebhookId, CompanyId>, Timestamp),
    AttemptBegins(At, u64),
    Response(At, u64),
    WriteArrives(At),
    Written(At, Vec<Input>),
    Publish(Publication),
    PublishArrives(At, Publication, Arc<NewEvents>, bool),
    Published(At, Publication, Vec<webhooks::PublishedEvent>, bool),
    Disturb(Disturbance),
    /// Everything that was switched off is on again. From now on, only time passes.
    Calm,
    IsItOver,
}

#[derive(Debug)]
pub(crate) struct Simulation {
    pub(crate) rules: Rules,
    pub(crate) random: Random,
    /// Milliseconds since the start, on a clock that is never set.
    pub(crate) now: i64,
    queue: BTreeMap<(i64, u64), Event>,
    number: u64,
    pub(crate) store: MemoryWebhooks,
    pub(crate) world: World,
    pub(crate) nodes: [Node; 2],
    pub(crate) checks: Checks,
    /// Until then the store takes nothing.
    pub(crate) away_until: i64,
    /// Publications that have no answer yet.
    pub(crate) unanswered: usize,
    is_calm: bool,
}

/// The store in memory never waits.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the store waits"),
    }
}

impl Simulation {
    pub(crate) fn of(seed: u64, rules: Rules) -> Self {
        Self {
            rules,
            random: Random::of(seed),
            now: 0,
            queue: BTreeMap::new(),
            number: 0,
            store: MemoryWebhooks::default(),
            world: World::default(),
            nodes: [0, 1].map(|number| Node::new(number, rules.options)),
            checks: Checks::of(seed),
            away_until: 0,
            unanswered: 0,
            is_calm: false,
        }
    }

    pub(crate) fn after(&mut self, pause: i64, event: Event) {
        self.number += 1;
        self.queue.insert((self.now + pause.max(0), self.number), event);
    }

    /// A number that no other attempt or timer has.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// What this node's wall clock says.
    pub(crate) fn wall(&self, node: usize) -> Timestamp {
        START.plus_millis(self.now + self.nodes[node].offset)
    }

    pub(crate) fn is_away(&self) -> bool {
        self.now < self.away_until
    }

    pub(crate) fn fail(&self, what: &str) -> ! {
        self.checks.fail(self.now, what)
    }

    /// How long the database takes for one way of a request, in milliseconds.
    pub(crate) fn latency(&mut self) -> i64 {
        self.random.between(0, 4)
    }

    /// Publishes the events, lets everything happen that the rules say, and then waits until every delivery has ended.
    pub(crate) fn run(mut self) -> Checks {
        for node in 0..2 {
            self.wake(node);
        }
        self.plan_publications();
        self.plan_disturbances();
        let calm_at = self.rules.within + 10 * MINUTE;
        self.after(calm_at, Event::Calm);
        self.after(calm_at + LOOK_FOR_THE_END, Event::IsItOver);
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            if matches!(event, Event::IsItOver) {
                if self.is_over() {
                    break;
                }
                if self.now > calm_at + LONGEST_DRAIN {
                    self.fail(&format!("these deliveries do not end: {:?}", self.store.open()));
                }
                self.after(LOOK_FOR_THE_END, Event::IsItOver);
            } else {
                self.happens(event);
            }
        }
        self.checks.end(self.now, &self.store, &mut self.world);
        self.checks
    }

    /// Whether nothing waits but deliveries of webhooks that stay paused.
    fn is_over(&mut self) -> bool {
        let open = self.store.open();
        self.unanswered == 0 && open.keys().all(|webhook| self.world.hook(*webhook).stays_paused)
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Turn(at) => self.turn(at),
            Event::Timer(at, number) => {
                if self.is_current(at) && self.nodes[at.node].timer == number {
                    self.wake(at.node);
                }
            }
            Event::Tell(at, input) => self.tell(at, input),
            Event::ClaimArrives {
                at,
                wanted,
                now,
                lease,
            } => self.claim_arrives(at, wanted, now, lease),
            Event::CountArrives(at, webhooks, since) => self.count_arrives(at, &webhooks, since),
            Event::AttemptBegins(at, attempt) => self.attempt_begins(at, attempt),
            Event::Response(at, attempt) => self.response(at, attempt),
            Event::WriteArrives(at) => self.write_arrives(at),
            Event::Written(at, inputs) => self.written(at, inputs),
            Event::Publish(publication) => self.publish(publication),
            Event::PublishArrives(at, publication, new, lent) => {
                self.publish_arrives(at, publication, new, lent);
            }
            Event::Published(at, publication, results, lent) => {
                self.published(at, publication, results, lent);
            }
            Event::Disturb(disturbance) => {
                if !self.is_calm {
                    self.disturb(disturbance);
                }
            }
            Event::Calm => {
                self.calm();
                self.is_calm = true;
            }
            Event::IsItOver => {}
        }
    }
}

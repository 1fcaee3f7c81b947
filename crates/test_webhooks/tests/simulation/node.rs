//! One process: its worker, and what it has under way. It does what `worker.rs`, `attempt.rs` and `results.rs` of the crate
//! `webhooks` do with tasks, and asks the same functions.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::{AttemptId, AuditId, CompanyId, Timestamp, WebhookId};
use webhooks::decide::Consequence;
use webhooks::scheduler::{
    AT_ONCE, Command, Door, Input, MOST_WAITING, Made, Scheduler, Unwritten, choose, concluded, lease_until,
    may_be_another_key, unwritten, written,
};
use webhooks::{
    AttemptStore, Claimed, DEADLINE, DeliveryQueue, FinishedAttempt, HeldScope, SigningSecret, WorkerOptions,
};

use crate::receivers::Reply;
use crate::run::{Event, Simulation, at_once};

/// A life of a node. What an earlier life asked for is not heard any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) node: usize,
    pub(crate) life: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// It takes nothing new and finishes what is under way.
    Stopping,
    Dead,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: At,
    pub(crate) state: State,
    /// How far its wall clock is ahead.
    pub(crate) offset: i64,
    pub(crate) scheduler: Scheduler,
    pub(crate) door: Door,
    pub(crate) keys_changed: bool,
    pub(crate) timer: u64,
    inbox: VecDeque<Input>,
    is_awake: bool,
    running: BTreeMap<u64, Running>,
    /// Finished attempts that wait for the next transaction, and those that wait for room to wait.
    results: VecDeque<FinishedAttempt>,
    blocked: VecDeque<FinishedAttempt>,
    batch: Option<Batch>,
}

#[derive(Debug)]
struct Running {
    claimed: Claimed,
    started_at: Timestamp,
    began: i64,
    signed_by: Option<SigningSecret>,
    other: Option<SigningSecret>,
    reply: Option<Reply>,
}

#[derive(Debug)]
struct Batch {
    attempts: Arc<[FinishedAttempt]>,
    since: i64,
    is_written: bool,
}

impl Node {
    pub(crate) fn new(node: usize, options: WorkerOptions) -> Self {
        Self {
            at: At { node, life: 0 },
            state: State::Running,
            offset: 0,
            scheduler: Scheduler::new(options),
            door: Door::default(),
            keys_changed: false,
            timer: 0,
            inbox: VecDeque::new(),
            is_awake: false,
            running: BTreeMap::new(),
            results: VecDeque::new(),
            blocked: VecDeque::new(),
            batch: None,
        }
    }

    /// How many results a crash would lose now.
    pub(crate) fn unwritten(&self) -> usize {
        let batch = self.batch.as_ref().filter(|batch| !batch.is_written);
        self.running.len()
            + self.results.len()
            + self.blocked.len()
            + batch.map_or(0, |batch| batch.attempts.len())
    }
}

impl Simulation {
    pub(crate) fn is_current(&self, at: At) -> bool {
        let node = &self.nodes[at.node];
        node.at == at && node.state != State::Dead
    }

    /// The worker has something to do.
    pub(crate) fn wake(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        if node.state != State::Dead && !std::mem::replace(&mut node.is_awake, true) {
            let at = node.at;
            self.after(0, Event::Turn(at));
        }
    }

    pub(crate) fn tell(&mut self, at: At, input: Input) {
        if self.is_current(at) {
            self.nodes[at.node].inbox.push_back(input);
            self.wake(at.node);
        }
    }

    /// One turn of the worker's loop.
    pub(crate) fn turn(&mut self, at: At) {
        if !self.is_current(at) {
            return;
        }
        let node = at.node;
        self.nodes[node].is_awake = false;
        if self.nodes[node].state == State::Stopping {
            self.late_claims(node);
            return;
        }
        let visitors = self.nodes[node].door.take();
        let mut inputs = vec![Input::Waiting(visitors.waiting)];
        inputs.extend(self.nodes[node].inbox.drain(..));
        inputs.push(Input::Handed(visitors.claimed));
        let halted = visitors.changed.into_iter();
        inputs.extend(halted.map(|webhook| Input::Halted { webhook }));
        for input in inputs {
            self.hear(at, input);
        }
        self.look(at);
        if !self.is_current(at) {
            return;
        }
        let (wall, monotonic) = (self.wall(node), self.monotonic());
        let mut commands = Vec::new();
        let Node { scheduler, door, .. } = &mut self.nodes[node];
        scheduler.ask(wall, monotonic, || door.close(), &mut commands);
        self.carry_out(at, commands);
        if !self.is_current(at) {
            return;
        }
        let rest = self.nodes[node].scheduler.rest(wall);
        if rest.admission.is_some() {
            self.nodes[node].door.admit(rest.admission);
        }
        let timer = self.next_number();
        self.nodes[node].timer = timer;
        let at_most = i64::try_from(rest.at_most.as_millis()).unwrap_or(i64::MAX);
        let pause = rest.until.millis_since(wall).clamp(0, at_most);
        self.after(pause, Event::Timer(at, timer));
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.now as u64)
    }

    fn hear(&mut self, at: At, input: Input) {
        if self.is_current(at) {
            let (wall, mut commands) = (self.wall(at.node), Vec::new());
            self.nodes[at.node].scheduler.hear(input, wall, &mut commands);
            self.carry_out(at, commands);
        }
    }

    fn look(&mut self, at: At) {
        if !self.is_current(at) {
            return;
        }
        let wall = self.wall(at.node);
        let node = &mut self.nodes[at.node];
        if !node.scheduler.is_to_look(wall, node.keys_changed) {
            return;
        }
        node.keys_changed = false;
        if self.is_away() {
            self.hear(at, Input::Looked(None));
            return;
        }
        for scope in at_once(self.store.held()).unwrap_or_default() {
            self.release(at.node, scope);
        }
        let found = at_once(self.store.due()).ok();
        self.hear(at, Input::Looked(found));
    }

    /// Makes held deliveries due if there is a key now.
    fn release(&mut self, node: usize, scope: HeldScope) {
        if self.world.keys_of(scope.company).is_empty() {
            return;
        }
        let waking = at_once(self.store.release(scope)).unwrap_or_default();
        for webhook in &waking {
            self.checks.moved(&self.store, *webhook);
        }
        if self.nodes[node].door.ring(scope.company, waking, Vec::new()) {
            self.wake(node);
        }
    }

    fn carry_out(&mut self, at: At, commands: Vec<Command>) {
        for command in commands {
            // The process may end between any two steps.
            if self.rules.kills && self.random.index(20_000) == 0 {
                self.kill(at.node);
            }
            if !self.is_current(at) {
                return;
            }
            match command {
                Command::Start(claimed) => self.start(at, claimed),
                Command::GiveBack(claimed) => self.give_back(at, &claimed),
                Command::Claim(wanted) => {
                    let (now, pause) = (self.wall(at.node), self.latency());
                    let lease = AttemptId::from_random(self.random.bytes());
                    let claim = Event::ClaimArrives {
                        at,
                        wanted,
                        now,
                        lease,
                    };
                    self.after(pause, claim);
                }
                Command::Count { webhooks, since } => {
                    let pause = self.latency();
                    self.after(
                        pause,
                        Event::CountArrives(at, webhooks.into_iter().collect(), since),
                    );
                }
                Command::NoneOverdue => {}
            }
        }
    }

    pub(crate) fn give_back(&mut self, at: At, claimed: &[Claimed]) {
        if self.is_away() {
            return;
        }
        let leases = claimed.iter().map(|one| (one.delivery, one.lease)).collect();
        let given_back = at_once(self.store.give_back(leases, self.wall(at.node)));
        if given_back.is_ok() {
            let webhooks = claimed.iter().map(|one| (one.webhook, one.company));
            self.hear(at, Input::GivenBack(webhooks.collect()));
        }
    }

    pub(crate) fn claim_arrives(
        &mut self,
        at: At,
        wanted: Vec<(WebhookId, u32)>,
        now: Timestamp,
        lease: AttemptId,
    ) {
        // What a process asked for before it ended may still be done.
        if !self.is_current(at) && self.random.per_mille(500) {
            return;
        }
        let taken = if self.is_away() {
            None
        } else {
            at_once(self.store.claim(wanted.clone(), now, lease_until(now), lease)).ok()
        };
        if let Some(taken) = &taken {
            self.checks.claimed(self.now, &taken.claimed, now);
        }
        let pause = self.latency();
        self.after(pause, Event::Tell(at, Input::Claimed { wanted, taken }));
    }

    pub(crate) fn count_arrives(
        &mut self,
        at: At,
        webhooks: &BTreeMap<WebhookId, CompanyId>,
        since: Timestamp,
    ) {
        let counted = at_once(
            self.store
                .overdue(webhooks.keys().copied().collect(), since, 1_001),
        );
        assert!(counted.is_ok_and(|counts| counts.len() == webhooks.len()));
        let pause = self.latency();
        self.after(pause, Event::Tell(at, Input::Counted));
    }

    fn start(&mut self, at: At, claimed: Claimed) {
        self.checks.started(self.now, at.node, &claimed, &self.rules);
        let number = self.next_number();
        let running = Running {
            started_at: self.wall(at.node),
            began: self.now,
            claimed,
            signed_by: None,
            other: None,
            reply: None,
        };
        self.nodes[at.node].running.insert(number, running);
        let pause = self.random.between(0, 1);
        self.after(pause, Event::AttemptBegins(at, number));
    }

    /// Chooses the key and sends the first request.
    pub(crate) fn attempt_begins(&mut self, at: At, attempt: u64) {
        if !self.is_current(at) {
            return;
        }
        let Some(running) = self.nodes[at.node].running.get(&attempt) else {
            return;
        };
        let claimed = running.claimed.clone();
        let keys = self.world.keys_of(claimed.company);
        let Some(plan) = choose(keys, claimed.endpoint.last_key, claimed.before) else {
            self.hold(at, attempt, &claimed);
            return;
        };
        let hook = self.world.hook(claimed.webhook);
        self.checks.begins(self.now, &claimed, hook);
        if let Some(running) = self.nodes[at.node].running.get_mut(&attempt) {
            (running.began, running.other) = (self.now, plan.other);
        }
        self.send(at, attempt, plan.first);
    }

    /// There is no key.
    fn hold(&mut self, at: At, attempt: u64, claimed: &Claimed) {
        if !self.is_away() {
            let held = at_once(self.store.hold(claimed, self.wall(at.node)));
            assert!(held.is_ok());
            let scope = HeldScope {
                company: claimed.company,
                environment: claimed.environment,
            };
            self.release(at.node, scope);
        }
        self.nodes[at.node].running.remove(&attempt);
        self.frees(at, claimed, None);
    }

    fn frees(&mut self, at: At, claimed: &Claimed, took: Option<Duration>) {
        self.checks.ended(at.node, claimed.webhook);
        let ended = Input::Ended {
            webhook: claimed.webhook,
            company: claimed.company,
            took,
        };
        self.tell(at, ended);
    }

    fn send(&mut self, at: At, attempt: u64, key: SigningSecret) {
        let Some(running) = self.nodes[at.node].running.get_mut(&attempt) else {
            return;
        };
        let deadline = running.began + DEADLINE.as_millis() as i64;
        let delivery = running.claimed.delivery;
        self.checks.request(self.now, at.node, attempt, &running.claimed);
        let receiver = &mut self.world.hook(running.claimed.webhook).receiver;
        let reply = receiver.reply(self.now, key.key_id, deadline - self.now, &mut self.random);
        if matches!(reply.status, Some(200..300)) {
            receiver.accept(delivery);
        }
        (running.signed_by, running.reply) = (Some(key), Some(reply));
        self.after(reply.after, Event::Response(at, attempt));
    }

    pub(crate) fn response(&mut self, at: At, attempt: u64) {
        if !self.is_current(at) {
            return;
        }
        let Some(mut running) = self.nodes[at.node].running.remove(&attempt) else {
            return;
        };
        let (Some(reply), Some(signed_by)) = (running.reply, running.signed_by.take()) else {
            return;
        };
        let outcome = reply.outcome();
        if let Some(other) = running.other.take().filter(|_| may_be_another_key(&outcome)) {
            self.nodes[at.node].running.insert(attempt, running);
            self.send(at, attempt, other);
            return;
        }
        self.checks.answered(running.claimed.delivery, attempt);
        let made = Made {
            id: AttemptId::from_random(self.random.bytes()),
            audit: AuditId::from_random(self.random.bytes()),
            started_at: running.started_at,
            ended_at: self.wall(at.node),
            duration_ms: (self.now - running.began) as u64,
            outcome,
            hops: Vec::new(),
            retry_after: reply.retry_after.map(|seconds| seconds.to_string()),
            signed_by,
        };
        let finished = concluded(&running.claimed, made, self.random.bytes());
        self.result(at, finished);
    }

    /// A finished attempt is handed over to be written. While too many wait, its lane waits too.
    fn result(&mut self, at: At, finished: FinishedAttempt) {
        let node = &mut self.nodes[at.node];
        if node.results.len() >= MOST_WAITING {
            node.blocked.push_back(finished);
            return;
        }
        let took = Duration::from_millis(finished.duration_ms);
        let claimed = finished.claimed.clone();
        node.results.push_back(finished);
        self.frees(at, &claimed, Some(took));
        self.write_next(at);
    }

    fn write_next(&mut self, at: At) {
        let node = &mut self.nodes[at.node];
        if node.batch.is_some() || node.results.is_empty() {
            return;
        }
        let size = node.results.len().min(AT_ONCE);
        node.batch = Some(Batch {
            attempts: node.results.drain(..size).collect(),
            since: self.now,
            is_written: false,
        });
        let pause = self.latency();
        self.after(pause, Event::WriteArrives(at));
        for blocked in std::mem::take(&mut self.nodes[at.node].blocked) {
            self.result(at, blocked);
        }
    }

    pub(crate) fn write_arrives(&mut self, at: At) {
        if !self.is_current(at) {
            return;
        }
        if self.is_away() {
            self.not_written(at);
            return;
        }
        let Some(batch) = &mut self.nodes[at.node].batch else {
            return;
        };
        batch.is_written = true;
        let attempts = Arc::clone(&batch.attempts);
        let wall = self.wall(at.node);
        for attempt in attempts.iter() {
            let delivery = self.store.delivery_now(attempt.claimed.delivery);
            let lease = delivery.and_then(|delivery| delivery.lease);
            self.checks.written(self.now, wall, attempt, lease);
        }
        let consequences = at_once(self.store.finish(Arc::clone(&attempts))).unwrap_or_default();
        assert_eq!(consequences.len(), attempts.len());
        for (attempt, consequence) in attempts.iter().zip(&consequences) {
            if let Some(Consequence::Disabled(reason)) = consequence {
                self.disabled(attempt.claimed.webhook, *reason);
            }
        }
        let inputs = written(&attempts, &consequences).collect();
        let pause = self.latency();
        self.after(pause, Event::Written(at, inputs));
    }

    /// The store takes nothing at the moment.
    fn not_written(&mut self, at: At) {
        let Some(batch) = &self.nodes[at.node].batch else {
            return;
        };
        match unwritten(Duration::from_millis((self.now - batch.since) as u64)) {
            Unwritten::AgainAfter(pause) => {
                self.after(pause.as_millis() as i64, Event::WriteArrives(at));
            }
            Unwritten::Alone => {
                // Each fails too. Their leases expire.
                self.checks.lost += batch.attempts.len() as u64;
                self.nodes[at.node].batch = None;
                self.write_next(at);
            }
        }
    }

    pub(crate) fn written(&mut self, at: At, inputs: Vec<Input>) {
        if !self.is_current(at) {
            return;
        }
        self.nodes[at.node].batch = None;
        for input in inputs {
            self.tell(at, input);
        }
        self.write_next(at);
    }

    /// Takes nothing more. What has not started goes back, and what is under way may finish.
    pub(crate) fn stop(&mut self, node: usize) {
        if self.nodes[node].state != State::Running {
            return;
        }
        let at = self.nodes[node].at;
        self.nodes[node].state = State::Stopping;
        self.nodes[node].door.admit(None);
        let mut unstarted = self.nodes[node].scheduler.stop();
        unstarted.extend(self.nodes[node].door.take().claimed);
        self.give_back_unheard(at, &unstarted);
        self.late_claims(node);
    }

    fn late_claims(&mut self, node: usize) {
        let at = self.nodes[node].at;
        for input in std::mem::take(&mut self.nodes[node].inbox) {
            if let Input::Claimed {
                taken: Some(taken), ..
            } = input
            {
                self.give_back_unheard(at, &taken.claimed);
            }
        }
    }

    fn give_back_unheard(&mut self, at: At, claimed: &[Claimed]) {
        if !self.is_away() && !claimed.is_empty() {
            let leases = claimed.iter().map(|one| (one.delivery, one.lease)).collect();
            let given_back = at_once(self.store.give_back(leases, self.wall(at.node)));
            assert!(given_back.is_ok());
        }
    }
}

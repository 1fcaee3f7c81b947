//! What goes wrong, and what people do in the meantime.

use model::{DeliveryState, DisabledReason, WebhookId};
use webhooks::{ConfigStore, PublishStore, Replayed};

use crate::node::{At, Node, State};
use crate::receivers::Kind;
use crate::run::{Event, Simulation, at_once};
use crate::world::{audit, new_key, switched};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// How long a stopping process waits for its attempts.
const DRAIN: i64 = 12 * SECOND;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Disturbance {
    /// Ends a process at once.
    Kill(usize),
    /// Stops a process in an orderly way.
    Stop(usize),
    /// It has stopped.
    Stopped(At),
    Start(usize),
    /// Sets one node's wall clock, by this number of milliseconds.
    SetClock(usize, i64),
    /// Sets the wall clocks of both.
    SetClocks(i64),
    Outage,
    Pause(usize),
    Resume(usize),
    Delete(usize),
    /// The receiver fails until then.
    Down(usize, i64),
    Gone(usize),
    /// The receiver is there again, and the webhook is enabled.
    Back(usize),
    AddKey(usize),
    DeleteOldKey(usize),
    DeleteAllKeys(usize),
    /// The company's receivers switch to its newest key.
    Switch(usize),
    Replay,
}

impl Simulation {
    fn at(&mut self, at: i64, disturbance: Disturbance) {
        self.after(at, Event::Disturb(disturbance));
    }

    pub(crate) fn plan_disturbances(&mut self) {
        let within = self.rules.within;
        let some = |random: &mut crate::random::Random| random.between(0, within);
        if self.rules.kills {
            for _ in 0..self.random.between(4, 12) {
                let (at, node) = (some(&mut self.random), self.random.index(2));
                let is_orderly = self.random.per_mille(300);
                let what = if is_orderly {
                    Disturbance::Stop
                } else {
                    Disturbance::Kill
                };
                self.at(at, what(node));
            }
        }
        if self.rules.clock_steps {
            for _ in 0..self.random.between(2, 6) {
                let at = some(&mut self.random);
                let by = self.random.between(-10 * MINUTE, 10 * MINUTE);
                if self.random.per_mille(500) {
                    self.at(at, Disturbance::SetClocks(by));
                } else {
                    let (node, back) = (self.random.index(2), self.random.between(5 * SECOND, 2 * MINUTE));
                    self.at(at, Disturbance::SetClock(node, by));
                    self.at(at + back, Disturbance::SetClock(node, -by));
                }
            }
        }
        if self.rules.outages {
            for _ in 0..self.random.between(1, 4) {
                let at = some(&mut self.random);
                self.at(at, Disturbance::Outage);
            }
        }
        if self.rules.pauses {
            self.plan_switches();
        }
        if self.rules.rotations {
            self.plan_rotations();
        }
        if self.rules.failures {
            self.plan_failures();
        }
    }

    fn plan_switches(&mut self) {
        let within = self.rules.within;
        for hook in 0..self.world.hooks.len() {
            if self.random.per_mille(400) {
                let at = self.random.between(0, within);
                self.at(at, Disturbance::Pause(hook));
                let back = self.random.between(SECOND, 30 * MINUTE);
                self.at(at + back, Disturbance::Resume(hook));
            }
        }
        for _ in 0..20 {
            let at = self.random.between(0, within);
            self.at(at, Disturbance::Replay);
        }
        // One is deleted, and one stays paused.
        let (deleted, paused) = (
            self.random.index(self.world.hooks.len()),
            self.random.index(self.world.hooks.len()),
        );
        let at = self.random.between(0, within);
        self.at(at, Disturbance::Delete(deleted));
        if paused != deleted {
            self.world.hooks[paused].stays_paused = true;
            self.at(within - MINUTE, Disturbance::Pause(paused));
        }
    }

    fn plan_rotations(&mut self) {
        for company in 0..self.world.companies.len() {
            let at = self.random.between(0, self.rules.within / 2);
            let switches_first = company % 2 == 0;
            let first = self.random.between(SECOND, 10 * MINUTE);
            // Both keys are active for long enough that five attempts with the wrong one would be made.
            let second = if switches_first {
                self.random.between(7 * MINUTE, 12 * MINUTE)
            } else {
                self.random.between(SECOND, 90 * SECOND)
            };
            self.at(at, Disturbance::AddKey(company));
            let (one, other) = if switches_first {
                (Disturbance::Switch(company), Disturbance::DeleteOldKey(company))
            } else {
                (Disturbance::DeleteOldKey(company), Disturbance::Switch(company))
            };
            self.at(at + first, one);
            self.at(at + first + second, other);
            for hook in self.world.companies[company].hooks.clone() {
                self.world.hooks[hook].switches_first = switches_first;
            }
        }
        // For a while this one has no key at all.
        let keyless = self.random.index(self.world.companies.len());
        let at = self.rules.within / 2 + 25 * MINUTE;
        self.at(at, Disturbance::DeleteAllKeys(keyless));
        self.at(at + 10 * MINUTE, Disturbance::AddKey(keyless));
        self.at(at + 10 * MINUTE, Disturbance::Switch(keyless));
    }

    fn plan_failures(&mut self) {
        for hook in 0..self.world.hooks.len() {
            let at = self.random.between(0, self.rules.within);
            match self.world.hooks[hook].receiver.kind {
                Kind::Sometimes => {
                    let until = at + self.random.between(MINUTE, 40 * MINUTE);
                    self.at(at, Disturbance::Down(hook, until));
                }
                Kind::Good if self.random.per_mille(200) => {
                    self.at(at, Disturbance::Gone(hook));
                    let back = self.random.between(MINUTE, 20 * MINUTE);
                    self.at(at + back, Disturbance::Back(hook));
                }
                _ => {}
            }
        }
    }

    pub(crate) fn disturb(&mut self, disturbance: Disturbance) {
        match disturbance {
            Disturbance::Kill(node) => self.kill(node),
            Disturbance::Stop(node) => {
                self.stop(node);
                let at = self.nodes[node].at;
                self.at(DRAIN, Disturbance::Stopped(at));
            }
            Disturbance::Stopped(at) => {
                if self.is_current(at) {
                    self.kill(at.node);
                }
            }
            Disturbance::Start(node) => self.start_again(node),
            Disturbance::SetClock(node, by) => {
                self.nodes[node].offset += by;
                self.clock_was_set();
            }
            Disturbance::SetClocks(by) => {
                for node in &mut self.nodes {
                    node.offset += by;
                }
                self.clock_was_set();
            }
            Disturbance::Outage => {
                self.away_until = self.now + self.random.between(SECOND, 25 * SECOND);
            }
            Disturbance::Replay => self.replay(),
            of_hook => self.disturb_hook(of_hook),
        }
    }

    fn disturb_hook(&mut self, disturbance: Disturbance) {
        match disturbance {
            Disturbance::Pause(hook) => self.switch(hook, false),
            Disturbance::Resume(hook) => {
                if !self.world.hooks[hook].stays_paused {
                    self.switch(hook, true);
                }
            }
            Disturbance::Delete(hook) => self.delete(hook),
            Disturbance::Down(hook, until) => self.world.hooks[hook].receiver.down_until = until,
            Disturbance::Gone(hook) => self.world.hooks[hook].receiver.gone = true,
            Disturbance::Back(hook) => {
                self.world.hooks[hook].receiver.gone = false;
                if !self.world.hooks[hook].stays_paused {
                    self.switch(hook, true);
                }
            }
            of_keys => self.disturb_keys(of_keys),
        }
    }

    fn disturb_keys(&mut self, disturbance: Disturbance) {
        match disturbance {
            Disturbance::AddKey(company) => {
                let key = new_key(&mut self.random);
                self.world.companies[company].keys.push(key);
            }
            Disturbance::DeleteOldKey(company) => {
                self.world.companies[company].keys.remove(0);
            }
            Disturbance::DeleteAllKeys(company) => self.world.companies[company].keys.clear(),
            Disturbance::Switch(company) => self.switch_receivers(company),
            other => self.fail(&format!("{other:?} is handled nowhere")),
        }
        self.keys_changed();
    }

    /// Ends what was disturbed: both nodes run, no receiver is gone, no webhook is paused but one.
    pub(crate) fn calm(&mut self) {
        self.away_until = 0;
        for node in 0..2 {
            if self.nodes[node].state != State::Running {
                self.start_again(node);
            }
        }
        for hook in 0..self.world.hooks.len() {
            let is_off = self.world.hooks[hook].paused || self.world.hooks[hook].was_disabled;
            self.world.hooks[hook].receiver.gone = false;
            if is_off && !self.world.hooks[hook].stays_paused {
                self.switch(hook, true);
            }
        }
        for company in 0..self.world.companies.len() {
            if self.world.companies[company].keys.is_empty() {
                let key = new_key(&mut self.random);
                self.world.companies[company].keys.push(key);
                self.keys_changed();
            }
            self.switch_receivers(company);
        }
        // No process ends between two steps any more.
        self.rules.kills = false;
    }

    pub(crate) fn kill(&mut self, node: usize) {
        if self.nodes[node].state == State::Dead {
            return;
        }
        let lost = self.nodes[node].unwritten();
        self.checks.killed(node, lost);
        self.nodes[node].state = State::Dead;
        let pause = self.random.between(SECOND, MINUTE);
        self.at(pause, Disturbance::Start(node));
    }

    fn start_again(&mut self, node: usize) {
        if self.nodes[node].state == State::Running {
            return;
        }
        if self.nodes[node].state == State::Stopping {
            let lost = self.nodes[node].unwritten();
            self.checks.killed(node, lost);
        }
        let before = &self.nodes[node];
        let (life, offset) = (before.at.life + 1, before.offset);
        let mut new = Node::new(node, self.rules.options);
        (new.at.life, new.offset) = (life, offset);
        self.nodes[node] = new;
        self.wake(node);
    }

    /// A person pauses or enables a webhook, on one of the nodes.
    fn switch(&mut self, hook: usize, enabled: bool) {
        if self.world.hooks[hook].deleted {
            return;
        }
        let node = self.random.index(2);
        let (id, now) = (self.world.hooks[hook].id, self.wall(node));
        let company = self.world.companies[self.world.hooks[hook].company].id;
        let entry = audit(company, now, &mut self.random);
        let changed = at_once(self.store.change(company, id, switched(enabled), entry));
        assert!(changed.is_ok());
        self.world.hooks[hook].paused = !enabled;
        if enabled {
            self.checks.moved(&self.store, id);
        }
        self.changed(node, hook);
        if enabled
            && self.nodes[node].state == State::Running
            && self.nodes[node].door.ring(company, [id], Vec::new())
        {
            self.wake(node);
        }
    }

    fn changed(&mut self, node: usize, hook: usize) {
        let id = self.world.hooks[hook].id;
        if self.nodes[node].state == State::Running && self.nodes[node].door.changed(id) {
            self.wake(node);
        }
    }

    fn delete(&mut self, hook: usize) {
        let node = self.random.index(2);
        let (id, now) = (self.world.hooks[hook].id, self.wall(node));
        let company = self.world.companies[self.world.hooks[hook].company].id;
        let entry = audit(company, now, &mut self.random);
        assert!(at_once(self.store.delete(company, id, entry)).is_ok());
        self.world.hooks[hook].deleted = true;
        self.changed(node, hook);
    }

    /// An attempt has disabled a webhook.
    pub(crate) fn disabled(&mut self, webhook: WebhookId, reason: DisabledReason) {
        self.world.hook(webhook).was_disabled = true;
        if reason == DisabledReason::FailedTooLong {
            self.checks.disabled_after.push(self.now / HOUR);
        }
    }

    fn clock_was_set(&mut self) {
        let [one, other] = &self.nodes;
        self.checks.clock_was_set(self.now, one.offset != other.offset);
    }

    fn keys_changed(&mut self) {
        for node in 0..2 {
            self.nodes[node].keys_changed = true;
            self.wake(node);
        }
    }

    fn switch_receivers(&mut self, company: usize) {
        let newest = self.world.companies[company].keys.last().map(|key| key.key_id);
        for hook in self.world.companies[company].hooks.clone() {
            self.world.hooks[hook].receiver.knows = newest;
        }
    }

    /// A person asks for one more attempt of a delivery that has ended.
    fn replay(&mut self) {
        let hook = self.random.index(self.world.hooks.len());
        let receiver = &self.world.hooks[hook].receiver;
        let Some(delivery) = receiver.accepted.keys().next_back().copied() else {
            return;
        };
        let company = self.world.companies[self.world.hooks[hook].company].id;
        let node = self.random.index(2);
        let now = self.wall(node);
        let entry = audit(company, now, &mut self.random);
        let state = self.store.delivery_now(delivery).map(|now| now.state);
        let replayed = at_once(self.store.replay(company, delivery, now, entry));
        if let Ok(Replayed::Due(webhook)) = replayed {
            self.checks.replays += 1;
            assert!(state.is_some_and(|state| state != DeliveryState::Held));
            if self.nodes[node].state == State::Running
                && self.nodes[node].door.ring(company, [webhook], Vec::new())
            {
                self.wake(node);
            }
        }
    }
}

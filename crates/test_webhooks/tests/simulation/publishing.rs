//! Publishers. One that gets no answer publishes again with the same idempotency key, at any node.

use std::sync::Arc;

use model::{Actor, EventId, EventType};
use vault::Sealed;
use webhooks::scheduler::lease_until;
use webhooks::{ClaimAtBirth, Idempotency, NewEvent, NewEvents, PublishStore, PublishedEvent};

use crate::node::{At, State};
use crate::run::{Event, Simulation, at_once};
use crate::world::SANDBOX;

/// How soon a publisher tries again.
const TRY_AGAIN: i64 = 1_000;
const ORDERED: EventType = EventType::from_static("order-created");

/// Events that are published together.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    company: usize,
    keys: Vec<String>,
}

impl Simulation {
    /// Spreads the publications over the time: some alone, some in bursts.
    pub(crate) fn plan_publications(&mut self) {
        let mut left = self.rules.events;
        while left > 0 {
            let together = match self.random.index(10) {
                0 => self.random.between(5, 60).min(left),
                1..4 => self.random.between(2, 5).min(left),
                _ => 1,
            };
            let company = self.world.publisher(&mut self.random);
            let at = self.random.between(0, self.rules.within);
            self.plan(company, together, at);
            left -= together;
        }
    }

    /// Publishes this number of events of a company at that time.
    pub(crate) fn plan(&mut self, company: usize, together: i64, at: i64) {
        let keys = (0..together).map(|_| self.next_number().to_string()).collect();
        self.unanswered += 1;
        self.after(at, Event::Publish(Publication { company, keys }));
    }

    pub(crate) fn publish(&mut self, publication: Publication) {
        let first = self.random.index(2);
        let running = |node: &usize| self.nodes[*node].state == State::Running;
        let Some(node) = [first, 1 - first].into_iter().find(running) else {
            self.after(TRY_AGAIN, Event::Publish(publication));
            return;
        };
        let (at, now) = (self.nodes[node].at, self.wall(node));
        let company = self.world.companies[publication.company].id;
        let body = Arc::new(Sealed::from_bytes(Vec::new()));
        let events = publication.keys.iter().map(|key| NewEvent {
            id: EventId::time_ordered(now, self.random.bytes()),
            company,
            environment: SANDBOX,
            event_type: ORDERED,
            created_at: now,
            happened_at: None,
            request_id: None,
            body: Arc::clone(&body),
            idempotency: Some(Idempotency {
                key: key.clone(),
                request_hash: [0; 32],
            }),
            published_by: Actor::system(),
        });
        let events: Vec<NewEvent> = events.collect();
        let room = self.nodes[node].door.lend();
        let lent = room.is_some();
        let claim = room.map(|room| ClaimAtBirth {
            lease: model::AttemptId::from_random(self.random.bytes()),
            until: lease_until(now),
            room,
        });
        let (new, pause) = (Arc::new(NewEvents { events, claim }), self.latency());
        self.after(pause, Event::PublishArrives(at, publication, new, lent));
    }

    pub(crate) fn publish_arrives(
        &mut self,
        at: At,
        publication: Publication,
        new: Arc<NewEvents>,
        lent: bool,
    ) {
        // What a process asked for before it ended may still be done.
        let is_lost = !self.is_current(at) && self.random.per_mille(500);
        if is_lost || self.is_away() {
            self.returned(at, lent);
            self.after(TRY_AGAIN, Event::Publish(publication));
            return;
        }
        let results = at_once(self.store.publish(Arc::clone(&new))).unwrap_or_default();
        assert_eq!(results.len(), publication.keys.len());
        for result in &results {
            match result {
                PublishedEvent::Stored {
                    deliveries, claimed, ..
                } => {
                    self.checks.deliveries += deliveries;
                    self.checks.claimed(self.now, claimed, new.events[0].created_at);
                }
                PublishedEvent::Before { .. } => {}
                PublishedEvent::Conflict => self.fail("an idempotency key was used before"),
            }
        }
        for event in &new.events {
            self.checks.stored(self.now, event.id);
        }
        let pause = self.latency();
        self.after(pause, Event::Published(at, publication, results, lent));
    }

    pub(crate) fn published(
        &mut self,
        at: At,
        publication: Publication,
        results: Vec<PublishedEvent>,
        lent: bool,
    ) {
        if !self.is_current(at) {
            self.after(TRY_AGAIN, Event::Publish(publication));
            return;
        }
        self.unanswered -= 1;
        let company = self.world.companies[publication.company].id;
        for result in results {
            if let PublishedEvent::Stored { waking, claimed, .. } = result
                && self.nodes[at.node].door.ring(company, waking, claimed)
            {
                self.wake(at.node);
            }
        }
        self.returned(at, lent);
    }

    fn returned(&mut self, at: At, lent: bool) {
        if lent && self.is_current(at) && self.nodes[at.node].door.returned() {
            self.wake(at.node);
        }
    }
}

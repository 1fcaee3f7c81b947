//! Keys are rotated while events go on, at receivers that accept one key only. Nothing is lost, whichever side switches
//! first.

use std::sync::{Arc, Mutex};

use model::{DeliveryState, EventId, WebhookId};
use webhooks::SigningSecret;

use crate::receiver::{Receiver, Reply};
use crate::webhook_tables::WebhookTables;
use crate::webhook_world::World;

contract!(
    store::MAIN_MIGRATIONS,
    [],
    in memory too: [
        a_receiver_that_refuses_a_bad_signature_and_switches_first_loses_nothing,
        a_receiver_that_refuses_a_bad_signature_and_switches_last_loses_nothing,
        a_receiver_that_throws_on_a_bad_signature_and_switches_first_loses_nothing,
        a_receiver_that_throws_on_a_bad_signature_and_switches_last_loses_nothing,
        after_a_failure_that_was_no_refusal_the_next_attempt_begins_with_the_other_key,
    ]
);

/// A receiver that accepts one key.
struct Strict {
    known: Arc<Mutex<SigningSecret>>,
    receiver: Receiver,
}

impl Strict {
    /// It answers a bad signature with `status`.
    async fn start(known: SigningSecret, status: u16) -> Self {
        let known = Arc::new(Mutex::new(known));
        let asked = Arc::clone(&known);
        let receiver = Receiver::start(move |received| {
            let known = asked.lock().expect("no panic").secret.clone();
            let sign = vault::sign_v1(known.expose(), &received.body);
            let accepted = received.header("x-webhook-sign") == Some(sign.as_str());
            Reply::status(if accepted { 200 } else { status })
        })
        .await;
        Self { known, receiver }
    }

    fn switch_to(&self, key: &SigningSecret) {
        *self.known.lock().expect("no panic") = key.clone();
    }
}

async fn publish(world: &World, events: &mut Vec<EventId>) {
    for _ in 0..10 {
        events.push(world.publish("{}").await.event);
    }
}

/// Moves the clock until every delivery has arrived. None may need more than four attempts.
async fn all_arrive(world: &World, webhook: WebhookId, events: &[EventId]) {
    test_wait::eventually("every delivery arrives", async || {
        let rows = world.newest_deliveries(webhook, 1_000).await;
        let tried_enough = rows.iter().all(|row| row.attempts <= 4);
        assert!(tried_enough, "{rows:?}");
        if rows.iter().all(|row| row.state == DeliveryState::Delivered) {
            assert_eq!(rows.len(), events.len());
            return Some(());
        }
        let waiting = rows.iter().filter(|row| row.state == DeliveryState::Pending);
        if waiting.clone().all(|row| row.next_attempt_at.is_some()) {
            // None is in progress.
            let next = waiting.filter_map(|row| row.next_attempt_at).min();
            world.clock.set(next.expect("one waits").max(world.clock.now()));
        }
        None
    })
    .await;
}

async fn rotate(db: &impl WebhookTables, status: u16, receiver_first: bool) {
    let world = World::without_key(db).await;
    let old = world.keys.add();
    let strict = Strict::start(old.clone(), status).await;
    let webhook = world.webhook(&strict.receiver.url("/")).await.id;
    let worker = world.start();
    let mut events = Vec::new();
    publish(&world, &mut events).await;
    let new = world.keys.add();
    publish(&world, &mut events).await;
    if receiver_first {
        strict.switch_to(&new);
        publish(&world, &mut events).await;
        world.keys.take_away(&old);
    } else {
        world.keys.take_away(&old);
        publish(&world, &mut events).await;
        strict.switch_to(&new);
    }
    publish(&world, &mut events).await;
    all_arrive(&world, webhook, &events).await;
    worker.stop().await;
}

async fn a_receiver_that_refuses_a_bad_signature_and_switches_first_loses_nothing(db: &impl WebhookTables) {
    rotate(db, 401, true).await;
}

async fn a_receiver_that_refuses_a_bad_signature_and_switches_last_loses_nothing(db: &impl WebhookTables) {
    rotate(db, 401, false).await;
}

async fn a_receiver_that_throws_on_a_bad_signature_and_switches_first_loses_nothing(db: &impl WebhookTables) {
    rotate(db, 500, true).await;
}

async fn a_receiver_that_throws_on_a_bad_signature_and_switches_last_loses_nothing(db: &impl WebhookTables) {
    rotate(db, 500, false).await;
}

async fn after_a_failure_that_was_no_refusal_the_next_attempt_begins_with_the_other_key(
    db: &impl WebhookTables,
) {
    let world = World::without_key(db).await;
    let (older, newer) = (world.keys.add(), world.keys.add());
    let strict = Strict::start(newer.clone(), 500).await;
    let webhook = world.webhook(&strict.receiver.url("/")).await.id;
    let worker = world.start();
    let event = world.publish("{}").await.event;
    world.settled(webhook, event, DeliveryState::Pending, 1).await;
    world.clock.advance_seconds(60);
    let row = world.settled(webhook, event, DeliveryState::Delivered, 2).await;
    let attempts = world.delivery(row.id).await.attempts;
    let signed: Vec<_> = attempts
        .iter()
        .map(|attempt| attempt.signed_by_last_four.clone().expect("signed"))
        .collect();
    assert_eq!(signed, [older.last_four, newer.last_four]);
    worker.stop().await;
}

//! The operator's brake on both databases: what a hold, a resume and a cancellation do to deliveries that wait, and what
//! they leave alone.

use model::{Actor, AttemptId, AttemptOutcome, DeliveryId, DeliveryState, EventId, Timestamp, WebhookId};
use store::Columns;
use webhooks::decide::BrakeAction::{self, Cancel, Hold, Resume};
use webhooks::{Brake, BrakeDone, BrakeTotals, BrakeWanted, Then, WebhooksError};

use crate::receiver::{Receiver, Reply};
use crate::test_db::TestDb;
use crate::webhook_locks::{claim, failed};
use crate::webhook_world::{START, World, ana};

contract!(
    store::MAIN_MIGRATIONS,
    [
        what_is_on_hold_is_sent_once_it_is_resumed_and_what_comes_later_at_once,
        an_attempt_that_is_under_way_ends_and_the_next_one_waits_for_the_resume,
        a_lease_that_expires_frees_nothing_that_is_on_hold,
        what_was_cancelled_has_ended_and_only_a_replay_sends_it,
        what_is_cancelled_under_way_can_still_arrive,
        a_replay_that_is_cancelled_leaves_the_delivery_as_it_was,
        a_replay_of_what_is_on_hold_is_refused,
        neither_a_key_nor_enabling_its_webhook_frees_what_is_on_hold,
        deleting_a_webhook_ends_what_is_on_hold,
        what_is_on_hold_is_kept_and_what_was_cancelled_is_pruned,
    ]
);

pub(crate) fn operator() -> Actor {
    Actor::command_line()
}

/// A webhook that nothing is sent to: there is no worker. Its events are one second apart.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) brake: Brake,
    pub(crate) webhook: WebhookId,
}

impl Scene {
    pub(crate) async fn create(db: &TestDb) -> Self {
        let world = World::create(db).await;
        let webhook = world.webhook("http://127.0.0.1:8088/").await.id;
        Self {
            brake: world.webhooks.brake(),
            world,
            webhook,
        }
    }

    pub(crate) async fn publish(&self) -> EventId {
        self.world.clock.advance_seconds(1);
        self.world.publish("{}").await.event
    }

    /// Does it for all deliveries of the webhook. Returns how many were changed.
    pub(crate) async fn act(&self, action: BrakeAction) -> u64 {
        let done = act(&self.brake, action, &self.all()).await;
        assert!(done.finished);
        done.deliveries
    }

    pub(crate) fn all(&self) -> BrakeWanted {
        BrakeWanted {
            webhook: Some(self.webhook),
            ..BrakeWanted::default()
        }
    }

    pub(crate) async fn row(&self, event: EventId) -> model::DeliveryRow {
        self.world.delivery_of(self.webhook, event).await
    }

    /// How many could be claimed now. Claims them for a moment.
    pub(crate) async fn claimable(&self) -> usize {
        let queue = &self.world.store.queue;
        let now = self.world.clock_now();
        let lease = AttemptId::from_random(vault::random());
        let wanted = vec![(self.webhook, 100)];
        let claimed = queue.claim(wanted, now, now.plus_seconds(60), lease).await;
        let claimed = claimed.expect("claimed");
        let leases = claimed
            .claimed
            .iter()
            .map(|one| (one.delivery, one.lease))
            .collect();
        queue.give_back(leases, now).await.expect("given back");
        claimed.claimed.len()
    }

    /// The subjects and details of the brake's rows in the audit trail.
    pub(crate) async fn audited(&self) -> Vec<(String, String, Option<String>)> {
        let rows = sqlx::query(
            "SELECT action, detail, company_id FROM audit WHERE action LIKE 'deliveries.%' ORDER BY at, id",
        )
        .fetch_all(self.world.db().reader())
        .await
        .expect("read");
        let read = |row: &sqlx::any::AnyRow| {
            let text = |name| row.text(name).expect("text");
            (
                text("action"),
                text("detail"),
                row.maybe_text("company_id").expect("text"),
            )
        };
        rows.iter().map(read).collect()
    }
}

pub(crate) async fn act(brake: &Brake, action: BrakeAction, wanted: &BrakeWanted) -> BrakeDone {
    let done = brake.act(action, wanted, &operator(), None).await;
    done.expect("the database works")
}

pub(crate) async fn found(brake: &Brake, action: BrakeAction, wanted: &BrakeWanted) -> BrakeTotals {
    brake.count(action, wanted).await.expect("the database works")
}

async fn what_is_on_hold_is_sent_once_it_is_resumed_and_what_comes_later_at_once(db: &TestDb) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let webhook = world.webhook(&receiver.url("/")).await.id;
    let (first, second) = (world.publish("{}").await.event, world.publish("{}").await.event);
    let (brake, all) = (world.webhooks.brake(), BrakeWanted::default());
    let counted = found(&brake, Hold, &all).await;
    assert_eq!(
        (counted.deliveries, counted.webhooks, counted.companies),
        (2, 1, 1)
    );
    assert_eq!(counted.accepted, Some((START, START)));
    assert!(
        !world.delivery_of(webhook, first).await.on_hold,
        "it was only counted"
    );
    assert_eq!(act(&brake, Hold, &all).await.deliveries, 2);

    let worker = world.start();
    world.clock.advance_seconds(1);
    let later = world.publish("{}").await.event;
    world.settled(webhook, later, DeliveryState::Delivered, 1).await;
    for event in [first, second] {
        let row = world.delivery_of(webhook, event).await;
        assert_eq!(
            (row.state, row.attempts, row.on_hold, row.next_attempt_at),
            (DeliveryState::Pending, 0, true, None)
        );
    }
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(world.row(webhook).await.pending, 2);

    assert_eq!(act(&brake, Resume, &all).await.deliveries, 2);
    for event in [first, second] {
        let row = world.settled(webhook, event, DeliveryState::Delivered, 1).await;
        assert!(!row.on_hold);
    }
    worker.stop().await;
}

async fn an_attempt_that_is_under_way_ends_and_the_next_one_waits_for_the_resume(db: &TestDb) {
    let scene = Scene::create(db).await;
    let (fails, arrives) = (scene.publish().await, scene.publish().await);
    let now = scene.world.clock_now();
    let under_way = [
        claim(&scene.world, scene.webhook, now).await,
        claim(&scene.world, scene.webhook, now).await,
    ];
    let counted = found(&scene.brake, Hold, &scene.all()).await;
    assert_eq!((counted.deliveries, counted.under_way), (2, 2));
    assert_eq!(scene.act(Hold).await, 2);
    let [first, second] = under_way.map(|claimed| failed(claimed, now));
    assert_eq!(first.claimed.event, fails, "the oldest first");
    let retry_at = now.plus_seconds(30);
    let second = webhooks::FinishedAttempt {
        then: Then::Ended(DeliveryState::Delivered),
        outcome: AttemptOutcome::Succeeded { status: 200 },
        ..second
    };
    let finished = scene.world.store.attempts.finish([first, second].into()).await;
    finished.expect("written");
    let row = scene.row(fails).await;
    assert_eq!(
        (row.state, row.attempts, row.on_hold, row.next_attempt_at),
        (DeliveryState::Pending, 1, true, None)
    );
    let row = scene.row(arrives).await;
    assert_eq!((row.state, row.on_hold), (DeliveryState::Delivered, false));

    assert_eq!(scene.act(Resume).await, 1);
    let row = scene.row(fails).await;
    assert_eq!(
        (row.on_hold, row.next_attempt_at),
        (false, Some(retry_at)),
        "as it was scheduled"
    );
    assert_eq!(scene.claimable().await, 0);
    scene.world.clock.advance_seconds(30);
    assert_eq!(scene.claimable().await, 1);
}

async fn a_lease_that_expires_frees_nothing_that_is_on_hold(db: &TestDb) {
    let scene = Scene::create(db).await;
    let queue = &scene.world.store.queue;
    for _ in 0..3 {
        scene.publish().await;
    }
    let now = scene.world.clock_now();
    let died = claim(&scene.world, scene.webhook, now).await;
    let unstarted = claim(&scene.world, scene.webhook, now).await;
    assert_eq!(scene.act(Hold).await, 3);
    let lease = (unstarted.delivery, unstarted.lease);
    queue.give_back(vec![lease], now).await.expect("given back");
    scene.world.clock.advance_seconds(3600);
    assert_eq!(scene.claimable().await, 0);
    assert!(queue.due().await.expect("read").is_empty());
    let later = scene.world.clock_now();
    assert_eq!(
        queue.forget_leases(later).await.expect("written"),
        1,
        "of the worker that died"
    );
    assert_eq!(scene.claimable().await, 0);
    assert!(scene.row(died.event).await.on_hold);
    assert_eq!(scene.act(Resume).await, 3);
    assert_eq!(scene.claimable().await, 3);
}

async fn replay(world: &World, delivery: DeliveryId) -> Result<(), WebhooksError> {
    world.webhooks.replay(world.company.id, delivery, &ana()).await
}

async fn what_was_cancelled_has_ended_and_only_a_replay_sends_it(db: &TestDb) {
    let scene = Scene::create(db).await;
    let world = &scene.world;
    let (tried, untried) = (scene.publish().await, scene.publish().await);
    let now = world.clock_now();
    let attempt = failed(claim(world, scene.webhook, now).await, now);
    world
        .store
        .attempts
        .finish([attempt].into())
        .await
        .expect("written");
    assert_eq!(
        act(
            &scene.brake,
            Hold,
            &BrakeWanted {
                until: Some(now.minus_seconds(1)),
                ..scene.all()
            }
        )
        .await
        .deliveries,
        1
    );
    assert_eq!(scene.act(Cancel).await, 2, "on hold or not");
    for (event, attempts) in [(tried, 1), (untried, 0)] {
        let row = scene.row(event).await;
        assert_eq!(
            (row.state, row.attempts, row.on_hold, row.next_attempt_at),
            (DeliveryState::Cancelled, attempts, false, None)
        );
    }
    world.clock.advance_seconds(3600);
    assert_eq!(
        (scene.claimable().await, world.row(scene.webhook).await.pending),
        (0, 0)
    );
    assert_eq!(scene.act(Resume).await, 0, "it has ended");

    let status = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(500));
    let receiver = Receiver::start(crate::webhook_delivery::status_from(status.clone())).await;
    let patch = webhooks::WebhookPatch {
        url: Some(receiver.url("/")),
        ..webhooks::WebhookPatch::default()
    };
    let changed = world
        .webhooks
        .patch(world.company.id, None, scene.webhook, patch, &ana())
        .await;
    changed.expect("changed");
    let worker = world.start();
    let delivery = scene.row(tried).await.id;
    replay(world, delivery).await.expect("due");
    let row = world.replayed(delivery, 1).await;
    assert_eq!(
        (row.state, row.attempts),
        (DeliveryState::Cancelled, 1),
        "it failed again"
    );
    status.store(200, std::sync::atomic::Ordering::SeqCst);
    replay(world, delivery).await.expect("due");
    let row = world.replayed(delivery, 2).await;
    assert_eq!(row.state, DeliveryState::Delivered);
    assert_eq!(receiver.received().len(), 2, "and nothing of the other");
    worker.stop().await;
}

async fn what_is_cancelled_under_way_can_still_arrive(db: &TestDb) {
    let scene = Scene::create(db).await;
    let world = &scene.world;
    let (fails, arrives) = (scene.publish().await, scene.publish().await);
    let now = world.clock_now();
    let first = failed(claim(world, scene.webhook, now).await, now);
    let second = webhooks::FinishedAttempt {
        then: Then::Ended(DeliveryState::Delivered),
        outcome: AttemptOutcome::Succeeded { status: 200 },
        ..failed(claim(world, scene.webhook, now).await, now)
    };
    assert_eq!(scene.act(Cancel).await, 2);
    world
        .store
        .attempts
        .finish([first, second].into())
        .await
        .expect("written");
    for (event, state) in [
        (fails, DeliveryState::Cancelled),
        (arrives, DeliveryState::Delivered),
    ] {
        let row = scene.row(event).await;
        assert_eq!((row.state, row.attempts, row.on_hold), (state, 1, false));
    }
    world.clock.advance_seconds(3600);
    assert_eq!(scene.claimable().await, 0);
}

async fn a_replay_that_is_cancelled_leaves_the_delivery_as_it_was(db: &TestDb) {
    let scene = Scene::create(db).await;
    let world = &scene.world;
    let event = scene.publish().await;
    let now = world.clock_now();
    let arrived = webhooks::FinishedAttempt {
        then: Then::Ended(DeliveryState::Delivered),
        outcome: AttemptOutcome::Succeeded { status: 200 },
        ..failed(claim(world, scene.webhook, now).await, now)
    };
    world
        .store
        .attempts
        .finish([arrived].into())
        .await
        .expect("written");
    replay(world, scene.row(event).await.id).await.expect("due");
    assert_eq!(scene.act(Hold).await, 1);
    assert_eq!(scene.claimable().await, 0);
    assert_eq!(scene.act(Cancel).await, 1);
    let row = scene.row(event).await;
    assert_eq!((row.state, row.on_hold), (DeliveryState::Delivered, false));
    assert_eq!(scene.claimable().await, 0);
}

async fn a_replay_of_what_is_on_hold_is_refused(db: &TestDb) {
    let scene = Scene::create(db).await;
    let event = scene.publish().await;
    assert_eq!(scene.act(Hold).await, 1);
    let delivery = scene.row(event).await.id;
    for enabled in [true, false] {
        scene.world.set_enabled(scene.webhook, enabled).await;
        let Err(WebhooksError::Conflict(sentence)) = replay(&scene.world, delivery).await else {
            panic!("a delivery on hold was replayed");
        };
        assert_eq!(
            sentence,
            "Your API provider has put this delivery on hold. It is sent once they resume it."
        );
    }
    scene.world.set_enabled(scene.webhook, true).await;
    assert_eq!(scene.act(Resume).await, 1);
    replay(&scene.world, delivery).await.expect("due");
}

async fn neither_a_key_nor_enabling_its_webhook_frees_what_is_on_hold(db: &TestDb) {
    let world = World::without_key(db).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let webhook = world.webhook(&receiver.url("/")).await.id;
    let worker = world.start();
    let no_key = world.publish("{}").await.event;
    world.settled(webhook, no_key, DeliveryState::Held, 0).await;
    let (brake, all) = (world.webhooks.brake(), BrakeWanted::default());
    assert_eq!(act(&brake, Hold, &all).await.deliveries, 1);
    assert!(world.store.queue.held().await.expect("read").is_empty());

    world.set_enabled(webhook, false).await;
    world.clock.advance_seconds(1);
    let paused = world.publish("{}").await.event;
    assert_eq!(act(&brake, Hold, &all).await.deliveries, 1);
    world.keys.add();
    world.set_enabled(webhook, true).await;
    world.clock.advance_seconds(1);
    let later = world.publish("{}").await.event;
    world.settled(webhook, later, DeliveryState::Delivered, 1).await;
    for event in [no_key, paused] {
        let row = world.delivery_of(webhook, event).await;
        assert_eq!((row.on_hold, row.attempts), (true, 0));
    }
    assert_eq!(act(&brake, Resume, &all).await.deliveries, 2);
    // The worker looks for deliveries without a key every two seconds.
    world.clock.advance_seconds(3);
    for event in [no_key, paused] {
        world.settled(webhook, event, DeliveryState::Delivered, 1).await;
    }
    worker.stop().await;
}

async fn deleting_a_webhook_ends_what_is_on_hold(db: &TestDb) {
    let scene = Scene::create(db).await;
    let world = &scene.world;
    let event = scene.publish().await;
    let delivery = scene.row(event).await.id;
    assert_eq!(scene.act(Hold).await, 1);
    let deleted = world
        .webhooks
        .delete(world.company.id, None, scene.webhook, &ana())
        .await;
    deleted.expect("deleted");
    let row = world.delivery(delivery).await.row;
    assert_eq!((row.state, row.on_hold), (DeliveryState::Skipped, false));
    assert_eq!((scene.act(Resume).await, scene.act(Cancel).await), (0, 0));
}

async fn what_is_on_hold_is_kept_and_what_was_cancelled_is_pruned(db: &TestDb) {
    let scene = Scene::create(db).await;
    scene.publish().await;
    let before: Timestamp = scene.world.clock_now().plus_seconds(60);
    let pruned = async || scene.world.store.prune.prune(before, 100).await.expect("pruned");
    scene.act(Hold).await;
    assert_eq!(pruned().await, 0);
    scene.act(Cancel).await;
    assert_eq!(pruned().await, 1);
}

//! Tests the table of `webhooks::Standing` on both databases: what happens to waiting deliveries and new events while a
//! webhook is paused, disabled, without a key or deleted. Also tests what a manual replay leaves unchanged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use model::{DeliveryState, DisabledReason, EventId, EventType, WebhookHealth, WebhookId};
use webhooks::{WebhooksError, WorkerOptions, decide};

use store::{Columns, StoreError, Urgency};

use crate::receiver::Receiver;
use crate::test_db::TestDb;
use crate::webhook_delivery::status_from;
use crate::webhook_tables::WebhookTables;
use crate::webhook_world::{START, World, ana};

contract!(
    store::MAIN_MIGRATIONS,
    [
        every_waiting_delivery_of_a_deleted_webhook_ends_as_decided,
        rows_of_an_older_version_are_counted_again,
    ],
    in memory too: [
        a_pause_holds_old_and_new_deliveries_and_enabling_sends_them_oldest_first,
        a_disabled_webhook_keeps_waiting_deliveries_and_records_new_events_as_skipped,
        without_a_key_both_waiting_and_new_deliveries_are_held,
        deleting_a_webhook_ends_waiting_deliveries_and_records_nothing_more,
        a_webhook_that_is_off_gets_no_test_and_no_replay,
        a_replay_of_a_waiting_delivery_uses_up_no_attempt_and_does_not_move_the_schedule,
        after_enable_a_failing_webhook_is_not_healthy_until_something_is_delivered,
        both_sides_of_the_count_are_deliveries,
        a_delivered_test_is_shown_until_there_is_a_real_delivery,
    ]
);

/// A webhook with a receiver whose status the test sets, and deliveries that are sent one by one.
struct Scene {
    world: World,
    status: Arc<AtomicU16>,
    receiver: Receiver,
    webhook: WebhookId,
    worker: webhooks::RunningWorker,
}

impl Scene {
    async fn create(db: &impl WebhookTables, status: u16) -> Self {
        let world = World::create(db).await;
        let status = Arc::new(AtomicU16::new(status));
        let receiver = Receiver::start(status_from(status.clone())).await;
        let webhook = world.webhook(&receiver.url("/")).await.id;
        let one_by_one = WorkerOptions {
            per_webhook: 1,
            ..WorkerOptions::default()
        };
        let worker = world.start_with(&world.webhooks, one_by_one);
        Self {
            world,
            status,
            receiver,
            webhook,
            worker,
        }
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Publishes an event one second after the previous one.
    async fn publish(&self) -> EventId {
        self.world.clock.advance_seconds(1);
        self.world.publish("{}").await.event
    }

    /// Publishes an event whose delivery failed once and waits.
    async fn failed_once(&self) -> EventId {
        let event = self.publish().await;
        self.world
            .settled(self.webhook, event, DeliveryState::Pending, 1)
            .await;
        event
    }

    async fn delivered(&self, event: EventId, attempts: u32) {
        self.world
            .settled(self.webhook, event, DeliveryState::Delivered, attempts)
            .await;
    }

    /// The events in the order in which the receiver got them, skipping the first `skip` requests.
    fn order(&self, skip: usize) -> Vec<String> {
        let received = self.receiver.received();
        let ids = received
            .iter()
            .skip(skip)
            .map(|one| one.header("webhook-id").expect("sent").to_owned());
        ids.collect()
    }

    /// Waits until the worker has looked at everything that is due. It has, once it has sent an event to another
    /// webhook.
    async fn worker_has_looked(&self) {
        let other = Receiver::start(|_| crate::receiver::Reply::status(200)).await;
        let url = other.url("/other");
        let webhook = self.world.webhook(&url).await.id;
        self.world.publish("{}").await;
        other.wait_for(1).await;
        self.world
            .webhooks
            .delete(self.world.company.id, None, webhook, &ana())
            .await
            .expect("deleted");
    }
}

fn texts(events: &[EventId]) -> Vec<String> {
    events.iter().map(ToString::to_string).collect()
}

async fn a_pause_holds_old_and_new_deliveries_and_enabling_sends_them_oldest_first(db: &impl WebhookTables) {
    let scene = Scene::create(db, 500).await;
    let world = &scene.world;
    let waiting = scene.failed_once().await;
    let paused = world.set_enabled(scene.webhook, false).await;
    assert_eq!(
        (paused.disabled, paused.paused_by.as_deref()),
        (Some(DisabledReason::ByHand), Some("ana@example.com"))
    );
    let new = [scene.publish().await, scene.publish().await];
    world.clock.advance_seconds(3600);
    scene.worker_has_looked().await;
    for (event, attempts) in [(waiting, 1), (new[0], 0), (new[1], 0)] {
        let row = world.delivery_of(scene.webhook, event).await;
        assert_eq!(
            (row.state, row.attempts, row.webhook_is_off, row.next_attempt_at),
            (DeliveryState::Pending, attempts, true, None)
        );
    }
    let row = world.row(scene.webhook).await;
    // The event that made the worker look is waiting here too.
    assert_eq!(
        (row.health, row.pending, row.next_attempt_at),
        (WebhookHealth::Disabled, 4, None)
    );
    assert_eq!(row.webhook.paused_by, paused.paused_by, "as stored");
    assert_eq!(
        scene.receiver.received().len(),
        1,
        "nothing was sent while it was paused"
    );
    let delivery = world.delivery_of(scene.webhook, waiting).await.id;
    let refused = world.webhooks.replay(world.company.id, delivery, &ana()).await;
    assert!(matches!(refused, Err(WebhooksError::Conflict(_))), "{refused:?}");

    scene.answer(200);
    assert_eq!(world.set_enabled(scene.webhook, true).await.paused_by, None);
    scene.delivered(waiting, 2).await;
    scene.delivered(new[1], 1).await;
    scene.receiver.wait_for(5).await;
    assert_eq!(scene.order(1)[..3], texts(&[waiting, new[0], new[1]]));
    test_wait::until("everything is sent", async || {
        world.row(scene.webhook).await.pending == 0
    })
    .await;
    scene.worker.stop().await;
}

async fn a_disabled_webhook_keeps_waiting_deliveries_and_records_new_events_as_skipped(
    db: &impl WebhookTables,
) {
    let scene = Scene::create(db, 500).await;
    let world = &scene.world;
    let waiting = scene.failed_once().await;
    scene.answer(410);
    let gone = scene.publish().await;
    test_wait::eventually("the webhook is disabled", async || {
        world.row(scene.webhook).await.webhook.disabled
    })
    .await;
    let skipped = scene.publish().await;
    world.clock.advance_seconds(3600);
    scene.worker_has_looked().await;
    for event in [waiting, gone] {
        let row = world.delivery_of(scene.webhook, event).await;
        assert_eq!(
            (row.state, row.attempts, row.webhook_is_off),
            (DeliveryState::Pending, 1, true)
        );
    }
    let row = world.delivery_of(scene.webhook, skipped).await;
    assert_eq!((row.state, row.attempts), (DeliveryState::Skipped, 0));
    assert_eq!(world.row(scene.webhook).await.pending, 2);
    assert_eq!(scene.receiver.received().len(), 2);

    scene.answer(200);
    world.set_enabled(scene.webhook, true).await;
    scene.delivered(waiting, 2).await;
    scene.delivered(gone, 2).await;
    assert_eq!(scene.order(2), texts(&[waiting, gone]));
    let row = world.delivery_of(scene.webhook, skipped).await;
    assert_eq!(
        row.state,
        DeliveryState::Skipped,
        "it stays skipped until someone replays it"
    );
    world
        .webhooks
        .replay(world.company.id, row.id, &ana())
        .await
        .expect("due");
    let row = world.replayed(row.id, 1).await;
    assert_eq!((row.state, row.attempts), (DeliveryState::Delivered, 0));
    scene.worker.stop().await;
}

async fn without_a_key_both_waiting_and_new_deliveries_are_held(db: &impl WebhookTables) {
    let scene = Scene::create(db, 500).await;
    let world = &scene.world;
    let waiting = scene.failed_once().await;
    world.keys.take_all_away();
    let new = scene.publish().await;
    world.settled(scene.webhook, new, DeliveryState::Held, 0).await;
    world.clock.advance_seconds(30);
    world
        .settled(scene.webhook, waiting, DeliveryState::Held, 1)
        .await;
    let row = world.row(scene.webhook).await;
    assert_eq!((row.health, row.pending), (WebhookHealth::Held, 2));

    // While the webhook is paused, a new key alone sends nothing. Once it is enabled, both deliveries are sent.
    world.set_enabled(scene.webhook, false).await;
    world.keys.add();
    scene.worker_has_looked().await;
    assert_eq!(scene.receiver.received().len(), 1);
    scene.answer(200);
    world.set_enabled(scene.webhook, true).await;
    scene.delivered(waiting, 2).await;
    scene.delivered(new, 1).await;
    assert_eq!(scene.order(1)[..2], texts(&[waiting, new]));
    scene.worker.stop().await;
}

async fn deleting_a_webhook_ends_waiting_deliveries_and_records_nothing_more(db: &impl WebhookTables) {
    let scene = Scene::create(db, 500).await;
    let world = &scene.world;
    let tried = scene.failed_once().await;
    world.set_enabled(scene.webhook, false).await;
    let untried = scene.publish().await;
    let ids = [
        world.delivery_of(scene.webhook, tried).await.id,
        world.delivery_of(scene.webhook, untried).await.id,
    ];
    world
        .webhooks
        .delete(world.company.id, None, scene.webhook, &ana())
        .await
        .expect("deleted");
    let mut states = Vec::new();
    for id in ids {
        let row = world.delivery(id).await.row;
        states.push((row.state, row.attempts, row.webhook_is_off));
    }
    assert_eq!(
        states,
        [
            (DeliveryState::Exhausted, 1, false),
            (DeliveryState::Skipped, 0, false)
        ]
    );
    assert_eq!(world.publish("{}").await.deliveries, 0);
    world.clock.advance_seconds(3600);
    scene.worker_has_looked().await;
    assert_eq!(scene.receiver.received().len(), 1);
    scene.worker.stop().await;
}

/// The store ends all waiting deliveries in one statement. Each must end as `decide::ends_as` says about that delivery.
async fn every_waiting_delivery_of_a_deleted_webhook_ends_as_decided(db: &TestDb) {
    let world = World::create(db).await;
    let webhook = world.webhook("http://127.0.0.1:8088/").await.id;
    let mut expected = Vec::new();
    for from in std::iter::once(None).chain(DeliveryState::ALL.map(Some)) {
        for (attempts, replays) in [(0, 0), (1, 0), (0, 1)] {
            for held in [false, true] {
                let event = world.publish("{}").await.event;
                let delivery = world.delivery_of(webhook, event).await.id;
                let (state, due_at) = if held {
                    ("held", None)
                } else {
                    ("pending", Some(1))
                };
                let written = db.db.write::<_, StoreError, _>(Urgency::Interactive, move |connection| {
                    Box::pin(async move {
                        sqlx::query(
                            "UPDATE deliveries SET state = $2, due_at = $3, replayed_from = $4, attempts = $5, \
                             replays = $6 WHERE id = $1",
                        )
                        .bind(delivery.to_string())
                        .bind(state)
                        .bind(due_at)
                        .bind(from.map(DeliveryState::as_str))
                        .bind(attempts)
                        .bind(replays)
                        .execute(connection)
                        .await?;
                        Ok(())
                    })
                });
                written.await.expect("written");
                expected.push((delivery, decide::ends_as(from, attempts + replays > 0)));
            }
        }
    }
    world
        .webhooks
        .delete(world.company.id, None, webhook, &ana())
        .await
        .expect("deleted");
    for (delivery, state) in expected {
        let row = world.delivery(delivery).await.row;
        assert_eq!((row.state, row.next_attempt_at), (state, None), "{delivery}");
    }
}

async fn a_webhook_that_is_off_gets_no_test_and_no_replay(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = world.webhook("http://127.0.0.1:8088/").await.id;
    world.set_enabled(webhook, false).await;
    let event = world.publish("{}").await.event;
    let delivery = world.delivery_of(webhook, event).await;
    let before = world.audit().await;
    let company = world.company.id;
    let (test, replay) = (
        world
            .webhooks
            .send_test(company, webhook, EventType::from_static("order-created"), &ana())
            .await
            .map(drop),
        world.webhooks.replay(company, delivery.id, &ana()).await,
    );
    for refused in [test, replay] {
        assert!(
            matches!(
                refused,
                Err(WebhooksError::Conflict(
                    "This webhook is paused or disabled. Enable it first."
                ))
            ),
            "{refused:?}"
        );
    }
    assert_eq!(world.deliveries(webhook).await, [delivery], "nothing was stored");
    assert_eq!(world.audit().await, before);
}

async fn a_replay_of_a_waiting_delivery_uses_up_no_attempt_and_does_not_move_the_schedule(
    db: &impl WebhookTables,
) {
    let scene = Scene::create(db, 500).await;
    let world = &scene.world;
    let event = scene.failed_once().await;
    let due = START.plus_seconds(1 + 30);
    let delivery = world.delivery_of(scene.webhook, event).await.id;
    let replay = async || {
        let asked = world.webhooks.replay(world.company.id, delivery, &ana()).await;
        asked.expect("due");
    };
    for replays in 1..=11 {
        world.clock.advance_seconds(1);
        replay().await;
        let row = world.replayed(delivery, replays).await;
        assert_eq!(
            (row.state, row.attempts, row.next_attempt_at),
            (DeliveryState::Pending, 1, Some(due))
        );
    }
    world.clock.advance_seconds(due.millis_since(START) / 1000 - 12);
    let row = world
        .settled(scene.webhook, event, DeliveryState::Pending, 2)
        .await;
    assert_eq!(row.next_attempt_at, Some(due.plus_seconds(30)));
    scene.answer(200);
    replay().await;
    let row = world.replayed(delivery, 12).await;
    assert_eq!((row.state, row.attempts), (DeliveryState::Delivered, 2));
    let numbers: Vec<_> = world
        .delivery(delivery)
        .await
        .attempts
        .iter()
        .filter(|attempt| !attempt.replay)
        .map(|attempt| attempt.number)
        .collect();
    assert_eq!(numbers, [1, 2]);
    scene.worker.stop().await;
}

async fn after_enable_a_failing_webhook_is_not_healthy_until_something_is_delivered(db: &impl WebhookTables) {
    let scene = Scene::create(db, 500).await;
    let world = &scene.world;
    let event = scene.failed_once().await;
    let since = START.plus_seconds(1);
    assert_eq!(
        world.row(scene.webhook).await.health,
        WebhookHealth::Failing { since }
    );
    scene.worker.stop().await;
    world.clock.advance_seconds(5);
    world.set_enabled(scene.webhook, false).await;
    world.set_enabled(scene.webhook, true).await;
    assert_eq!(
        world.row(scene.webhook).await.health,
        WebhookHealth::NotDelivered { since }
    );
    scene.status.store(200, Ordering::SeqCst);
    let worker = world.start();
    world
        .settled(scene.webhook, event, DeliveryState::Delivered, 2)
        .await;
    assert_eq!(world.row(scene.webhook).await.health, WebhookHealth::Healthy);
    worker.stop().await;
}

async fn both_sides_of_the_count_are_deliveries(db: &impl WebhookTables) {
    let scene = Scene::create(db, 500).await;
    let world = &scene.world;
    let counts = async || {
        let row = world.row(scene.webhook).await;
        (row.delivered_24_hours, row.failed_24_hours)
    };
    let event = scene.failed_once().await;
    world.clock.advance_seconds(30);
    world
        .settled(scene.webhook, event, DeliveryState::Pending, 2)
        .await;
    let other = scene.failed_once().await;
    assert_eq!(counts().await, (0, 2), "three attempts of two deliveries failed");
    scene.answer(200);
    world.clock.advance_seconds(30);
    scene.delivered(event, 3).await;
    scene.delivered(other, 2).await;
    let delivery = world.delivery_of(scene.webhook, event).await.id;
    world
        .webhooks
        .replay(world.company.id, delivery, &ana())
        .await
        .expect("due");
    world.replayed(delivery, 1).await;
    assert_eq!(
        counts().await,
        (2, 0),
        "four successes of two deliveries, none failed"
    );
    scene.worker.stop().await;
}

async fn a_delivered_test_is_shown_until_there_is_a_real_delivery(db: &impl WebhookTables) {
    let scene = Scene::create(db, 200).await;
    let world = &scene.world;
    assert_eq!(world.row(scene.webhook).await.health, WebhookHealth::Idle);
    for (status, delivered) in [(500, false), (200, true)] {
        scene.answer(status);
        let sent = world
            .webhooks
            .send_test(
                world.company.id,
                scene.webhook,
                EventType::from_static("order-created"),
                &ana(),
            )
            .await
            .expect("sent");
        test_wait::until("the test is sent", async || {
            world.delivery(sent).await.row.attempts == 1
        })
        .await;
        let row = world.row(scene.webhook).await;
        assert_eq!(
            (row.health, row.delivered_24_hours, row.failed_24_hours),
            (WebhookHealth::Tested { delivered }, 0, 0)
        );
    }
    let event = scene.publish().await;
    scene.delivered(event, 1).await;
    assert_eq!(world.row(scene.webhook).await.health, WebhookHealth::Healthy);
    scene.worker.stop().await;
}

/// An older version counted manual attempts among the ten, and cleared failures when a webhook was enabled.
async fn rows_of_an_older_version_are_counted_again(db: &TestDb) {
    let scene = Scene::create(db, 500).await;
    let world = &scene.world;
    let event = scene.failed_once().await;
    let delivery = world.delivery_of(scene.webhook, event).await.id;
    world.clock.advance_seconds(1);
    world
        .webhooks
        .replay(world.company.id, delivery, &ana())
        .await
        .expect("due");
    world.replayed(delivery, 1).await;
    world.clock.advance_seconds(29);
    world
        .settled(scene.webhook, event, DeliveryState::Pending, 2)
        .await;
    scene.worker.stop().await;
    let sql = store::webhooks::WAITING_MIGRATION.sql;
    let upgrade = &sql[sql.find("UPDATE").expect("it changes rows")..];
    let statements: Vec<&'static str> = [
        "UPDATE deliveries SET attempts = attempts + replays, replays = 0",
        "UPDATE attempts SET number = seq",
        "UPDATE webhooks SET undelivered_since = NULL, failing_since = NULL",
    ]
    .into_iter()
    .chain(
        upgrade
            .split(';')
            .filter(|statement| !statement.trim().is_empty()),
    )
    .collect();
    let upgraded = db
        .db
        .write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                for statement in statements {
                    sqlx::query(statement).execute(&mut *connection).await?;
                }
                Ok(())
            })
        });
    upgraded.await.expect("upgraded");
    let seen = world.delivery(delivery).await;
    assert_eq!((seen.row.attempts, seen.row.replays), (2, 1));
    let numbers: Vec<_> = seen
        .attempts
        .iter()
        .map(|attempt| (attempt.replay, attempt.number))
        .collect();
    assert_eq!(numbers, [(false, 1), (true, 1), (false, 2)]);
    assert_eq!(
        world.row(scene.webhook).await.health,
        WebhookHealth::NotDelivered {
            since: START.plus_seconds(1)
        }
    );
    let row = sqlx::query("SELECT last_test_at FROM webhooks")
        .fetch_one(db.db.reader())
        .await
        .expect("read");
    assert_eq!(row.maybe_int("last_test_at").expect("a number"), None);
}

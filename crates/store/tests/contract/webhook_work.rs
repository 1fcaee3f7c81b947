//! How deliveries are processed on both databases: receivers that hang, workers that die or share the work, test
//! events, replays, and the history of all this.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use model::{AttemptId, AttemptOutcome, DeliveryState, EventType, FailureClass, WebhookHealth};
use webhooks::{HistoryFilter, HistoryPage, Publication, PublishError, WebhooksError, WorkerOptions};

use crate::receiver::{Receiver, Reply};
use crate::webhook_delivery::status_from;
use crate::webhook_tables::WebhookTables;
use crate::webhook_world::{SANDBOX, START, World, ana, draft};

contract!(
    store::MAIN_MIGRATIONS,
    [],
    in memory too: [
        a_receiver_that_hangs_delays_no_other,
        a_company_whose_receivers_all_hang_delays_no_other,
        a_delivery_whose_worker_died_is_sent_when_its_lease_expires,
        a_process_that_is_alone_takes_over_at_once_what_a_dead_one_left,
        an_attempt_that_lost_its_lease_is_still_recorded,
        a_test_event_has_one_attempt_and_is_not_counted,
        a_replay_is_one_more_attempt_of_the_same_delivery,
        stopping_waits_for_the_attempt_in_progress,
        two_workers_deliver_each_event_once,
        publications_at_once_are_stored_together_and_each_has_its_own_result,
        what_is_claimed_ahead_is_not_sent_after_a_pause,
        what_is_due_and_not_claimed_is_overdue_after_a_while,
        a_redirect_to_a_forbidden_address_is_recorded_as_one,
        the_history_has_a_row_for_each_attempt_and_pages_both_ways,
    ]
);

async fn a_receiver_that_hangs_delays_no_other(db: &impl WebhookTables) {
    let mut world = World::create(db).await;
    world.deadline = Duration::from_secs(60);
    let hanging = Receiver::start(|_| Reply::Silence(Vec::new())).await;
    let hung = world.webhook(&hanging.url("/")).await;
    let mut good = Vec::new();
    for number in 0..4 {
        let receiver = Receiver::start(|_| Reply::status(200)).await;
        world.webhook(&receiver.url(&format!("/{number}"))).await;
        good.push(receiver);
    }
    let options = WorkerOptions {
        per_webhook: 3,
        at_once: 64,
        drain: Duration::from_millis(1),
        ..WorkerOptions::default()
    };
    let worker = world.start_with(&world.webhooks, options);
    for _ in 0..20 {
        world.publish("{}").await;
    }
    for receiver in &good {
        receiver.wait_for(20).await;
    }
    assert_eq!(hanging.wait_for(3).await.len(), 3, "its own slots and no more");
    let waiting = world.deliveries(hung.id).await;
    assert!(
        waiting
            .iter()
            .all(|row| row.state == DeliveryState::Pending && row.attempts == 0)
    );
    worker.stop().await;
}

async fn a_company_whose_receivers_all_hang_delays_no_other(db: &impl WebhookTables) {
    let mut world = World::create(db).await;
    world.deadline = Duration::from_secs(60);
    let hanging = Receiver::start(|_| Reply::Silence(Vec::new())).await;
    for number in 0..17 {
        world.webhook(&hanging.url(&format!("/{number}"))).await;
    }
    let good = Receiver::start(|_| Reply::status(200)).await;
    let other = world
        .webhooks
        .create(world.other.id, &draft(&good.url("/")), &ana())
        .await
        .expect("created");
    let options = WorkerOptions {
        per_webhook: 4,
        at_once: 16,
        drain: Duration::from_millis(1),
        ..WorkerOptions::default()
    };
    let worker = world.start_with(&world.webhooks, options);
    for _ in 0..4 {
        world.publish("{}").await;
    }
    // There are 68 deliveries for the company's half of sixteen slots.
    hanging.wait_for(8).await;
    for number in 1..=6 {
        let publication = Publication {
            company: world.other.id,
            environment: SANDBOX,
            event_type: EventType::from_static("order-created"),
            payload: "{}",
            happened_at: None,
            request_id: None,
            idempotency_key: None,
        };
        world
            .webhooks
            .publish(publication, &ana())
            .await
            .expect("published");
        good.wait_for(number).await;
    }
    assert_eq!(hanging.wait_for(8).await.len(), 8, "its share and no more");
    let detail = world
        .webhooks
        .detail(world.other.id, other.id)
        .await
        .expect("a detail");
    assert!(!detail.deliveries.is_empty());
    worker.stop().await;
}

async fn a_delivery_whose_worker_died_is_sent_when_its_lease_expires(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let event = world.publish("{}").await.event;
    let lease = AttemptId::from_random([7; 16]);
    let taken = world
        .store
        .queue
        .claim(vec![(webhook.id, 10)], START, START.plus_seconds(30), lease)
        .await
        .expect("claimed");
    assert_eq!(taken.claimed.len(), 1);
    let again = world
        .store
        .queue
        .claim(
            vec![(webhook.id, 10)],
            START.plus_seconds(29),
            START.plus_seconds(60),
            lease,
        )
        .await;
    assert!(
        again.expect("nothing").claimed.is_empty(),
        "no one else gets it while the lease lasts"
    );
    let row = world.delivery_of(webhook.id, event).await;
    assert_eq!(
        (row.state, row.next_attempt_at),
        (DeliveryState::Pending, None),
        "one attempt is in progress"
    );
    assert!(matches!(
        world.webhooks.replay(world.company.id, row.id, &ana()).await,
        Err(WebhooksError::Conflict(_))
    ));

    // The worker that held the delivery is gone. Another one starts, and later the lease expires.
    let worker = world.start();
    world.clock.advance_seconds(31);
    let received = receiver.wait_for(1).await;
    assert_eq!(received[0].header("webhook-id"), Some(event.to_string().as_str()));
    world
        .settled(webhook.id, event, DeliveryState::Delivered, 1)
        .await;
    worker.stop().await;
}

async fn a_process_that_is_alone_takes_over_at_once_what_a_dead_one_left(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let (left, due) = (world.publish("{}").await.event, AttemptId::from_random([7; 16]));
    let taken = world
        .store
        .queue
        .claim(vec![(webhook.id, 10)], START, START.plus_seconds(30), due)
        .await;
    assert_eq!(taken.expect("claimed").claimed.len(), 1);
    assert_eq!(world.webhooks.take_over_alone().await.expect("taken over"), 1);
    let worker = world.start();
    world.settled(webhook.id, left, DeliveryState::Delivered, 1).await;
    worker.stop().await;
    assert_eq!(world.webhooks.take_over_alone().await.expect("nothing"), 0);
}

async fn an_attempt_that_lost_its_lease_is_still_recorded(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let receiver =
        Receiver::start(|_| Reply::Silence(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n".to_vec())).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let mut world = world;
    world.deadline = Duration::from_millis(400);
    let worker = world.start();
    let event = world.publish("{}").await.event;
    receiver.wait_for(1).await;
    let delivery = world.delivery_of(webhook.id, event).await.id;
    world
        .webhooks
        .delete(world.company.id, None, webhook.id, &ana())
        .await
        .expect("deleted");
    let row = test_wait::eventually("the attempt is recorded", async || {
        let row = world.delivery(delivery).await.row;
        (row.attempts == 1).then_some(row)
    })
    .await;
    assert_eq!(
        (row.state, row.last_failure),
        (DeliveryState::Exhausted, Some(FailureClass::TimeoutBody)),
        "not skipped, because something was sent"
    );
    assert_eq!(world.delivery(row.id).await.attempts.len(), 1);
    worker.stop().await;
}

async fn a_test_event_has_one_attempt_and_is_not_counted(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|_| Reply::status(410)).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let worker = world.start();
    let sent = world
        .webhooks
        .send_test(
            world.company.id,
            webhook.id,
            EventType::from_static("link-deleted"),
            &ana(),
        )
        .await
        .expect("sent");
    let row = test_wait::eventually("the only attempt has failed", async || {
        let row = world.delivery(sent).await.row;
        (row.state == DeliveryState::Exhausted).then_some(row)
    })
    .await;
    assert_eq!(
        (row.test, row.attempts, row.attempts_at_most, row.last_status),
        (true, 1, 1, Some(410))
    );
    let detail = world
        .webhooks
        .detail(world.company.id, webhook.id)
        .await
        .expect("a detail");
    assert!(detail.row.webhook.enabled, "not even a 410 counts");
    assert_eq!(
        (detail.row.health, detail.row.failed_24_hours),
        (WebhookHealth::Tested { delivered: false }, 0)
    );
    assert!(matches!(
        world.webhooks.replay(world.company.id, sent, &ana()).await,
        Err(WebhooksError::Conflict(_))
    ));
    worker.stop().await;
}

async fn a_replay_is_one_more_attempt_of_the_same_delivery(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let status = Arc::new(AtomicU16::new(200));
    let receiver = Receiver::start(status_from(status.clone())).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let worker = world.start();
    let event = world.publish("{}").await.event;
    let row = world
        .settled(webhook.id, event, DeliveryState::Delivered, 1)
        .await;
    status.store(500, Ordering::SeqCst);
    world
        .webhooks
        .replay(world.company.id, row.id, &ana())
        .await
        .expect("due");
    world.replayed(row.id, 1).await;
    let delivery = world.delivery(row.id).await;
    assert_eq!(
        delivery
            .attempts
            .iter()
            .map(|attempt| (attempt.replay, attempt.number))
            .collect::<Vec<_>>(),
        [(false, 1), (true, 1)]
    );
    assert_eq!(
        (
            delivery.row.state,
            delivery.row.attempts,
            delivery.row.last_status
        ),
        (DeliveryState::Delivered, 1, Some(500)),
        "it stays delivered, and the failure is shown"
    );
    let ids: BTreeSet<_> = receiver
        .received()
        .iter()
        .map(|one| one.header("webhook-id").map(str::to_owned))
        .collect();
    assert_eq!(ids.len(), 1);
    worker.stop().await;
}

async fn stopping_waits_for_the_attempt_in_progress(db: &impl WebhookTables) {
    let mut world = World::create(db).await;
    world.deadline = Duration::from_millis(300);
    let receiver = Receiver::start(|_| Reply::Silence(Vec::new())).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let worker = world.start();
    let event = world.publish("{}").await.event;
    receiver.wait_for(1).await;
    worker.stop().await;
    let row = world.delivery_of(webhook.id, event).await;
    assert_eq!(
        (row.attempts, row.last_failure),
        (1, Some(FailureClass::TimeoutHeaders))
    );
    world.publish("{}").await;
    assert_eq!(receiver.received().len(), 1, "no new delivery is taken");
}

async fn two_workers_deliver_each_event_once(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let mut events = Vec::new();
    for _ in 0..60 {
        events.push(world.publish("{}").await.event);
    }
    let other = world.node(&db.tables_again().await);
    let few = WorkerOptions {
        per_webhook: 4,
        ..WorkerOptions::default()
    };
    let workers = [
        world.start_with(&world.webhooks, few),
        world.start_with(&other, few),
    ];
    for event in &events {
        test_wait::eventually("every event is delivered", async || {
            let found = world.newest_deliveries(webhook.id, 100).await;
            let row = found.into_iter().find(|row| row.event_id == *event)?;
            (row.state == DeliveryState::Delivered).then_some(())
        })
        .await;
    }
    for worker in workers {
        worker.stop().await;
    }
    let ids: Vec<_> = receiver
        .received()
        .iter()
        .map(|one| one.header("webhook-id").map(str::to_owned))
        .collect();
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (60, 60));
}

async fn publications_at_once_are_stored_together_and_each_has_its_own_result(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = world.webhook("https://example.com/").await;
    // Of each three with the same key, the second repeats the first and the third is another request.
    let publish = async |number: usize| {
        let (key, payload) = (number / 3, if number % 3 == 2 { number } else { number / 3 * 3 });
        let payload = format!("{{\"number\":{payload}}}");
        world.try_publish(&payload, Some(&format!("key-{key}"))).await
    };
    let results = futures_util::future::join_all((0..300).map(publish)).await;
    let mut events = BTreeSet::new();
    for of_key in results.chunks(3) {
        let [Ok(first), Ok(again), Err(PublishError::IdempotencyConflict)] = of_key else {
            panic!("{of_key:?}");
        };
        assert_eq!((first.deliveries, first), (1, again));
        assert!(events.insert(first.event));
    }
    let stored = world.newest_deliveries(webhook.id, 1_000).await;
    let stored: BTreeSet<_> = stored.into_iter().map(|row| row.event_id).collect();
    assert_eq!(stored, events);
}

async fn what_is_claimed_ahead_is_not_sent_after_a_pause(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let slow = Receiver::start(|_| Reply::After(Duration::from_millis(20), 200)).await;
    let webhook = world.webhook(&slow.url("/")).await;
    let options = WorkerOptions {
        per_webhook: 2,
        ..WorkerOptions::default()
    };
    let worker = world.start_with(&world.webhooks, options);
    futures_util::future::join_all((0..60).map(|_| world.publish("{}"))).await;
    slow.wait_for(6).await;
    world.set_enabled(webhook.id, false).await;
    let waiting = async || {
        let rows = world.newest_deliveries(webhook.id, 100).await;
        let waiting = rows.iter().filter(|row| row.state == DeliveryState::Pending);
        waiting.count()
    };
    // The attempts in progress end. After that nothing more is sent.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (left, sent) = (waiting().await, slow.received().len());
    assert!(left > 0 && left + sent == 60, "{left} wait and {sent} were sent");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((waiting().await, slow.received().len()), (left, sent));
    world.set_enabled(webhook.id, true).await;
    slow.wait_for(60).await;
    worker.stop().await;
    let ids: BTreeSet<_> = slow
        .received()
        .iter()
        .filter_map(|one| one.header("webhook-id").map(str::to_owned))
        .collect();
    assert_eq!((ids.len(), slow.received().len()), (60, 60), "each once");
}

async fn what_is_due_and_not_claimed_is_overdue_after_a_while(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = world.webhook("https://example.com/").await.id;
    let quiet = world.webhook("https://example.com/quiet").await.id;
    for _ in 0..3 {
        world.publish("{}").await;
    }
    let overdue = async |since, at_most| {
        let mut counts = world
            .store
            .queue
            .overdue(vec![webhook, quiet], since, at_most)
            .await
            .expect("counted");
        counts.sort_by_key(|one| one.webhook != webhook);
        counts.into_iter().map(|one| one.deliveries).collect::<Vec<_>>()
    };
    let later = START.plus_millis(1);
    assert_eq!(overdue(START, 10).await, [0, 0], "not before they are due");
    assert_eq!(overdue(later, 10).await, [3, 3]);
    assert_eq!(overdue(later, 2).await, [2, 2]);
    let lease = AttemptId::from_random([7; 16]);
    let claim = world
        .store
        .queue
        .claim(vec![(webhook, 2)], START, START.plus_seconds(30), lease);
    assert_eq!(claim.await.expect("claimed").claimed.len(), 2);
    assert_eq!(overdue(later, 10).await, [1, 3], "what is claimed is not counted");
}

async fn a_redirect_to_a_forbidden_address_is_recorded_as_one(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|_| Reply::redirect(307, "http://169.254.169.254/")).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let worker = world.start();
    let event = world.publish("{}").await.event;
    let row = world.settled(webhook.id, event, DeliveryState::Pending, 1).await;
    assert_eq!(
        (row.last_failure, row.last_status),
        (Some(FailureClass::BlockedAddress), None)
    );
    let hops = world.delivery(row.id).await.attempts.remove(0).hops;
    assert_eq!(
        hops.iter().map(|hop| hop.status).collect::<Vec<_>>(),
        [Some(307), None]
    );
    worker.stop().await;
}

async fn the_history_has_a_row_for_each_attempt_and_pages_both_ways(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let status = Arc::new(AtomicU16::new(500));
    let receiver = Receiver::start(status_from(status.clone())).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let worker = world.start();
    let event = world.publish("{\"a\":1}").await.event;
    for made in 1..=3 {
        world
            .settled(webhook.id, event, DeliveryState::Pending, made)
            .await;
        world.clock.advance_seconds(30);
    }
    world.settled(webhook.id, event, DeliveryState::Pending, 4).await;
    status.store(200, Ordering::SeqCst);
    let second = world.publish("{}").await.event;
    world
        .settled(webhook.id, second, DeliveryState::Delivered, 1)
        .await;
    worker.stop().await;

    let ask = async |change: &(dyn Fn(&mut HistoryFilter) + Sync)| {
        let mut filter = HistoryFilter {
            from: START,
            to: None,
            event_type: None,
            status: None,
            page: HistoryPage::Newest,
            size: 2,
        };
        change(&mut filter);
        world
            .webhooks
            .history(world.company.id, SANDBOX, filter)
            .await
            .expect("a history")
    };
    let newest = ask(&|_| {}).await;
    assert_eq!(newest[0].row.event_id, second);
    assert_eq!(newest[0].row.outcome, AttemptOutcome::Succeeded { status: 200 });
    assert!(newest[1].payload.ends_with(",\"a\":1}"));
    let last = newest[1].row.seq;
    let older = ask(&|filter| filter.page = HistoryPage::Before(last)).await;
    assert_eq!(older.len(), 2);
    assert!(older.iter().all(|entry| entry.row.seq < last));
    let back = ask(&|filter| filter.page = HistoryPage::After(older[0].row.seq)).await;
    assert_eq!(
        back.iter().map(|entry| entry.row.seq).collect::<Vec<_>>(),
        [newest[0].row.seq, newest[1].row.seq]
    );
    assert_eq!(
        ask(&|filter| (filter.status, filter.size) = (Some(500), 100))
            .await
            .len(),
        4
    );
    assert!(
        ask(&|filter| filter.event_type = Some(EventType::from_static("link-deleted")))
            .await
            .is_empty()
    );
    let until = START.plus_seconds(45);
    assert_eq!(
        ask(&|filter| (filter.to, filter.size) = (Some(until), 100))
            .await
            .len(),
        2
    );
    assert_eq!(
        ask(&|filter| (filter.from, filter.size) = (until, 100))
            .await
            .len(),
        3
    );
}

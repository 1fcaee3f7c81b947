//! What an attempt guarantees on both databases, with real receivers and a clock that the tests move: the schedule,
//! what disables a webhook, and which key signs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use model::{AttemptOutcome, DeliveryState, DisabledReason, FailureClass, WebhookHealth};
use webhooks::{WebhookPatch, WebhooksError, WorkerOptions};

use crate::receiver::{Receiver, Reply};
use crate::webhook_tables::WebhookTables;
use crate::webhook_world::{START, World, ana};

contract!(
    store::MAIN_MIGRATIONS,
    [],
    in memory too: [
        an_event_arrives_signed_and_its_attempt_is_recorded,
        a_failing_receiver_gets_ten_attempts_at_the_documented_times,
        retry_after_moves_the_next_attempt,
        a_410_disables_the_webhook_at_once,
        a_webhook_that_fails_for_five_days_gets_a_warning_and_is_then_disabled,
        a_success_clears_the_failures_before_it,
        without_a_key_deliveries_are_held_and_are_sent_oldest_first_once_there_is_one,
        with_two_active_keys_a_refusal_is_retried_with_the_other_key,
        a_response_that_does_not_refuse_the_key_is_not_retried_with_the_other,
    ]
);

pub(crate) fn status_from(
    status: Arc<AtomicU16>,
) -> impl Fn(&crate::receiver::Received) -> Reply + Send + Sync {
    move |_| Reply::status(status.load(Ordering::SeqCst))
}

async fn an_event_arrives_signed_and_its_attempt_is_recorded(db: &impl WebhookTables) {
    let world = World::without_key(db).await;
    let key = world.keys.add();
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let webhook = world.webhook(&receiver.url("/hook")).await;
    let worker = world.start();
    let published = world.publish("{\"order_id\":\"1\"}").await;
    let received = receiver.wait_for(1).await.remove(0);
    let row = world
        .settled(webhook.id, published.event, DeliveryState::Delivered, 1)
        .await;

    let delivery = world.delivery(row.id).await;
    assert_eq!(delivery.body.as_bytes(), received.body);
    let sign = vault::sign_v1(key.secret.expose(), &received.body);
    assert_eq!(received.header("x-webhook-sign"), Some(sign.as_str()));
    let seconds = (START.as_millis() / 1000).to_string();
    assert_eq!(received.header("webhook-timestamp"), Some(seconds.as_str()));
    assert_eq!(
        received.header("webhook-id"),
        Some(published.event.to_string().as_str())
    );
    assert!(
        received
            .header("webhook-signature")
            .expect("sent")
            .starts_with("v1,")
    );

    let attempt = &delivery.attempts[0];
    assert_eq!(
        (attempt.number, attempt.replay, &attempt.outcome),
        (1, false, &AttemptOutcome::Succeeded { status: 200 })
    );
    assert_eq!(
        attempt.signed_by_last_four.as_deref(),
        Some(key.last_four.as_str())
    );
    assert_eq!(
        (attempt.hops.len(), attempt.hops[0].url.as_str()),
        (1, receiver.url("/hook").as_str())
    );
    let detail = world
        .webhooks
        .detail(world.company.id, webhook.id)
        .await
        .expect("a detail");
    assert_eq!(
        (
            detail.row.health,
            detail.row.delivered_24_hours,
            detail.row.pending
        ),
        (WebhookHealth::Healthy, 1, 0)
    );
    assert!(detail.signing_key.expect("a key").last_succeeded);
    worker.stop().await;
}

/// The documented schedule: 30 s three times, then 5 min, 30 min, 2 h, 5 h, 10 h, 10 h. It does not use the constant in
/// the code, so that a wrong constant is noticed.
const DOCUMENTED_SECONDS: [i64; 9] = [30, 30, 30, 300, 1800, 7200, 18_000, 36_000, 36_000];

async fn a_failing_receiver_gets_ten_attempts_at_the_documented_times(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|_| Reply::status(500)).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let worker = world.start();
    let event = world.publish("{\"a\":1}").await.event;
    for (made, planned) in (1..).zip(DOCUMENTED_SECONDS) {
        let row = world
            .settled(webhook.id, event, DeliveryState::Pending, made)
            .await;
        let now = world.clock.now();
        let wait = row.next_attempt_at.expect("planned").millis_since(now);
        // 10 % either way, from the fourth retry on.
        let spread = if made <= 3 { 0 } else { planned * 100 };
        assert!(
            (planned * 1000 - wait).abs() <= spread,
            "attempt {made}: {wait} ms for {planned} s"
        );
        assert_eq!(
            (row.last_status, row.last_failure),
            (Some(500), Some(FailureClass::Status))
        );
        assert_eq!(receiver.received().len(), made as usize, "nothing is sent early");
        world.clock.advance_seconds((wait + 999) / 1000);
    }
    let row = world
        .settled(webhook.id, event, DeliveryState::Exhausted, 10)
        .await;
    assert_eq!((row.next_attempt_at, row.attempts_at_most), (None, 10));
    let bodies: BTreeSet<Vec<u8>> = receiver
        .received()
        .into_iter()
        .map(|received| received.body)
        .collect();
    assert_eq!(
        (receiver.received().len(), bodies.len()),
        (10, 1),
        "the same bytes each time"
    );
    let detail = world
        .webhooks
        .detail(world.company.id, webhook.id)
        .await
        .expect("a detail");
    assert_eq!(detail.row.health, WebhookHealth::Failing { since: START });
    assert!(
        detail
            .diagnosis
            .starts_with("The last 10 attempts failed: 10 × status 500."),
        "{}",
        detail.diagnosis
    );
    worker.stop().await;
}

async fn retry_after_moves_the_next_attempt(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let headers = || vec![("Retry-After", "120".to_owned())];
    let receiver = Receiver::start(move |_| Reply::Answer {
        status: 429,
        headers: headers(),
        body: Vec::new(),
    })
    .await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let worker = world.start();
    let event = world.publish("{}").await.event;
    let row = world.settled(webhook.id, event, DeliveryState::Pending, 1).await;
    assert_eq!(row.next_attempt_at, Some(START.plus_seconds(120)));
    worker.stop().await;
}

async fn a_410_disables_the_webhook_at_once(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let status = Arc::new(AtomicU16::new(500));
    let receiver = Receiver::start(status_from(status.clone())).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let worker = world.start();
    let waiting = world.publish("{}").await.event;
    world
        .settled(webhook.id, waiting, DeliveryState::Pending, 1)
        .await;
    status.store(410, Ordering::SeqCst);
    let gone = world.publish("{}").await.event;
    let disabled = async || world.row(webhook.id).await.webhook.disabled;
    test_wait::eventually("the webhook is disabled", async || disabled().await.map(drop)).await;
    for event in [waiting, gone] {
        let row = world.delivery_of(webhook.id, event).await;
        assert_eq!(
            (row.state, row.attempts, row.webhook_is_off, row.next_attempt_at),
            (DeliveryState::Pending, 1, true, None)
        );
    }
    let after = world
        .webhooks
        .webhook(world.company.id, None, webhook.id)
        .await
        .expect("found");
    assert_eq!(
        (after.enabled, after.disabled),
        (false, Some(DisabledReason::Gone))
    );
    let next = world.publish("{}").await.event;
    assert_eq!(
        world.delivery_of(webhook.id, next).await.state,
        DeliveryState::Skipped
    );
    assert!(world.audit().await.contains(&"webhook.disabled".to_owned()));
    worker.stop().await;
}

async fn a_webhook_that_fails_for_five_days_gets_a_warning_and_is_then_disabled(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|_| Reply::status(503)).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let hour = 3600;
    let count = async |action: &str| world.audit().await.iter().filter(|one| *one == action).count();
    for (hours, warned, disabled) in [
        (0, 0, 0),
        (59, 0, 0),
        (1, 1, 0),
        (30, 1, 0),
        (29, 1, 0),
        (1, 1, 1),
    ] {
        world.clock.advance_seconds(hours * hour);
        // Start a worker for each step. Deliveries that waited since the last step would only fail too.
        let worker = world.start();
        let event = world.publish("{}").await.event;
        if disabled == 0 {
            world.settled(webhook.id, event, DeliveryState::Pending, 1).await;
        } else {
            test_wait::until("the webhook is disabled", async || {
                count("webhook.disabled").await == 1
            })
            .await;
        }
        worker.stop().await;
        assert_eq!(
            (count("webhook.failing").await, count("webhook.disabled").await),
            (warned, disabled),
            "{hours}"
        );
    }
    let after = world
        .webhooks
        .webhook(world.company.id, None, webhook.id)
        .await
        .expect("found");
    assert_eq!(after.disabled, Some(DisabledReason::FailedTooLong));
    let waiting = world.deliveries(webhook.id).await;
    // The last event may have arrived just before or just after the webhook was disabled.
    let kept = |state| matches!(state, DeliveryState::Pending | DeliveryState::Skipped);
    assert!(waiting.iter().all(|row| kept(row.state)), "{waiting:?}");
    assert!(
        waiting
            .iter()
            .any(|row| row.state == DeliveryState::Pending && row.attempts > 0),
        "{waiting:?}"
    );
}

async fn a_success_clears_the_failures_before_it(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let status = Arc::new(AtomicU16::new(500));
    let receiver = Receiver::start(status_from(status.clone())).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let worker = world.start();
    let event = world.publish("{}").await.event;
    world.settled(webhook.id, event, DeliveryState::Pending, 1).await;
    status.store(202, Ordering::SeqCst);
    world.clock.advance_seconds(30);
    world
        .settled(webhook.id, event, DeliveryState::Delivered, 2)
        .await;
    let detail = world
        .webhooks
        .detail(world.company.id, webhook.id)
        .await
        .expect("a detail");
    assert_eq!(
        (detail.row.health, detail.diagnosis.as_str()),
        (WebhookHealth::Healthy, "")
    );
    worker.stop().await;
}

async fn without_a_key_deliveries_are_held_and_are_sent_oldest_first_once_there_is_one(
    db: &impl WebhookTables,
) {
    let world = World::without_key(db).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let one_by_one = WorkerOptions {
        per_webhook: 1,
        ..WorkerOptions::default()
    };
    let worker = world.start_with(&world.webhooks, one_by_one);
    let mut events = Vec::new();
    for number in 0..5 {
        world.clock.advance_seconds(1);
        events.push(world.publish(&format!("{{\"number\":{number}}}")).await.event);
    }
    for event in &events {
        world.settled(webhook.id, *event, DeliveryState::Held, 0).await;
    }
    let detail = world
        .webhooks
        .detail(world.company.id, webhook.id)
        .await
        .expect("a detail");
    assert_eq!((detail.row.health, detail.row.pending), (WebhookHealth::Held, 5));
    assert!(detail.signing_key.is_none());
    let held = detail.deliveries[0].id;
    assert!(matches!(
        world.webhooks.replay(world.company.id, held, &ana()).await,
        Err(WebhooksError::Conflict(_))
    ));
    assert!(receiver.received().is_empty());

    world.keys.add();
    let order: Vec<String> = receiver
        .wait_for(5)
        .await
        .iter()
        .map(|one| one.header("webhook-id").expect("sent").to_owned())
        .collect();
    assert_eq!(order, events.iter().map(ToString::to_string).collect::<Vec<_>>());
    world
        .settled(webhook.id, events[4], DeliveryState::Delivered, 1)
        .await;
    worker.stop().await;
}

async fn with_two_active_keys_a_refusal_is_retried_with_the_other_key(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let newer = world.keys.add();
    let secret = newer.secret.clone();
    let receiver = Receiver::start(move |received| {
        let known = received.header("x-webhook-sign")
            == Some(vault::sign_v1(secret.expose(), &received.body).as_str());
        Reply::status(if known { 200 } else { 401 })
    })
    .await;
    let webhook = world.webhook(&receiver.url("/")).await;
    let worker = world.start();
    let first = world.publish("{}").await.event;
    let row = world
        .settled(webhook.id, first, DeliveryState::Delivered, 1)
        .await;
    let attempt = world.delivery(row.id).await.attempts.remove(0);
    assert_eq!(
        attempt.hops.iter().map(|hop| hop.status).collect::<Vec<_>>(),
        [Some(401), Some(200)]
    );
    assert_eq!(
        attempt.signed_by_last_four.as_deref(),
        Some(newer.last_four.as_str())
    );

    let second = world.publish("{}").await.event;
    let row = world
        .settled(webhook.id, second, DeliveryState::Delivered, 1)
        .await;
    assert_eq!(
        world.delivery(row.id).await.attempts[0].hops.len(),
        1,
        "the key that succeeded signs at once"
    );
    let shown = world
        .webhooks
        .detail(world.company.id, webhook.id)
        .await
        .expect("a detail")
        .signing_key
        .expect("a key");
    assert_eq!(
        (shown.key_id, shown.last_succeeded, shown.active_keys),
        (newer.key_id, true, 2)
    );
    worker.stop().await;
}

async fn a_response_that_does_not_refuse_the_key_is_not_retried_with_the_other(db: &impl WebhookTables) {
    let world = World::create(db).await;
    world.keys.add();
    for status in [429, 500, 503] {
        let receiver = Receiver::start(move |_| Reply::status(status)).await;
        let webhook = world.webhook(&receiver.url("/")).await;
        let worker = world.start();
        let event = world.publish("{}").await.event;
        world.settled(webhook.id, event, DeliveryState::Pending, 1).await;
        worker.stop().await;
        assert_eq!(receiver.received().len(), 1, "{status}");
        let off = WebhookPatch {
            enabled: Some(false),
            ..WebhookPatch::default()
        };
        world
            .webhooks
            .patch(world.company.id, None, webhook.id, off, &ana())
            .await
            .expect("off");
    }
}

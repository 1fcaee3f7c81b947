//! Two transactions that need the same webhook at the same time. They do not deadlock, and a decision made before
//! waiting for a lock is made again afterwards. Only PostgreSQL can run this; SQLite has one writer.

use std::sync::Arc;

use model::{
    AttemptId, AttemptOutcome, AuditId, DeliveryId, DeliveryState, DisabledReason, EventType, FailureClass,
    KeyId, Timestamp, WebhookId,
};
use store::{Columns, DbConnection, StoreError, Urgency};
use tokio::sync::Notify;
use webhooks::decide::{BrakeAction, Report, Shelf};
use webhooks::{
    BrakeSelection, BrakeStep, BrakeWanted, Claimed, DISABLE_AFTER_SECONDS, FinishedAttempt, Then,
};

use crate::test_db::TestDb;
use crate::webhook_world::{START, World, ana};

contract!(
    postgres only: store::MAIN_MIGRATIONS,
    [
        an_attempt_locks_its_webhook_before_its_delivery,
        a_webhook_that_is_paused_while_an_attempt_ends_is_not_disabled,
        the_brake_waits_for_no_other_transaction_and_comes_back,
    ]
);

/// Claims this webhook's only due delivery.
pub(crate) async fn claim(world: &World, webhook: WebhookId, now: Timestamp) -> Claimed {
    let (lease, until) = (AttemptId::from_random(vault::random()), now.plus_seconds(60));
    let claimed = world.store.queue.claim(vec![(webhook, 1)], now, until, lease);
    claimed.await.expect("claimed").claimed.pop().expect("one is due")
}

/// A failed attempt.
pub(crate) fn failed(claimed: Claimed, ended_at: Timestamp) -> FinishedAttempt {
    let then = if claimed.test {
        Then::Ended(DeliveryState::Exhausted)
    } else {
        Then::RetryAt(ended_at.plus_seconds(30))
    };
    FinishedAttempt {
        then,
        report: (!claimed.test).then_some(Report::Failed),
        claimed,
        id: AttemptId::from_random(vault::random()),
        started_at: ended_at,
        ended_at,
        duration_ms: 1,
        outcome: AttemptOutcome::Failed {
            class: FailureClass::Refused,
            status: None,
        },
        signed_by: Some(KeyId::from_random([1; 16])),
        signed_by_last_four: None,
        hops: Vec::new(),
        audit: AuditId::from_random(vault::random()),
    }
}

/// Locks the webhook's row, like a change of the webhook.
async fn lock_webhook(connection: &mut DbConnection, webhook: WebhookId) -> Result<(), StoreError> {
    sqlx::query("SELECT id FROM webhooks WHERE id = $1 FOR UPDATE")
        .bind(webhook.to_string())
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// Returns once another transaction waits for this one. If none ever does, the suite's time limit ends the case.
async fn until_somebody_waits(connection: &mut DbConnection) -> Result<(), StoreError> {
    loop {
        let row = sqlx::query(
            "SELECT CAST(COUNT(*) AS BIGINT) AS waiting FROM pg_locks \
             WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))",
        )
        .fetch_one(&mut *connection)
        .await?;
        if row.int("waiting")? > 0 {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

/// Fails immediately if another transaction has locked the row.
async fn lock_delivery(connection: &mut DbConnection, delivery: DeliveryId) -> Result<(), StoreError> {
    sqlx::query("SELECT id FROM deliveries WHERE id = $1 FOR UPDATE NOWAIT")
        .bind(delivery.to_string())
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// An attempt ends while the webhook is being changed. The change locks the webhook first and then its deliveries.
async fn an_attempt_locks_its_webhook_before_its_delivery(db: &TestDb) {
    let world = World::create(db).await;
    let webhook = world.webhook("http://127.0.0.1:8088/").await;
    for test in [true, false] {
        if test {
            world
                .webhooks
                .send_test(
                    world.company.id,
                    webhook.id,
                    EventType::from_static("order-created"),
                    &ana(),
                )
                .await
                .expect("due");
        } else {
            world.publish("{}").await;
        }
        let claimed = claim(&world, webhook.id, START).await;
        let (delivery, locked) = (claimed.delivery, Arc::new(Notify::new()));
        let change = {
            let (id, locked) = (webhook.id, locked.clone());
            db.db
                .write::<_, StoreError, _>(Urgency::Interactive, move |connection| {
                    Box::pin(async move {
                        lock_webhook(connection, id).await?;
                        locked.notify_one();
                        until_somebody_waits(connection).await?;
                        lock_delivery(connection, delivery).await
                    })
                })
        };
        let finish = async {
            locked.notified().await;
            world.store.attempts.finish([failed(claimed, START)].into()).await
        };
        let (changed, finished) = tokio::join!(change, finish);
        changed.unwrap_or_else(|error| panic!("test {test}: the delivery was locked first: {error:?}"));
        assert_eq!(finished.expect("written"), [None]);
    }
}

/// An attempt that would disable a webhook waits until the webhook has been paused, and keeps that reason.
async fn a_webhook_that_is_paused_while_an_attempt_ends_is_not_disabled(db: &TestDb) {
    let world = World::create(db).await;
    let webhook = world.webhook("http://127.0.0.1:8088/").await;
    world.publish("{}").await;
    let first = failed(claim(&world, webhook.id, START).await, START);
    assert_eq!(
        world
            .store
            .attempts
            .finish([first].into())
            .await
            .expect("written"),
        [None]
    );
    let later = START.plus_seconds(DISABLE_AFTER_SECONDS);
    let last = failed(claim(&world, webhook.id, later).await, later);
    let locked = Arc::new(Notify::new());
    let pause = {
        let (id, locked) = (webhook.id, locked.clone());
        db.db
            .write::<_, StoreError, _>(Urgency::Interactive, move |connection| {
                Box::pin(async move {
                    lock_webhook(connection, id).await?;
                    locked.notify_one();
                    until_somebody_waits(connection).await?;
                    sqlx::query("UPDATE webhooks SET enabled = 0, disabled_reason = 'by_hand' WHERE id = $1")
                        .bind(id.to_string())
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
    };
    let finish = async {
        locked.notified().await;
        world.store.attempts.finish([last].into()).await
    };
    let (paused, finished) = tokio::join!(pause, finish);
    paused.expect("paused");
    assert_eq!(finished.expect("written"), [None], "nothing is disabled");
    let after = world.row(webhook.id).await.webhook;
    assert_eq!(
        (after.enabled, after.disabled),
        (false, Some(DisabledReason::ByHand))
    );
    let actions = world.audit().await;
    assert!(
        !actions.iter().any(|action| action == "webhook.disabled"),
        "{actions:?}"
    );
}

/// Two deliveries, one of which another transaction has locked.
async fn the_brake_waits_for_no_other_transaction_and_comes_back(db: &TestDb) {
    let world = World::create(db).await;
    let webhook = world.webhook("http://127.0.0.1:8088/").await.id;
    let event = world.publish("{}").await.event;
    world.publish("{}").await;
    let delivery = world.delivery_of(webhook, event).await.id;
    let (locked, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let other = {
        let (locked, release) = (locked.clone(), release.clone());
        world
            .db()
            .write::<_, StoreError, _>(Urgency::Interactive, move |connection| {
                Box::pin(async move {
                    lock_delivery(connection, delivery).await?;
                    locked.notify_one();
                    release.notified().await;
                    Ok(())
                })
            })
    };
    let step = async {
        locked.notified().await;
        let selection = BrakeSelection {
            company: None,
            webhook: Some(webhook),
            event_type: None,
            from: None,
            until: START,
        };
        let step = BrakeStep {
            action: BrakeAction::Hold,
            selection,
            shelf: Shelf::Due,
            webhook,
            after: None,
            at_most: 100,
        };
        let done = world.store.brake.step(step).await;
        release.notify_one();
        done
    };
    let (written, done) = tokio::join!(other, step);
    written.expect("written");
    assert_eq!(done.expect("written").changed, 1, "the other one");
    let wanted = BrakeWanted {
        webhook: Some(webhook),
        ..BrakeWanted::default()
    };
    let brake = world.webhooks.brake();
    let done = brake.act(BrakeAction::Hold, &wanted, &ana(), None).await;
    assert_eq!(done.expect("written").deliveries, 1);
}

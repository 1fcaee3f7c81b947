//! What events guarantee on both databases: an accepted one is stored with its deliveries, once for each idempotency key, its
//! body is sealed, and it is kept while anything waits.

use model::{DeliveryState, Environment, EventType, WebhookEvents};
use store::{Columns, StoreError, Urgency};
use webhooks::{PublishError, WebhookPatch, WebhooksError};

use crate::test_db::TestDb;
use crate::webhook_tables::WebhookTables;
use crate::webhook_world::{START, World, ana, draft};

contract!(
    store::MAIN_MIGRATIONS,
    [bodies_are_sealed],
    in memory too: [
        an_event_goes_to_each_subscriber_and_waits_for_a_paused_one,
        an_idempotency_key_returns_the_first_result_again,
        an_idempotency_key_publishes_once_even_for_simultaneous_requests,
        only_old_events_with_nothing_waiting_are_pruned,
    ]
);

async fn an_event_goes_to_each_subscriber_and_waits_for_a_paused_one(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let company = world.company.id;
    let create = async |path: &str, change: &(dyn Fn(&mut model::WebhookDraft) + Sync)| {
        let mut draft = draft(&format!("https://example.com/{path}"));
        change(&mut draft);
        world
            .webhooks
            .create(company, &draft, &ana())
            .await
            .expect("created")
            .id
    };
    let all = create("all", &|_| {}).await;
    let some = create("some", &|draft| {
        draft.events = WebhookEvents::Only(vec![EventType::from_static("order-created")])
    })
    .await;
    let none = create("none", &|draft| {
        draft.events = WebhookEvents::Only(vec![EventType::from_static("link-deleted")])
    })
    .await;
    let off = create("off", &|draft| draft.enabled = false).await;
    let elsewhere = create("elsewhere", &|draft| draft.environment = Environment::Dev).await;
    world
        .webhooks
        .create(world.other.id, &draft("https://example.com/theirs"), &ana())
        .await
        .expect("created");

    let published = world.publish("{\"order_id\":1}").await;
    assert_eq!(published.deliveries, 3);
    for (webhook, state) in [
        (all, DeliveryState::Pending),
        (some, DeliveryState::Pending),
        (off, DeliveryState::Pending),
    ] {
        let rows = world.deliveries(webhook).await;
        assert_eq!(
            (rows.len(), rows[0].state, rows[0].event_id),
            (1, state, published.event)
        );
    }
    for webhook in [none, elsewhere] {
        assert!(world.deliveries(webhook).await.is_empty());
    }
    let delivery = world.deliveries(all).await[0].id;
    let body = world.delivery(delivery).await.body;
    assert!(
        body.ends_with(",\"order_id\":1}") && body.contains(&published.event.to_string()),
        "{body}"
    );
}

async fn an_idempotency_key_returns_the_first_result_again(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = world.webhook("https://example.com/").await;
    let first = world
        .try_publish("{\"a\":1}", Some("key-1"))
        .await
        .expect("published");
    assert_eq!(
        world
            .try_publish("{\"a\":1}", Some("key-1"))
            .await
            .expect("again"),
        first
    );
    let other = world.try_publish("{\"a\":2}", Some("key-1")).await;
    assert!(
        matches!(other, Err(PublishError::IdempotencyConflict)),
        "{other:?}"
    );
    assert_ne!(
        world
            .try_publish("{\"a\":1}", Some("key-2"))
            .await
            .expect("another key")
            .event,
        first.event
    );
    assert_eq!(world.deliveries(webhook.id).await.len(), 2);
    for key in ["", "with space", "ünï"] {
        assert!(
            matches!(
                world.try_publish("{}", Some(key)).await,
                Err(PublishError::InvalidIdempotencyKey)
            ),
            "{key}"
        );
    }
}

async fn an_idempotency_key_publishes_once_even_for_simultaneous_requests(db: &impl WebhookTables) {
    let world = std::sync::Arc::new(World::create(db).await);
    let webhook = world.webhook("https://example.com/").await;
    let tries = (0..16).map(|_| {
        let world = world.clone();
        tokio::spawn(async move {
            world
                .try_publish("{\"a\":1}", Some("same"))
                .await
                .expect("an answer")
                .event
        })
    });
    let mut events = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        events.push(one.await.expect("no panic"));
    }
    events.dedup();
    assert_eq!((events.len(), world.deliveries(webhook.id).await.len()), (1, 1));
}

async fn bodies_are_sealed(db: &TestDb) {
    let world = World::create(db).await;
    let webhook = world.webhook("https://example.com/").await;
    let marker = "a-number-to-keep-4711";
    world.publish(&format!("{{\"ssn\":\"{marker}\"}}")).await;
    let delivery = world.deliveries(webhook.id).await[0].id;
    assert!(world.delivery(delivery).await.body.contains(marker));
    let stored = sqlx::query("SELECT body FROM events")
        .fetch_one(db.db.reader())
        .await
        .expect("read");
    let stored = stored.blob("body").expect("a blob");
    assert!(
        !stored
            .windows(marker.len())
            .any(|window| window == marker.as_bytes())
    );
    // A body that was moved to another event cannot be unsealed there.
    world.publish("{}").await;
    let swap = db
        .db
        .write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                sqlx::query("UPDATE events SET body = $1")
                    .bind(stored)
                    .execute(connection)
                    .await?;
                Ok(())
            })
        });
    swap.await.expect("swapped");
    let newest = world.deliveries(webhook.id).await;
    let moved = newest.iter().find(|row| row.id != delivery).expect("two");
    let opened = world.webhooks.delivery(world.company.id, moved.id).await;
    assert!(matches!(opened, Err(WebhooksError::Seal)), "{opened:?}");
}

async fn only_old_events_with_nothing_waiting_are_pruned(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = world.webhook("https://example.com/").await;
    let waiting = world.publish("{}").await;
    let patch = WebhookPatch {
        enabled: Some(false),
        ..WebhookPatch::default()
    };
    let skipped = {
        let off = world
            .webhooks
            .create(world.company.id, &draft("https://example.com/off"), &ana())
            .await
            .expect("created");
        world
            .webhooks
            .patch(world.company.id, None, off.id, patch, &ana())
            .await
            .expect("changed");
        off
    };
    world
        .webhooks
        .delete(world.company.id, None, webhook.id, &ana())
        .await
        .expect("deleted");
    let again = world.webhook("https://example.com/").await;
    let second = world.publish("{}").await;
    let day = 24 * 3600;
    world.clock.advance_seconds(40 * day);
    let young = world.publish("{}").await;
    let before = START.plus_seconds(10 * day);
    assert_eq!(
        world.store.prune.prune(before, 100).await.expect("pruned"),
        1,
        "the waiting one and the recent one stay"
    );
    let of_event =
        |rows: Vec<model::DeliveryRow>| rows.into_iter().map(|row| row.event_id).collect::<Vec<_>>();
    assert_eq!(
        of_event(world.deliveries(again.id).await),
        [young.event, second.event]
    );
    assert_eq!(
        of_event(world.deliveries(skipped.id).await),
        [young.event, second.event]
    );
    assert_ne!(waiting.event, second.event);
    assert_eq!(world.store.prune.prune(before, 100).await.expect("pruned"), 0);
}

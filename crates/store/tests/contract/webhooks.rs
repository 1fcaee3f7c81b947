//! What webhooks guarantee on both databases: a URL is registered only once, no one sees another company, and every change
//! leaves an audit row.

use model::{DeliveryState, DisabledReason, Environment, EventType, WebhookEvents};
use store::Columns;
use webhooks::{HistoryFilter, HistoryPage, WebhookPatch, WebhooksError};

use crate::test_db::TestDb;
use crate::webhook_tables::WebhookTables;
use crate::webhook_world::{SANDBOX, START, World, ana, draft};

contract!(
    store::MAIN_MIGRATIONS,
    [
        deleting_frees_the_url_erases_the_secret_and_keeps_the_history,
        changes_tests_events_and_replays_leave_their_audit_rows,
    ],
    in memory too: [
        a_webhook_has_the_requested_fields_and_changes_field_by_field,
        a_url_is_registered_once_per_environment,
        every_error_in_a_draft_is_named_at_once,
        the_hint_about_a_url_agrees_with_what_is_accepted,
        another_companys_webhook_is_not_found,
    ]
);

fn faults(error: WebhooksError) -> Vec<(String, String)> {
    match error {
        WebhooksError::Invalid(faults) => faults
            .into_iter()
            .map(|fault| (fault.field, fault.message))
            .collect(),
        other => panic!("{other:?}"),
    }
}

async fn a_webhook_has_the_requested_fields_and_changes_field_by_field(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let company = world.company.id;
    let mut asked = draft("https://example.com/hook?part=1");
    asked.events = WebhookEvents::Only(vec![
        EventType::from_static("task-status-updated"),
        EventType::from_static("order-created"),
        EventType::from_static("order-created"),
    ]);
    let made = world
        .webhooks
        .create(company, &asked, &ana())
        .await
        .expect("created");
    assert_eq!(made.url, "https://example.com/hook?part=1", "as given");
    assert_eq!(
        made.events,
        WebhookEvents::Only(vec![
            EventType::from_static("order-created"),
            EventType::from_static("task-status-updated")
        ])
    );
    assert_eq!(
        world
            .webhooks
            .webhook(company, Some(SANDBOX), made.id)
            .await
            .expect("found"),
        made
    );

    world.clock.advance_seconds(5);
    let patch = WebhookPatch {
        name: Some(" Renamed ".to_owned()),
        ..WebhookPatch::default()
    };
    let renamed = world
        .webhooks
        .patch(company, Some(SANDBOX), made.id, patch, &ana())
        .await
        .expect("changed");
    assert_eq!(renamed.name, "Renamed");
    assert_eq!(
        (renamed.url, renamed.events),
        (made.url, made.events),
        "fields that were not named stay"
    );
    assert_eq!(
        (renamed.created_at, renamed.updated_at),
        (START, START.plus_seconds(5))
    );

    let all = WebhookPatch {
        events: Some(WebhookEvents::All),
        enabled: Some(false),
        ..WebhookPatch::default()
    };
    let off = world
        .webhooks
        .patch(company, None, made.id, all, &ana())
        .await
        .expect("changed");
    assert_eq!(
        (off.events, off.enabled, off.disabled),
        (WebhookEvents::All, false, Some(DisabledReason::ByHand))
    );

    world
        .webhooks
        .delete(company, Some(SANDBOX), made.id, &ana())
        .await
        .expect("deleted");
    assert!(matches!(
        world.webhooks.webhook(company, None, made.id).await,
        Err(WebhooksError::NotFound)
    ));
    assert!(world.webhooks.list(company).await.expect("a list").is_empty());
}

async fn a_url_is_registered_once_per_environment(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let company = world.company.id;
    let taken = vec![(
        "env_type".to_owned(),
        "Webhook url for sandbox already registered".to_owned(),
    )];
    let first = world.webhook("https://example.com/hook").await;
    for spelling in ["https://example.com/hook", "https://EXAMPLE.com:443/hook"] {
        let again = world.webhooks.create(company, &draft(spelling), &ana()).await;
        assert_eq!(faults(again.expect_err("taken")), taken);
        let found = world
            .webhooks
            .check(company, &draft(spelling), None)
            .await
            .expect("checked");
        assert_eq!(found[0].message, taken[0].1);
        assert!(
            world
                .webhooks
                .check(company, &draft(spelling), Some(first.id))
                .await
                .expect("checked")
                .is_empty()
        );
    }
    let mut elsewhere = draft("https://example.com/hook");
    elsewhere.environment = Environment::Prod;
    world
        .webhooks
        .create(company, &elsewhere, &ana())
        .await
        .expect("another environment");
    world
        .webhooks
        .create(world.other.id, &draft("https://example.com/hook"), &ana())
        .await
        .expect("another company");

    let second = world.webhook("https://example.com/other").await;
    let patch = WebhookPatch {
        url: Some("https://example.com/hook".to_owned()),
        ..WebhookPatch::default()
    };
    let moved = world
        .webhooks
        .patch(company, None, second.id, patch, &ana())
        .await;
    assert_eq!(faults(moved.expect_err("taken")), taken);

    let draft = draft("https://example.com/race");
    let tries = (0..8).map(|_| {
        let (webhooks, draft) = (world.webhooks.clone(), draft.clone());
        tokio::spawn(async move { webhooks.create(company, &draft, &ana()).await.is_ok() })
    });
    let mut made = 0;
    for one in tries.collect::<Vec<_>>() {
        made += u32::from(one.await.expect("no panic"));
    }
    assert_eq!(made, 1);
}

async fn every_error_in_a_draft_is_named_at_once(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let mut wrong = draft("https://10.0.0.1/");
    wrong.name = "  ".to_owned();
    wrong.events = WebhookEvents::Only(Vec::new());
    let found = faults(
        world
            .webhooks
            .create(world.company.id, &wrong, &ana())
            .await
            .expect_err("faults"),
    );
    assert_eq!(
        found.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(),
        ["name", "webhook_url", "events"]
    );
    assert!(
        found[1].1.contains("10.0.0.1 is not a public address: private"),
        "{}",
        found[1].1
    );
    assert_eq!(
        world
            .webhooks
            .check(world.company.id, &wrong, None)
            .await
            .expect("checked")
            .len(),
        3
    );
    assert!(
        world
            .webhooks
            .list(world.company.id)
            .await
            .expect("a list")
            .is_empty()
    );
    assert!(world.audit().await.is_empty(), "nothing happened");
}

async fn the_hint_about_a_url_agrees_with_what_is_accepted(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let check = async |url: &str| {
        let found = world.webhooks.check(world.company.id, &draft(url), None).await;
        let mut found = found.expect("checked");
        found.pop().map(|fault| (fault.field, fault.message))
    };
    for url in ["https://example.com/hook#part", "https://example.com/#"] {
        let fault = ("webhook_url", "The URL must not contain a fragment (#…).");
        assert_eq!(
            check(url).await,
            Some((fault.0.to_owned(), fault.1.to_owned())),
            "{url}"
        );
    }
    // This world allows loopback, as the demo does, in every spelling of this machine.
    for url in [
        "https://localhost/",
        "http://localhost:4000/",
        "https://127.0.0.1:4000/",
    ] {
        assert_eq!(check(url).await, None, "{url}");
    }
    // Other hosts are refused over http, whether their names resolve to a public address or not at all.
    for url in ["http://example.com/x", "http://8.8.8.8/x"] {
        let fault = check(url).await.expect("a fault");
        assert!(fault.1.contains("https"), "{url}: {fault:?}");
    }
    let saved = world.webhook("http://localhost:4000/").await.id;
    let own = draft("http://LOCALHOST:4000");
    let found = world.webhooks.check(world.company.id, &own, Some(saved)).await;
    assert!(
        found.expect("checked").is_empty(),
        "its own URL in another spelling"
    );
    let taken = check("http://localhost:4000")
        .await
        .expect("the same name and URL");
    assert!(taken.1.ends_with("already registered"), "{taken:?}");
}

async fn another_companys_webhook_is_not_found(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let (ours, theirs) = (world.company.id, world.other.id);
    let webhook = world.webhook("https://example.com/").await;
    world.publish("{}").await;
    let delivery = world.deliveries(webhook.id).await[0].id;
    let webhooks = &world.webhooks;
    let missing = |result: Result<(), WebhooksError>| {
        assert!(matches!(result, Err(WebhooksError::NotFound)), "{result:?}")
    };

    missing(webhooks.webhook(theirs, None, webhook.id).await.map(drop));
    missing(
        webhooks
            .webhook(ours, Some(Environment::Prod), webhook.id)
            .await
            .map(drop),
    );
    missing(webhooks.detail(theirs, webhook.id).await.map(drop));
    missing(
        webhooks
            .patch(theirs, None, webhook.id, WebhookPatch::default(), &ana())
            .await
            .map(drop),
    );
    missing(webhooks.delete(theirs, None, webhook.id, &ana()).await);
    missing(
        webhooks
            .send_test(
                theirs,
                webhook.id,
                EventType::from_static("order-created"),
                &ana(),
            )
            .await
            .map(drop),
    );
    missing(webhooks.delivery(theirs, delivery).await.map(drop));
    missing(webhooks.replay(theirs, delivery, &ana()).await);
    assert!(webhooks.list(theirs).await.expect("a list").is_empty());
    let filter = HistoryFilter {
        from: START,
        to: None,
        event_type: None,
        status: None,
        page: HistoryPage::Newest,
        size: 10,
    };
    assert!(
        webhooks
            .history(theirs, SANDBOX, filter)
            .await
            .expect("a history")
            .is_empty()
    );
    assert!(
        webhooks.webhook(ours, None, webhook.id).await.is_ok(),
        "nothing was changed"
    );
}

async fn deleting_frees_the_url_erases_the_secret_and_keeps_the_history(db: &TestDb) {
    let world = World::create(db).await;
    let webhook = world.webhook("https://example.com/").await;
    world.publish("{}").await;
    let delivery = world.deliveries(webhook.id).await[0].id;
    world
        .webhooks
        .delete(world.company.id, None, webhook.id, &ana())
        .await
        .expect("deleted");
    assert_eq!(world.delivery(delivery).await.row.state, DeliveryState::Skipped);
    let rows = sqlx::query("SELECT sealed_secret FROM webhooks")
        .fetch_all(db.db.reader())
        .await
        .expect("read");
    assert_eq!(rows[0].maybe_blob("sealed_secret").expect("a blob"), None);
    world.webhook("https://example.com/").await;
    assert_eq!(
        world.publish("{}").await.deliveries,
        1,
        "the deleted webhook gets nothing"
    );
}

async fn changes_tests_events_and_replays_leave_their_audit_rows(db: &TestDb) {
    let world = World::create(db).await;
    let company = world.company.id;
    let webhook = world.webhook("https://example.com/").await;
    let rename = WebhookPatch {
        name: Some("Other".to_owned()),
        ..WebhookPatch::default()
    };
    let steps = [
        "webhook.created",
        "webhook.changed",
        "webhook.tested",
        "delivery.replayed",
        "webhook.deleted",
    ];
    // An event is its own record, so it has no audit row.
    world.publish("{}").await;
    let published = sqlx::query("SELECT published_by_kind, published_by FROM events")
        .fetch_one(db.db.reader())
        .await
        .expect("read");
    assert_eq!(
        ["published_by_kind", "published_by"].map(|name| published.text(name).expect("text")),
        ["member".to_owned(), ana().name]
    );
    for step in &steps[1..] {
        world.clock.advance_seconds(1);
        match *step {
            "webhook.changed" => {
                world
                    .webhooks
                    .patch(company, None, webhook.id, rename.clone(), &ana())
                    .await
                    .map(drop)
                    .expect("changed");
            }
            "webhook.tested" => {
                let sent = world
                    .webhooks
                    .send_test(
                        company,
                        webhook.id,
                        EventType::from_static("order-created"),
                        &ana(),
                    )
                    .await;
                sent.map(drop).expect("sent");
            }
            "delivery.replayed" => {
                let rows = world.deliveries(webhook.id).await;
                let ours = rows.iter().find(|row| !row.test).expect("a delivery");
                world
                    .webhooks
                    .replay(company, ours.id, &ana())
                    .await
                    .expect("due");
            }
            _ => world
                .webhooks
                .delete(company, None, webhook.id, &ana())
                .await
                .expect("deleted"),
        }
    }
    assert_eq!(world.audit().await, steps);
}

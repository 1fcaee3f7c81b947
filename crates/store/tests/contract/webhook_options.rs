//! A webhook's own headers and its rate limit, on both databases: what receivers get, what is kept, and how much a limited
//! webhook gets however many nodes there are.

use std::time::Duration;

use model::{DeliveryState, SecretText, WebhookId, WebhookOptions};
use store::Columns;
use webhooks::{OptionsPatch, WebhookPatch, Webhooks, WebhooksError, WorkerOptions};

use crate::receiver::{Receiver, Reply};
use crate::test_db::TestDb;
use crate::webhook_tables::WebhookTables;
use crate::webhook_world::{World, ana};

contract!(
    store::MAIN_MIGRATIONS,
    [
        own_headers_are_sent_and_their_values_are_kept_nowhere,
        a_deleted_webhook_has_no_headers,
    ],
    in memory too: [
        options_are_changed_by_name_and_refused_with_every_fault,
        options_belong_to_a_webhook_of_the_company,
        a_url_at_another_origin_does_not_get_the_headers_of_the_one_before,
        a_limited_webhook_gets_its_rate_and_no_more,
        a_limit_holds_for_all_nodes_together,
        a_limit_that_is_removed_no_longer_holds_anything_back,
    ]
);

/// Long enough to be searched for, and so short that only its name gives it away.
const LONG: &str = "tenant-7f3a9c2e";
/// After its scheme, which a receiver leaves out.
const TOKEN: &str = "Zq8Rt4Lm0Pw2Xc6Vb1Nk5Jh3";
const SHORT: &str = "k9x";

fn headers(pairs: &[(&str, Option<&str>)]) -> OptionsPatch {
    OptionsPatch {
        headers: pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.map(SecretText::new)))
            .collect(),
        rate_limit: None,
    }
}

const fn limit(rate: Option<u32>) -> OptionsPatch {
    OptionsPatch {
        headers: Vec::new(),
        rate_limit: Some(rate),
    }
}

async fn change(
    world: &World,
    webhook: WebhookId,
    patch: OptionsPatch,
) -> Result<WebhookOptions, WebhooksError> {
    world
        .webhooks
        .change_options(world.company.id, None, webhook, patch, &ana())
        .await
}

async fn own_headers_are_sent_and_their_values_are_kept_nowhere(db: &TestDb) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|received| {
        let echo = format!(
            r#"{{"headers":{{"x-tenant":"{}","X-Code":"{}"}},"text":"you are {}","detail":"Invalid token {TOKEN}."}}"#,
            received.header("x-tenant").unwrap_or_default(),
            received.header("x-code").unwrap_or_default(),
            received.header("x-tenant").unwrap_or_default(),
        );
        Reply::Answer {
            status: 500,
            headers: vec![
                ("Content-Type", "application/json".to_owned()),
                (
                    "X-Echo",
                    received.header("x-tenant").unwrap_or_default().to_owned(),
                ),
                ("X-Code", received.header("x-code").unwrap_or_default().to_owned()),
            ],
            body: echo.into_bytes(),
        }
    })
    .await;
    let webhook = world.webhook(&receiver.url("/")).await.id;
    let bearer = format!("Bearer {TOKEN}");
    let set = headers(&[
        ("X-Tenant", Some(LONG)),
        ("x-code", Some(SHORT)),
        ("Authorization", Some(&bearer)),
    ]);
    let options = change(&world, webhook, set).await.expect("changed");
    assert_eq!(options.headers, ["Authorization", "x-code", "X-Tenant"]);
    let worker = world.start();
    let event = world.publish("{}").await.event;
    let row = world.settled(webhook, event, DeliveryState::Pending, 1).await;
    let received = receiver.received().remove(0);
    assert_eq!(
        (received.header("x-tenant"), received.header("x-code")),
        (Some(LONG), Some(SHORT))
    );
    let delivery = world.delivery(row.id).await;
    let shown = serde_json::to_string(&delivery).expect("text");
    assert!(shown.contains("x-tenant"), "the names are shown: {shown}");
    let hidden = |text: &str| [LONG, SHORT, TOKEN].iter().all(|value| !text.contains(value));
    assert!(hidden(&shown), "{shown}");
    assert!(shown.contains("you are [redacted]"), "{shown}");
    for (column, table) in [("headers", "webhooks"), ("hops", "attempts"), ("detail", "audit")] {
        let sql = format!("SELECT {column} AS kept FROM {table}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .fetch_all(world.db().reader())
            .await;
        for row in rows.expect("read") {
            let kept = row.maybe_text("kept").expect("text").unwrap_or_default();
            assert!(hidden(&kept), "{table}: {kept}");
        }
    }
    worker.stop().await;
}

async fn options_are_changed_by_name_and_refused_with_every_fault(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = world.webhook("http://127.0.0.1:4001/").await.id;
    change(
        &world,
        webhook,
        headers(&[("Authorization", Some("Bearer a")), ("X-B", Some("b"))]),
    )
    .await
    .expect("changed");
    change(&world, webhook, limit(Some(20))).await.expect("changed");
    let after = change(
        &world,
        webhook,
        headers(&[("authorization", None), ("x-b", Some("c")), ("X-A", Some("a"))]),
    )
    .await;
    let expected = WebhookOptions {
        headers: vec!["X-A".to_owned(), "x-b".to_owned()],
        rate_limit: Some(20),
    };
    assert_eq!(after.expect("changed"), expected);

    let wrong = OptionsPatch {
        rate_limit: Some(Some(0)),
        ..headers(&[
            ("Host", Some("x")),
            ("X-C", Some("a\r\nb")),
            ("X-D", Some("d")),
            ("x-d", None),
            ("X-WEBHOOK-SIGN", Some("x")),
        ])
    };
    let Err(WebhooksError::Invalid(faults)) = change(&world, webhook, wrong).await else {
        panic!("it is refused");
    };
    let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "secret_headers.Host",
            "secret_headers.X-C",
            "secret_headers.x-d",
            "secret_headers.X-WEBHOOK-SIGN",
            "rate_limit"
        ]
    );
    let many: Vec<(String, Option<&str>)> = (0..19).map(|n| (format!("X-Many-{n}"), Some("v"))).collect();
    let many: Vec<(&str, Option<&str>)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let Err(WebhooksError::Invalid(faults)) = change(&world, webhook, headers(&many)).await else {
        panic!("21 are too many");
    };
    assert_eq!(faults[0].field, "secret_headers");
    let options = world.webhooks.options(world.company.id, None, webhook).await;
    assert_eq!(
        options.expect("read"),
        expected,
        "a refused change changes nothing"
    );
}

async fn options_belong_to_a_webhook_of_the_company(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = world.webhook("http://127.0.0.1:4001/").await.id;
    let theirs = world
        .webhooks
        .change_options(world.other.id, None, webhook, limit(Some(1)), &ana())
        .await;
    assert!(matches!(theirs, Err(WebhooksError::NotFound)));
    let production = Some(model::Environment::Prod);
    let elsewhere = world
        .webhooks
        .options(world.company.id, production, webhook)
        .await;
    assert!(matches!(elsewhere, Err(WebhooksError::NotFound)));
}

async fn a_url_at_another_origin_does_not_get_the_headers_of_the_one_before(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = world.webhook("http://127.0.0.1:4001/a").await.id;
    let set = headers(&[("X-A", Some("a"))]);
    change(&world, webhook, set).await.expect("changed");
    let moved = async |url: &str| {
        let patch = WebhookPatch {
            url: Some(url.to_owned()),
            ..WebhookPatch::default()
        };
        let patched = world
            .webhooks
            .patch(world.company.id, None, webhook, patch, &ana())
            .await;
        patched.expect("patched");
        let options = world.webhooks.options(world.company.id, None, webhook).await;
        options.expect("read").headers
    };
    assert_eq!(moved("http://127.0.0.1:4001/b?c").await, ["X-A"]);
    assert!(moved("http://127.0.0.1:4002/b?c").await.is_empty());
}

async fn a_deleted_webhook_has_no_headers(db: &TestDb) {
    let world = World::create(db).await;
    let webhook = world.webhook("http://127.0.0.1:4001/").await.id;
    change(&world, webhook, headers(&[("X-A", Some("a"))]))
        .await
        .expect("changed");
    world
        .webhooks
        .delete(world.company.id, None, webhook, &ana())
        .await
        .expect("deleted");
    let row = sqlx::query("SELECT headers FROM webhooks")
        .fetch_one(world.db().reader())
        .await;
    assert_eq!(row.expect("a row").maybe_text("headers").expect("text"), None);
    let changed = change(&world, webhook, headers(&[("X-A", Some("a"))])).await;
    assert!(matches!(changed, Err(WebhooksError::NotFound)));
}

/// Moves the clock in steps of 50 ms until everything has arrived, and checks the limit of 10 a second at each step.
async fn arrives_at_ten_a_second(world: &World, receiver: &Receiver, all: usize) {
    let mut most = 10;
    receiver.wait_for(most).await;
    for step in 1.. {
        assert!(
            receiver.received().len() <= most,
            "{} of {most} after {} ms",
            receiver.received().len(),
            (step - 1) * 50
        );
        if most == all {
            return;
        }
        world.clock.advance(Duration::from_millis(50));
        most = (10 + step * 50 / 100).min(all);
        receiver.wait_for(most).await;
    }
}

async fn publish(world: &World, node: &Webhooks, count: usize) {
    for _ in 0..count {
        world.publish_on(node, "{}").await.expect("published");
    }
}

async fn a_limited_webhook_gets_its_rate_and_no_more(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let (receiver, free) = (
        Receiver::start(|_| Reply::status(200)).await,
        Receiver::start(|_| Reply::status(200)).await,
    );
    let webhook = world.webhook(&receiver.url("/")).await.id;
    world.webhook(&free.url("/")).await;
    change(&world, webhook, limit(Some(10))).await.expect("changed");
    let worker = world.start();
    publish(&world, &world.webhooks, 30).await;
    free.wait_for(30).await;
    arrives_at_ten_a_second(&world, &receiver, 30).await;
    worker.stop().await;
}

async fn a_limit_holds_for_all_nodes_together(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let webhook = world.webhook(&receiver.url("/")).await.id;
    change(&world, webhook, limit(Some(10))).await.expect("changed");
    let nodes = [
        world.node(&world.tables),
        world.node(&world.tables),
        world.node(&world.tables),
    ];
    let workers: Vec<_> = nodes
        .iter()
        .map(|node| world.start_with(node, WorkerOptions::default()))
        .collect();
    for node in &nodes {
        publish(&world, node, 8).await;
    }
    arrives_at_ten_a_second(&world, &receiver, 24).await;
    for worker in workers {
        worker.stop().await;
    }
}

async fn a_limit_that_is_removed_no_longer_holds_anything_back(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let webhook = world.webhook(&receiver.url("/")).await.id;
    change(&world, webhook, limit(Some(1))).await.expect("changed");
    let worker = world.start();
    publish(&world, &world.webhooks, 20).await;
    receiver.wait_for(1).await;
    change(&world, webhook, limit(None)).await.expect("changed");
    receiver.wait_for(20).await;
    worker.stop().await;
}

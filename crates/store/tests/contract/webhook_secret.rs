//! A webhook's own secret on both databases: who may get it, which audit rows that leaves, and the overlap.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::DeliveryState;
use store::Columns;
use webhooks::{OVERLAP_SECONDS, WebhooksError};

use crate::receiver::{Receiver, Reply};
use crate::test_db::TestDb;
use crate::webhook_tables::WebhookTables;
use crate::webhook_world::{START, World, ana};

contract!(
    store::MAIN_MIGRATIONS,
    [
        another_companys_or_a_deleted_webhooks_secret_is_not_found,
        during_the_overlap_a_delivery_carries_both_signatures,
    ],
    in memory too: [
        reveal_copy_and_rotation_leave_their_audit_rows,
    ]
);

fn bytes(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("whsec_").expect("it has the specified prefix");
    STANDARD.decode(digits).expect("base64")
}

async fn reveal_copy_and_rotation_leave_their_audit_rows(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = world.webhook("https://example.com/").await.id;
    let (company, webhooks) = (world.company.id, &world.webhooks);
    world.clock.advance_seconds(1);
    let shown = webhooks
        .reveal_secret(company, webhook, &ana())
        .await
        .expect("shown");
    assert_eq!(bytes(shown.expose()).len(), 32);
    world.clock.advance_seconds(1);
    let copied = webhooks
        .copy_secret(company, webhook, &ana())
        .await
        .expect("copied");
    assert_eq!(copied, shown);
    world.clock.advance_seconds(1);
    let rotated = webhooks
        .rotate_secret(company, webhook, &ana())
        .await
        .expect("rotated");
    assert_ne!(rotated.secret, shown);
    let until = START.plus_seconds(3 + OVERLAP_SECONDS);
    assert_eq!(rotated.former_secret_until, until);
    world.clock.advance_seconds(1);
    let now = webhooks
        .reveal_secret(company, webhook, &ana())
        .await
        .expect("shown");
    assert_eq!(now, rotated.secret);
    assert_eq!(
        world.audit().await,
        [
            "webhook.created",
            "webhook.secret_revealed",
            "webhook.secret_copied",
            "webhook.secret_rotated",
            "webhook.secret_revealed"
        ]
    );
    let overlap = async || {
        let detail = webhooks.detail(company, webhook).await.expect("a detail");
        detail.former_secret_until
    };
    assert_eq!(overlap().await, Some(until));
    world.clock.advance_seconds(OVERLAP_SECONDS);
    assert_eq!(overlap().await, None);
}

async fn another_companys_or_a_deleted_webhooks_secret_is_not_found(db: &TestDb) {
    let world = World::create(db).await;
    let webhook = world.webhook("https://example.com/").await.id;
    let (ours, theirs, webhooks) = (world.company.id, world.other.id, &world.webhooks);
    let missing = async |company| {
        let answers = [
            webhooks.reveal_secret(company, webhook, &ana()).await.map(drop),
            webhooks.copy_secret(company, webhook, &ana()).await.map(drop),
            webhooks.rotate_secret(company, webhook, &ana()).await.map(drop),
        ];
        for answer in answers {
            assert!(matches!(answer, Err(WebhooksError::NotFound)), "{answer:?}");
        }
    };
    missing(theirs).await;
    webhooks
        .rotate_secret(ours, webhook, &ana())
        .await
        .expect("rotated");
    webhooks
        .delete(ours, None, webhook, &ana())
        .await
        .expect("deleted");
    missing(ours).await;
    let row = sqlx::query("SELECT sealed_secret, previous_secret FROM webhooks")
        .fetch_one(db.db.reader())
        .await
        .expect("read");
    for column in ["sealed_secret", "previous_secret"] {
        assert_eq!(row.maybe_blob(column).expect("a blob"), None, "{column}");
    }
    let mut audit = world.audit().await;
    audit.sort();
    assert_eq!(
        audit,
        ["webhook.created", "webhook.deleted", "webhook.secret_rotated"],
        "refused requests left no row"
    );
}

async fn during_the_overlap_a_delivery_carries_both_signatures(db: &TestDb) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let webhook = world.webhook(&receiver.url("/")).await.id;
    let (company, webhooks) = (world.company.id, &world.webhooks);
    let former = webhooks
        .copy_secret(company, webhook, &ana())
        .await
        .expect("copied");
    let worker = world.start();
    let signatures = async |skip: usize| {
        let event = world.publish("{}").await.event;
        world.settled(webhook, event, DeliveryState::Delivered, 1).await;
        let sent = receiver.wait_for(skip + 1).await.remove(skip);
        let header = |name: &str| sent.header(name).expect("sent").to_owned();
        let (id, seconds) = (header("webhook-id"), header("webhook-timestamp"));
        let seconds = seconds.parse().expect("seconds");
        let expected = |secret: &str| vault::sign_standard_webhook(&bytes(secret), &id, seconds, &sent.body);
        (header("webhook-signature"), expected(former.expose()), {
            let current = webhooks
                .copy_secret(company, webhook, &ana())
                .await
                .expect("copied");
            expected(current.expose())
        })
    };
    let (sent, by_former, _) = signatures(0).await;
    assert_eq!(sent, by_former);
    webhooks
        .rotate_secret(company, webhook, &ana())
        .await
        .expect("rotated");
    let (sent, by_former, by_current) = signatures(1).await;
    assert_eq!(sent, format!("{by_current} {by_former}"));
    world.clock.advance_seconds(OVERLAP_SECONDS);
    let (sent, _, by_current) = signatures(2).await;
    assert_eq!(sent, by_current);
    worker.stop().await;
    world
        .store
        .prune
        .erase_former_secrets(world.clock_now())
        .await
        .expect("erased");
    let row = sqlx::query("SELECT previous_secret FROM webhooks")
        .fetch_one(db.db.reader())
        .await
        .expect("read");
    assert_eq!(row.maybe_blob("previous_secret").expect("a blob"), None);
}

//! The catalogue of event types on both databases: a new installation has the documented ones, a change reaches every node,
//! and what is removed keeps its subscriptions and is refused elsewhere.

use clock::Clock;
use live::Bus;
use model::{Actor, EventEntry, EventType, WebhookEvents};
use store::{Columns, StoreError};
use tokio_util::sync::CancellationToken;
use webhooks::event_types::{EventTypesError, Others, documented};
use webhooks::{EventTypes, PublishError, WebhookPatch, WebhooksError};

use crate::test_db::TestDb;
use crate::webhook_tables::WebhookTables;
use crate::webhook_world::{SANDBOX, World, ana, draft};

contract!(
    store::MAIN_MIGRATIONS,
    [changes_at_once_lose_none_and_each_leaves_its_audit_row],
    in memory too: [
        a_new_installation_has_the_documented_types_and_gets_them_once,
        a_removed_type_keeps_its_subscriptions_and_refuses_new_uses,
        a_change_on_one_node_reaches_the_other,
    ]
);

const PAID: EventType = EventType::from_static("invoice.paid");
const DELETED: EventType = EventType::from_static("link-deleted");

async fn opened(db: &impl WebhookTables, bus: &Bus) -> EventTypes {
    let types = EventTypes::open(db.tables().catalogue(), bus.clone(), Clock::machine()).await;
    types.expect("the event types")
}

fn entry(event_type: EventType) -> EventEntry {
    EventEntry {
        event_type,
        group: "Invoices".to_owned(),
        description: "An invoice was paid.".to_owned(),
        sample: r#"{"invoice":7}"#.to_owned(),
        schema: Some(r#"{"type":"object"}"#.to_owned()),
        fields: vec!["invoice".to_owned()],
        removed: false,
    }
}

fn operator() -> Actor {
    Actor::command_line()
}

async fn a_new_installation_has_the_documented_types_and_gets_them_once(db: &impl WebhookTables) {
    let types = opened(db, &Bus::default()).await;
    assert_eq!(types.known().catalogue().entries(), documented());
    let none = types.put(Vec::new(), Others::AreRemoved, &operator()).await;
    assert_eq!(none.expect("removed").removed, documented().len());
    let again = opened(db, &Bus::default()).await;
    assert_eq!(
        again.known().catalogue().offered().count(),
        0,
        "the operator removed them"
    );
    let added = again.put(vec![entry(PAID)], Others::Stay, &operator()).await;
    assert_eq!(added.expect("added").added, 1);
    assert_eq!(
        again.known().offered(&PAID),
        Some(&entry(PAID)),
        "as it was given"
    );
    assert!(types.known().get(&PAID).is_none());
    types.refresh().await.expect("read");
    assert_eq!(types.known().get(&PAID), Some(&entry(PAID)));
}

async fn a_removed_type_keeps_its_subscriptions_and_refuses_new_uses(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let company = world.company.id;
    let mut asked = draft("https://example.com/hook");
    asked.events = WebhookEvents::Only(vec![DELETED]);
    let kept = world
        .webhooks
        .create(company, &asked, &ana())
        .await
        .expect("created");
    world
        .event_types
        .remove(&DELETED, &operator())
        .await
        .expect("removed");

    let found = world
        .webhooks
        .webhook(company, Some(SANDBOX), kept.id)
        .await
        .expect("found");
    assert_eq!(found.events, asked.events);
    let both = WebhookEvents::Only(vec![DELETED, EventType::from_static("order-created")]);
    let patch = WebhookPatch {
        events: Some(both.clone()),
        ..WebhookPatch::default()
    };
    let faults = world
        .webhooks
        .faults(company, Some(SANDBOX), &patch, Some(kept.id))
        .await;
    assert_eq!(faults.expect("checked"), []);
    let changed = world.webhooks.patch(company, None, kept.id, patch, &ana()).await;
    let sorted = WebhookEvents::Only(vec![DELETED, EventType::from_static("order-created")]);
    assert_eq!(changed.expect("it has the type").events, sorted);

    asked.url = "https://example.com/new".to_owned();
    match world.webhooks.create(company, &asked, &ana()).await {
        Err(WebhooksError::Invalid(faults)) => {
            assert_eq!(faults[0].message, "\"link-deleted\" is not a valid choice.");
        }
        other => panic!("{other:?}"),
    }
    let published = world.publish_as(DELETED, "{}", None).await;
    assert!(
        matches!(published, Err(PublishError::UnknownEventType)),
        "{published:?}"
    );
    let tested = world.webhooks.send_test(company, kept.id, DELETED, &ana()).await;
    assert!(matches!(tested, Err(WebhooksError::Invalid(_))), "{tested:?}");

    world
        .event_types
        .put(vec![entry(DELETED)], Others::Stay, &operator())
        .await
        .expect("put");
    world
        .publish_as(DELETED, "{}", None)
        .await
        .expect("it is offered again");
}

async fn a_change_on_one_node_reaches_the_other(db: &impl WebhookTables) {
    let (here, there) = (
        opened(db, &Bus::default()).await,
        opened(db, &Bus::default()).await,
    );
    let stop = CancellationToken::new();
    let following = tokio::spawn(there.clone().follow(stop.clone()));
    here.put(vec![entry(PAID)], Others::Stay, &operator())
        .await
        .expect("added");
    test_wait::until("the other node offers it", async || {
        there.known().offered(&PAID).is_some()
    })
    .await;
    here.remove(&PAID, &operator()).await.expect("removed");
    test_wait::until("the other node refuses it", async || {
        there.known().offered(&PAID).is_none()
    })
    .await;
    stop.cancel();
    following.await.expect("it ended");
    let unknown = here
        .remove(&EventType::from_static("never.there"), &operator())
        .await;
    assert!(matches!(unknown, Err(EventTypesError::Unknown)));
}

async fn changes_at_once_lose_none_and_each_leaves_its_audit_row(db: &TestDb) {
    let types = opened(db, &Bus::default()).await;
    let all: Vec<EventType> = (0..10)
        .map(|number| format!("invoice.paid-{number}").parse().expect("an event type"))
        .collect();
    let changes = all.iter().map(|event_type| {
        let (types, entry) = (types.clone(), entry(event_type.clone()));
        async move { types.put(vec![entry], Others::Stay, &operator()).await }
    });
    for change in futures_util::future::join_all(changes).await {
        assert_eq!(change.expect("added").added, 1);
    }
    types.refresh().await.expect("read");
    assert!(
        all.iter()
            .all(|event_type| types.known().offered(event_type).is_some())
    );
    types.remove(&all[0], &operator()).await.expect("removed");
    let rows = sqlx::query(
        "SELECT action, subject, company_id FROM audit WHERE subject LIKE 'invoice.paid-%' ORDER BY at, id",
    )
    .fetch_all(db.db.reader())
    .await
    .expect("the audit trail");
    let rows: Vec<(String, String)> = rows
        .iter()
        .map(|row| Ok::<_, StoreError>((row.text("action")?, row.text("subject")?)))
        .collect::<Result<_, _>>()
        .expect("rows");
    assert_eq!(rows.len(), all.len() + 1);
    let removed = rows
        .iter()
        .filter(|(action, _)| action == "event_type.removed")
        .count();
    assert_eq!(removed, 1);
}

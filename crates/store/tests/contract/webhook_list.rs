//! The list of a webhook's deliveries: its pages, what is beside a delivery, and what has become of a list.

use std::time::{Duration, Instant};

use model::{
    CompanyId, DeliveryCursor, DeliveryFilter, DeliveryId, DeliveryNews, DeliveryPlace, DeliveryRow,
    DeliveryView, EventType, WebhookId,
};
use sqlx::AssertSqlSafe;
use store::{Dialect, StoreError, Urgency};
use webhooks::WebhooksError;

use crate::test_db::TestDb;
use crate::webhook_tables::WebhookTables;
use crate::webhook_world::{START, World, ana};

contract!(
    store::MAIN_MIGRATIONS,
    [rare_deliveries_among_a_hundred_thousand_are_found_soon],
    in memory too: [
        pages_have_every_delivery_once_in_both_directions,
        a_delivery_has_neighbours_in_the_list_it_was_opened_from,
        a_list_hears_of_its_rows_and_of_how_many_are_newer,
        a_list_without_a_match_says_which_condition_to_loosen,
        another_companys_deliveries_are_in_no_list,
    ]
);

fn view(query: &str) -> DeliveryView {
    let (view, wrong) = DeliveryView::parse_lenient(query);
    assert!(wrong.is_empty(), "{wrong:?}");
    view
}

async fn publish(world: &World, event_type: &'static str) {
    let event_type = EventType::from_static(event_type);
    world.publish_as(event_type, "{}", None).await.expect("published");
}

/// Three at each moment, in seven moments.
async fn filled(world: &World) -> WebhookId {
    let webhook = world.webhook("https://example.com/").await.id;
    for _ in 0..7 {
        world.clock.advance_seconds(1);
        for event_type in ["order-created", "link-deleted", "order-created"] {
            publish(world, event_type).await;
        }
    }
    webhook
}

async fn page(
    world: &World,
    webhook: WebhookId,
    query: &str,
    cursor: DeliveryCursor,
    size: u32,
) -> model::DeliveryPage {
    let filter = view(query).filter;
    let page = world
        .webhooks
        .deliveries(world.company.id, None, webhook, &filter, cursor, size);
    page.await.expect("a page")
}

fn ids(rows: &[DeliveryRow]) -> Vec<DeliveryId> {
    rows.iter().map(|row| row.id).collect()
}

async fn pages_have_every_delivery_once_in_both_directions(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = filled(&world).await;
    for (query, count) in [
        ("", 21),
        ("event=order-created", 14),
        ("event=link-deleted&state=waiting", 7),
    ] {
        let whole = page(&world, webhook, query, DeliveryCursor::Newest, 100).await;
        assert_eq!((whole.rows.len(), whole.older, whole.newer), (count, None, None));
        let places: Vec<DeliveryPlace> = whole.rows.iter().map(DeliveryPlace::of).collect();
        assert!(places.is_sorted_by(|one, next| one > next), "newest first");
        for size in [1, 4, 5] {
            let mut cursor = DeliveryCursor::Newest;
            let (mut down, mut last) = (Vec::new(), None);
            loop {
                let page = page(&world, webhook, query, cursor, size).await;
                assert_eq!(page.newer.is_some(), cursor != DeliveryCursor::Newest);
                down.extend(ids(&page.rows));
                last = page.rows.last().map(DeliveryPlace::of).or(last);
                match page.older {
                    Some(place) => cursor = DeliveryCursor::Before(place),
                    None => break,
                }
            }
            assert_eq!(down, ids(&whole.rows), "{query}, {size} on a page");
            let mut up = Vec::new();
            let mut from = last.expect("a last one");
            loop {
                let page = page(&world, webhook, query, DeliveryCursor::After(from), size).await;
                assert!(page.older.is_some() || page.rows.is_empty());
                up.splice(0..0, ids(&page.rows));
                match page.newer {
                    Some(place) => from = place,
                    None => break,
                }
            }
            assert_eq!(up, ids(&whole.rows)[..count - 1], "back to the newest");
        }
    }
}

async fn a_delivery_has_neighbours_in_the_list_it_was_opened_from(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = filled(&world).await;
    for query in ["", "event=link-deleted", "event=order-created"] {
        let filter = view(query).filter;
        let rows = page(&world, webhook, query, DeliveryCursor::Newest, 100)
            .await
            .rows;
        for (at, row) in rows.iter().enumerate() {
            let beside = world
                .webhooks
                .delivery_neighbours(world.company.id, webhook, &filter, row.id)
                .await
                .expect("neighbours");
            let newer = at.checked_sub(1).map(|above| rows[above].id);
            assert_eq!(
                (beside.newer, beside.older),
                (newer, rows.get(at + 1).map(|row| row.id))
            );
        }
    }
    // One that is in no such list has its neighbours there all the same.
    let links = view("event=link-deleted").filter;
    let orders = page(&world, webhook, "event=order-created", DeliveryCursor::Newest, 1)
        .await
        .rows;
    let beside = world
        .webhooks
        .delivery_neighbours(world.company.id, webhook, &links, orders[0].id)
        .await
        .expect("neighbours");
    assert!(beside.older.is_some());
    let unknown = world
        .webhooks
        .delivery_neighbours(
            world.company.id,
            webhook,
            &links,
            DeliveryId::from_random([9; 16]),
        )
        .await;
    assert!(matches!(unknown, Err(WebhooksError::NotFound)), "{unknown:?}");
}

async fn a_list_hears_of_its_rows_and_of_how_many_are_newer(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = filled(&world).await;
    let news = async |query: &str, newest, known: &[DeliveryId]| {
        let filter = view(query).filter;
        let news = world
            .webhooks
            .delivery_news(world.company.id, webhook, &filter, newest, known);
        news.await.expect("news")
    };
    let before = page(&world, webhook, "", DeliveryCursor::Newest, 100).await.rows;
    let newest = Some(DeliveryPlace::of(&before[0]));
    assert_eq!(news("", newest, &[]).await, DeliveryNews::default());
    world.clock.advance_seconds(1);
    publish(&world, "order-created").await;
    publish(&world, "link-deleted").await;
    world.set_enabled(webhook, false).await;
    let heard = news("", newest, &ids(&before[..3])).await;
    assert_eq!((heard.newer, heard.and_more), (2, false));
    let mut known = ids(&heard.known);
    known.sort_unstable();
    let mut asked = ids(&before[..3]);
    asked.sort_unstable();
    assert_eq!(known, asked);
    assert!(
        heard.known.iter().all(|row| row.webhook_is_off),
        "as they are now"
    );
    assert_eq!(news("event=link-deleted", newest, &[]).await.newer, 1);
    assert_eq!(
        news("event=link-deleted", None, &[]).await.newer,
        8,
        "an empty list"
    );
    let unknown = DeliveryId::from_random([9; 16]);
    assert_eq!(news("", newest, &[unknown]).await.known, Vec::new());
}

async fn a_list_without_a_match_says_which_condition_to_loosen(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = filled(&world).await;
    let listing = async |query: &str| {
        let view = view(query);
        let listing = world.webhooks.delivery_listing(world.company.id, webhook, &view);
        listing.await.expect("a listing")
    };
    let found = listing("event=link-deleted").await;
    assert_eq!((found.page.rows.len(), found.loosened), (7, Vec::new()));
    let nothing = listing("event=link-deleted&state=delivered&range=1h").await;
    let loosened: Vec<(String, u64)> = nothing
        .loosened
        .iter()
        .map(|one| (one.view.to_string(), one.deliveries))
        .collect();
    assert_eq!(loosened, [("event=link-deleted&range=1h".to_owned(), 7)]);
    world.clock.advance_seconds(7_200);
    let nothing = listing("event=link-deleted&range=1h").await;
    assert_eq!(nothing.loosened.len(), 1);
    assert_eq!(nothing.loosened[0].view.to_string(), "event=link-deleted");
    assert_eq!(listing("status=500&attempts=3").await.loosened, Vec::new());
}

async fn another_companys_deliveries_are_in_no_list(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let webhook = filled(&world).await;
    let other = world.other.id;
    let filter = DeliveryFilter::default();
    let refused = |result: Result<(), WebhooksError>| {
        assert!(matches!(result, Err(WebhooksError::NotFound)), "{result:?}");
    };
    let list = world
        .webhooks
        .deliveries(other, None, webhook, &filter, DeliveryCursor::Newest, 10);
    refused(list.await.map(drop));
    let rows = page(&world, webhook, "", DeliveryCursor::Newest, 3).await.rows;
    let shown = ids(&rows);
    let news = world
        .webhooks
        .delivery_news(other, webhook, &filter, None, &shown);
    refused(news.await.map(drop));
    let beside = world
        .webhooks
        .delivery_neighbours(other, webhook, &filter, rows[0].id);
    refused(beside.await.map(drop));
    // By ids, another webhook's are left out too.
    let second = world.webhook("https://example.com/second").await.id;
    let news = world
        .webhooks
        .delivery_news(world.company.id, second, &filter, None, &shown);
    assert_eq!(news.await.expect("news").known, Vec::new());
    world
        .webhooks
        .delete(world.company.id, None, webhook, &ana())
        .await
        .expect("deleted");
    let list = world.webhooks.deliveries(
        world.company.id,
        None,
        webhook,
        &filter,
        DeliveryCursor::Newest,
        10,
    );
    refused(list.await.map(drop));
}

/// So many that a page must not read all of them.
const MANY: i64 = 100_000;

/// A question of a list takes less than this. It is far more than was measured, because other tests run beside this one.
const SOON: Duration = Duration::from_secs(2);

/// Rows as the tables have them, one a second. The rare ones are among the oldest, so that a page that looks for them reads the most.
async fn fill(db: &TestDb, webhook: WebhookId, company: CompanyId) {
    let (numbers, id, int) = match db.db.dialect() {
        Dialect::Sqlite => (
            format!("WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {MANY})"),
            "printf('%032x', n)",
            "INTEGER",
        ),
        Dialect::Postgres => (
            format!("WITH n(n) AS (SELECT generate_series(1, {MANY}))"),
            "lpad(to_hex(n), 32, '0')",
            "BIGINT",
        ),
    };
    let start = START.as_millis();
    let bytes = match db.db.dialect() {
        Dialect::Sqlite => "zeroblob(600)",
        Dialect::Postgres => "decode(repeat('00', 600), 'hex')",
    };
    let events = format!(
        "INSERT INTO events (id, company_id, environment, event_type, created_at, body) {numbers} \
         SELECT {id}, '{company}', 'sandbox', CASE WHEN n = 5 THEN 'link-deleted' ELSE 'order-created' END, \
         {start} + CAST(n AS {int}) * 1000, {bytes} FROM n"
    );
    let deliveries = format!(
        "INSERT INTO deliveries (id, webhook_id, event_id, company_id, test, state, attempts, due_at, created_at, last_attempt_at, \
         last_status, last_failure, last_duration_ms, brake) {numbers} \
         SELECT {id}, '{webhook}', {id}, '{company}', CASE WHEN n = 11 THEN 1 ELSE 0 END, \
         CASE WHEN n IN (10, 12) THEN 'exhausted' WHEN n IN (20, 30) THEN 'pending' WHEN n = 40 THEN 'skipped' ELSE 'delivered' END, \
         CASE WHEN n IN (10, 12) THEN 10 WHEN n = 20 THEN 3 WHEN n IN (30, 40) THEN 0 ELSE 1 END, \
         CASE WHEN n IN (20, 30) THEN {start} + 900000000 END, {start} + CAST(n AS {int}) * 1000, {start} + CAST(n AS {int}) * 1000, \
         CASE WHEN n IN (12, 20) THEN 503 WHEN n IN (10, 30, 40) THEN NULL ELSE 200 END, \
         CASE WHEN n IN (12, 20) THEN 'status' WHEN n = 10 THEN 'dns' END, 40, \
         CASE WHEN n = 30 THEN 'hold' END FROM n"
    );
    let analyse = match db.db.dialect() {
        // SQLite has no statistics in an installation either.
        Dialect::Sqlite => None,
        Dialect::Postgres => Some("ANALYZE".to_owned()),
    };
    let filled = db
        .db
        .write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                for statement in [events, deliveries].into_iter().chain(analyse) {
                    sqlx::query(AssertSqlSafe(statement))
                        .execute(&mut *connection)
                        .await?;
                }
                Ok(())
            })
        });
    filled.await.expect("filled");
}

async fn rare_deliveries_among_a_hundred_thousand_are_found_soon(db: &TestDb) {
    let world = World::create(db).await;
    let webhook = world.webhook("https://example.com/").await.id;
    fill(db, webhook, world.company.id).await;
    let mut slow = Vec::new();
    let mut took = |what: String, since: Instant| {
        let took = since.elapsed();
        if took > SOON {
            slow.push(format!("{what} took {took:?}"));
        }
    };
    for (query, rows) in [
        ("", 50),
        ("state=exhausted", 2),
        ("state=failing", 1),
        ("state=on_hold", 1),
        ("state=skipped", 1),
        ("status=503", 2),
        ("failure=dns", 1),
        ("attempts=3", 1),
        ("event=link-deleted", 1),
        ("test=only", 1),
        ("id=00000000000000000000000000000005", 1),
        ("state=delivered&event=link-deleted", 1),
        ("state=cancelled&status=404", 0),
        ("until=2026-01-05T12:00:20Z", 19),
    ] {
        let since = Instant::now();
        let page = page(&world, webhook, query, DeliveryCursor::Newest, 50).await;
        took(format!("{query:?}: a page"), since);
        assert_eq!(page.rows.len(), rows, "{query}");
        let filter = view(query).filter;
        let newest = page.rows.first().map(DeliveryPlace::of);
        let known: Vec<DeliveryId> = page.rows.iter().map(|row| row.id).collect();
        let since = Instant::now();
        let news = world
            .webhooks
            .delivery_news(world.company.id, webhook, &filter, newest, &known);
        assert_eq!(news.await.expect("news").known.len(), rows.min(50));
        took(format!("{query:?}: news"), since);
        if let Some(row) = page.rows.last() {
            let since = Instant::now();
            let beside = world
                .webhooks
                .delivery_neighbours(world.company.id, webhook, &filter, row.id);
            beside.await.expect("neighbours");
            took(format!("{query:?}: neighbours"), since);
        }
    }
    let nowhere = view("state=cancelled&status=404&attempts=7&event=link-deleted");
    let since = Instant::now();
    let nothing = world
        .webhooks
        .delivery_listing(world.company.id, webhook, &nowhere);
    nothing.await.expect("a listing");
    took("nothing found, and what to loosen".to_owned(), since);
    assert_eq!(slow, Vec::<String>::new());
}

//! Measures how fast old events are removed: `bench_pruning [EVENTS [postgres]]`, by default 300,000 events that were delivered
//! at the first attempt, on SQLite. The database is in the directory for temporary files, so `TMPDIR` says on which disk.
//!
//! As in the server, 500 events are removed at once, and then nothing for as long as that took.

#![expect(clippy::print_stdout, reason = "a program that prints what it measures")]

use std::time::{Duration, Instant};

use model::Timestamp;
use sqlx::AssertSqlSafe;
use store::webhooks::StoredWebhooks;
use store::{Db, DbOptions, Durability, StoreError, Urgency};
use test_postgres::Database;
use webhooks::PruneStore;

const AT_ONCE: u32 = 500;
/// The webhook that all events went to is one of these, in turn.
const WEBHOOKS: usize = 100;
/// Ordinary sizes, in bytes: a sealed event, and the evidence of one attempt.
const BODY: usize = 400;
const HOPS: usize = 1500;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let events = arguments
        .first()
        .map_or(300_000, |text| text.parse().expect("a number"));
    if arguments.get(1).is_some_and(|engine| engine == "postgres") {
        let database = Database::create().await;
        let options = DbOptions::Postgres {
            url: database.url(),
            schema: None,
            connections: 8,
        };
        measure(&options, events, Engine::Postgres).await;
        database.remove().await;
    } else {
        let folder = tempfile::tempdir().expect("a directory");
        let options = DbOptions::Sqlite {
            file: folder.path().join("gatehouse.db"),
            durability: Durability::Full,
        };
        measure(&options, events, Engine::Sqlite).await;
    }
}

#[derive(Clone, Copy)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// The id with this number.
    fn id(self, number: &str) -> String {
        match self {
            Self::Sqlite => format!("printf('%032x', {number})"),
            Self::Postgres => format!("lpad(to_hex({number}), 32, '0')"),
        }
    }

    fn bytes(self) -> String {
        match self {
            Self::Sqlite => format!("randomblob({BODY})"),
            Self::Postgres => format!("decode(repeat(md5(random()::text), {}), 'hex')", BODY / 16),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Sqlite => format!("hex(randomblob({}))", HOPS / 2),
            Self::Postgres => format!("repeat(md5(random()::text), {})", HOPS / 32),
        }
    }
}

async fn measure(options: &DbOptions, events: usize, engine: Engine) {
    let db = Db::open(options, store::MAIN_MIGRATIONS).await.expect("opens");
    fill(&db, events, engine).await;
    let store = StoredWebhooks::new(db.clone());
    let before = Timestamp::from_millis(i64::MAX / 2);
    let (mut removed, mut worked, mut longest) = (0, Duration::ZERO, Duration::ZERO);
    let began = Instant::now();
    loop {
        let started = Instant::now();
        let now = store.prune(before, AT_ONCE).await.expect("pruned");
        let took = started.elapsed();
        (removed, worked, longest) = (removed + now, worked + took, longest.max(took));
        if now < u64::from(AT_ONCE) {
            break;
        }
        tokio::time::sleep(took).await;
    }
    let rate = |time: Duration| removed as f64 / time.as_secs_f64();
    println!(
        "{removed} events of {events}: {:.0} a second with the pauses, {:.0} without; the longest took {:.1} ms",
        rate(began.elapsed()),
        rate(worked),
        longest.as_secs_f64() * 1e3
    );
    db.close().await;
}

/// Events with a delivery and an attempt each, a millisecond apart.
async fn fill(db: &Db, events: usize, engine: Engine) {
    let (id, webhook) = (engine.id("i"), engine.id(&format!("i % {WEBHOOKS}")));
    let (body, hops) = (engine.bytes(), engine.text());
    let numbers = |from: usize, to: usize| {
        format!("WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {to})")
    };
    run(
        db,
        "INSERT INTO companies (id, client_id, name, created_at) VALUES ('c', 'c', 'Northwind', 0)"
            .to_owned(),
    )
    .await;
    let webhooks = format!(
        "{} INSERT INTO webhooks (id, company_id, environment, name, url, normal_url, enabled, sealed_secret, created_at, updated_at) \
         SELECT {id}, 'c', 'sandbox', 'w', 'https://example.com/', {id}, 1, {body}, 0, 0 FROM n",
        numbers(0, WEBHOOKS)
    );
    run(db, webhooks).await;
    for from in (0..events).step_by(20_000) {
        let these = numbers(from, events.min(from + 20_000));
        for insert in [
            format!(
                "{these} INSERT INTO events (id, company_id, environment, event_type, created_at, body) \
                 SELECT {id}, 'c', 'sandbox', 'order-created', i, {body} FROM n"
            ),
            format!(
                "{these} INSERT INTO deliveries (id, webhook_id, event_id, company_id, test, state, attempts, created_at, \
                 last_attempt_at, last_status, last_duration_ms) \
                 SELECT {id}, {webhook}, {id}, 'c', 0, 'delivered', 1, i, i, 204, 3 FROM n"
            ),
            format!(
                "{these} INSERT INTO attempts (id, delivery_id, webhook_id, event_id, company_id, environment, event_type, test, \
                 number, started_at, ended_at, duration_ms, status, replay, url, hops) \
                 SELECT {id}, {id}, {webhook}, {id}, 'c', 'sandbox', 'order-created', 0, 1, i, i, 3, 204, 0, \
                 'https://example.com/', {hops} FROM n"
            ),
        ] {
            run(db, insert).await;
        }
    }
}

async fn run(db: &Db, sql: String) {
    let written = db.write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            sqlx::query(AssertSqlSafe(sql)).execute(connection).await?;
            Ok(())
        })
    });
    written.await.expect("written");
}

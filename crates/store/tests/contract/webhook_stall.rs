//! The disk stalls for ten seconds while events are published and delivered: no write ends. Afterwards every event that was
//! accepted has arrived.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use model::EventId;
use store::{Dialect, StoreError, Urgency};

use crate::receiver::{Receiver, Reply};
use crate::test_db::TestDb;
use crate::webhook_world::World;

contract!(
    store::MAIN_MIGRATIONS,
    [what_was_accepted_arrives_after_a_disk_that_stalled]
);

const STALL: Duration = Duration::from_secs(10);
const PUBLISHERS: usize = 8;

/// Keeps every write of the webhooks waiting: SQLite has one writer, and on PostgreSQL the tables are locked.
async fn stall(db: &TestDb) {
    let dialect = db.db.dialect();
    let stalled = db
        .db
        .write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                if dialect == Dialect::Postgres {
                    sqlx::query("LOCK TABLE webhooks, events, deliveries, attempts")
                        .execute(connection)
                        .await?;
                }
                tokio::time::sleep(STALL).await;
                Ok(())
            })
        });
    stalled.await.expect("it stalls and goes on");
}

async fn what_was_accepted_arrives_after_a_disk_that_stalled(db: &TestDb) {
    let world = World::create(db).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    world.webhook(&receiver.url("/")).await;
    let worker = world.start();
    let (accepted, stopped) = (RefCell::new(Vec::<EventId>::new()), Cell::new(false));
    let publisher = async || {
        while !stopped.get() {
            match world.try_publish("{}", None).await {
                Ok(published) => accepted.borrow_mut().push(published.event),
                // It was refused, and its publisher knows.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let stalling = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let before = accepted.borrow().len();
        stall(db).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        stopped.set(true);
        before
    };
    let (before, _) = tokio::join!(stalling, join_all((0..PUBLISHERS).map(|_| publisher())));
    let accepted: HashSet<String> = accepted.take().iter().map(EventId::to_string).collect();
    assert!(
        before > 0 && accepted.len() > before,
        "{before} of {}",
        accepted.len()
    );
    test_wait::eventually("every accepted event arrives", async || {
        world.clock.advance_seconds(1);
        let received = receiver.received();
        let ids = received.iter().filter_map(|one| one.header("webhook-id"));
        let arrived: HashSet<&str> = ids.collect();
        accepted
            .iter()
            .all(|id| arrived.contains(id.as_str()))
            .then_some(())
    })
    .await;
    worker.stop().await;
}

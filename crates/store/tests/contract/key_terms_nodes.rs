//! Terms that are changed on one node are judged by on every other, at once.

use std::time::Duration;

use clock::Clock;
use keys::lease::LEASE;
use keys::{KeyChange, Setting};
use model::{Environment, Verdict};
use store::Db;

use crate::key_world::{World, ana};
use crate::test_db::TestDb;

contract!(
    postgres only: store::MAIN_MIGRATIONS,
    [
        a_change_on_one_node_is_in_force_on_the_other_once_it_is_answered,
        a_scheduled_deletion_happens_once_on_many_nodes,
    ]
);

const SANDBOX: Environment = Environment::Sandbox;

async fn a_change_on_one_node_is_in_force_on_the_other_once_it_is_answered(db: &TestDb) {
    let world = World::create(db).await;
    let one = world.open_with(&db.db, Clock::machine(), LEASE).await;
    let other_db: Db = db.open_again().await;
    let two = world.open_with(&other_db, Clock::machine(), LEASE).await;
    let running = [one.start(), two.start()];
    test_wait::until("the nodes are ready", async || one.is_ready() && two.is_ready()).await;
    let key = one
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let now = || Clock::machine().now();
    for _ in 0..5 {
        let at = now().plus_millis(400);
        let soon = KeyChange {
            expires_at: Setting::To(at),
            ..KeyChange::default()
        };
        one.change(world.company.id, key.key.id, soon, &ana())
            .await
            .expect("changed");
        let snapshot = two.snapshot();
        let active = snapshot.active_key(key.key.id).expect("active");
        let ends_at = active.limits.as_ref().and_then(|limits| limits.ends_at());
        assert_eq!(ends_at, Some(at), "the other node knows when Change has returned");
        Clock::machine().sleep_until(at).await;
        assert_eq!(world.verdict(&two, &key.secret), Verdict::ExpiredKey);
        let never = KeyChange {
            expires_at: Setting::Clear,
            ..KeyChange::default()
        };
        one.change(world.company.id, key.key.id, never, &ana())
            .await
            .expect("changed");
        assert_eq!(world.verdict(&two, &key.secret), Verdict::Accepted);
    }
    for running in running {
        running.stop().await;
    }
}

async fn a_scheduled_deletion_happens_once_on_many_nodes(db: &TestDb) {
    let world = World::create(db).await;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(world.open(&db.open_again().await).await);
    }
    let mut secrets = Vec::new();
    for environment in Environment::ALL {
        for _ in 0..2 {
            let key = nodes[0]
                .generate(world.company.id, environment, &ana())
                .await
                .expect("a free slot");
            let soon = KeyChange {
                delete_at: Setting::To(crate::key_world::START.plus_millis(100)),
                ..KeyChange::default()
            };
            nodes[1]
                .change(world.company.id, key.key.id, soon, &ana())
                .await
                .expect("changed");
            for node in &nodes {
                node.follow().await.expect("followed");
            }
            secrets.push(key.secret);
        }
    }
    world.clock.advance(Duration::from_millis(100));
    for node in &nodes {
        assert!(
            secrets
                .iter()
                .all(|secret| world.verdict(node, secret) == Verdict::DeletedKey)
        );
    }
    let (a, b, c) = tokio::join!(
        nodes[0].delete_due(),
        nodes[1].delete_due(),
        nodes[2].delete_due()
    );
    for done in [a, b, c] {
        done.expect("deleted");
    }
    let rows = audit_rows_of_deletions(&db.db).await;
    assert_eq!(rows, secrets.len());
    for node in &nodes {
        node.follow().await.expect("followed");
        assert_eq!(*node.snapshot(), *nodes[0].snapshot());
    }
}

async fn audit_rows_of_deletions(db: &Db) -> usize {
    let sql = "SELECT id FROM audit WHERE action = 'key.deleted' AND actor_kind = 'system'";
    let rows = sqlx::query(sql).fetch_all(db.reader()).await.expect("audit rows");
    rows.len()
}

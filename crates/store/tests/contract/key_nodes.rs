//! Several nodes on one PostgreSQL database. Once Delete has returned on one node, no other node accepts the key
//! (invariant 1).

use std::time::Duration;

use clock::Clock;
use keys::lease::LEASE;
use keys::{KeyStore, Keys, NodeId};
use model::{Environment, Verdict};
use store::keys::StoredKeys;

use crate::key_world::{Hammer, World, ana};
use crate::test_db::TestDb;

contract!(
    postgres only: store::MAIN_MIGRATIONS,
    [
        a_node_without_a_lease_refuses_every_request,
        a_node_that_hears_nothing_for_three_seconds_refuses_until_it_hears_again,
        after_generate_on_one_node_the_other_accepts_and_after_delete_it_refuses,
        no_other_node_accepts_a_request_after_delete_has_answered,
        delete_waits_for_a_silent_node_until_its_lease_expires,
        delete_does_not_wait_for_a_node_that_left,
    ]
);

const SANDBOX: Environment = Environment::Sandbox;

async fn are_ready(nodes: &[&Keys]) {
    test_wait::until("the nodes are ready", async || {
        nodes.iter().all(|node| node.is_ready())
    })
    .await;
}

async fn a_node_without_a_lease_refuses_every_request(db: &TestDb) {
    let world = World::create(db).await;
    let generated = world
        .open(&db.db)
        .await
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let keys = world.open_with(&db.db, Clock::from(&world.clock), LEASE).await;
    assert_eq!(world.verdict(&keys, &generated.secret), Verdict::NotReady);
    keys.follow().await.expect("followed");
    assert_eq!(world.verdict(&keys, &generated.secret), Verdict::Accepted);
}

async fn a_node_that_hears_nothing_for_three_seconds_refuses_until_it_hears_again(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generated = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    world.clock.advance(Duration::from_millis(2999));
    assert_eq!(world.verdict(&keys, &generated.secret), Verdict::Accepted);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.verdict(&keys, &generated.secret), Verdict::NotReady);
    keys.follow().await.expect("followed");
    assert_eq!(world.verdict(&keys, &generated.secret), Verdict::Accepted);
}

async fn after_generate_on_one_node_the_other_accepts_and_after_delete_it_refuses(db: &TestDb) {
    let world = World::create(db).await;
    let one = world.open_with(&db.db, Clock::machine(), LEASE).await;
    let two = world
        .open_with(&db.open_again().await, Clock::machine(), LEASE)
        .await;
    let running = [one.start(), two.start()];
    are_ready(&[&one, &two]).await;
    for _ in 0..10 {
        let generated = one
            .generate(world.company.id, SANDBOX, &ana())
            .await
            .expect("a free slot");
        assert_eq!(world.verdict(&two, &generated.secret), Verdict::Accepted);
        let deleted = one
            .delete(world.company.id, generated.key.id, &ana())
            .await
            .expect("deleted");
        assert_eq!(world.verdict(&two, &generated.secret), Verdict::DeletedKey);
        assert!(
            Duration::from_millis(deleted.took_ms) < LEASE,
            "it waited for a lease to expire"
        );
    }
    for running in running {
        running.stop().await;
    }
}

async fn no_other_node_accepts_a_request_after_delete_has_answered(db: &TestDb) {
    let world = World::create(db).await;
    let one = world.open_with(&db.db, Clock::machine(), LEASE).await;
    let two = world
        .open_with(&db.open_again().await, Clock::machine(), LEASE)
        .await;
    let running = [one.start(), two.start()];
    are_ready(&[&one, &two]).await;
    for _ in 0..5 {
        let generated = one
            .generate(world.company.id, SANDBOX, &ana())
            .await
            .expect("a free slot");
        let hammer = Hammer::start(&two, &world, &generated.secret);
        hammer.wait_until_accepted().await;
        one.delete(world.company.id, generated.key.id, &ana())
            .await
            .expect("deleted");
        hammer.deleted();
        assert_eq!(hammer.accepted_after_deletion().await, 0);
    }
    for running in running {
        running.stop().await;
    }
}

/// The second node has a lease and then never checks for changes again. It keeps accepting the key until its lease
/// expires.
async fn delete_waits_for_a_silent_node_until_its_lease_expires(db: &TestDb) {
    let world = World::create(db).await;
    let lease = Duration::from_secs(2);
    let one = world.open_with(&db.db, Clock::machine(), lease).await;
    let two = world
        .open_with(&db.open_again().await, Clock::machine(), lease)
        .await;
    let generated = one
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    two.follow().await.expect("followed");
    assert_eq!(world.verdict(&two, &generated.secret), Verdict::Accepted);
    let ana = ana();
    let (deleting, accepted_meanwhile) =
        tokio::join!(one.delete(world.company.id, generated.key.id, &ana), async {
            // The deletion is committed, but the silent node cannot know.
            let stored = StoredKeys::new(db.db.clone());
            while stored.sealed(world.company.id, generated.key.id).await.is_ok() {}
            world.verdict(&two, &generated.secret)
        });
    assert_eq!(
        accepted_meanwhile,
        Verdict::Accepted,
        "otherwise this test proves nothing"
    );
    assert_eq!(world.verdict(&two, &generated.secret), Verdict::NotReady);
    assert!(deleting.expect("deleted").took_ms > 0);
    two.follow().await.expect("followed");
    assert_eq!(world.verdict(&two, &generated.secret), Verdict::DeletedKey);
}

async fn delete_does_not_wait_for_a_node_that_left(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open_with(&db.db, Clock::machine(), LEASE).await;
    let running = keys.start();
    are_ready(&[&keys]).await;
    let stored = StoredKeys::new(db.db.clone());
    let (later, asking) = (
        stored.change_version().await.expect("a version") + 1,
        NodeId::generate(),
    );
    assert_eq!(stored.nodes_behind(later, asking).await.expect("counted"), 1);
    running.stop().await;
    assert_eq!(stored.nodes_behind(later, asking).await.expect("counted"), 0);
    assert!(!keys.is_ready());
}

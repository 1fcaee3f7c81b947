//! How nodes on one PostgreSQL database receive each other's changes, and what they do while they cannot.

use std::time::Duration;

use live::{Bus, Topic};
use model::CompanyId;
use store::{Db, RelayPace, RunningRelay, start_relay};
use tokio::sync::{broadcast, watch};
use vault::InstallId;

use crate::test_db::TestDb;

contract!(
    postgres only: store::MAIN_MIGRATIONS,
    [
        a_node_receives_news_from_other_nodes_but_not_its_own,
        sign_outs_and_keys_wake_the_followers_on_the_other_node,
        two_installations_in_one_database_do_not_hear_each_other,
        a_node_that_lost_its_connection_refreshes_pages_once_and_reconnects,
        a_node_that_receives_no_notifications_keeps_refreshing_pages,
        waiting_news_is_sent_before_a_node_stops,
    ]
);

/// One node: its bus, and the relay that connects it to the others.
struct Node {
    bus: Bus,
    relay: RunningRelay,
    company: CompanyId,
}

impl Node {
    async fn join(db: &TestDb, install: InstallId) -> Self {
        let node = Self::start(&db.db, db.url(), install);
        test_wait::in_time("the node receives notifications", node.relay.heard()).await;
        node
    }

    fn start(db: &Db, url: &str, install: InstallId) -> Self {
        let bus = Bus::default();
        let pace = RelayPace {
            gather: Duration::from_millis(1),
            // On a busy machine a node must not take its own slowness for silence.
            probe_within: test_wait::LIMIT,
            look_every: Duration::from_millis(20),
            after_loss: Duration::from_millis(10),
            ..RelayPace::default()
        };
        Self {
            relay: start_relay(url, db, install, &bus, pace),
            bus,
            company: CompanyId::from_random([7; 16]),
        }
    }

    fn page(&self) -> broadcast::Receiver<Topic> {
        self.bus.subscribe(self.company)
    }
}

async fn next(page: &mut broadcast::Receiver<Topic>) -> Topic {
    test_wait::in_time("the page is notified", page.recv())
        .await
        .expect("the bus exists")
}

async fn woken(mut follower: watch::Receiver<()>) {
    test_wait::in_time("it is woken", follower.changed())
        .await
        .expect("the bus exists");
}

async fn a_node_receives_news_from_other_nodes_but_not_its_own(db: &TestDb) {
    let install = InstallId::generate();
    let (one, two) = (Node::join(db, install).await, Node::join(db, install).await);
    let (mut own, mut other) = (one.page(), two.page());
    one.bus.publish(one.company, Topic::Logs);
    assert_eq!(next(&mut other).await, Topic::Logs);
    // The first node's message came back to it before this one, because notifications keep their order.
    two.bus.publish(two.company, Topic::Webhooks);
    assert_eq!(
        (next(&mut own).await, next(&mut own).await),
        (Topic::Logs, Topic::Webhooks)
    );
    assert_eq!(next(&mut other).await, Topic::Webhooks);
    assert!(other.is_empty());
}

async fn sign_outs_and_keys_wake_the_followers_on_the_other_node(db: &TestDb) {
    let install = InstallId::generate();
    let (one, two) = (Node::join(db, install).await, Node::join(db, install).await);
    let sessions = two.bus.sessions_elsewhere();
    one.bus.session_ended([1; 32]);
    woken(sessions).await;
    let keys = two.bus.keys_elsewhere();
    one.bus.keys_changed();
    woken(keys).await;
}

async fn two_installations_in_one_database_do_not_hear_each_other(db: &TestDb) {
    let (ours, theirs) = (InstallId::generate(), InstallId::generate());
    let (one, two) = (Node::join(db, ours).await, Node::join(db, ours).await);
    let (stranger, strange_page) = (Node::join(db, theirs).await, Node::join(db, theirs).await);
    let (mut ours, mut theirs) = (two.page(), strange_page.page());
    one.bus.publish(one.company, Topic::Logs);
    assert_eq!(next(&mut ours).await, Topic::Logs);
    stranger.bus.publish(stranger.company, Topic::Webhooks);
    assert_eq!(next(&mut theirs).await, Topic::Webhooks);
}

async fn a_node_that_lost_its_connection_refreshes_pages_once_and_reconnects(db: &TestDb) {
    let install = InstallId::generate();
    let (one, two) = (Node::join(db, install).await, Node::join(db, install).await);
    let (mut page, sessions) = (two.page(), two.bus.sessions_elsewhere());
    // In two steps, because PostgreSQL evaluates the conditions of one statement in any order.
    let sql = "WITH listening AS MATERIALIZED (SELECT pid FROM pg_stat_activity \
               WHERE datname = current_database() AND query LIKE 'LISTEN %') \
               SELECT COUNT(*) FROM listening WHERE pg_terminate_backend(pid)";
    let ended: i64 = sqlx::query_scalar(sql)
        .fetch_one(db.db.reader())
        .await
        .expect("ends connections");
    assert_eq!(ended, 2);
    woken(sessions).await;
    for topic in Topic::ALL {
        while next(&mut page).await != topic {}
    }
    for node in [&one, &two] {
        test_wait::in_time("the node receives notifications again", node.relay.heard()).await;
    }
    // The notification arrives because the node listens again, not because its pages refetch.
    let mut page = two.page();
    one.bus.publish(one.company, Topic::Logs);
    assert_eq!(next(&mut page).await, Topic::Logs);
}

/// Simulates a pooler that runs each statement on a different connection: statements work, but no notification
/// arrives.
async fn a_node_that_receives_no_notifications_keeps_refreshing_pages(db: &TestDb) {
    let elsewhere = test_postgres::Database::create().await;
    let deaf = Node::start(&db.db, &elsewhere.url(), InstallId::generate());
    let (mut page, sessions) = (deaf.page(), deaf.bus.sessions_elsewhere());
    woken(sessions).await;
    for _ in 0..3 {
        for topic in Topic::ALL {
            while next(&mut page).await != topic {}
        }
    }
    deaf.relay.stop().await;
    elsewhere.remove().await;
}

async fn waiting_news_is_sent_before_a_node_stops(db: &TestDb) {
    let install = InstallId::generate();
    let (one, two) = (Node::join(db, install).await, Node::join(db, install).await);
    let (mut page, sessions) = (two.page(), two.bus.sessions_elsewhere());
    one.bus.session_ended([1; 32]);
    one.bus.publish(one.company, Topic::Logs);
    one.relay.stop().await;
    woken(sessions).await;
    assert_eq!(next(&mut page).await, Topic::Logs);
}

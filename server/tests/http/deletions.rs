//! A deleted key is refused from the moment its deletion was answered, under load, on one node and on three.
//!
//! `GATEHOUSE_DELETIONS=1000` deletes more keys.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future;
use http::StatusCode;
use model::{Actor, ClientId, CompanyId, Environment, GeneratedKey};
use server::config::RateLimit;

use crate::two_nodes::node;
use crate::world::{To, World};

/// Keys deleted in each test.
fn deletions() -> usize {
    let wanted = std::env::var("GATEHOUSE_DELETIONS").ok();
    wanted.and_then(|wanted| wanted.parse().ok()).unwrap_or(100)
}

/// Companies whose keys are used at the same time.
const COMPANIES: usize = 4;
/// Requests in progress on each node.
const CALLERS: usize = 4;

/// A key that programs use.
struct Used {
    company: CompanyId,
    client_id: ClientId,
    key: GeneratedKey,
    /// Its deletion was answered.
    is_deleted: AtomicBool,
}

impl Used {
    async fn generate(node: &World, (company, client_id): (CompanyId, ClientId)) -> Arc<Self> {
        Arc::new(Self {
            company,
            client_id,
            key: node.key(company, Environment::Sandbox).await,
            is_deleted: AtomicBool::new(false),
        })
    }

    async fn call(&self, node: &World) -> StatusCode {
        let answer = node
            .get("/v1/webhooks/")
            .to(To::Gateway)
            .header("x-access-client-id", &self.client_id.to_string())
            .header("x-access-secret", self.key.secret.expose())
            .send()
            .await;
        answer.status
    }

    async fn delete(&self, node: &World) {
        let keys = &node.running().services.core.keys;
        keys.delete(self.company, self.key.key.id, &Actor::command_line())
            .await
            .expect("deleted");
        self.is_deleted.store(true, Ordering::SeqCst);
    }
}

/// A company's key, and the one before it.
type Slot = Mutex<[Arc<Used>; 2]>;

fn read(slot: &Slot) -> [Arc<Used>; 2] {
    slot.lock().expect("a slot").clone()
}

/// What the callers saw.
#[derive(Default)]
struct Tally {
    accepted: AtomicU64,
    refused: AtomicU64,
    /// Accepted although the deletion was answered before the request began.
    late: AtomicU64,
}

/// Uses the keys of all companies in turn, those just deleted too, for ever.
async fn keep_calling(node: &World, slots: &[Slot], tally: &Tally) {
    for slot in slots.iter().cycle() {
        for used in read(slot) {
            let was_deleted = used.is_deleted.load(Ordering::SeqCst);
            let seen = match used.call(node).await {
                StatusCode::OK if was_deleted => &tally.late,
                StatusCode::OK => &tally.accepted,
                StatusCode::UNAUTHORIZED => &tally.refused,
                other => panic!("{other}"),
            };
            seen.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Deletes keys, on each node in turn, and asks every node right afterwards.
async fn delete_all(nodes: &[World], slots: &[Slot]) {
    for round in 0..deletions() {
        let slot = &slots[round % slots.len()];
        let [used, _] = read(slot);
        used.delete(&nodes[round % nodes.len()]).await;
        let after = future::join_all(nodes.iter().map(|node| used.call(node))).await;
        assert!(
            after.iter().all(|status| *status == StatusCode::UNAUTHORIZED),
            "{after:?}"
        );
        let new = Used::generate(&nodes[(round + 1) % nodes.len()], (used.company, used.client_id)).await;
        *slot.lock().expect("a slot") = [new, used];
    }
}

async fn accept_nothing_late(nodes: &[World]) {
    let mut slots = Vec::new();
    for number in 0..COMPANIES {
        let company = nodes[0].company(&format!("Company {number}")).await;
        let used = Used::generate(&nodes[0], company).await;
        for node in nodes {
            test_wait::until("the key is accepted", async || {
                used.call(node).await == StatusCode::OK
            })
            .await;
        }
        slots.push(Mutex::new([Arc::clone(&used), used]));
    }
    let tally = Tally::default();
    let callers = nodes.iter().flat_map(|node| [node; CALLERS]);
    let calling = future::join_all(callers.map(|node| keep_calling(node, &slots, &tally)));
    tokio::select! {
        () = delete_all(nodes, &slots) => {}
        _ = calling => unreachable!("callers go on for ever"),
    }
    assert_eq!(tally.late.into_inner(), 0);
    // There was load, and keys were used while they were deleted.
    let (accepted, refused) = (tally.accepted.into_inner(), tally.refused.into_inner());
    let enough = deletions() as u64;
    assert!(accepted > enough && refused > enough, "{accepted}, {refused}");
}

#[tokio::test]
async fn deletions_under_load_accept_nothing_late() {
    let world = World::start_with(|config| config.rate_limit = RateLimit::Off).await;
    accept_nothing_late(&[world]).await;
}

#[tokio::test]
async fn deletions_on_three_nodes_under_load_accept_nothing_late() {
    let database = test_postgres::Database::create().await;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(node(database.url()).await);
    }
    for node in &nodes {
        test_wait::in_time(
            "a node receives notifications",
            node.running().hears_other_nodes(),
        )
        .await;
    }
    accept_nothing_late(&nodes).await;
    for node in &mut nodes {
        node.stop().await;
    }
    database.remove().await;
}

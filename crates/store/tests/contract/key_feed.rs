//! What keeps the keys in memory up to date, on both databases: rows with the number of their latest change. Whatever
//! happens in whatever order, what a node has followed is what it would load.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use clock::Clock;
use keys::lease::LEASE;
use keys::{CredentialState, KeyStore, Keys, KeysError, Snapshot};
use model::{CompanyId, Environment, KeyId, Verdict};
use store::keys::StoredKeys;
use store::{StoreError, Urgency};

use crate::key_world::{World, ana};
use crate::test_db::{TestCompany, TestDb};

contract!(
    store::MAIN_MIGRATIONS,
    [
        only_rows_that_changed_are_read,
        what_two_nodes_follow_is_what_a_third_loads,
        changes_of_many_callers_at_once_are_all_followed,
        a_key_deleted_where_its_company_is_unknown_is_never_accepted_there,
        a_node_that_missed_a_tombstone_loads_everything,
        a_restored_backup_is_loaded_whole,
    ]
);

const SANDBOX: Environment = Environment::Sandbox;

/// Two nodes on the database that have no lease, so neither waits for the other.
async fn two_nodes(world: &World, db: &TestDb) -> [Keys; 2] {
    let open = async || {
        world
            .open_with(&db.open_again().await, Clock::from(&world.clock), LEASE)
            .await
    };
    [open().await, open().await]
}

/// What a node loads that starts now.
async fn loaded(world: &World, db: &TestDb) -> Arc<Snapshot> {
    let fresh = world.open_with(&db.db, Clock::from(&world.clock), LEASE).await;
    fresh.snapshot()
}

async fn only_rows_that_changed_are_read(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let stored = StoredKeys::new(db.db.clone());
    let generate = async || {
        keys.generate(world.company.id, SANDBOX, &ana())
            .await
            .expect("a free slot")
            .key
            .id
    };
    let (deleted, kept) = (generate().await, generate().await);
    let before = stored.change_version().await.expect("a version");
    let since = async |version| {
        let changes = stored.changes_since(version).await.expect("read");
        changes.expect("nothing was removed")
    };

    let nothing = since(before).await;
    assert_eq!(nothing.version, before);
    assert!(nothing.companies.is_empty() && nothing.credentials.is_empty());

    keys.delete(world.company.id, deleted, &ana())
        .await
        .expect("deleted");
    let brand = db.company(3, Some(world.company)).await;
    let changes = since(before).await;
    assert_eq!(changes.version, before + 2);
    let [company] = changes.companies.as_slice() else {
        panic!("one company changed: {:?}", changes.companies)
    };
    assert_eq!((company.id, company.parent), (brand.id, Some(world.company.id)));
    let [tombstone] = changes.credentials.as_slice() else {
        panic!("one key changed: {:?}", changes.credentials)
    };
    assert_eq!(tombstone.id, deleted);
    assert!(matches!(&tombstone.state, CredentialState::Deleted { by, .. } if by == "ana@example.com"));

    let all = since(0).await;
    let ids: BTreeSet<KeyId> = all.credentials.iter().map(|row| row.id).collect();
    assert_eq!((all.companies.len(), ids), (3, [deleted, kept].into()));
}

/// Small and repeatable.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).expect("small")
    }
}

/// Companies and keys, and nodes that change them in turn.
struct Model<'a> {
    db: &'a TestDb,
    world: &'a World,
    dice: Dice,
    companies: Vec<TestCompany>,
    active: Vec<(CompanyId, KeyId)>,
}

impl Model<'_> {
    async fn step(&mut self, node: &Keys) {
        let company = self.companies[self.dice.roll(self.companies.len())];
        match self.dice.roll(12) {
            0..4 => {
                let environment = Environment::ALL[self.dice.roll(3)];
                match node.generate(company.id, environment, &ana()).await {
                    Ok(generated) => self.active.push((company.id, generated.key.id)),
                    Err(error) => assert!(matches!(error, KeysError::TwoActive), "{error:?}"),
                }
            }
            4..7 if !self.active.is_empty() => {
                let (company, key) = self.active.swap_remove(self.dice.roll(self.active.len()));
                node.delete(company, key, &ana()).await.expect("it was active");
            }
            7..9 => {
                let parent = (self.dice.roll(2) == 0).then_some(self.companies[0]);
                let number = u8::try_from(self.companies.len() + 1).expect("few companies");
                self.companies.push(self.db.company(number, parent).await);
                if self.dice.roll(2) == 0 {
                    node.company_changed().await.expect("read");
                }
            }
            9 => self.world.clock.advance(Duration::from_secs(31 * 86_400)),
            10 => node.catch_up().await.expect("read"),
            _ => node.tidy().await.expect("tidied"),
        }
    }
}

async fn what_two_nodes_follow_is_what_a_third_loads(db: &TestDb) {
    let world = World::create(db).await;
    let nodes = two_nodes(&world, db).await;
    let mut model = Model {
        db,
        world: &world,
        dice: Dice(0x9e37_79b9_7f4a_7c15),
        companies: vec![world.company, world.other],
        active: Vec::new(),
    };
    for round in 0..12 {
        for _ in 0..10 {
            let node = &nodes[model.dice.roll(2)];
            model.step(node).await;
        }
        for node in &nodes {
            // Old tombstones leave the database at one node's hand, and the other's memory at its own.
            node.tidy().await.expect("tidied");
            node.catch_up().await.expect("read");
        }
        let loaded = loaded(&world, db).await;
        assert!(
            nodes.iter().all(|node| node.snapshot() == loaded),
            "after round {round}"
        );
        for (company, key) in &model.active {
            let snapshot = nodes[1].snapshot();
            let active = snapshot.active_key(*key).expect("it was never deleted");
            assert_eq!(active.company.id, *company);
        }
    }
    assert!(model.companies.len() > 10 && !model.active.is_empty());
}

async fn changes_of_many_callers_at_once_are_all_followed(db: &TestDb) {
    let world = World::create(db).await;
    let nodes = two_nodes(&world, db).await;
    let next = AtomicU8::new(10);
    let caller = async |node: &Keys| {
        for _ in 0..5 {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let company = db.company(number, None).await;
            node.company_changed().await.expect("read");
            assert!(node.snapshot().company(company.client_id).is_some(), "{number}");
            let kept = node
                .generate(company.id, SANDBOX, &ana())
                .await
                .expect("a free slot");
            let other = node
                .generate(company.id, SANDBOX, &ana())
                .await
                .expect("a free slot");
            node.delete(company.id, other.key.id, &ana())
                .await
                .expect("deleted");
            let snapshot = node.snapshot();
            assert!(
                snapshot.active_key(kept.key.id).is_some() && snapshot.active_key(other.key.id).is_none()
            );
        }
    };
    let callers = (0..16).map(|caller_number| caller(&nodes[caller_number % 2]));
    futures_util::future::join_all(callers).await;
    for node in &nodes {
        node.catch_up().await.expect("read");
        assert!(node.snapshot() == loaded(&world, db).await);
    }
}

async fn a_key_deleted_where_its_company_is_unknown_is_never_accepted_there(db: &TestDb) {
    let world = World::create(db).await;
    let [one, two] = two_nodes(&world, db).await;
    for number in 10..30 {
        let company = db.company(number, None).await;
        one.catch_up().await.expect("read");
        let generated = one
            .generate(company.id, SANDBOX, &ana())
            .await
            .expect("a free slot");
        let following = two.clone();
        let following = tokio::spawn(async move { following.catch_up().await });
        two.delete(company.id, generated.key.id, &ana())
            .await
            .expect("deleted");
        let is_active = |node: &Keys| node.snapshot().active_key(generated.key.id).is_some();
        assert!(!is_active(&two), "{number}: after Delete has returned");
        following.await.expect("no panic").expect("read");
        assert!(
            !is_active(&two),
            "{number}: after what was being read has arrived"
        );
    }
}

async fn a_node_that_missed_a_tombstone_loads_everything(db: &TestDb) {
    let world = World::create(db).await;
    let [one, two] = two_nodes(&world, db).await;
    let generated = one
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    two.catch_up().await.expect("read");
    one.delete(world.company.id, generated.key.id, &ana())
        .await
        .expect("deleted");
    world.clock.advance(Duration::from_secs(91 * 86_400));
    one.tidy().await.expect("tidied");
    assert!(
        two.snapshot().active_key(generated.key.id).is_some(),
        "it has seen nothing since"
    );
    two.catch_up().await.expect("read");
    assert!(two.snapshot().active_key(generated.key.id).is_none());

    let stored = StoredKeys::new(db.db.clone());
    let deletion = stored.change_version().await.expect("a version");
    let since = async |version| stored.changes_since(version).await.expect("read");
    assert!(since(deletion - 1).await.is_none() && since(deletion).await.is_some());
}

/// A dump is restored under a running server: its rows and its number are older.
async fn a_restored_backup_is_loaded_whole(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generate = async || {
        keys.generate(world.company.id, SANDBOX, &ana())
            .await
            .expect("a free slot")
    };
    let early = generate().await;
    let version = keys.snapshot().version();
    let late = generate().await;
    let late_id = late.key.id.to_string();
    let restore = db
        .db
        .write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM api_keys WHERE id = $1")
                    .bind(late_id)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query("UPDATE change_version SET version = $1")
                    .bind(i64::try_from(version).expect("small"))
                    .execute(connection)
                    .await?;
                Ok(())
            })
        });
    restore.await.expect("written");
    assert_eq!(
        world.verdict(&keys, &late.secret),
        Verdict::Accepted,
        "it is not known yet"
    );
    keys.follow().await.expect("followed");
    assert_eq!(world.verdict(&keys, &late.secret), Verdict::UnknownSecret);
    assert_eq!(world.verdict(&keys, &early.secret), Verdict::Accepted);
    assert_eq!(keys.snapshot().version(), version);
    let after = generate().await;
    assert_eq!(world.verdict(&keys, &after.secret), Verdict::Accepted);
    assert_eq!(keys.snapshot().version(), version + 1);
}

//! What must be confirmed before a key is deleted, names of new keys, and what is remembered of deleted ones.

use std::net::IpAddr;
use std::time::Duration;

use keys::{KeyChange, Keys, KeysError, Recognition, Setting};
use model::{Environment, GeneratedKey};

use crate::key_world::{START, World, ana};
use crate::test_db::TestDb;

contract!(
    store::MAIN_MIGRATIONS,
    [
        the_last_key_of_an_environment_with_traffic_needs_its_last_four_on_every_way,
        a_key_beside_another_or_without_traffic_needs_nothing_outside_production,
        a_production_key_needs_its_last_four_on_pages,
        a_key_can_have_a_name_from_its_first_moment,
        deleted_keys_are_listed_with_who_deleted_them_for_their_company_alone,
    ]
);

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

async fn generate(keys: &Keys, world: &World, environment: Environment) -> GeneratedKey {
    keys.generate(world.company.id, environment, &ana())
        .await
        .expect("a free slot")
}

/// A request with the key, now.
fn used(keys: &Keys, world: &World, key: &GeneratedKey) {
    match keys.recognise(&world.headers(&key.secret)) {
        Recognition::Active(active) => keys.touched(&active, START, ADDRESS),
        other => panic!("{other:?}"),
    }
}

async fn typed(keys: &Keys, world: &World, key: &GeneratedKey, typed: &str) -> Result<(), KeysError> {
    let deleted = keys
        .delete_confirmed(world.company.id, key.key.id, typed, &ana())
        .await;
    deleted.map(|_| ())
}

async fn named(keys: &Keys, key: &GeneratedKey, last_four: Option<&str>) -> Result<(), KeysError> {
    let deleted = keys.delete_by_id(key.key.id, last_four, &ana()).await;
    deleted.map(|_| ())
}

fn assert_not_confirmed(outcome: Result<(), KeysError>, key: &GeneratedKey) {
    match outcome {
        Err(KeysError::NotConfirmed { last_four, .. }) => assert_eq!(last_four, key.key.last_four),
        other => panic!("{other:?}"),
    }
}

async fn the_last_key_of_an_environment_with_traffic_needs_its_last_four_on_every_way(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    for environment in Environment::ALL {
        for by_id in [false, true] {
            let (key, expired) = (
                generate(&keys, &world, environment).await,
                generate(&keys, &world, environment).await,
            );
            let soon = KeyChange {
                expires_at: Setting::To(world.clock.now().plus_millis(1)),
                ..KeyChange::default()
            };
            keys.change(world.company.id, expired.key.id, soon, &ana())
                .await
                .expect("changed");
            used(&keys, &world, &key);
            world.clock.advance(Duration::from_millis(1));
            for wrong in ["", "zzzz", "a"] {
                if by_id {
                    assert_not_confirmed(named(&keys, &key, Some(wrong)).await, &key);
                } else {
                    assert_not_confirmed(typed(&keys, &world, &key, wrong).await, &key);
                }
            }
            assert_not_confirmed(named(&keys, &key, None).await, &key);
            let right = key.key.last_four.clone();
            if by_id {
                named(&keys, &key, Some(&right)).await.expect("deleted");
            } else {
                typed(&keys, &world, &key, &format!(" {right} "))
                    .await
                    .expect("deleted");
            }
            keys.delete(world.company.id, expired.key.id, &ana())
                .await
                .expect("deleted");
        }
    }
}

async fn a_key_beside_another_or_without_traffic_needs_nothing_outside_production(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let sandbox = Environment::Sandbox;
    let (older, newer) = (
        generate(&keys, &world, sandbox).await,
        generate(&keys, &world, sandbox).await,
    );
    used(&keys, &world, &older);
    typed(&keys, &world, &older, "").await.expect("another one works");
    named(&keys, &newer, None).await.expect("it was never used");
    let old = generate(&keys, &world, sandbox).await;
    used(&keys, &world, &old);
    world.clock.advance(Duration::from_secs(24 * 3600));
    assert_not_confirmed(named(&keys, &old, None).await, &old);
    world.clock.advance(Duration::from_millis(1));
    named(&keys, &old, None).await.expect("no request for a day");
}

async fn a_production_key_needs_its_last_four_on_pages(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let key = generate(&keys, &world, Environment::Prod).await;
    assert_not_confirmed(typed(&keys, &world, &key, "").await, &key);
    let wrong = named(&keys, &key, Some("zzzz")).await;
    assert_not_confirmed(wrong, &key);
    named(&keys, &key, None)
        .await
        .expect("its id is enough where no traffic is cut off");
}

async fn a_key_can_have_a_name_from_its_first_moment(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let (company, prod) = (world.company.id, Environment::Prod);
    let long = "x".repeat(61);
    let refused = keys.generate_named(company, prod, &long, &ana()).await;
    assert!(matches!(refused, Err(KeysError::InvalidTerms(faults)) if faults[0].field == "name"));
    let key = keys.generate_named(company, prod, " Billing ", &ana()).await;
    let key = key.expect("a free slot").key;
    assert_eq!(key.terms.name, "Billing");
    let again = world.open(&db.db).await;
    assert_eq!(again.find(key.id).await.expect("active").terms.name, "Billing");
}

async fn deleted_keys_are_listed_with_who_deleted_them_for_their_company_alone(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let mut expected = Vec::new();
    for number in 0..3 {
        let key = keys
            .generate_named(
                world.company.id,
                Environment::Dev,
                &format!("Key {number}"),
                &ana(),
            )
            .await
            .expect("a free slot");
        world.clock.advance(Duration::from_secs(1));
        keys.delete(world.company.id, key.key.id, &ana())
            .await
            .expect("deleted");
        expected.insert(0, (key.key.id, key.key.last_four, format!("Key {number}")));
    }
    generate(&keys, &world, Environment::Dev).await;
    let deleted = keys.deleted(world.company.id, 20).await.expect("listed");
    let found: Vec<_> = deleted
        .iter()
        .map(|key| (key.id, key.last_four.clone(), key.name.clone()))
        .collect();
    assert_eq!(found, expected);
    assert!(deleted.iter().all(|key| key.deleted_by == "ana@example.com"
        && key.created_by == "ana@example.com"
        && key.deleted_at > key.created_at));
    assert_eq!(keys.deleted(world.company.id, 2).await.expect("listed").len(), 2);
    assert_eq!(keys.deleted(world.other.id, 20).await.expect("listed"), []);
}

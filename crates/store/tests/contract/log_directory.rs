//! What a scope's brands and keys are called, for filters by name.

use logs::{Directory, Scope};
use model::Environment;
use store::StoredDirectory;

use crate::key_world::{World, ana};
use crate::test_db::{TestCompany, TestDb};

contract!(
    store::MAIN_MIGRATIONS,
    [a_scope_knows_its_own_brands_and_keys_and_no_others]
);

/// The last four of each key, its company, and whether it is deleted.
async fn keys(directory: &StoredDirectory, scope: Scope) -> Vec<(String, model::ClientId, bool)> {
    let keys = directory.keys(scope).await.expect("reads");
    assert!(keys.iter().all(|key| key.environment == Environment::Sandbox));
    let named = keys
        .into_iter()
        .map(|key| (key.last_four, key.client_id, key.is_deleted));
    named.collect()
}

async fn a_scope_knows_its_own_brands_and_keys_and_no_others(db: &TestDb) {
    let world = World::create(db).await;
    let brand = db.company(3, Some(world.company)).await;
    let sibling = db.company(4, Some(world.company)).await;
    let node = world.open(&db.db).await;
    let mut last_four = Vec::new();
    for company in [&world.company, &brand, &sibling, &world.other] {
        let generated = node.generate(company.id, Environment::Sandbox, &ana()).await;
        last_four.push(generated.expect("a key").key.last_four);
    }
    let deleted = node
        .generate(brand.id, Environment::Sandbox, &ana())
        .await
        .expect("a key");
    node.delete_by_id(deleted.key.id, None, &ana())
        .await
        .expect("is deleted");

    let directory = StoredDirectory::new(db.db.clone());
    let with_brands = |of: &TestCompany| Scope::WithBrands {
        company: of.id,
        client_id: of.client_id,
    };
    let own = (last_four[0].clone(), world.company.client_id, false);
    let of_brand = (last_four[1].clone(), brand.client_id, false);
    let of_sibling = (last_four[2].clone(), sibling.client_id, false);
    let tombstone = (deleted.key.last_four, brand.client_id, true);
    let sorted = |mut keys: Vec<(String, model::ClientId, bool)>| {
        keys.sort();
        keys
    };
    let of_parent = keys(&directory, with_brands(&world.company)).await;
    assert_eq!(
        sorted(of_parent),
        sorted(vec![own.clone(), of_brand.clone(), of_sibling, tombstone.clone()])
    );
    let as_brand = Scope::Brand {
        company: brand.id,
        client_id: brand.client_id,
    };
    assert_eq!(
        sorted(keys(&directory, as_brand).await),
        sorted(vec![own, of_brand, tombstone]),
        "its requests can have its parent's keys, and never its siblings'"
    );
    let of_other = keys(&directory, with_brands(&world.other)).await;
    assert_eq!(of_other, [(last_four[3].clone(), world.other.client_id, false)]);

    let brands = directory
        .brands(with_brands(&world.company))
        .await
        .expect("reads");
    let brands: Vec<_> = brands.iter().map(|brand| brand.client_id).collect();
    assert_eq!(brands, [brand.client_id, sibling.client_id]);
    assert_eq!(directory.brands(as_brand).await.expect("reads"), []);
    assert_eq!(
        directory.brands(with_brands(&world.other)).await.expect("reads"),
        []
    );
}

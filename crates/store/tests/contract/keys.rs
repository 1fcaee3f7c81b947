//! What keys guarantee on both databases: there are never three, a secret can be unsealed only in its own row, every
//! change leaves an audit row, and no one sees another company.

use std::time::Duration;

use keys::{KeyStore, Keys, KeysError, NodeId, Recognition, Renewal, Touch};
use model::{Environment, KeyId, LastUsed, Verdict};
use store::keys::StoredKeys;
use store::{StoreError, Urgency};

use crate::key_world::{START, World, ana, audit_rows, generate_at_once};
use crate::test_db::TestDb;

contract!(
    store::MAIN_MIGRATIONS,
    [
        fifty_parallel_generates_leave_two,
        each_environment_and_company_has_its_own_two_slots,
        the_database_itself_refuses_a_third_slot,
        a_sealed_secret_moved_to_another_row_does_not_open,
        reveal_and_copy_return_the_secret_that_generate_returned,
        last_used_is_shown_at_once_and_never_moves_back,
        many_keys_are_touched_together_each_with_its_own_moment,
        stopping_writes_the_latest_last_used,
        another_companys_key_is_not_found,
        generate_reveal_copy_and_delete_leave_their_audit_rows,
        a_company_that_does_not_exist_gets_no_key,
        a_new_companys_key_is_accepted_at_once_while_others_change,
        every_change_of_who_is_accepted_moves_the_change_version,
        keys_and_tombstones_survive_a_restart,
        signing_secrets_come_oldest_first_and_without_deleted_ones,
        only_an_up_to_date_node_gets_a_lease,
    ]
);

const SANDBOX: Environment = Environment::Sandbox;

async fn fifty_parallel_generates_leave_two(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let company = world.company.id;
    let made = generate_at_once(&keys, company, 50).await;
    assert_eq!(made.len(), 2);
    let groups = keys.list(company).await.expect("listed");
    assert_eq!(groups[0].keys.len(), 2);
    for generated in made {
        assert_eq!(world.verdict(&keys, &generated.secret), Verdict::Accepted);
    }
    assert_eq!(
        audit_rows(&db.db).await.len(),
        2,
        "a refused generate leaves no row"
    );
}

async fn each_environment_and_company_has_its_own_two_slots(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    for company in [world.company.id, world.other.id] {
        for environment in Environment::ALL {
            let first = keys
                .generate(company, environment, &ana())
                .await
                .expect("a free slot");
            keys.generate(company, environment, &ana())
                .await
                .expect("a free slot");
            let third = keys.generate(company, environment, &ana()).await;
            assert!(matches!(third, Err(KeysError::TwoActive)));
            keys.delete(company, first.key.id, &ana()).await.expect("deleted");
            keys.generate(company, environment, &ana())
                .await
                .expect("the slot is free again");
        }
        let groups = keys.list(company).await.expect("listed");
        let shape: Vec<_> = groups
            .iter()
            .map(|group| (group.environment, group.keys.len()))
            .collect();
        assert_eq!(shape, Environment::ALL.map(|environment| (environment, 2)));
        let rotation = groups[0].rotation.as_ref().expect("two are active");
        assert_eq!(rotation.older_last_four, groups[0].keys[0].last_four);
    }
}

async fn the_database_itself_refuses_a_third_slot(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    keys.generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let copy = |slot: i64| {
        db.db.write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO api_keys (id, company_id, environment, slot, lookup_hash, sealed, last_four, created_at, created_by) \
                     SELECT $1, company_id, environment, $2, $3, sealed, last_four, created_at, created_by FROM api_keys",
                )
                .bind(format!("{slot:032x}"))
                .bind(slot)
                .bind(vec![7_u8; 32])
                .execute(connection)
                .await?;
                Ok(())
            })
        })
    };
    assert!(copy(1).await.expect_err("slot 1 is taken").is_unique_violation());
    copy(3).await.expect_err("there is no slot 3");
    copy(2).await.expect("slot 2 is free");
}

async fn a_sealed_secret_moved_to_another_row_does_not_open(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let ours = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot")
        .key
        .id;
    let theirs = keys
        .generate(world.other.id, SANDBOX, &ana())
        .await
        .expect("a free slot")
        .key
        .id;
    let moved = db
        .db
        .write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE api_keys SET sealed = (SELECT sealed FROM api_keys WHERE id = $1) WHERE id = $2",
                )
                .bind(theirs.to_string())
                .bind(ours.to_string())
                .execute(connection)
                .await?;
                Ok(())
            })
        });
    moved.await.expect("moved");
    for outcome in [
        keys.reveal(world.company.id, ours, &ana()).await.map(drop),
        keys.copy(world.company.id, ours, &ana()).await.map(drop),
        keys.signing_secrets(world.company.id, SANDBOX).await.map(drop),
    ] {
        assert!(matches!(outcome, Err(KeysError::SealBroken)), "{outcome:?}");
    }
    keys.reveal(world.other.id, theirs, &ana())
        .await
        .expect("it opens where it belongs");
    let mut details: Vec<String> = audit_rows(&db.db)
        .await
        .into_iter()
        .map(|row| row.detail)
        .collect();
    details.sort();
    let broken = "Sandbox; refused, the sealed secret does not open";
    assert_eq!(details, ["Sandbox", "Sandbox", "Sandbox", broken, broken]);
}

async fn reveal_and_copy_return_the_secret_that_generate_returned(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generated = keys
        .generate(world.company.id, Environment::Prod, &ana())
        .await
        .expect("a free slot");
    let secret = generated.secret.expose();
    assert!(secret.starts_with("prod-") && secret.ends_with(&generated.key.last_four));
    let (company, key) = (world.company.id, generated.key.id);
    assert_eq!(
        keys.reveal(company, key, &ana()).await.expect("revealed"),
        generated.secret
    );
    assert_eq!(
        keys.copy(company, key, &ana()).await.expect("copied"),
        generated.secret
    );
    keys.delete(company, key, &ana()).await.expect("deleted");
    assert!(matches!(
        keys.reveal(company, key, &ana()).await,
        Err(KeysError::NotFound)
    ));
    assert!(matches!(
        keys.copy(company, key, &ana()).await,
        Err(KeysError::NotFound)
    ));
}

async fn last_used_is_shown_at_once_and_never_moves_back(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generated = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let Recognition::Active(active) = keys.recognise(&world.headers(&generated.secret)) else {
        panic!("it is active")
    };
    let seen = async |keys: &Keys| -> Option<LastUsed> {
        keys.list(world.company.id).await.expect("listed")[0].keys[0]
            .last_used
            .clone()
    };
    assert_eq!(seen(&keys).await, None);

    let late = LastUsed {
        at: START.plus_seconds(9),
        address: "192.0.2.9".to_owned(),
    };
    keys.touched(&active, START.plus_seconds(4), [192, 0, 2, 4].into());
    keys.touched(&active, late.at, [192, 0, 2, 9].into());
    keys.touched(&active, START.plus_seconds(5), [192, 0, 2, 5].into());
    assert_eq!(
        seen(&keys).await.as_ref(),
        Some(&late),
        "known, but not yet written"
    );
    keys.flush_last_used().await.expect("written");
    assert_eq!(seen(&keys).await.as_ref(), Some(&late));
    // One node that writes later, and one that only has the database.
    keys.touched(&active, START.plus_seconds(6), [192, 0, 2, 6].into());
    assert_eq!(seen(&keys).await.as_ref(), Some(&late));
    keys.flush_last_used().await.expect("written");
    let early = Touch {
        key: generated.key.id,
        at: START.plus_seconds(7),
        address: [192, 0, 2, 7].into(),
    };
    StoredKeys::new(db.db.clone())
        .touch(vec![early])
        .await
        .expect("written");
    assert_eq!(seen(&world.open(&db.db).await).await, Some(late));
}

/// More keys than one statement touches, most of which do not exist.
async fn many_keys_are_touched_together_each_with_its_own_moment(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let mut touches: Vec<Touch> = (0..1200_u16)
        .map(|number| Touch {
            key: KeyId::from_random(std::array::from_fn(|at| {
                number.to_be_bytes().get(at).copied().unwrap_or(1)
            })),
            at: START,
            address: [192, 0, 2, 1].into(),
        })
        .collect();
    let mut expected = Vec::new();
    for (at, environment) in [(5, SANDBOX), (700, SANDBOX), (1199, Environment::Dev)] {
        let made = keys.generate(world.company.id, environment, &ana()).await;
        let touch = Touch {
            key: made.expect("a free slot").key.id,
            at: START.plus_seconds(at),
            address: [192, 0, 2, u8::try_from(at % 250).expect("small")].into(),
        };
        touches[usize::try_from(at).expect("positive")] = touch;
        expected.push((touch.key, touch.at, touch.address.to_string()));
    }
    let store = StoredKeys::new(db.db.clone());
    store.touch(touches).await.expect("written");
    let listed = store.list(world.company.id).await.expect("listed");
    let mut seen: Vec<_> = listed
        .into_iter()
        .map(|key| {
            let used = key.last_used.expect("touched");
            (key.id, used.at, used.address)
        })
        .collect();
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
}

async fn stopping_writes_the_latest_last_used(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generated = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let Recognition::Active(active) = keys.recognise(&world.headers(&generated.secret)) else {
        panic!("it is active")
    };
    let running = keys.start();
    keys.touched(&active, START, [192, 0, 2, 4].into());
    running.stop().await;
    let stored = StoredKeys::new(db.db.clone())
        .list(world.company.id)
        .await
        .expect("listed");
    assert_eq!(
        stored[0].last_used,
        Some(LastUsed {
            at: START,
            address: "192.0.2.4".to_owned()
        })
    );
}

async fn another_companys_key_is_not_found(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generated = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let rows_before = audit_rows(&db.db).await.len();
    let nobody = KeyId::from_random([9; 16]);
    for (company, key) in [(world.other.id, generated.key.id), (world.company.id, nobody)] {
        for outcome in [
            keys.facts(company, key).await.map(drop),
            keys.reveal(company, key, &ana()).await.map(drop),
            keys.copy(company, key, &ana()).await.map(drop),
            keys.delete(company, key, &ana()).await.map(drop),
        ] {
            assert!(matches!(outcome, Err(KeysError::NotFound)), "{outcome:?}");
        }
    }
    assert_eq!(audit_rows(&db.db).await.len(), rows_before);
    let theirs = keys.list(world.other.id).await.expect("listed");
    assert!(theirs.iter().all(|group| group.keys.is_empty()));
    assert_eq!(world.verdict(&keys, &generated.secret), Verdict::Accepted);
}

async fn generate_reveal_copy_and_delete_leave_their_audit_rows(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generated = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let (company, key) = (world.company.id, generated.key.id);
    for step in 1..=4 {
        world.clock.advance(Duration::from_millis(500));
        match step {
            1 => drop(keys.reveal(company, key, &ana()).await.expect("revealed")),
            2 => drop(keys.copy(company, key, &ana()).await.expect("copied")),
            3 => drop(keys.borrow(company, key, &ana()).await.expect("for a test")),
            _ => drop(keys.delete(company, key, &ana()).await.expect("deleted")),
        }
    }
    let rows = audit_rows(&db.db).await;
    let actions: Vec<_> = rows
        .iter()
        .map(|row| (row.action.as_str(), row.at - START.as_millis()))
        .collect();
    assert_eq!(
        actions,
        [
            ("key.generated", 0),
            ("key.revealed", 500),
            ("key.copied", 1000),
            ("key.tested", 1500),
            ("key.deleted", 2000)
        ]
    );
    for row in rows {
        assert_eq!(row.company, company.to_string());
        assert_eq!(row.actor, "ana@example.com from 192.0.2.1");
        assert_eq!(row.subject, key.to_string());
        assert_eq!(row.detail, "Sandbox");
    }
}

async fn a_company_that_does_not_exist_gets_no_key(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let nobody = model::CompanyId::from_random([9; 16]);
    assert!(matches!(
        keys.generate(nobody, SANDBOX, &ana()).await,
        Err(KeysError::NotFound)
    ));
    assert!(audit_rows(&db.db).await.is_empty());

    let late = db.company(3, None).await;
    assert!(keys.snapshot().company(late.client_id).is_none());
    keys.company_changed().await.expect("loaded");
    assert_eq!(
        keys.snapshot().company(late.client_id).map(|company| company.id),
        Some(late.id)
    );
    keys.generate(late.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
}

/// A change that is applied while another change is loaded makes the load outdated. It must not be given up.
async fn a_new_companys_key_is_accepted_at_once_while_others_change(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let others = async || {
        loop {
            let made = keys.generate(world.company.id, SANDBOX, &ana()).await;
            let key = made.expect("a free slot").key.id;
            keys.delete(world.company.id, key, &ana())
                .await
                .expect("it was active");
        }
    };
    let new_companies = async || {
        for number in 10..50 {
            let company = db.company(number, None).await;
            keys.company_changed().await.expect("loaded");
            assert!(keys.snapshot().company(company.client_id).is_some(), "{number}");
            let made = keys.generate(company.id, SANDBOX, &ana()).await;
            let key = made.expect("a free slot").key.id;
            assert!(keys.snapshot().active_key(key).is_some(), "{number}");
        }
    };
    tokio::select! {
        () = others() => {}
        () = new_companies() => {}
    }
}

async fn every_change_of_who_is_accepted_moves_the_change_version(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let stored = StoredKeys::new(db.db.clone());
    let version = async || stored.change_version().await.expect("a version");
    let start = version().await;
    let generated = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    assert_eq!(version().await, start + 1);
    keys.generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    keys.generate(world.company.id, SANDBOX, &ana())
        .await
        .expect_err("two are active");
    keys.reveal(world.company.id, generated.key.id, &ana())
        .await
        .expect("revealed");
    assert_eq!(version().await, start + 2);
    keys.delete(world.company.id, generated.key.id, &ana())
        .await
        .expect("deleted");
    assert_eq!(version().await, start + 3);
    assert_eq!(
        keys.snapshot().version(),
        start + 3,
        "its own changes need no reload"
    );
}

async fn keys_and_tombstones_survive_a_restart(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let deleted = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let kept = keys
        .generate(world.company.id, Environment::Dev, &ana())
        .await
        .expect("a free slot");
    keys.delete(world.company.id, deleted.key.id, &ana())
        .await
        .expect("deleted");
    let again = world.open(&db.open_again().await).await;
    assert_eq!(world.verdict(&again, &kept.secret), Verdict::Accepted);
    assert_eq!(world.verdict(&again, &deleted.secret), Verdict::DeletedKey);
    assert_eq!(
        again
            .reveal(world.company.id, kept.key.id, &ana())
            .await
            .expect("revealed"),
        kept.secret
    );
}

async fn signing_secrets_come_oldest_first_and_without_deleted_ones(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let company = world.company.id;
    let signing = async || -> Vec<String> {
        let secrets = keys.signing_secrets(company, SANDBOX).await.expect("opened");
        secrets.iter().map(|one| one.secret.expose().to_owned()).collect()
    };
    assert!(signing().await.is_empty());
    let older = keys
        .generate(company, SANDBOX, &ana())
        .await
        .expect("a free slot");
    world.clock.advance(Duration::from_millis(1));
    let newer = keys
        .generate(company, SANDBOX, &ana())
        .await
        .expect("a free slot");
    keys.generate(company, Environment::Dev, &ana())
        .await
        .expect("a free slot");
    assert_eq!(signing().await, [older.secret.expose(), newer.secret.expose()]);
    keys.delete(company, older.key.id, &ana()).await.expect("deleted");
    assert_eq!(signing().await, [newer.secret.expose()]);
}

async fn only_an_up_to_date_node_gets_a_lease(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let stored = StoredKeys::new(db.db.clone());
    let (one, two, second) = (NodeId::generate(), NodeId::generate(), Duration::from_secs(60));
    let before = stored.change_version().await.expect("a version");
    assert_eq!(
        stored.renew_lease(one, before, second).await.expect("asked"),
        Renewal::Renewed
    );
    // On PostgreSQL it waits for the node that has a lease.
    let generating = tokio::spawn({
        let (keys, company) = (keys.clone(), world.company.id);
        async move { keys.generate(company, SANDBOX, &ana()).await }
    });
    let after = before + 1;
    test_wait::until("the key is committed", async || {
        stored.change_version().await.expect("a version") == after
    })
    .await;
    assert_eq!(
        stored.renew_lease(one, before, second).await.expect("asked"),
        Renewal::Behind
    );
    assert_eq!(
        stored.renew_lease(two, before, second).await.expect("asked"),
        Renewal::Behind
    );
    assert!(
        stored.nodes_behind(after, two).await.expect("counted") >= 1,
        "the first still has its old lease"
    );
    assert_eq!(
        stored.renew_lease(one, after, second).await.expect("asked"),
        Renewal::Renewed
    );
    generating.await.expect("ends").expect("a free slot");
    keys.follow().await.expect("followed");
    assert_eq!(stored.nodes_behind(after, two).await.expect("counted"), 0);
}

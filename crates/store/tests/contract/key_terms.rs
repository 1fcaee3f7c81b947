//! A key's terms: when it ends, what it may be used for, and what is written down about it.

use std::net::IpAddr;
use std::time::Duration;

use keys::{ActiveKey, KeyChange, Keys, KeysError, Recognition, Setting};
use model::{Environment, GeneratedKey, KeyTerms, Timestamp, Verdict};

use crate::key_world::{START, World, ana, audit_rows, generate_at_once};
use crate::test_db::TestDb;

contract!(
    store::MAIN_MIGRATIONS,
    [
        a_new_key_has_no_terms_and_pays_for_none,
        what_was_set_is_listed_and_survives_a_restart,
        wrong_terms_are_refused_by_name_and_change_nothing,
        a_key_expires_to_the_millisecond_and_can_be_given_another_date,
        a_scheduled_deletion_is_in_force_at_its_moment_and_made_final_once,
        a_deletion_that_was_called_off_does_not_happen,
        an_ended_key_gives_its_slot_to_a_new_one,
        an_expired_key_is_listed_and_counts_neither_as_active_nor_as_what_remains,
        an_ended_key_signs_nothing,
        what_watches_a_key_is_told_when_it_ends,
        another_companys_key_cannot_be_changed,
    ]
);

const SANDBOX: Environment = Environment::Sandbox;

async fn generate(keys: &Keys, world: &World) -> GeneratedKey {
    keys.generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot")
}

async fn change(keys: &Keys, world: &World, key: &GeneratedKey, change: KeyChange) -> KeyTerms {
    keys.change(world.company.id, key.key.id, change, &ana())
        .await
        .expect("changed")
        .terms
}

fn expires(at: Timestamp) -> KeyChange {
    KeyChange {
        expires_at: Setting::To(at),
        ..KeyChange::default()
    }
}

fn deleted_at(at: Timestamp) -> KeyChange {
    KeyChange {
        delete_at: Setting::To(at),
        ..KeyChange::default()
    }
}

fn active(keys: &Keys, world: &World, key: &GeneratedKey) -> std::sync::Arc<ActiveKey> {
    match keys.recognise(&world.headers(&key.secret)) {
        Recognition::Active(key) => key,
        other => panic!("{other:?}"),
    }
}

async fn a_new_key_has_no_terms_and_pays_for_none(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let key = generate(&keys, &world).await;
    assert_eq!(key.key.terms, KeyTerms::default());
    let again = world.open(&db.db).await;
    for keys in [&keys, &again] {
        assert_eq!(active(keys, &world, &key).limits, None);
        // A name limits nothing.
        let named = KeyChange {
            name: Some("Billing".to_owned()),
            ..KeyChange::default()
        };
        change(keys, &world, &key, named).await;
        assert_eq!(active(keys, &world, &key).limits, None);
        again.follow().await.expect("followed");
    }
}

async fn what_was_set_is_listed_and_survives_a_restart(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let key = generate(&keys, &world).await;
    let all = KeyChange {
        name: Some("  Billing 💶 ".to_owned()),
        note: Some("first line\nsecond".to_owned()),
        expires_at: Setting::To(START.plus_seconds(60)),
        delete_at: Setting::To(START.plus_seconds(120)),
        read_only: Some(true),
        networks: Some(
            ["2001:db8::/32", "198.51.100.7", "10.0.0.0/8", "10.0.0.0/8"]
                .map(str::to_owned)
                .into(),
        ),
        requests_a_minute: Setting::To(7),
    };
    let expected = KeyTerms {
        name: "Billing 💶".to_owned(),
        note: "first line\nsecond".to_owned(),
        expires_at: Some(START.plus_seconds(60)),
        delete_at: Some(START.plus_seconds(120)),
        read_only: true,
        networks: ["10.0.0.0/8", "198.51.100.7/32", "2001:db8::/32"]
            .map(str::to_owned)
            .into(),
        requests_a_minute: Some(7),
    };
    assert_eq!(change(&keys, &world, &key, all).await, expected);
    let again = world.open(&db.db).await;
    assert_eq!(again.find(key.key.id).await.expect("listed").terms, expected);
    assert_eq!(
        active(&again, &world, &key).limits,
        active(&keys, &world, &key).limits
    );
    // A change touches what it names.
    let renamed = KeyChange {
        name: Some(String::new()),
        delete_at: Setting::Clear,
        ..KeyChange::default()
    };
    let after = KeyTerms {
        name: String::new(),
        delete_at: None,
        ..expected
    };
    assert_eq!(change(&keys, &world, &key, renamed).await, after);
    let rows = audit_rows(&db.db).await;
    let changes: Vec<_> = rows.iter().filter(|row| row.action == "key.changed").collect();
    assert_eq!(changes.len(), 2);
    assert!(changes.iter().all(|row| row.subject == key.key.id.to_string()
        && row.company == world.company.id.to_string()
        && row.actor == "ana@example.com from 192.0.2.1"
        && row.at == START.as_millis()));
    let details: Vec<&str> = changes.iter().map(|row| row.detail.as_str()).collect();
    assert!(
        details.contains(&"Sandbox; name set, to be deleted never"),
        "{details:?}"
    );
    assert!(
        details.contains(
            &"Sandbox; name set, note set, expires 2026-01-05T12:01:00.000Z, to be deleted 2026-01-05T12:02:00.000Z, \
              read-only on, networks 10.0.0.0/8 198.51.100.7/32 2001:db8::/32, requests a minute 7"
        ),
        "{details:?}"
    );
}

async fn wrong_terms_are_refused_by_name_and_change_nothing(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let key = generate(&keys, &world).await;
    let network = |text: &str| KeyChange {
        networks: Some(vec![text.to_owned()]),
        ..KeyChange::default()
    };
    let all_wrong = KeyChange {
        name: Some("a\u{7}b".to_owned()),
        note: Some("a\u{1b}b".to_owned()),
        expires_at: Setting::To(START),
        delete_at: Setting::To(START.plus_millis(-1)),
        read_only: Some(true),
        networks: Some(vec!["10.0.0.0/33".to_owned()]),
        requests_a_minute: Setting::To(0),
    };
    let name = KeyChange {
        name: Some("x".repeat(61)),
        ..KeyChange::default()
    };
    let note = KeyChange {
        note: Some("x".repeat(501)),
        ..KeyChange::default()
    };
    let many = KeyChange {
        networks: Some((0..51).map(|number| format!("10.0.0.{number}")).collect()),
        ..KeyChange::default()
    };
    let often = KeyChange {
        requests_a_minute: Setting::To(1_000_001),
        ..KeyChange::default()
    };
    let every = [
        "name",
        "note",
        "expires_at",
        "delete_at",
        "networks",
        "requests_a_minute",
    ];
    for (wrong, fields) in [
        (all_wrong, every.as_slice()),
        (name, &["name"]),
        (note, &["note"]),
        (many, &["networks"]),
        (often, &["requests_a_minute"]),
        (network("10.0.0.1/8"), &["networks"]),
        (network("2001:db8::1/32"), &["networks"]),
        (network("::ffff:10.0.0.0/104"), &["networks"]),
        (network("::ffff:10.0.0.1"), &["networks"]),
        (network("example.com"), &["networks"]),
        (network(""), &["networks"]),
    ] {
        match keys
            .change(world.company.id, key.key.id, wrong.clone(), &ana())
            .await
        {
            Err(KeysError::InvalidTerms(faults)) => {
                let found: Vec<_> = faults.iter().map(|fault| fault.field).collect();
                assert_eq!(found, fields, "{wrong:?}");
            }
            other => panic!("{wrong:?}: {other:?}"),
        }
    }
    assert_eq!(
        keys.find(key.key.id).await.expect("active").terms,
        KeyTerms::default()
    );
    assert_eq!(audit_rows(&db.db).await.len(), 1, "only that it was generated");
}

async fn a_key_expires_to_the_millisecond_and_can_be_given_another_date(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let key = generate(&keys, &world).await;
    change(&keys, &world, &key, expires(START.plus_millis(1500))).await;
    world.clock.advance(Duration::from_millis(1499));
    assert_eq!(world.verdict(&keys, &key.secret), Verdict::Accepted);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.verdict(&keys, &key.secret), Verdict::ExpiredKey);
    world.clock.advance(Duration::from_millis(200));
    keys.follow().await.expect("followed");
    let Recognition::Refused {
        key: trace,
        detail,
        company,
        ..
    } = keys.recognise(&world.headers(&key.secret))
    else {
        panic!("the key has expired");
    };
    assert_eq!(trace.map(|trace| trace.key_id), Some(key.key.id));
    assert_eq!(company.map(|company| company.id), Some(world.company.id));
    assert_eq!(
        detail,
        format!(
            "The key ending in {} expired on 5 Jan 2026 12:00:01 UTC, 0 seconds before this request.",
            key.key.last_four
        )
    );
    // It is still there, and its secret can be shown.
    assert!(keys.reveal(world.company.id, key.key.id, &ana()).await.is_ok());
    change(&keys, &world, &key, expires(START.plus_seconds(3600))).await;
    assert_eq!(world.verdict(&keys, &key.secret), Verdict::Accepted);
    let never = KeyChange {
        expires_at: Setting::Clear,
        ..KeyChange::default()
    };
    change(&keys, &world, &key, never).await;
    assert_eq!(active(&keys, &world, &key).limits, None);
}

async fn a_scheduled_deletion_is_in_force_at_its_moment_and_made_final_once(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let (key, company) = (generate(&keys, &world).await, world.company.id);
    let at = START.plus_millis(1500);
    change(&keys, &world, &key, deleted_at(at)).await;
    // An expiry before it changes nothing about the deletion.
    change(&keys, &world, &key, expires(START.plus_millis(1200))).await;
    world.clock.advance(Duration::from_millis(1199));
    keys.delete_due().await.expect("nothing is due");
    assert_eq!(world.verdict(&keys, &key.secret), Verdict::Accepted);
    world.clock.advance(Duration::from_millis(300));
    assert_eq!(world.verdict(&keys, &key.secret), Verdict::ExpiredKey);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.verdict(&keys, &key.secret), Verdict::DeletedKey);
    // Although no row has changed, it is gone for everybody.
    assert!(keys.list(company).await.expect("listed")[0].keys.is_empty());
    for gone in [
        keys.reveal(company, key.key.id, &ana()).await.map(drop),
        keys.change(company, key.key.id, expires(at.plus_seconds(9)), &ana())
            .await
            .map(drop),
        keys.find(key.key.id).await.map(drop),
    ] {
        assert!(matches!(gone, Err(KeysError::NotFound)), "{gone:?}");
    }
    world.clock.advance(Duration::from_millis(700));
    keys.delete_due().await.expect("deleted");
    keys.delete_due().await.expect("nothing is left");
    let Recognition::Refused { verdict, detail, .. } = keys.recognise(&world.headers(&key.secret)) else {
        panic!("the key was deleted");
    };
    assert_eq!(verdict, Verdict::DeletedKey);
    assert!(
        detail.contains("was deleted by ana@example.com on 5 Jan 2026 12:00:01 UTC"),
        "{detail}"
    );
    let rows = audit_rows(&db.db).await;
    let deleted: Vec<_> = rows.iter().filter(|row| row.action == "key.deleted").collect();
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0].detail, "Sandbox; scheduled by ana@example.com");
    assert_eq!(deleted[0].at, START.plus_millis(2200).as_millis());
    let again = world.open(&db.db).await;
    assert_eq!(world.verdict(&again, &key.secret), Verdict::DeletedKey);
}

async fn a_deletion_that_was_called_off_does_not_happen(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let key = generate(&keys, &world).await;
    change(&keys, &world, &key, deleted_at(START.plus_millis(100))).await;
    let never = KeyChange {
        delete_at: Setting::Clear,
        ..KeyChange::default()
    };
    change(&keys, &world, &key, never).await;
    world.clock.advance(Duration::from_millis(500));
    keys.delete_due().await.expect("nothing is due");
    assert_eq!(world.verdict(&keys, &key.secret), Verdict::Accepted);
}

async fn an_ended_key_gives_its_slot_to_a_new_one(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let company = world.company.id;
    let (first, second) = (generate(&keys, &world).await, generate(&keys, &world).await);
    change(&keys, &world, &first, expires(START.plus_millis(200))).await;
    change(&keys, &world, &second, expires(START.plus_millis(100))).await;
    world.clock.advance(Duration::from_millis(99));
    let full = keys.generate(company, SANDBOX, &ana()).await;
    assert!(matches!(full, Err(KeysError::TwoActive)), "none has expired");
    world.clock.advance(Duration::from_millis(1));
    // Many at once: one gets the slot.
    let made = generate_at_once(&keys, company, 20).await;
    assert_eq!(made.len(), 1);
    assert_eq!(world.verdict(&keys, &made[0].secret), Verdict::Accepted);
    assert_eq!(world.verdict(&keys, &first.secret), Verdict::Accepted);
    assert_eq!(world.verdict(&keys, &second.secret), Verdict::DeletedKey);
    world.clock.advance(Duration::from_millis(100));
    assert_eq!(world.verdict(&keys, &first.secret), Verdict::ExpiredKey);
    generate(&keys, &world).await;
    assert_eq!(world.verdict(&keys, &first.secret), Verdict::DeletedKey);
    assert_eq!(keys.list(company).await.expect("listed")[0].keys.len(), 2);
    let again = world.open(&db.db).await;
    assert_eq!(
        *again.snapshot(),
        *keys.snapshot(),
        "what was applied is what is loaded"
    );
    let rows = audit_rows(&db.db).await;
    let freed: Vec<_> = rows.iter().filter(|row| row.action == "key.deleted").collect();
    let subjects: Vec<_> = freed.iter().map(|row| row.subject.clone()).collect();
    assert_eq!(subjects, [&second, &first].map(|key| key.key.id.to_string()));
    assert!(
        freed
            .iter()
            .all(|row| row.detail == "Sandbox; it had ended, and a new key needed its slot")
    );
}

async fn an_expired_key_is_listed_and_counts_neither_as_active_nor_as_what_remains(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let (older, newer) = (generate(&keys, &world).await, generate(&keys, &world).await);
    change(&keys, &world, &older, expires(START.plus_millis(1000))).await;
    let group = async || {
        let groups = keys.list(world.company.id).await.expect("listed");
        groups
            .into_iter()
            .find(|group| group.environment == SANDBOX)
            .expect("every environment is listed")
    };
    let remaining = async |key: &GeneratedKey| {
        let facts = keys.facts(world.company.id, key.key.id).await;
        facts.expect("listed").remaining
    };
    let before = group().await;
    assert_eq!((before.active(), before.rotation.is_some()), (2, true));
    assert_eq!((remaining(&older).await, remaining(&newer).await), (1, 1));
    world.clock.advance(Duration::from_millis(1000));
    let after = group().await;
    assert_eq!(after.keys.len(), 2, "it can be given another date");
    assert_eq!((after.active(), after.rotation.is_some()), (1, false));
    assert!(after.has_expired(older.key.id) && !after.has_expired(newer.key.id));
    assert_eq!((remaining(&older).await, remaining(&newer).await), (1, 0));
}

async fn an_ended_key_signs_nothing(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let (first, second) = (generate(&keys, &world).await, generate(&keys, &world).await);
    change(&keys, &world, &first, expires(START.plus_millis(100))).await;
    change(&keys, &world, &second, deleted_at(START.plus_millis(200))).await;
    for (advance, expected) in [(99, 2), (1, 1), (99, 1), (1, 0)] {
        world.clock.advance(Duration::from_millis(advance));
        let secrets = keys
            .signing_secrets(world.company.id, SANDBOX)
            .await
            .expect("opened");
        assert_eq!(secrets.len(), expected);
    }
}

async fn what_watches_a_key_is_told_when_it_ends(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let key = generate(&keys, &world).await;
    let watched = tokio::spawn({
        let (keys, active) = (keys.clone(), active(&keys, &world, &key));
        async move { keys.ended(active).await }
    });
    change(&keys, &world, &key, expires(START.plus_millis(100))).await;
    // A later date counts, also for what watched the earlier one.
    change(&keys, &world, &key, expires(START.plus_millis(300))).await;
    world.clock.advance(Duration::from_millis(200));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!watched.is_finished());
    world.clock.advance(Duration::from_millis(100));
    assert_eq!(watched.await.expect("no panic"), Verdict::ExpiredKey);
}

async fn another_companys_key_cannot_be_changed(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let key = generate(&keys, &world).await;
    let theirs = keys
        .change(world.other.id, key.key.id, expires(START.plus_seconds(1)), &ana())
        .await;
    assert!(matches!(theirs, Err(KeysError::NotFound)));
    let limits = active(&keys, &world, &key).limits.clone();
    assert_eq!(limits, None);
    // An address is judged by the key's own terms only.
    let address = IpAddr::from([192, 0, 2, 1]);
    let ours = KeyChange {
        networks: Some(vec!["198.51.100.0/24".to_owned()]),
        ..KeyChange::default()
    };
    change(&keys, &world, &key, ours).await;
    let limits = active(&keys, &world, &key).limits.clone().expect("limited");
    let refused = limits.refuse("GET", &world.headers(&key.secret), address);
    assert_eq!(
        refused.map(|(verdict, _)| verdict),
        Some(Verdict::AddressNotAllowed)
    );
}

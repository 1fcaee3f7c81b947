//! Replacing a key: what the new one inherits, when the old one goes, and what keeps it.

use std::net::IpAddr;
use std::time::Duration;

use keys::{KeyChange, Keys, KeysError, Recognition, RotationChange, Setting};
use model::{
    Environment, GeneratedKey, KeyId, KeyTerms, RotatedKey, RotationEnd, RotationPlan, RotationStage,
    RotationWait, SHORTEST_QUIET_MILLIS, SecretText, Timestamp, Verdict,
};

use crate::key_world::{START, World, ana, audit_rows};
use crate::test_db::TestDb;

contract!(
    store::MAIN_MIGRATIONS,
    [
        the_new_key_inherits_name_note_and_limits_and_no_date,
        the_old_key_goes_at_its_moment_and_not_before_the_new_one_was_used,
        a_quiet_time_counts_from_the_last_call_and_begins_again_with_each,
        a_cancelled_rotation_deletes_nothing_until_it_is_resumed,
        where_two_keys_are_active_it_says_why_it_cannot,
        a_rotation_that_lost_its_new_key_keeps_the_old_one,
        a_rotation_whose_new_key_has_expired_keeps_the_old_one,
        a_rotation_whose_old_key_was_deleted_by_hand_has_ended,
        the_old_key_ends_at_the_earlier_of_its_dates,
        an_expired_old_key_that_gives_its_slot_away_ends_the_rotation,
        what_a_plan_cannot_be_is_refused_and_changes_nothing,
        another_companys_rotation_is_not_found,
        every_step_is_written_down,
    ]
);

const SANDBOX: Environment = Environment::Sandbox;
const HOUR: i64 = 3_600_000;

async fn generate(keys: &Keys, world: &World) -> GeneratedKey {
    let made = keys.generate(world.company.id, SANDBOX, &ana()).await;
    made.expect("a free slot")
}

async fn rotate(keys: &Keys, world: &World, old: KeyId, plan: RotationPlan) -> RotatedKey {
    let made = keys.rotate(world.company.id, old, plan, &ana()).await;
    made.expect("a rotation begins")
}

async fn change(keys: &Keys, world: &World, key: KeyId, change: KeyChange) {
    let changed = keys.change(world.company.id, key, change, &ana()).await;
    changed.expect("changed");
}

/// A request with this key, which this node notes.
fn call(keys: &Keys, world: &World, secret: &SecretText) {
    let Recognition::Active(key) = keys.recognise(&world.headers(secret)) else {
        panic!("the key is active");
    };
    let now = clock::Clock::from(&world.clock).now();
    keys.touched(&key, now, IpAddr::from([192, 0, 2, 7]));
}

/// Time goes on, and the node keeps up.
async fn pass(keys: &Keys, world: &World, time: Duration) {
    world.clock.advance(time);
    keys.follow().await.expect("followed");
}

async fn stage(keys: &Keys, world: &World, key: KeyId) -> RotationStage {
    let stored = keys.rotation(world.company.id, key).await;
    stored.expect("a rotation").rotation.stage
}

async fn is_there(keys: &Keys, world: &World, key: KeyId) -> bool {
    keys.facts(world.company.id, key).await.is_ok()
}

fn ended(at: Timestamp, how: RotationEnd) -> RotationStage {
    RotationStage::Ended { at, how }
}

async fn the_new_key_inherits_name_note_and_limits_and_no_date(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let old = generate(&keys, &world).await;
    let terms = KeyChange {
        name: Some("Billing".to_owned()),
        note: Some("first\nsecond".to_owned()),
        expires_at: Setting::To(START.plus_seconds(500)),
        delete_at: Setting::To(START.plus_seconds(600)),
        read_only: Some(true),
        networks: Some(vec!["10.0.0.0/8".to_owned()]),
        requests_a_minute: Setting::To(9),
    };
    change(&keys, &world, old.key.id, terms).await;
    let new = rotate(&keys, &world, old.key.id, RotationPlan::Undecided).await;
    let inherited = KeyTerms {
        name: "Billing".to_owned(),
        note: "first\nsecond".to_owned(),
        expires_at: None,
        delete_at: None,
        read_only: true,
        networks: vec!["10.0.0.0/8".to_owned()],
        requests_a_minute: Some(9),
    };
    assert_eq!(new.generated.key.terms, inherited);
    assert_eq!(world.verdict(&keys, &new.generated.secret), Verdict::Accepted);
    let again = world.open(&db.db).await;
    assert_eq!(
        *again.snapshot(),
        *keys.snapshot(),
        "what was applied is what is loaded"
    );
    let found = again.find(new.generated.key.id).await.expect("listed");
    assert_eq!(found, new.generated.key);
    // The dates of the old key stay as they were.
    let old = again.find(old.key.id).await.expect("listed").terms;
    assert_eq!(old.expires_at, Some(START.plus_seconds(500)));
    assert_eq!(old.delete_at, Some(START.plus_seconds(600)));
}

async fn the_old_key_goes_at_its_moment_and_not_before_the_new_one_was_used(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let old = generate(&keys, &world).await;
    let at = START.plus_millis(HOUR);
    let new = rotate(&keys, &world, old.key.id, RotationPlan::At(at)).await;
    pass(&keys, &world, Duration::from_secs(3600)).await;
    keys.rotate_due().await.expect("nothing is due");
    assert!(is_there(&keys, &world, old.key.id).await, "the new key is unused");
    let finish = keys.finish_rotation(world.company.id, old.key.id, &ana()).await;
    assert!(
        matches!(finish, Err(KeysError::RotationWaits(RotationWait::NewKeyUnused))),
        "{finish:?}"
    );
    call(&keys, &world, &new.generated.secret);
    // Another start of the server knows the rotation. It deletes nothing before the call has been written.
    let again = world.open(&db.db).await;
    again.rotate_due().await.expect("nothing is due");
    assert!(is_there(&again, &world, old.key.id).await);
    keys.flush_last_used().await.expect("written");
    again.rotate_due().await.expect("deleted");
    again.rotate_due().await.expect("nothing is left");
    assert_eq!(world.verdict(&again, &old.secret), Verdict::DeletedKey);
    assert_eq!(world.verdict(&again, &new.generated.secret), Verdict::Accepted);
    for key in [old.key.id, new.generated.key.id] {
        assert_eq!(stage(&again, &world, key).await, ended(at, RotationEnd::Rotated));
    }
}

async fn a_quiet_time_counts_from_the_last_call_and_begins_again_with_each(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let old = generate(&keys, &world).await;
    let quiet = RotationPlan::Quiet(HOUR);
    let new = rotate(&keys, &world, old.key.id, quiet).await;
    call(&keys, &world, &new.generated.secret);
    keys.flush_last_used().await.expect("written");
    for _ in 0..3 {
        call(&keys, &world, &old.secret);
        pass(&keys, &world, Duration::from_millis(HOUR as u64 - 1)).await;
        keys.rotate_due().await.expect("nothing is due");
        assert!(is_there(&keys, &world, old.key.id).await);
    }
    let stored = keys.rotation(world.company.id, old.key.id).await.expect("one");
    let now = clock::Clock::from(&world.clock).now();
    assert_eq!(
        stored.rotation.waits_for(&stored.facts, now),
        Some(RotationWait::Quiet(now.plus_millis(1)))
    );
    pass(&keys, &world, Duration::from_millis(1)).await;
    // A call in the last moment, noted and not yet written, counts.
    call(&keys, &world, &old.secret);
    keys.rotate_due().await.expect("nothing is due");
    assert!(is_there(&keys, &world, old.key.id).await);
    pass(&keys, &world, Duration::from_millis(HOUR as u64)).await;
    keys.rotate_due().await.expect("deleted");
    assert_eq!(world.verdict(&keys, &old.secret), Verdict::DeletedKey);
}

async fn a_cancelled_rotation_deletes_nothing_until_it_is_resumed(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let (company, old) = (world.company.id, generate(&keys, &world).await);
    let at = START.plus_millis(HOUR);
    let new = rotate(&keys, &world, old.key.id, RotationPlan::At(at)).await;
    call(&keys, &world, &new.generated.secret);
    let cancelled = keys
        .change_rotation(company, old.key.id, RotationChange::Cancel, &ana())
        .await
        .expect("cancelled");
    let expected = RotationStage::Cancelled {
        at: START,
        by: "ana@example.com".to_owned(),
    };
    assert_eq!(cancelled.rotation.stage, expected);
    pass(&keys, &world, Duration::from_secs(7200)).await;
    let again = world.open(&db.db).await;
    again.rotate_due().await.expect("nothing is due");
    assert_eq!(stage(&again, &world, new.generated.key.id).await, expected);
    for (what, tried) in [
        (
            "finish",
            again.finish_rotation(company, old.key.id, &ana()).await.map(drop),
        ),
        (
            "plan",
            again
                .change_rotation(
                    company,
                    old.key.id,
                    RotationChange::Plan(RotationPlan::Undecided),
                    &ana(),
                )
                .await
                .map(drop),
        ),
    ] {
        let is_cancelled = matches!(tried, Err(KeysError::RotationWaits(RotationWait::IsCancelled)));
        assert!(is_cancelled, "{what}: {tried:?}");
    }
    let later = RotationPlan::At(START.plus_millis(3 * HOUR));
    again
        .change_rotation(
            company,
            new.generated.key.id,
            RotationChange::Resume(Some(later)),
            &ana(),
        )
        .await
        .expect("resumed");
    again.rotate_due().await.expect("nothing is due");
    assert!(is_there(&again, &world, old.key.id).await);
    keys.flush_last_used().await.expect("written");
    again
        .finish_rotation(company, old.key.id, &ana())
        .await
        .expect("the new key has been used");
    assert!(!is_there(&again, &world, old.key.id).await);
    let resumed = again
        .change_rotation(company, old.key.id, RotationChange::Resume(None), &ana())
        .await;
    assert!(
        matches!(resumed, Err(KeysError::RotationWaits(RotationWait::HasEnded))),
        "{resumed:?}"
    );
}

async fn where_two_keys_are_active_it_says_why_it_cannot(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let company = world.company.id;
    let (one, two) = (generate(&keys, &world).await, generate(&keys, &world).await);
    let why = async |key: KeyId| match keys.rotate(company, key, RotationPlan::Undecided, &ana()).await {
        Err(KeysError::CannotRotate(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        why(one.key.id).await,
        format!(
            "Two keys are active in Sandbox: the one ending in {} and the one ending in {}. A rotation makes a second key, \
             so delete the one that is not used first.",
            one.key.last_four, two.key.last_four
        )
    );
    keys.delete(company, two.key.id, &ana()).await.expect("deleted");
    let new = rotate(&keys, &world, one.key.id, RotationPlan::Undecided).await;
    assert!(why(one.key.id).await.starts_with(&format!(
        "This key is already being replaced by the key ending in {}.",
        new.generated.key.last_four
    )));
    assert!(why(new.generated.key.id).await.starts_with(&format!(
        "This key is itself replacing the key ending in {}.",
        one.key.last_four
    )));
    assert_eq!(keys.list(company).await.expect("listed")[0].keys.len(), 2);
}

async fn a_rotation_that_lost_its_new_key_keeps_the_old_one(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let old = generate(&keys, &world).await;
    let new = rotate(&keys, &world, old.key.id, RotationPlan::At(START.plus_millis(1))).await;
    call(&keys, &world, &new.generated.secret);
    keys.flush_last_used().await.expect("written");
    keys.delete(world.company.id, new.generated.key.id, &ana())
        .await
        .expect("deleted");
    pass(&keys, &world, Duration::from_secs(9)).await;
    keys.rotate_due().await.expect("nothing is due");
    let finish = keys.finish_rotation(world.company.id, old.key.id, &ana()).await;
    assert!(
        matches!(finish, Err(KeysError::RotationWaits(RotationWait::HasEnded))),
        "{finish:?}"
    );
    assert_eq!(world.verdict(&keys, &old.secret), Verdict::Accepted);
    let expected = ended(START, RotationEnd::NewKeyDeleted);
    assert_eq!(stage(&keys, &world, old.key.id).await, expected);
    // And it can be rotated again.
    let again = rotate(&keys, &world, old.key.id, RotationPlan::Undecided).await;
    assert_eq!(stage(&keys, &world, old.key.id).await, RotationStage::Running);
    assert_eq!(again.rotation.old_key, old.key.id);
}

async fn a_rotation_whose_new_key_has_expired_keeps_the_old_one(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let (company, old) = (world.company.id, generate(&keys, &world).await);
    let new = rotate(
        &keys,
        &world,
        old.key.id,
        RotationPlan::At(START.plus_seconds(60)),
    )
    .await;
    call(&keys, &world, &new.generated.secret);
    let expires = KeyChange {
        expires_at: Setting::To(START.plus_seconds(60)),
        ..KeyChange::default()
    };
    change(&keys, &world, new.generated.key.id, expires).await;
    pass(&keys, &world, Duration::from_secs(60)).await;
    keys.rotate_due().await.expect("nothing is due");
    let finish = keys.finish_rotation(company, old.key.id, &ana()).await;
    assert!(
        matches!(finish, Err(KeysError::RotationWaits(RotationWait::NewKeyEnded))),
        "{finish:?}"
    );
    assert_eq!(world.verdict(&keys, &old.secret), Verdict::Accepted);
    // With another date, it goes on.
    let never = KeyChange {
        expires_at: Setting::Clear,
        ..KeyChange::default()
    };
    change(&keys, &world, new.generated.key.id, never).await;
    keys.rotate_due().await.expect("deleted");
    assert_eq!(world.verdict(&keys, &old.secret), Verdict::DeletedKey);
}

async fn a_rotation_whose_old_key_was_deleted_by_hand_has_ended(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let (company, old) = (world.company.id, generate(&keys, &world).await);
    let new = rotate(&keys, &world, old.key.id, RotationPlan::At(START.plus_millis(1))).await;
    call(&keys, &world, &new.generated.secret);
    keys.delete(company, old.key.id, &ana()).await.expect("deleted");
    pass(&keys, &world, Duration::from_secs(9)).await;
    keys.rotate_due().await.expect("nothing is due");
    let expected = ended(START, RotationEnd::OldKeyDeleted);
    assert_eq!(stage(&keys, &world, new.generated.key.id).await, expected);
    assert_eq!(world.verdict(&keys, &new.generated.secret), Verdict::Accepted);
    // The new key has a second slot beside it again.
    rotate(&keys, &world, new.generated.key.id, RotationPlan::Undecided).await;
}

async fn the_old_key_ends_at_the_earlier_of_its_dates(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let old = generate(&keys, &world).await;
    let own = KeyChange {
        delete_at: Setting::To(START.plus_seconds(60)),
        ..KeyChange::default()
    };
    change(&keys, &world, old.key.id, own).await;
    let new = rotate(
        &keys,
        &world,
        old.key.id,
        RotationPlan::At(START.plus_seconds(120)),
    )
    .await;
    call(&keys, &world, &new.generated.secret);
    pass(&keys, &world, Duration::from_millis(59_999)).await;
    assert_eq!(world.verdict(&keys, &old.secret), Verdict::Accepted);
    pass(&keys, &world, Duration::from_millis(1)).await;
    assert_eq!(world.verdict(&keys, &old.secret), Verdict::DeletedKey);
    keys.delete_due().await.expect("made final");
    let expected = ended(START.plus_seconds(60), RotationEnd::OldKeyDeleted);
    assert_eq!(stage(&keys, &world, old.key.id).await, expected);
}

async fn an_expired_old_key_that_gives_its_slot_away_ends_the_rotation(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let old = generate(&keys, &world).await;
    let new = rotate(&keys, &world, old.key.id, RotationPlan::Undecided).await;
    let expires = KeyChange {
        expires_at: Setting::To(START.plus_millis(10)),
        ..KeyChange::default()
    };
    change(&keys, &world, old.key.id, expires).await;
    pass(&keys, &world, Duration::from_millis(10)).await;
    let expired = keys
        .rotate(world.company.id, old.key.id, RotationPlan::Undecided, &ana())
        .await;
    assert!(matches!(expired, Err(KeysError::CannotRotate(_))), "{expired:?}");
    let third = generate(&keys, &world).await;
    let expected = ended(START.plus_millis(10), RotationEnd::OldKeyDeleted);
    assert_eq!(stage(&keys, &world, new.generated.key.id).await, expected);
    for secret in [&third.secret, &new.generated.secret] {
        assert_eq!(world.verdict(&keys, secret), Verdict::Accepted);
    }
}

async fn what_a_plan_cannot_be_is_refused_and_changes_nothing(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let (company, old) = (world.company.id, generate(&keys, &world).await);
    let year = 366 * 24 * HOUR;
    for (plan, field) in [
        (RotationPlan::At(START), "delete_at"),
        (RotationPlan::At(START.plus_millis(year + 1)), "delete_at"),
        (
            RotationPlan::Quiet(SHORTEST_QUIET_MILLIS - 1),
            "delete_after_quiet",
        ),
        (RotationPlan::Quiet(year + 1), "delete_after_quiet"),
    ] {
        match keys.rotate(company, old.key.id, plan, &ana()).await {
            Err(KeysError::InvalidTerms(faults)) => assert_eq!(faults[0].field, field),
            other => panic!("{plan:?}: {other:?}"),
        }
    }
    assert_eq!(keys.list(company).await.expect("listed")[0].keys.len(), 1);
    let none = keys.rotation(company, old.key.id).await;
    assert!(matches!(none, Err(KeysError::NoRotation)), "{none:?}");
}

async fn another_companys_rotation_is_not_found(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let (theirs, old) = (world.other.id, generate(&keys, &world).await);
    let tried = keys
        .rotate(theirs, old.key.id, RotationPlan::Undecided, &ana())
        .await;
    assert!(matches!(tried, Err(KeysError::NotFound)), "{tried:?}");
    let new = rotate(&keys, &world, old.key.id, RotationPlan::Undecided).await;
    call(&keys, &world, &new.generated.secret);
    let tries = [
        keys.rotation(theirs, old.key.id).await.map(drop),
        keys.change_rotation(theirs, old.key.id, RotationChange::Cancel, &ana())
            .await
            .map(drop),
        keys.finish_rotation(theirs, new.generated.key.id, &ana())
            .await
            .map(drop),
    ];
    for tried in tries {
        assert!(matches!(tried, Err(KeysError::NoRotation)), "{tried:?}");
    }
    assert_eq!(stage(&keys, &world, old.key.id).await, RotationStage::Running);
}

async fn every_step_is_written_down(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let (company, old) = (world.company.id, generate(&keys, &world).await);
    let new = rotate(&keys, &world, old.key.id, RotationPlan::Undecided).await;
    call(&keys, &world, &new.generated.secret);
    keys.flush_last_used().await.expect("written");
    for change in [
        RotationChange::Cancel,
        RotationChange::Resume(None),
        RotationChange::Plan(RotationPlan::At(START.plus_seconds(5))),
    ] {
        pass(&keys, &world, Duration::from_millis(1)).await;
        keys.change_rotation(company, old.key.id, change, &ana())
            .await
            .expect("changed");
    }
    pass(&keys, &world, Duration::from_secs(5)).await;
    keys.rotate_due().await.expect("deleted");
    let rows = audit_rows(&db.db).await;
    let (old_four, new_four) = (&old.key.last_four, &new.generated.key.last_four);
    let mut found: Vec<_> = rows
        .iter()
        .filter(|row| row.company == company.to_string())
        .map(|row| {
            (
                row.action.as_str(),
                row.subject.clone(),
                row.detail.clone(),
                row.actor.as_str(),
            )
        })
        .collect();
    // Rows of one moment are in any order.
    found[..3].sort();
    let (old_id, new_id) = (old.key.id.to_string(), new.generated.key.id.to_string());
    let mut begun = vec![
        ("key.generated", old_id.clone(), "Sandbox".to_owned(), ANA),
        (
            "key.generated",
            new_id,
            format!("Sandbox; to replace the key ending in {old_four}"),
            ANA,
        ),
        (
            "key.rotation_started",
            old_id.clone(),
            format!("Sandbox; new key ending in {new_four}; old key to be deleted when decided"),
            ANA,
        ),
    ];
    begun.sort();
    let changed = |detail: &str| {
        (
            "key.rotation_changed",
            old_id.clone(),
            format!("Sandbox; {detail}"),
            ANA,
        )
    };
    let rest = [
        changed("cancelled"),
        changed("resumed"),
        changed("old key to be deleted 2026-01-05T12:00:05.000Z"),
        (
            "key.deleted",
            old_id.clone(),
            format!("Sandbox; replaced by the key ending in {new_four}, as ana@example.com had planned"),
            "Gatehouse",
        ),
    ];
    assert_eq!(found, begun.into_iter().chain(rest).collect::<Vec<_>>());
    let Recognition::Refused { detail, .. } = keys.recognise(&world.headers(&old.secret)) else {
        panic!("it was deleted");
    };
    assert!(detail.contains("was deleted by ana@example.com"), "{detail}");
}

const ANA: &str = "ana@example.com from 192.0.2.1";

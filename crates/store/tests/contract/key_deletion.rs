//! What deleting a key guarantees on both databases: requests are refused from the response on, the secret is erased at
//! once, and the key can be named for ninety days.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use keys::{KeyStore, KeysError, Recognition};
use model::{Environment, Verdict};
use store::Columns;
use store::keys::StoredKeys;

use crate::key_world::{Hammer, START, World, ana, audit_rows};
use crate::test_db::TestDb;

contract!(
    store::MAIN_MIGRATIONS,
    [
        deleting_a_key_refuses_the_next_request,
        no_request_is_accepted_after_delete_has_answered,
        a_deletion_is_applied_even_if_its_caller_is_gone,
        deleting_a_key_erases_its_sealed_secret,
        a_tombstone_names_who_deleted_the_key_and_when,
        a_key_can_be_deleted_only_once,
        a_tombstone_is_removed_after_ninety_days,
    ]
);

const SANDBOX: Environment = Environment::Sandbox;

async fn deleting_a_key_refuses_the_next_request(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generated = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let kept = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    assert_eq!(world.verdict(&keys, &generated.secret), Verdict::Accepted);
    let deleted = keys
        .delete(world.company.id, generated.key.id, &ana())
        .await
        .expect("deleted");
    assert_eq!(world.verdict(&keys, &generated.secret), Verdict::DeletedKey);
    assert_eq!(world.verdict(&keys, &kept.secret), Verdict::Accepted);
    assert_eq!((deleted.id, deleted.environment), (generated.key.id, SANDBOX));
    assert_eq!(
        (deleted.last_four, deleted.refused_since),
        (generated.key.last_four, START)
    );
    assert_eq!(
        keys.facts(world.company.id, kept.key.id)
            .await
            .expect("there")
            .remaining,
        0
    );
}

/// Three threads send requests without a pause while keys are deleted. The snapshot is reloaded all the time, from
/// reads that began before the deletion.
async fn no_request_is_accepted_after_delete_has_answered(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let (reloading, stop) = (keys.clone(), Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let reloads = tokio::spawn(async move {
        while !stopped.load(Ordering::Acquire) {
            reloading.reload().await.expect("loaded");
        }
    });
    for _ in 0..25 {
        let generated = keys
            .generate(world.company.id, SANDBOX, &ana())
            .await
            .expect("a free slot");
        let hammer = Hammer::start(&keys, &world, &generated.secret);
        hammer.wait_until_accepted().await;
        keys.delete(world.company.id, generated.key.id, &ana())
            .await
            .expect("deleted");
        hammer.deleted();
        assert_eq!(hammer.accepted_after_deletion().await, 0);
    }
    stop.store(true, Ordering::Release);
    reloads.await.expect("no panic");
}

async fn a_deletion_is_applied_even_if_its_caller_is_gone(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generated = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let mut changes = keys.changes();
    changes.mark_unchanged();
    let (company, actor) = (world.company.id, ana());
    let mut asking = Box::pin(keys.delete(company, generated.key.id, &actor));
    assert!(
        (&mut asking).now_or_never().is_none(),
        "it takes more than one poll"
    );
    drop(asking);
    changes.changed().await.expect("the sender still exists");
    assert_eq!(world.verdict(&keys, &generated.secret), Verdict::DeletedKey);
}

async fn deleting_a_key_erases_its_sealed_secret(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generated = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let stored = StoredKeys::new(db.db.clone());
    let sealed = stored
        .sealed(world.company.id, generated.key.id)
        .await
        .expect("there")
        .sealed;
    assert!(
        db.folder()
            .is_none_or(|folder| files_hold(folder, sealed.as_bytes())),
        "it must be there before"
    );

    keys.delete(world.company.id, generated.key.id, &ana())
        .await
        .expect("deleted");
    let row = sqlx::query("SELECT sealed FROM api_keys")
        .fetch_one(db.db.reader())
        .await
        .expect("the tombstone");
    assert_eq!(row.maybe_blob("sealed").expect("a column"), None);
    keys.scrub().await.expect("scrubbed");
    if let Some(folder) = db.folder() {
        assert!(
            !files_hold(folder, sealed.as_bytes()),
            "the sealed secret is still in a file"
        );
        assert!(!files_hold(folder, generated.secret.expose().as_bytes()));
    }
}

async fn a_tombstone_names_who_deleted_the_key_and_when(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generated = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    keys.delete(world.company.id, generated.key.id, &ana())
        .await
        .expect("deleted");
    world.clock.advance(Duration::from_secs(120));
    // Check also with a process that started after the deletion.
    for keys in [keys, world.open(&db.db).await] {
        keys.follow().await.expect("followed");
        let Recognition::Refused {
            verdict,
            company,
            key,
            detail,
        } = keys.recognise(&world.headers(&generated.secret))
        else {
            panic!("a deleted key was accepted");
        };
        assert_eq!(verdict, Verdict::DeletedKey);
        assert_eq!(company.map(|company| company.id), Some(world.company.id));
        assert_eq!(key.map(|key| key.key_id), Some(generated.key.id));
        assert!(
            detail.contains("deleted by ana@example.com on 5 Jan 2026 12:00:00 UTC, 2 minutes before"),
            "{detail}"
        );
    }
}

async fn a_key_can_be_deleted_only_once(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generated = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let (company, ana) = (world.company.id, ana());
    let (one, two) = tokio::join!(
        keys.delete(company, generated.key.id, &ana),
        keys.delete(company, generated.key.id, &ana)
    );
    let refused = [one.err(), two.err()].into_iter().flatten().collect::<Vec<_>>();
    assert!(matches!(refused.as_slice(), [KeysError::NotFound]), "{refused:?}");
    assert_eq!(audit_rows(&db.db).await.len(), 2);
}

async fn a_tombstone_is_removed_after_ninety_days(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let generated = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let kept = keys
        .generate(world.company.id, SANDBOX, &ana())
        .await
        .expect("a free slot");
    keys.delete(world.company.id, generated.key.id, &ana())
        .await
        .expect("deleted");
    for (days, remaining, expected) in [(90, 2, Verdict::UnknownSecret), (1, 1, Verdict::UnknownSecret)] {
        world.clock.advance(Duration::from_secs(days * 86_400));
        keys.tidy().await.expect("tidied");
        keys.follow().await.expect("followed");
        assert_eq!(world.verdict(&keys, &generated.secret), expected);
        let rows = sqlx::query("SELECT id FROM api_keys")
            .fetch_all(db.db.reader())
            .await
            .expect("rows");
        assert_eq!(rows.len(), remaining);
    }
    assert_eq!(world.verdict(&keys, &kept.secret), Verdict::Accepted);
}

/// Whether any file in the folder contains these bytes.
fn files_hold(folder: &std::path::Path, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(folder).expect("the folder");
    files
        .map(|file| std::fs::read(file.expect("an entry").path()).expect("a file"))
        .any(|content| content.windows(bytes.len()).any(|window| window == bytes))
}

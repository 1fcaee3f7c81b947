//! Keys of another system: whole secrets of any form, and digests.

use keys::{ImportedSecret, Importing, Keys, KeysError};
use model::{Environment, KeyId, SecretText, Verdict};
use sha2::{Digest, Sha256};
use store::Columns;
use vault::AccessSecret;

use crate::key_world::{World, ana, audit_rows};
use crate::test_db::TestDb;

contract!(
    store::MAIN_MIGRATIONS,
    [
        a_whole_secret_of_any_form_is_accepted_shown_and_signs,
        a_digest_is_accepted_and_neither_shown_nor_signs,
        a_secret_of_our_own_form_is_stored_like_one_that_was_generated,
        no_third_key_is_imported_and_none_twice,
        nothing_that_is_stored_allows_a_guess,
    ]
);

const SANDBOX: Environment = Environment::Sandbox;

fn whole(text: &str) -> ImportedSecret {
    ImportedSecret::Whole(AccessSecret::imported(text, SANDBOX).expect("a usable secret"))
}

fn digest(text: &str) -> ImportedSecret {
    ImportedSecret::Digest {
        sha256: Sha256::digest(text).into(),
        last_four: text[text.len() - 4..].to_owned(),
    }
}

async fn import(keys: &Keys, world: &World, secret: ImportedSecret) -> Result<KeyId, KeysError> {
    let importing = Importing {
        company: world.company.id,
        environment: SANDBOX,
        secret,
        name: " Moved ".to_owned(),
    };
    keys.import(importing, &ana()).await
}

/// On this node and on one that loads what is stored.
async fn verdicts(db: &TestDb, keys: &Keys, world: &World, secret: &str) -> Verdict {
    let again = world.open(&db.db).await;
    assert_eq!(
        *again.snapshot(),
        *keys.snapshot(),
        "what was applied is what is loaded"
    );
    let verdict = world.verdict(keys, &SecretText::new(secret));
    assert_eq!(world.verdict(&again, &SecretText::new(secret)), verdict);
    verdict
}

async fn a_whole_secret_of_any_form_is_accepted_shown_and_signs(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let company = world.company.id;
    let longest = format!("{}!", "aB3-".repeat(63));
    let mut ids = Vec::new();
    for secret in ["sk_live_51Habc.def/ghi=", &longest] {
        let id = import(&keys, &world, whole(secret)).await.expect("a free slot");
        assert_eq!(verdicts(db, &keys, &world, secret).await, Verdict::Accepted);
        let other = format!("{}x", &secret[1..]);
        assert_ne!(world.verdict(&keys, &SecretText::new(&other)), Verdict::Accepted);
        let shown = keys.reveal(company, id, &ana()).await.expect("shown");
        assert_eq!(shown.expose(), secret);
        let signing = keys.signing_secrets(company, SANDBOX).await.expect("opened");
        assert!(signing.iter().any(|one| one.secret.expose() == secret));
        let listed = keys.find(id).await.expect("listed");
        assert_eq!(listed.last_four, secret[secret.len() - 4..]);
        assert_eq!(listed.terms.name, "Moved");
        ids.push(id);
    }
    keys.delete(company, ids[0], &ana()).await.expect("deleted");
    let verdict = verdicts(db, &keys, &world, "sk_live_51Habc.def/ghi=").await;
    assert_eq!(verdict, Verdict::DeletedKey);
}

async fn a_digest_is_accepted_and_neither_shown_nor_signs(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let company = world.company.id;
    let id = import(&keys, &world, digest("sk_live_51Habc.def/ghi="))
        .await
        .expect("a free slot");
    assert_eq!(
        verdicts(db, &keys, &world, "sk_live_51Habc.def/ghi=").await,
        Verdict::Accepted
    );
    for shown in [
        keys.reveal(company, id, &ana()).await,
        keys.copy(company, id, &ana()).await,
    ] {
        assert!(matches!(shown, Err(KeysError::OnlyDigest)), "{shown:?}");
    }
    assert!(
        keys.signing_secrets(company, SANDBOX)
            .await
            .expect("read")
            .is_empty()
    );
    let rows = audit_rows(&db.db).await;
    let refused = rows.iter().filter(|row| {
        row.detail == "Sandbox; refused, only the digest of the secret was imported"
            && row.subject == id.to_string()
    });
    assert_eq!(refused.count(), 2);
    // A key that was made here signs for both.
    let made = keys
        .generate(company, SANDBOX, &ana())
        .await
        .expect("a free slot");
    let signing = keys.signing_secrets(company, SANDBOX).await.expect("opened");
    assert_eq!(signing.len(), 1);
    assert_eq!(signing[0].key_id, made.key.id);
    // The digest itself is no credential.
    let hex: String = Sha256::digest("sk_live_51Habc.def/ghi=")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_ne!(world.verdict(&keys, &SecretText::new(&hex)), Verdict::Accepted);
}

async fn a_secret_of_our_own_form_is_stored_like_one_that_was_generated(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let own = AccessSecret::generate(SANDBOX);
    import(&keys, &world, whole(own.expose()))
        .await
        .expect("a free slot");
    assert_eq!(verdicts(db, &keys, &world, own.expose()).await, Verdict::Accepted);
    // The prefix of another environment does not decide.
    let elsewhere = AccessSecret::generate(Environment::Prod);
    import(&keys, &world, whole(elsewhere.expose()))
        .await
        .expect("a free slot");
    assert_eq!(
        verdicts(db, &keys, &world, elsewhere.expose()).await,
        Verdict::Accepted
    );
    let sql = "SELECT CAST(SUM(imported) AS BIGINT) AS imported FROM api_keys";
    let row = sqlx::query(sql).fetch_one(db.db.reader()).await.expect("a sum");
    assert_eq!(row.int("imported").expect("a number"), 1);
}

async fn no_third_key_is_imported_and_none_twice(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let secrets = ["sk_live_0000000001", "sk_live_0000000002", "sk_live_0000000003"];
    for secret in &secrets[..2] {
        import(&keys, &world, whole(secret)).await.expect("a free slot");
    }
    let third = import(&keys, &world, whole(secrets[2])).await;
    assert!(matches!(third, Err(KeysError::TwoActive)), "{third:?}");
    let listed = keys.list(world.company.id).await.expect("listed")[0].keys.clone();
    keys.delete(world.company.id, listed[0].id, &ana())
        .await
        .expect("deleted");
    // As a secret, as a digest, and after it was deleted.
    for again in [
        whole(secrets[0]),
        digest(secrets[0]),
        whole(secrets[1]),
        digest(secrets[1]),
    ] {
        assert!(keys.is_known(&again, SANDBOX).await.expect("looked up"));
        let again = import(&keys, &world, again).await;
        assert!(matches!(again, Err(KeysError::AlreadyThere)), "{again:?}");
    }
    assert!(
        !keys
            .is_known(&whole(secrets[2]), SANDBOX)
            .await
            .expect("looked up")
    );
    import(&keys, &world, digest(secrets[2]))
        .await
        .expect("a free slot");
}

async fn nothing_that_is_stored_allows_a_guess(db: &TestDb) {
    let world = World::create(db).await;
    let keys = world.open(&db.db).await;
    let secrets = ["correct horse battery staple", "Tr0ub4dor&3 and some more"];
    import(&keys, &world, whole(secrets[0]))
        .await
        .expect("a free slot");
    import(&keys, &world, digest(secrets[1]))
        .await
        .expect("a free slot");
    let rows = sqlx::query("SELECT lookup_hash, sealed FROM api_keys")
        .fetch_all(db.db.reader())
        .await
        .expect("rows");
    let mut stored: Vec<Vec<u8>> = Vec::new();
    for row in &rows {
        stored.push(row.blob("lookup_hash").expect("a hash"));
        stored.push(row.blob("sealed").expect("sealed"));
    }
    if let Some(folder) = db.folder() {
        for file in std::fs::read_dir(folder).expect("a folder") {
            stored.push(std::fs::read(file.expect("a file").path()).expect("bytes"));
        }
    }
    let contains = |bytes: &[u8], needle: &[u8]| bytes.windows(needle.len()).any(|part| part == needle);
    for secret in secrets {
        let sha = Sha256::digest(secret);
        let twice = Sha256::digest(sha);
        for needle in [secret.as_bytes(), &sha[..], &twice[..]] {
            assert!(!stored.iter().any(|bytes| contains(bytes, needle)));
        }
    }
}

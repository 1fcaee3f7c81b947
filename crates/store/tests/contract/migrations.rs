//! Migrations: each runs once, and its text never changes after that.

use store::{Columns, Db, Migration, StoreError, Urgency};

use crate::test_db::TestDb;

contract!(
    &[NUMBERS],
    [
        a_migration_runs_once,
        a_database_of_a_newer_version_is_refused,
        a_step_whose_text_has_changed_is_refused_by_name,
        a_database_without_checksums_gets_them_at_its_next_start,
    ]
);

const NUMBERS: Migration = Migration {
    name: "0001_numbers",
    sql: "CREATE TABLE numbers (n {int} NOT NULL PRIMARY KEY) {strict};",
};

const MORE: Migration = Migration {
    name: "0002_more",
    sql: "INSERT INTO numbers (n) VALUES (42)",
};

/// The checksums of all released migrations, as printed by `sha256sum`. A new migration gets a new line. Never change
/// a line here: databases have already run that text.
const LANDED: &[(&str, &str)] = &[
    (
        "0001_audit",
        "13d05212e7f28c5bb7cb323dc9df4ece2ffd806f7972cb368fa205f139270b0f",
    ),
    (
        "0002_accounts",
        "fd5ceea6e665d456551546a66d8eeacfdd88dd376b556da421a7774f92dadbb5",
    ),
    (
        "0003_keys",
        "9a321c59733147426cf1bbb927e673ddd65fda02dca49f2db4ca7ca8473faca2",
    ),
    (
        "0004_webhooks",
        "ed92e002b807bd2fb03fc0101d5d49cd08f7c87c0f8ea820e587e2c965d8b8ce",
    ),
    (
        "0009_webhook_waiting",
        "cdf0f02887df4cc7aa5d3a035571db008e0ae166fe8bf16e3d8c6942096bb237",
    ),
    (
        "0006_revocation",
        "e606f890b198b5001489b1a36b3ee698fc3d38cfc1fba180633bf606aadd14f0",
    ),
    (
        "0010_webhook_paused_by",
        "e52ec50ac4bc734ee52bae5b80cc40368a961c765d9d7e73790203b77791c03c",
    ),
    (
        "0011_company_log_days",
        "b1ae3693ac7f389e531d7e5413d867fd3622b60033ca33d078c431f9d0819d37",
    ),
    (
        "0012_api_keys_by_company",
        "11870a505f2b8edc3f969782331c73c34bb45c6ce6bc3c4249aab55d627dffbb",
    ),
    (
        "0013_saved_views",
        "3830c9b00247af5567b163134a968ef26c257f855a5e3c2f18452ac4c4a5584d",
    ),
    (
        "0014_change_feed",
        "da5d2af7bfb1904567d42873e22892b023cd0e2e4302ee73ace54d2c2a5bd0a4",
    ),
    (
        "0015_key_terms",
        "3c5035c20fc434bfaba61a23d2413aad85d2b13e95b57a532fdcd76f2f6135bf",
    ),
    (
        "0016_key_rotations",
        "51e39f0875be1450e9570b7ecf9869c3911c5642156fa738f6d04c423fff3483",
    ),
    (
        "0017_imported_keys",
        "4e56456af8ded0dd33bdd704eb1355d1b8fc4fbd2f212f4dd4e51b7d37ec7b32",
    ),
    (
        "0018_deleted_companies",
        "462ff04b96cdb6fc2d9268e25ca941a734d80ce589f787d700c4d013138558fb",
    ),
    (
        "0019_webhook_batches",
        "28b2f385bd57a1f5a427965c1e68a29d15b8055f46503803e18d8736d7b9e797",
    ),
    (
        "0020_event_catalogue",
        "f802250c4abcaef90eae2a3fdadec43c9683f39deb6cf3325c7640acca869c28",
    ),
    (
        "0021_webhook_brake",
        "a501f04d5b2d504a8850549afab92e81dc1fe30fe529f3d475502f152e48e77f",
    ),
    (
        "0022_webhook_options",
        "e7cc3133a2b46c34c2efc76a19f289b49d0a9b0ed4f03ad3ad43c68869c7648d",
    ),
    (
        "0001_logs",
        "1387443522f6664489782df606d577182ec6ec29bf9a753796a6e66f32e0d082",
    ),
    (
        "0002_segments",
        "e95c097c95501793280b20196ea9020750352b351e0e7add5893c241093868b5",
    ),
    (
        "0003_retention",
        "56f63a35e5ac82fb705e727d9fcd22f5edacdb49ef37415a3d26a01ff25a9497",
    ),
    (
        "0004_move",
        "c170e2d1ce1e7d347c93ebe20e330472e8c5f1ee5f52008fd569534fca62cec7",
    ),
];

#[test]
fn a_migration_that_has_landed_is_never_edited() {
    let all = store::MAIN_MIGRATIONS.iter().chain(store::logs::LOG_MIGRATIONS);
    let all: Vec<(&str, String)> = all.map(|one| (one.name, one.checksum())).collect();
    let all: Vec<(&str, &str)> = all.iter().map(|(name, sum)| (*name, sum.as_str())).collect();
    assert_eq!(
        all, LANDED,
        "databases have run the text of a migration that landed: write another migration instead of editing it"
    );
}

async fn numbers(db: &Db) -> Vec<i64> {
    let rows = sqlx::query("SELECT n FROM numbers ORDER BY n")
        .fetch_all(db.reader())
        .await
        .expect("readable");
    rows.iter().map(|row| row.int("n").expect("a number")).collect()
}

async fn checksums(db: &Db) -> Vec<(String, Option<String>)> {
    let rows = sqlx::query("SELECT name, checksum FROM migrations ORDER BY name")
        .fetch_all(db.reader())
        .await
        .expect("readable");
    let read =
        |row: &sqlx::any::AnyRow| Ok::<_, StoreError>((row.text("name")?, row.maybe_text("checksum")?));
    rows.iter().map(|row| read(row).expect("two texts")).collect()
}

fn refusal(opened: Result<Db, StoreError>) -> String {
    match opened {
        Err(StoreError::Unusable(sentence)) => sentence,
        other => panic!("not refused: {other:?}"),
    }
}

async fn a_migration_runs_once(db: &TestDb) {
    for _ in 0..2 {
        let opened = db.open_with(&[NUMBERS, MORE]).await.expect("opens");
        assert_eq!(numbers(&opened).await, [42]);
        opened.close().await;
    }
}

async fn a_database_of_a_newer_version_is_refused(db: &TestDb) {
    let newer = db.open_with(&[NUMBERS, MORE]).await.expect("opens");
    newer.close().await;
    let sentence = refusal(db.open_with(&[NUMBERS]).await);
    assert!(
        sentence.contains("newer version") && sentence.contains(MORE.name),
        "{sentence}"
    );
}

async fn a_step_whose_text_has_changed_is_refused_by_name(db: &TestDb) {
    assert_eq!(
        checksums(&db.db).await,
        [(NUMBERS.name.to_owned(), Some(NUMBERS.checksum()))]
    );
    let edited = Migration {
        sql: "CREATE TABLE numbers (n {int} NOT NULL PRIMARY KEY, more {int}) {strict};",
        ..NUMBERS
    };
    let sentence = refusal(db.open_with(&[edited, MORE]).await);
    assert!(
        sentence.contains(NUMBERS.name) && sentence.contains("differs from the one in this version"),
        "{sentence}"
    );
    assert!(numbers(&db.db).await.is_empty(), "no later step ran");
    db.open_with(&[NUMBERS, MORE])
        .await
        .expect("the unchanged text still opens it")
        .close()
        .await;
}

async fn a_database_without_checksums_gets_them_at_its_next_start(db: &TestDb) {
    let forget = db
        .db
        .write::<(), StoreError, _>(Urgency::Interactive, |connection| {
            Box::pin(async move {
                sqlx::raw_sql("ALTER TABLE migrations DROP COLUMN checksum")
                    .execute(connection)
                    .await?;
                Ok(())
            })
        });
    forget.await.expect("as a version before checksums left it");
    let opened = db.open_with(&[NUMBERS, MORE]).await.expect("opens");
    let expected = [NUMBERS, MORE].map(|one| (one.name.to_owned(), Some(one.checksum())));
    assert_eq!(checksums(&opened).await, expected);
    opened.close().await;
    let edited = Migration {
        sql: "SELECT 1",
        ..MORE
    };
    let sentence = refusal(db.open_with(&[NUMBERS, edited]).await);
    assert!(sentence.contains(MORE.name), "{sentence}");
}

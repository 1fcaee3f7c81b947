//! Tests what every store relies on: transactions, group commit and migrations. They run on SQLite only. The contract
//! suite runs the stores on both databases.

use store::{Columns, Db, DbOptions, Durability, Migration, StoreError, Urgency};

const NUMBERS: Migration = Migration {
    name: "0001_numbers",
    sql: "CREATE TABLE numbers (n {int} NOT NULL PRIMARY KEY) {strict};",
};

async fn open(folder: &tempfile::TempDir, migrations: &[Migration]) -> Result<Db, StoreError> {
    let options = DbOptions::Sqlite {
        file: folder.path().join("test.db"),
        durability: Durability::Full,
    };
    Db::open(&options, migrations).await
}

async fn insert(db: &Db, urgency: Urgency, n: i64) -> Result<(), StoreError> {
    db.write(urgency, move |connection| {
        Box::pin(async move {
            sqlx::query("INSERT INTO numbers (n) VALUES ($1)")
                .bind(n)
                .execute(connection)
                .await?;
            Ok(())
        })
    })
    .await
}

async fn numbers(db: &Db) -> Vec<i64> {
    let rows = sqlx::query("SELECT n FROM numbers ORDER BY n")
        .fetch_all(db.reader())
        .await
        .expect("readable");
    rows.iter().map(|row| row.int("n").expect("a number")).collect()
}

#[tokio::test]
async fn a_failed_write_does_not_affect_other_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = open(&folder, &[NUMBERS]).await.expect("opens");
    let writes = (0..100).map(|i| {
        let db = db.clone();
        // Every tenth write inserts the same negative number. The first one succeeds and the others are refused.
        tokio::spawn(async move { insert(&db, Urgency::Interactive, if i % 10 == 9 { -1 } else { i }).await })
    });
    let mut refused = 0;
    for write in writes.collect::<Vec<_>>() {
        match write.await.expect("no panic") {
            Ok(()) => {}
            Err(error) => {
                assert!(error.is_unique_violation(), "{error:?}");
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 9);
    assert_eq!(numbers(&db).await.len(), 91);
}

#[tokio::test]
async fn a_panic_in_one_write_does_not_stop_the_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = open(&folder, &[NUMBERS]).await.expect("opens");
    let panicked: Result<(), StoreError> = db
        .write(Urgency::Interactive, |_| {
            Box::pin(async { panic!("a bug in one caller's work") })
        })
        .await;
    assert!(panicked.is_err());
    insert(&db, Urgency::Background, 7).await.expect("still writes");
    assert_eq!(numbers(&db).await, [7]);
}

#[tokio::test]
async fn an_error_rolls_back_what_the_same_work_wrote_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = open(&folder, &[NUMBERS]).await.expect("opens");
    let result: Result<(), StoreError> = db
        .write(Urgency::Interactive, |connection| {
            Box::pin(async move {
                sqlx::query("INSERT INTO numbers (n) VALUES (1)")
                    .execute(&mut *connection)
                    .await?;
                Err(StoreError::Unusable("changed its mind".to_owned()))
            })
        })
        .await;
    assert!(result.is_err());
    assert!(numbers(&db).await.is_empty());
}

#[tokio::test]
async fn readers_cannot_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = open(&folder, &[NUMBERS]).await.expect("opens");
    let refused = sqlx::query("INSERT INTO numbers (n) VALUES (1)")
        .execute(db.reader())
        .await;
    assert!(refused.is_err());
}

//! Tests the shared cluster itself: its databases are separate, and it ends however its users end.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use test_postgres::{Cluster, Database};

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("connects")
}

/// A process that does nothing until it is killed.
fn idle_process() -> Child {
    Command::new("sleep")
        .arg("600")
        .stdin(Stdio::null())
        .spawn()
        .expect("starts")
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing signals that a folder was removed, so this polls"
)]
fn wait_until_removed(path: &Path) {
    let begun = Instant::now();
    while path.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{} is still there",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_database_contains_nothing_from_another() {
    let (one, other) = (Database::create().await, Database::create().await);
    let mut first = connect(&one.url()).await;
    sqlx::raw_sql("CREATE TABLE only_here (n INT)")
        .execute(&mut first)
        .await
        .expect("created");
    let mut second = connect(&other.url()).await;
    let missing = sqlx::raw_sql("SELECT n FROM only_here")
        .execute(&mut second)
        .await;
    assert!(missing.is_err(), "{missing:?}");
    one.remove().await;
    other.remove().await;
}

#[tokio::test]
async fn a_test_neither_sees_nor_ends_what_another_does() {
    let (one, other) = (Database::create().await, Database::create().await);
    let mut bystander = connect(&other.url()).await;
    sqlx::query("SELECT 'a statement of the bystander'")
        .execute(&mut bystander)
        .await
        .expect("it runs");
    let mut own = connect(&one.url()).await;
    let seen =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'SELECT ''a statement of the bystander%'";
    let seen: i64 = sqlx::query_scalar(seen)
        .fetch_one(&mut own)
        .await
        .expect("it counts");
    assert_eq!(seen, 0);
    let ended = sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1")
        .bind(name(&other))
        .execute(&mut own)
        .await;
    assert!(ended.is_err(), "{ended:?}");
    sqlx::query("SELECT 1")
        .execute(&mut bystander)
        .await
        .expect("it is still connected");
    one.remove().await;
    other.remove().await;
}

fn name(database: &Database) -> String {
    let url = database.url();
    let (_, name) = url.split_once("localhost/").expect("a name");
    name.split('?').next().unwrap_or(name).to_owned()
}

#[tokio::test]
async fn a_removed_database_is_gone_while_a_connection_is_open() {
    let database = Database::create().await;
    let url = database.url();
    let _held = connect(&url).await;
    database.remove().await;
    let refused = PgConnection::connect(&url).await.expect_err("gone");
    assert!(refused.to_string().contains("does not exist"), "{refused}");
}

#[tokio::test]
async fn the_cluster_ends_with_its_last_user_even_when_that_user_is_killed() {
    let meeting_place = tempfile::tempdir().expect("a folder");
    let (mut first, mut second) = (idle_process(), idle_process());
    let started = Cluster::shared(meeting_place.path(), &[first.id()]);
    let found = Cluster::shared(meeting_place.path(), &[second.id()]);
    assert_eq!(started.folder(), found.folder());

    first.kill().expect("killed");
    first.wait().expect("ended");
    connect(&found.url("postgres")).await;
    second.kill().expect("killed");
    second.wait().expect("ended");
    wait_until_removed(found.folder());
    let refused = PgConnection::connect(&found.url("postgres")).await;
    assert!(refused.is_err(), "{refused:?}");

    let mut third = idle_process();
    let next = Cluster::shared(meeting_place.path(), &[third.id()]);
    assert_ne!(next.folder(), found.folder());
    connect(&next.url("postgres")).await;
    third.kill().expect("killed");
    third.wait().expect("ended");
    wait_until_removed(next.folder());
}

//! A process that moves the rows of a version before is killed at each step, on both containers. Each test starts itself once
//! more as the process to be killed, and then looks at what is left and goes on.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use logs::Ledger;
use store::logs::{Container, LOG_MIGRATIONS, Logs, LogsOptions, Step, Watcher, old_rows};
use store::{Columns, Db, DbOptions, Durability, Migration};
use test_postgres::Database;

use crate::log_world::NOW;
use crate::old_log::{everything, leave, rows};
use crate::old_log_moving::{assert_all_there, expected, quick};

/// Tells a process what to do and where.
const STEP: &str = "GATEHOUSE_TEST_MOVE_STEP";
const PLACE: &str = "GATEHOUSE_TEST_MOVE_PLACE";

const ROWS: u64 = 300;

/// A test for each step and container.
macro_rules! killed {
    ($($case:ident at $step:expr),+ $(,)?) => {
        mod files {
            use super::*;

            $(#[test]
            fn $case() {
                run($step, true, concat!("old_log_crash::files::", stringify!($case)));
            })+
        }

        mod tables {
            use super::*;

            $(#[test]
            fn $case() {
                run($step, false, concat!("old_log_crash::tables::", stringify!($case)));
            })+
        }
    };
}

killed!(
    no_row_is_lost_or_moved_twice_when_killed_with_the_blobs_written at Step::BlobsWritten,
    no_row_is_lost_or_moved_twice_when_killed_with_the_blobs_named at Step::BlobsNamed,
    no_row_is_lost_or_moved_twice_when_killed_before_the_commit at Step::DeltasDeleted,
    no_row_is_lost_or_moved_twice_when_killed_after_the_commit at Step::SegmentCommitted,
);

fn run(step: Step, in_files: bool, name: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Ok(place) = std::env::var(PLACE) {
        assert_eq!(std::env::var(STEP), Ok(format!("{step:?}")));
        runtime.block_on(be_killed(step, &place));
        return;
    }
    runtime.block_on(async {
        if in_files {
            let folder = tempfile::tempdir().expect("a folder");
            kill_and_look(step, name, folder.path().to_str().expect("UTF-8")).await;
        } else {
            let database = Database::create().await;
            kill_and_look(step, name, &database.url()).await;
            database.remove().await;
        }
    });
}

async fn database(place: &str, migrations: &[Migration]) -> (Db, Container) {
    let (options, container) = if place.starts_with("postgres") {
        let options = DbOptions::Postgres {
            url: place.to_owned(),
            schema: None,
            connections: 6,
        };
        (options, Container::Tables)
    } else {
        let folder = PathBuf::from(place);
        let options = DbOptions::Sqlite {
            file: folder.join("logs.db"),
            durability: Durability::Full,
        };
        (options, Container::Folder(folder))
    };
    let db = Db::open(&options, migrations).await.expect("the database opens");
    (db, container)
}

async fn open(place: &str, watcher: Watcher) -> (Db, Logs) {
    let (db, container) = database(place, LOG_MIGRATIONS).await;
    let options = LogsOptions {
        watcher,
        ..LogsOptions::new(container)
    };
    let logs = Logs::open(db.clone(), options).await.expect("the log opens");
    (db, logs)
}

/// The process that is killed, when it gets to the step for the fourth time.
async fn be_killed(step: Step, place: &str) {
    let seen = AtomicU64::new(0);
    let watcher = Watcher::new(move |now| {
        if now == step && seen.fetch_add(1, Ordering::SeqCst) == 3 {
            std::process::abort();
        }
    });
    let (_, logs) = open(place, watcher).await;
    logs.move_old_rows(&quick()).await;
}

fn kill(step: Step, name: &str, place: &str) {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", name, "--nocapture"])
        .env(STEP, format!("{step:?}"))
        .env(PLACE, place)
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(6), "{said}");
}

async fn kill_and_look(step: Step, name: &str, place: &str) {
    let (db, _) = database(place, &LOG_MIGRATIONS[..1]).await;
    let written = rows(0..ROWS);
    leave(&db, &written).await;
    db.close().await;
    {
        let (name, place) = (name.to_owned(), place.to_owned());
        let killed = tokio::task::spawn_blocking(move || kill(step, &name, &place));
        killed.await.expect("it ends");
    }

    let (db, logs) = open(place, Watcher::default()).await;
    let moving = Ledger::moving(&logs)
        .await
        .expect("known")
        .expect("not all are moved");
    assert_eq!(moving.total, Some(ROWS));
    let mut found: Vec<i64> = Vec::new();
    for root in [1, 9] {
        found.extend(everything(&logs, root).await.iter().map(|row| row.seq));
    }
    found.sort_unstable();
    let newest: Vec<i64> = ((ROWS - moving.moved) as i64 + 1..=ROWS as i64).collect();
    assert_eq!(found, newest, "the newest rows, each once, as many as it says");
    assert_eq!(old_rows::count(&db, 0).await.expect("they are there"), ROWS);

    logs.start_run(NOW).await.expect("a run");
    logs.move_old_rows(&quick()).await;
    assert_all_there(&logs, &expected(&written)).await;
    assert!(!old_rows::are_there(&db).await.expect("known"));
    if !place.starts_with("postgres") {
        look_at_the_files(&db, place).await;
    }
    db.close().await;
}

/// Every file belongs to a segment.
async fn look_at_the_files(db: &Db, place: &str) {
    let segments = sqlx::query("SELECT id, bodies_bytes FROM log_segments")
        .fetch_all(db.reader())
        .await
        .expect("readable");
    let blobs = segments.iter().map(|row| match row.int("bodies_bytes") {
        Ok(0) => 1,
        _ => 2,
    });
    let folders = std::fs::read_dir(place).expect("a folder").filter_map(Result::ok);
    let days = folders.map(|entry| entry.path()).filter(|path| path.is_dir());
    let files = days.map(|day| std::fs::read_dir(day).expect("a day").count());
    assert_eq!(files.sum::<usize>(), blobs.sum::<usize>());
}

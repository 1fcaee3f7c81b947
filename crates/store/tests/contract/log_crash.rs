//! A process is killed at each step of storing and closing, on both containers. Each test starts itself once more as the
//! process to be killed, and then looks at what is left.

use std::collections::HashSet;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use logs::{Batch, Conditions, Found, Ledger, Origin, Question, Reader, Run, Sink};
use model::{RequestId, Timestamp};
use store::logs::{Container, LOG_MIGRATIONS, Logs, LogsOptions, Step, Watcher};
use store::{Columns, Db, DbOptions, Durability};
use test_postgres::Database;

use crate::log_world::{NOW, entry, report, request, with_brands};

/// Tells a process what to do and where.
const STEP: &str = "GATEHOUSE_TEST_STEP";
const PLACE: &str = "GATEHOUSE_TEST_PLACE";

/// Rows that were there before.
const BEFORE: u64 = 120;
/// Rows of each batch of the process that is killed.
const ROWS: u64 = 40;
/// Its first row.
const FIRST: u64 = 1_000;

/// When the killed process and the next one start.
const KILLED: Timestamp = NOW.plus_seconds(100);
const NEXT: Timestamp = NOW.plus_seconds(200);

/// A test for each step and container.
macro_rules! killed {
    ($($case:ident at $step:expr),+ $(,)?) => {
        mod files {
            use super::*;

            $(#[test]
            fn $case() {
                run($step, true, concat!("log_crash::files::", stringify!($case)));
            })+
        }

        mod tables {
            use super::*;

            $(#[test]
            fn $case() {
                run($step, false, concat!("log_crash::tables::", stringify!($case)));
            })+
        }
    };
}

killed!(
    nothing_is_lost_when_killed_with_a_batch_committed at Step::BatchCommitted,
    nothing_is_lost_when_killed_with_the_blobs_written at Step::BlobsWritten,
    nothing_is_lost_when_killed_with_the_blobs_named at Step::BlobsNamed,
    nothing_is_lost_when_killed_with_the_deltas_deleted at Step::DeltasDeleted,
    nothing_is_lost_when_killed_with_the_segment_committed at Step::SegmentCommitted,
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

async fn open(place: &str, watcher: Watcher) -> (Db, Logs) {
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
    let db = Db::open(&options, LOG_MIGRATIONS)
        .await
        .expect("the database opens");
    let options = LogsOptions {
        rows_per_segment: 100,
        watcher,
        ..LogsOptions::new(container)
    };
    let logs = Logs::open(db.clone(), options).await.expect("the log opens");
    (db, logs)
}

fn batch(run: Run, first: u64, from: u64, rows: u64, at: Timestamp) -> Batch {
    let mut report = report(run, at);
    report.stored = first + rows;
    Batch {
        first,
        entries: Arc::new((from..from + rows).map(|number| entry(number, 1, at)).collect()),
        report,
        origin: Origin::Recorded,
    }
}

/// The process that is killed: stores batches, says so, and ends in the middle of the third or later.
async fn be_killed(step: Step, place: &str) {
    let (_, logs) = open(place, Watcher::default()).await;
    drop(logs);
    let batches = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let watched = Arc::clone(&batches);
    let watcher = Watcher::new(move |now| {
        let stored = watched.load(std::sync::atomic::Ordering::SeqCst);
        if now == step && (stored >= 4 || step != Step::BatchCommitted) {
            std::process::abort();
        }
    });
    let (_, logs) = open(place, watcher).await;
    let run = logs.start_run(KILLED).await.expect("a run");
    for number in 0..1_000 {
        let batch = batch(run, number * ROWS, FIRST + number * ROWS, ROWS, KILLED);
        logs.append(batch).await.expect("the batch is stored");
        batches.store(number + 1, std::sync::atomic::Ordering::SeqCst);
        writeln!(std::io::stdout(), "stored {}", number + 1).expect("the parent listens");
    }
}

/// How many batches the killed process knows to be stored.
fn kill(step: Step, name: &str, place: &str) -> u64 {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", name, "--nocapture"])
        .env(STEP, format!("{step:?}"))
        .env(PLACE, place)
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.signal(),
        Some(6),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    printed
        .lines()
        .filter_map(|line| line.rsplit_once("stored ")?.1.parse().ok())
        .max()
        .unwrap_or(0)
}

async fn kill_and_look(step: Step, name: &str, place: &str) {
    let (db, logs) = open(place, Watcher::default()).await;
    let run = logs.start_run(NOW).await.expect("a run");
    for first in (0..BEFORE).step_by(ROWS as usize) {
        logs.append(batch(run, first, first, ROWS, NOW))
            .await
            .expect("the batch is stored");
    }
    let page = find(&logs, 50, None).await;
    let mut walked = ids(&page);
    let cursor = page.rows.last().map(|row| row.seq);
    logs.end_run(report_of(run, BEFORE, NOW)).await.expect("it ends");
    drop(logs);
    db.close().await;

    let known = {
        let (name, place) = (name.to_owned(), place.to_owned());
        tokio::task::spawn_blocking(move || kill(step, &name, &place))
            .await
            .expect("it ends")
    };
    assert!(known >= 2, "{known}");

    let (db, logs) = open(place, Watcher::default()).await;
    let at_once = ids(&find(&logs, 10_000, None).await);
    let next = logs.start_run(NEXT).await.expect("a run");
    logs.close_segments(next).await.expect("closed");
    let held = logs.held();
    assert_eq!((held.open_segments, held.damaged_segments), (0, 0));
    let closed = ids(&find(&logs, 10_000, None).await);
    assert_eq!(closed, at_once, "the same rows in the same order, open or closed");
    walked.extend(ids(&find(&logs, 10_000, cursor).await));
    let before: Vec<RequestId> = (0..BEFORE).rev().map(request).collect();
    assert_eq!(walked, before, "a walk that began before");

    let stored = closed.len() as u64 - BEFORE;
    assert!(
        stored == known * ROWS || stored == (known + 1) * ROWS,
        "{stored} rows, {known} batches"
    );
    let all: HashSet<RequestId> = closed.into_iter().collect();
    let expected: HashSet<RequestId> = (0..BEFORE).chain(FIRST..FIRST + stored).map(request).collect();
    assert_eq!(all, expected);
    look_at_the_ledger(&db, stored).await;
    look_at_what_is_left(&db, place).await;
    db.close().await;
}

fn report_of(run: Run, stored: u64, at: Timestamp) -> logs::RunReport {
    logs::RunReport {
        stored,
        ..report(run, at)
    }
}

async fn find(logs: &Logs, rows: usize, before: Option<i64>) -> Found {
    let question = Question {
        from: Timestamp::from_millis(0),
        to: NEXT,
        conditions: Conditions::default(),
        before,
        as_of: None,
        after: None,
        rows,
        count: false,
        histogram: None,
        callers: false,
        facets: false,
        groups: None,
        budget: Duration::from_secs(60),
    };
    logs.find(with_brands(1), &question).await.expect("an answer")
}

fn ids(found: &Found) -> Vec<RequestId> {
    found.rows.iter().map(|row| row.request_id).collect()
}

/// The killed run counted what is stored, and a gap covers what it may have had in memory.
async fn look_at_the_ledger(db: &Db, stored: u64) {
    let runs = sqlx::query(
        "SELECT stored, dropped, suppressed, ended_at, gap_from, gap_to FROM log_runs \
         LEFT JOIN log_gaps ON log_gaps.run_id = log_runs.id ORDER BY id",
    )
    .fetch_all(db.reader())
    .await
    .expect("the runs");
    let int = |run: usize, name: &str| runs[run].maybe_int(name).expect("a number");
    assert_eq!(runs.len(), 3);
    assert_eq!(
        (int(0, "stored"), int(0, "gap_from")),
        (Some(BEFORE as i64), None)
    );
    assert_eq!(int(1, "stored"), Some(stored as i64));
    assert_eq!((int(1, "dropped"), int(1, "suppressed")), (Some(0), Some(0)));
    assert_eq!(
        (int(1, "gap_from"), int(1, "gap_to")),
        (Some(KILLED.as_millis()), Some(NEXT.as_millis()))
    );
}

/// Every file and every row of a table belongs to a segment, and no delta is left.
async fn look_at_what_is_left(db: &Db, place: &str) {
    let count = async |sql: &'static str| {
        let row = sqlx::query(sql).fetch_one(db.reader()).await.expect("a row");
        row.int("rows").expect("a number")
    };
    let segments = count("SELECT CAST(COUNT(*) AS BIGINT) AS rows FROM log_segments").await;
    assert_eq!(
        count("SELECT CAST(COUNT(*) AS BIGINT) AS rows FROM log_tail").await,
        0
    );
    let blobs = if place.starts_with("postgres") {
        count("SELECT CAST(COUNT(*) AS BIGINT) AS rows FROM log_blobs_20260105").await
    } else {
        let day = PathBuf::from(place).join("2026-01-05");
        std::fs::read_dir(day).expect("a folder").count() as i64
    };
    assert_eq!(blobs, segments, "no row has headers, so a segment has one blob");
}

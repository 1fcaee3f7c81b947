//! The log on a disk that is full or damaged: rows that can be read are read, and work goes on once it can.

use std::sync::Arc;
use std::time::Duration;

use logs::{
    Batch, Conditions, Count, Damaged, Found, Ledger, LogStoreError, Origin, Question, Reader, Run, Sink,
};
use model::Timestamp;
use sqlx::AssertSqlSafe;
use store::logs::{LOG_MIGRATIONS, Logs};
use store::{Columns, StoreError, Urgency};

use crate::log_world::{NOW, entry, open, report, request, with_brands};
use crate::test_db::TestDb;

contract!(
    LOG_MIGRATIONS,
    [
        a_torn_batch_is_left_out_and_covered_by_a_gap,
        a_damaged_segment_is_set_aside_and_named,
        a_missing_segment_is_set_aside_and_named,
        a_segment_that_cannot_be_closed_stays_readable_and_is_closed_later,
        a_day_ends_its_segment,
        nothing_is_read_twice_from_a_tail_that_memory_knows_differently,
    ]
);

mod sqlite_only {
    use crate::test_db::{Engine, run};

    #[test]
    fn a_full_disk_is_said_and_work_goes_on_when_there_is_room() {
        run(Engine::Sqlite, super::LOG_MIGRATIONS, |db| {
            Box::pin(super::a_full_disk_is_said_and_work_goes_on_when_there_is_room(db))
        });
    }
}

/// A log with a run that has begun.
struct World {
    logs: Logs,
    run: Run,
}

impl World {
    async fn new(db: &TestDb) -> Self {
        let logs = open(db, &db.db, |options| {
            options.rows_per_segment = 100;
            options.retry_close = Duration::from_millis(20);
        })
        .await;
        let run = logs.start_run(NOW).await.expect("a run");
        Self { logs, run }
    }

    fn batch(&self, numbers: std::ops::Range<u64>, at: Timestamp) -> Batch {
        let mut report = report(self.run, at);
        report.stored = numbers.end;
        Batch {
            first: numbers.start,
            entries: Arc::new(numbers.map(|number| entry(number, 1, at)).collect()),
            report,
            origin: Origin::Recorded,
        }
    }

    async fn append(&self, numbers: std::ops::Range<u64>, at: Timestamp) {
        self.logs
            .append(self.batch(numbers, at))
            .await
            .expect("the batch is stored");
    }

    async fn close(&self) {
        self.logs.close_segments(self.run).await.expect("closed");
    }
}

pub(crate) async fn find(logs: &Logs) -> Found {
    let question = Question {
        from: Timestamp::from_millis(0),
        to: NOW.plus_seconds(86_400 * 10),
        conditions: Conditions::default(),
        before: None,
        as_of: None,
        after: None,
        rows: 10_000,
        count: true,
        histogram: None,
        callers: false,
        facets: false,
        groups: None,
        budget: Duration::from_secs(60),
    };
    logs.find(with_brands(1), &question).await.expect("an answer")
}

/// The numbers of the rows of an answer, which must be these.
fn assert_rows(found: &Found, expected: impl DoubleEndedIterator<Item = u64>) {
    let ids: Vec<_> = found.rows.iter().map(|row| row.request_id).collect();
    let expected: Vec<_> = expected.rev().map(request).collect();
    assert_eq!(ids, expected);
    assert_eq!(found.count, Count::Exactly(expected.len() as u64));
}

pub(crate) async fn execute(db: &TestDb, sql: String) {
    let written = db
        .db
        .write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
                Ok(())
            })
        });
    written.await.expect("it runs");
}

async fn a_torn_batch_is_left_out_and_covered_by_a_gap(db: &TestDb) {
    let world = World::new(db).await;
    for (numbers, seconds) in [(0..10, 1), (10..30, 2), (30..40, 3)] {
        world.append(numbers, NOW.plus_seconds(seconds)).await;
    }
    execute(
        db,
        "UPDATE log_tail SET data = substr(data, 1, 30) WHERE first_row = 10".to_owned(),
    )
    .await;
    let next = open(db, &db.db, |_| {}).await;
    let left = || (0..10).chain(30..40);
    assert_rows(&find(&next).await, left());
    let later = NOW.plus_seconds(100);
    let run = next.start_run(later).await.expect("a run");
    next.close_segments(run).await.expect("closed");
    assert_eq!((next.held().open_segments, next.held().closed_segments), (0, 1));
    assert_rows(&find(&next).await, left());
    assert_rows(&find(&open(db, &db.db, |_| {}).await).await, left());

    let row = sqlx::query(
        "SELECT stored, dropped, gap_from FROM log_runs JOIN log_gaps ON run_id = id WHERE id = $1",
    )
    .bind(world.run.0)
    .fetch_one(db.db.reader())
    .await
    .expect("the run with its gap");
    let int = |name| row.int(name).expect("a number");
    assert_eq!((int("stored"), int("dropped")), (20, 20));
    assert_eq!(
        int("gap_from"),
        NOW.plus_seconds(1).as_millis(),
        "a second before the batch was written"
    );
}

/// Three closed segments, of which `break_it` breaks the second, and an open one.
async fn with_a_broken_segment(db: &TestDb, break_it: impl AsyncFnOnce(&TestDb, i64)) {
    let world = World::new(db).await;
    for number in 0..3 {
        let at = NOW.plus_seconds(number as i64 * 3_600);
        world.append(number * 50..(number + 1) * 50, at).await;
        world.close().await;
    }
    world.append(150..160, NOW.plus_seconds(3 * 3_600)).await;
    assert_rows(&find(&world.logs).await, 0..160);
    break_it(db, 2).await;

    let left = || (0..50).chain(100..160);
    let damaged = [Damaged {
        from: NOW.plus_seconds(3_600),
        to: NOW.plus_seconds(3_600),
        rows: 50,
    }];
    // The second handle finds it set aside.
    for _ in 0..2 {
        let next = open(db, &db.db, |_| {}).await;
        let found = find(&next).await;
        assert_rows(&found, left());
        assert_eq!(found.damaged, damaged);
        assert_eq!((next.held().damaged_segments, next.held().damaged_rows), (1, 50));
        assert_eq!(
            next.entry(with_brands(1), request(60)).await.expect("a look"),
            None
        );
        assert!(
            next.entry(with_brands(1), request(10))
                .await
                .expect("a look")
                .is_some()
        );
    }
    world.append(160..170, NOW.plus_seconds(3 * 3_600)).await;
    assert_rows(&find(&world.logs).await, (0..50).chain(100..170));
}

async fn a_damaged_segment_is_set_aside_and_named(db: &TestDb) {
    with_a_broken_segment(db, async |db, segment| {
        let Some(folder) = db.folder() else {
            let every_byte_is_x = format!(
                "UPDATE log_blobs_20260105 SET data = convert_to(repeat('x', length(data)), 'UTF8') WHERE segment = {segment}"
            );
            return execute(db, every_byte_is_x).await;
        };
        let file = folder.join("2026-01-05").join(format!("{segment}.rows"));
        let length = std::fs::metadata(&file).expect("the file").len();
        std::fs::write(file, vec![b'x'; length as usize]).expect("written");
    })
    .await;
}

async fn a_missing_segment_is_set_aside_and_named(db: &TestDb) {
    with_a_broken_segment(db, async |db, segment| {
        let Some(folder) = db.folder() else {
            return execute(
                db,
                format!("DELETE FROM log_blobs_20260105 WHERE segment = {segment}"),
            )
            .await;
        };
        let file = folder.join("2026-01-05").join(format!("{segment}.rows"));
        std::fs::remove_file(file).expect("removed");
    })
    .await;
}

async fn a_segment_that_cannot_be_closed_stays_readable_and_is_closed_later(db: &TestDb) {
    let world = World::new(db).await;
    // What is in the way of the day.
    match db.folder() {
        Some(folder) => std::fs::write(folder.join("2026-01-05"), b"").expect("written"),
        None => execute(db, "CREATE VIEW log_blobs_20260105 AS SELECT 1 AS one".to_owned()).await,
    }
    let mut stored = 0;
    let refused = loop {
        let batch = world.batch(stored..stored + 100, NOW);
        match world.logs.append(batch).await {
            Ok(()) => stored += 100,
            Err(error) => break error,
        }
        assert!(stored < 2_000, "memory is bounded");
    };
    assert!(matches!(refused, LogStoreError::Unavailable(_)), "{refused:?}");
    assert!(world.logs.cannot_close());
    assert_rows(&find(&world.logs).await, 0..stored);
    let next = open(db, &db.db, |_| {}).await;
    assert_rows(&find(&next).await, 0..stored);

    match db.folder() {
        Some(folder) => std::fs::remove_file(folder.join("2026-01-05")).expect("removed"),
        None => execute(db, "DROP VIEW log_blobs_20260105".to_owned()).await,
    }
    test_wait::until("all segments are closed", async || {
        world.logs.held().open_segments == 0
    })
    .await;
    assert!(!world.logs.cannot_close());
    world.append(stored..stored + 100, NOW).await;
    assert_rows(&find(&world.logs).await, 0..stored + 100);
}

async fn a_day_ends_its_segment(db: &TestDb) {
    let world = World::new(db).await;
    let midnight = Timestamp::from_millis(NOW.as_millis().div_euclid(86_400_000) * 86_400_000 + 86_400_000);
    world.append(0..10, midnight.plus_millis(-1)).await;
    assert_eq!(world.logs.held().closed_segments, 0);
    // A heartbeat is enough.
    world.append(10..10, midnight).await;
    test_wait::until("the segment is closed", async || {
        world.logs.held().closed_segments == 1
    })
    .await;
    world.append(10..20, midnight).await;
    // Set back by a minute: still the same day.
    world.append(20..30, midnight.minus_seconds(60)).await;
    world.close().await;
    assert_eq!(world.logs.held().closed_segments, 2);
    assert_rows(&find(&world.logs).await, 0..30);
    let days = sqlx::query("SELECT day FROM log_segments ORDER BY id")
        .fetch_all(db.db.reader())
        .await
        .expect("the segments");
    let days: Vec<i64> = days.iter().map(|row| row.int("day").expect("a day")).collect();
    assert_eq!(days, [20_458, 20_459]);
}

async fn nothing_is_read_twice_from_a_tail_that_memory_knows_differently(db: &TestDb) {
    let world = World::new(db).await;
    world.append(0..10, NOW).await;
    // As if another transaction of this run had been committed without an answer.
    execute(
        db,
        "UPDATE log_order SET next_seq = next_seq + 10; \
         INSERT INTO log_tail (run_id, first_row, segment, day, first_seq, row_count, stored_at, data) \
         SELECT run_id, 1000, segment, day, first_seq + 10, row_count, stored_at, data FROM log_tail"
            .to_owned(),
    )
    .await;
    world.append(20..30, NOW).await;
    world.close().await;
    test_wait::until("the segment is closed", async || {
        world.logs.held().closed_segments == 1
    })
    .await;
    assert_rows(&find(&world.logs).await, (0..10).chain(0..10).chain(20..30));
}

async fn a_full_disk_is_said_and_work_goes_on_when_there_is_room(db: &TestDb) {
    let world = World::new(db).await;
    world.append(0..10, NOW).await;
    execute(db, "PRAGMA max_page_count = 1".to_owned()).await;
    let (mut stored, mut with_another) = (10, 0);
    let refused = loop {
        match world.logs.append(world.batch(stored..stored + 30, NOW)).await {
            Ok(()) => stored += 30,
            // A segment that was closed in the same commit met the full disk first, and only its writer is told why.
            Err(LogStoreError::Unavailable(_)) if with_another < 50 => with_another += 1,
            Err(error) => break error,
        }
        assert!(stored < 2_000, "the file does not grow");
    };
    assert!(matches!(refused, LogStoreError::DiskFull), "{refused:?}");
    assert_rows(&find(&world.logs).await, 0..stored);
    execute(db, "PRAGMA max_page_count = 1000000".to_owned()).await;
    test_wait::until("there is room again", async || {
        let batch = world.batch(stored..stored + 30, NOW);
        world.logs.append(batch).await.is_ok()
    })
    .await;
    test_wait::until("nothing waits", async || !world.logs.cannot_close()).await;
    assert_rows(&find(&world.logs).await, 0..stored + 30);
}

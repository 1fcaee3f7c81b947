//! What is no longer kept: days that are over, bodies before that, the oldest rows where room is short, and what was erased.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use logs::{
    Batch, Conditions, Count, Found, Ledger, Origin, Question, Reader, Retention, Run, Scope, Sink,
    StoredEntry,
};
use model::{Body, BodyAbsence, KeptBecause, Timestamp};
use store::Columns;
use store::logs::{Erasure, LOG_MIGRATIONS, Logs, Receipt, Step, Swept, Watcher, erase, receipts, status};

use crate::log_world::{NOW, brand, client, company, entry, open, report, request, with_brands};
use crate::test_db::TestDb;

contract!(
    LOG_MIGRATIONS,
    [
        days_that_are_over_go_as_a_whole,
        bodies_go_before_their_rows,
        the_oldest_segments_make_room_for_new_ones,
        an_idle_log_removes_its_last_rows_too,
        what_an_erasure_names_is_in_no_answer_from_then_on,
        erased_rows_are_removed_and_the_others_stay,
        an_erasure_that_ends_within_a_block_hides_its_part,
        an_erasure_that_was_killed_goes_on,
        a_kill_between_catalogue_and_blobs_leaves_no_blob_for_ever,
    ]
);

const UNLIMITED: Retention = Retention::UNLIMITED;

fn day(number: i64) -> Timestamp {
    NOW.plus_seconds(number * 86_400)
}

async fn node(db: &TestDb) -> Logs {
    open(db, &db.open_again().await, |options| {
        options.rows_per_segment = 100
    })
    .await
}

/// A node that is told to stop, once, after it has taken something out of the catalogue.
async fn node_that_is_killed(db: &TestDb) -> Logs {
    let alive = AtomicBool::new(true);
    open(db, &db.open_again().await, |options| {
        options.rows_per_segment = 100;
        options.watcher = Watcher::new(move |step| {
            assert!(
                step != Step::Removed || !alive.swap(false, Ordering::SeqCst),
                "killed"
            );
        });
    })
    .await
}

struct Writer {
    node: Logs,
    run: Run,
    next: u64,
}

impl Writer {
    async fn start(node: &Logs) -> Self {
        Self {
            node: node.clone(),
            run: node.start_run(NOW).await.expect("a run"),
            next: 0,
        }
    }

    async fn store(&mut self, entries: Vec<StoredEntry>, at: Timestamp) {
        let batch = Batch {
            first: self.next,
            entries: Arc::new(entries),
            report: report(self.run, at),
            origin: Origin::Recorded,
        };
        self.next += batch.entries.len() as u64;
        self.node.append(batch).await.expect("it is stored");
    }

    async fn end(self, at: Timestamp) {
        self.node.end_run(report(self.run, at)).await.expect("it ends");
    }
}

/// Ten rows of company 1 on each of five days, the first of which is numbered 0, in a segment each.
async fn five_days(node: &Logs) {
    let mut writer = Writer::start(node).await;
    for number in 0..5 {
        let numbers = number * 10..number * 10 + 10;
        let at = day(number as i64);
        writer
            .store(numbers.map(|number| with_body(number, at)).collect(), at)
            .await;
    }
    writer.end(day(4)).await;
}

fn with_body(number: u64, at: Timestamp) -> StoredEntry {
    StoredEntry {
        request_body: text(),
        ..entry(number, 1, at)
    }
}

fn text() -> Body {
    Body::Text {
        text: r#"{"amount":1}"#.to_owned(),
        total_bytes: 12,
        truncated: false,
        redactions: 0,
    }
}

async fn find(node: &Logs, scope: Scope, rows: usize) -> Found {
    let question = Question {
        from: Timestamp::from_millis(0),
        to: day(100),
        conditions: Conditions::default(),
        before: None,
        as_of: None,
        after: None,
        rows,
        count: true,
        histogram: Some(10),
        callers: false,
        facets: true,
        groups: None,
        budget: Duration::from_secs(60),
    };
    node.find(scope, &question).await.expect("an answer")
}

/// The number of rows, which list, count, histogram and facets agree on.
async fn rows(node: &Logs, scope: Scope) -> usize {
    rows_up_to(node, scope, 1_000).await
}

async fn rows_up_to(node: &Logs, scope: Scope, most: usize) -> usize {
    let found = find(node, scope, most).await;
    let rows = found.rows.len();
    assert_eq!(found.count, Count::Exactly(rows as u64));
    let in_histogram: u64 = found.histogram.iter().flatten().sum();
    let in_facet: u64 = found.facets.status.iter().map(|(_, rows)| rows).sum();
    assert_eq!((in_histogram, in_facet), (rows as u64, rows as u64));
    assert_eq!(found.damaged, []);
    rows
}

async fn body(node: &Logs, number: u64) -> Option<Body> {
    let found = node.entry(with_brands(1), request(number)).await.expect("a look");
    found.map(|entry| entry.request_body)
}

/// What the container has: `2026-01-05/1.rows` for each file; for tables the day and the number of blobs.
async fn blobs(db: &TestDb) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(folder) = db.folder() {
        for day in std::fs::read_dir(folder).expect("a folder") {
            let day = day.expect("an item");
            if day.file_type().expect("a type").is_dir() {
                for file in std::fs::read_dir(day.path()).expect("a folder") {
                    let file = file.expect("a file");
                    found.push(format!(
                        "{}/{}",
                        day.file_name().to_string_lossy(),
                        file.file_name().to_string_lossy()
                    ));
                }
            }
        }
    } else {
        let tables = sqlx::query(
            "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE tablename LIKE 'log_blobs_%'",
        )
        .fetch_all(db.db.reader())
        .await
        .expect("tables");
        for table in tables {
            let name = table.text("name").expect("text");
            let sql = format!("SELECT segment, kind FROM {name}");
            let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
                .fetch_all(db.db.reader())
                .await
                .expect("blobs");
            found.push(name.clone());
            for row in rows {
                let (segment, kind) = (
                    row.int("segment").expect("a number"),
                    row.int("kind").expect("a number"),
                );
                found.push(format!(
                    "{name}/{segment}.{}",
                    if kind == 0 { "rows" } else { "bodies" }
                ));
            }
        }
    }
    found.sort();
    found
}

fn count(blobs: &[String], kind: &str) -> usize {
    blobs.iter().filter(|blob| blob.ends_with(kind)).count()
}

async fn days_that_are_over_go_as_a_whole(db: &TestDb) {
    let node = node(db).await;
    five_days(&node).await;
    let two_days = Retention {
        log_days: Some(2),
        ..UNLIMITED
    };
    let swept = node.sweep(two_days, day(4)).await.expect("a sweep");
    let expected = Swept {
        segments: 2,
        rows: 20,
        ..Swept::default()
    };
    assert_eq!(swept, expected);
    assert_eq!(rows(&node, with_brands(1)).await, 30);
    assert_eq!(
        (body(&node, 19).await, body(&node, 20).await),
        (None, Some(text()))
    );
    let blobs = blobs(db).await;
    assert_eq!((count(&blobs, ".rows"), count(&blobs, ".bodies")), (3, 3));
    assert!(
        !blobs
            .iter()
            .any(|blob| blob.contains("01-05") || blob.contains("0105")),
        "{blobs:?}"
    );
    assert_eq!(
        node.sweep(two_days, day(4)).await.expect("a sweep"),
        Swept::default()
    );
}

async fn bodies_go_before_their_rows(db: &TestDb) {
    let node = node(db).await;
    five_days(&node).await;
    let one_day = Retention {
        body_days: Some(1),
        ..UNLIMITED
    };
    let swept = node.sweep(one_day, day(4)).await.expect("a sweep");
    assert_eq!((swept.segments, swept.bodies), (0, 3));
    assert_eq!(rows(&node, with_brands(1)).await, 50);
    let gone = Body::Absent {
        why: BodyAbsence::NoLongerKept,
        total_bytes: 0,
    };
    assert_eq!(
        (body(&node, 29).await, body(&node, 30).await),
        (Some(gone), Some(text()))
    );
    let blobs = blobs(db).await;
    assert_eq!((count(&blobs, ".rows"), count(&blobs, ".bodies")), (5, 2));
    let again = node.sweep(one_day, day(4)).await.expect("a sweep");
    assert_eq!(again, Swept::default());
}

async fn the_oldest_segments_make_room_for_new_ones(db: &TestDb) {
    let node = node(db).await;
    five_days(&node).await;
    let before = status(&db.db).await.expect("a status");
    assert_eq!((before.segments, before.rows), (5, 50));
    assert_eq!(node.begins(with_brands(1)).await.expect("an answer"), None);
    // Segments of one size, so half of the bytes is two of five.
    let half = Retention {
        log_bytes: Some((before.rows_bytes + before.bodies_bytes) / 2),
        ..UNLIMITED
    };
    let swept = node.sweep(half, day(4)).await.expect("a sweep");
    assert_eq!((swept.for_room, swept.rows), (3, 30));
    assert_eq!(rows(&node, with_brands(1)).await, 20);
    let begins = node
        .begins(with_brands(1))
        .await
        .expect("an answer")
        .expect("a begin");
    assert_eq!(
        (begins.because, begins.since),
        (KeptBecause::Room, day(2).plus_millis(1))
    );
    let after = status(&db.db).await.expect("a status");
    assert_eq!((after.segments, after.oldest), (2, Some(day(3))));
    assert_eq!(count(&blobs(db).await, ".rows"), 2);
}

async fn an_idle_log_removes_its_last_rows_too(db: &TestDb) {
    let node = node(db).await;
    let mut writer = Writer::start(&node).await;
    writer.store(vec![entry(1, 1, day(0))], day(0)).await;
    let one_day = Retention {
        log_days: Some(1),
        ..UNLIMITED
    };
    let first = node.sweep(one_day, day(1)).await.expect("a sweep");
    assert_eq!(first, Swept::default());
    let second = node.sweep(one_day, day(2)).await.expect("a sweep");
    assert_eq!((second.segments, second.rows), (1, 1));
    assert_eq!(status(&db.db).await.expect("a status").rows, 0);
    writer.store(vec![entry(2, 1, day(2))], day(2)).await;
    assert_eq!(rows(&node, with_brands(1)).await, 1);
}

/// Brand 2 of company 1, until the end of day 1.
fn erasure() -> Erasure {
    Erasure {
        client_id: client(2),
        name: "Brand 2".to_owned(),
        root: company(1),
        brands: Vec::new(),
        until: day(1),
        asked_by: "command line".to_owned(),
    }
}

/// On each of four days, 60 rows of company 1, of its brands 2 and 3, and of company 9, in turns; those of day 3 are in an
/// open segment.
async fn mixed(node: &Logs) -> Writer {
    let mut writer = Writer::start(node).await;
    for number in 0..4 {
        let at = day(number as i64);
        let entries = (0..60).map(|row| entry(number * 60 + row, [1, 2, 3, 9][row as usize % 4], at));
        writer.store(entries.collect(), at).await;
    }
    writer
}

async fn assert_erased(node: &Logs) {
    let counted = [
        rows(node, with_brands(1)).await,
        rows(node, brand(2)).await,
        rows(node, brand(3)).await,
        rows(node, with_brands(9)).await,
    ];
    assert_eq!(counted, [150, 30, 60, 60]);
    for (number, is_there) in [(1, false), (61, false), (121, true), (181, true), (2, true)] {
        let found = node.entry(with_brands(1), request(number)).await.expect("a look");
        assert_eq!(found.is_some(), is_there, "{number}");
    }
}

async fn what_an_erasure_names_is_in_no_answer_from_then_on(db: &TestDb) {
    let node = node(db).await;
    let writer = mixed(&node).await;
    assert_eq!(
        (rows(&node, with_brands(1)).await, rows(&node, brand(2)).await),
        (180, 60)
    );
    erase(&db.db, erasure()).await.expect("erased");
    assert_erased(&node).await;
    let begins = node.begins(brand(2)).await.expect("an answer").expect("a begin");
    assert_eq!(
        (begins.because, begins.since),
        (KeptBecause::Erased, day(1).plus_millis(1))
    );
    assert_eq!(node.begins(with_brands(1)).await.expect("an answer"), None);
    writer.end(day(3)).await;
    assert_erased(&node).await;
    assert_erased(&open(db, &db.open_again().await, |_| {}).await).await;
}

async fn receipt(db: &TestDb) -> Receipt {
    let mut all = receipts(&db.db).await.expect("receipts");
    assert_eq!(all.len(), 1);
    all.remove(0)
}

async fn erased_rows_are_removed_and_the_others_stay(db: &TestDb) {
    let node = node(db).await;
    let mut writer = mixed(&node).await;
    let asked = erase(&db.db, erasure()).await.expect("erased");
    assert_eq!(receipt(db).await, asked);
    node.remove_erased(|| day(3)).await.expect("removed");
    assert_erased(&node).await;
    let expected = Receipt {
        rows_removed: 30,
        segments_rewritten: 2,
        finished_at: Some(day(3)),
        ..asked
    };
    assert_eq!(receipt(db).await, expected);
    assert_eq!(status(&db.db).await.expect("a status").rows, 210);

    // A request that arrived before, and waited to be stored.
    writer
        .store(vec![entry(900, 2, day(1)), entry(901, 2, day(3))], day(3))
        .await;
    assert_eq!(rows(&node, brand(2)).await, 31);
    writer.end(day(3)).await;
    node.remove_erased(|| day(3)).await.expect("removed");
    assert_eq!(rows(&node, brand(2)).await, 31);
    assert_eq!(status(&db.db).await.expect("a status").rows, 211);
    assert_eq!(receipt(db).await.rows_removed, 31);
}

async fn an_erasure_that_ends_within_a_block_hides_its_part(db: &TestDb) {
    const ROWS: u64 = 4_000;
    let node = open(db, &db.open_again().await, |_| {}).await;
    // Three blocks and a bit, in which the first 3,000 arrivals have no order, and the rest come later.
    let of = |number: u64| [1, 2, 3, 9][number as usize % 4];
    let at = |number: u64| match number {
        0..3_000 => day(0).plus_seconds((number * 7919 % 3_000) as i64),
        _ => day(1),
    };
    let mut writer = Writer::start(&node).await;
    writer
        .store(
            (0..ROWS)
                .map(|number| entry(number, of(number), at(number)))
                .collect(),
            day(1),
        )
        .await;
    let until = day(0).plus_seconds(1_500);
    erase(&db.db, Erasure { until, ..erasure() })
        .await
        .expect("erased");
    let left = |companies: &[u8]| {
        let stays =
            |number: &u64| companies.contains(&of(*number)) && (of(*number) != 2 || at(*number) > until);
        (0..ROWS).filter(stays).count()
    };
    let as_expected = async || {
        assert_eq!(rows_up_to(&node, with_brands(1), 4_000).await, left(&[1, 2, 3]));
        assert_eq!(rows_up_to(&node, brand(2), 4_000).await, left(&[2]));
    };
    as_expected().await;
    writer.end(day(1)).await;
    assert_eq!(node.held().closed_segments, 1);
    as_expected().await;
    node.remove_erased(|| day(1)).await.expect("removed");
    as_expected().await;
    let stored = status(&db.db).await.expect("a status").rows;
    assert_eq!(stored, left(&[1, 2, 3, 9]) as u64);
}

async fn an_erasure_that_was_killed_goes_on(db: &TestDb) {
    let killed = node_that_is_killed(db).await;
    mixed(&killed).await.end(day(3)).await;
    erase(&db.db, erasure()).await.expect("erased");
    let erasing = tokio::spawn(async move { killed.remove_erased(|| day(3)).await });
    assert!(erasing.await.expect_err("it is killed").is_panic());
    let half = receipt(db).await;
    assert_eq!((half.segments_rewritten, half.finished_at), (1, None));

    let node = node(db).await;
    assert_erased(&node).await;
    // On PostgreSQL the other node has to be silent for a minute.
    node.remove_erased(|| day(3).plus_seconds(100))
        .await
        .expect("removed");
    let receipt = receipt(db).await;
    assert_eq!((receipt.rows_removed, receipt.segments_rewritten), (30, 2));
    assert!(receipt.finished_at.is_some());
    assert_erased(&node).await;
    Writer::start(&node).await.end(day(3)).await;
    assert_eq!(count(&blobs(db).await, ".rows"), 4);
}

async fn a_kill_between_catalogue_and_blobs_leaves_no_blob_for_ever(db: &TestDb) {
    let killed = node_that_is_killed(db).await;
    five_days(&killed).await;
    let short = Retention {
        log_days: Some(3),
        body_days: Some(1),
        log_bytes: None,
    };
    let sweeping = tokio::spawn(async move { killed.sweep(short, day(4)).await });
    assert!(sweeping.await.expect_err("it is killed").is_panic());

    let node = node(db).await;
    assert_eq!(rows(&node, with_brands(1)).await, 40);
    Writer::start(&node).await.end(day(4)).await;
    node.sweep(short, day(4).plus_seconds(100))
        .await
        .expect("a sweep");
    let blobs = blobs(db).await;
    assert_eq!(
        (count(&blobs, ".rows"), count(&blobs, ".bodies")),
        (4, 2),
        "{blobs:?}"
    );
    assert!(
        !blobs
            .iter()
            .any(|blob| blob.contains("01-05") || blob.contains("0105")),
        "{blobs:?}"
    );
}

mod nodes {
    use super::*;

    contract!(
        postgres only: LOG_MIGRATIONS,
        [one_node_does_the_work_and_the_others_forget_the_segments]
    );

    async fn one_node_does_the_work_and_the_others_forget_the_segments(db: &TestDb) {
        let (one, two) = (node(db).await, node(db).await);
        five_days(&one).await;
        assert_eq!(rows(&two, with_brands(1)).await, 50);
        let days = |days| Retention {
            log_days: Some(days),
            ..UNLIMITED
        };
        assert_eq!(one.sweep(days(3), day(4)).await.expect("a sweep").segments, 1);
        assert_eq!(rows(&two, with_brands(1)).await, 40);
        let idle = two.sweep(days(2), day(4)).await.expect("a sweep");
        assert_eq!(idle, Swept::default(), "the other node is at work");
        let later = day(4).plus_seconds(61);
        assert_eq!(two.sweep(days(2), later).await.expect("a sweep").segments, 1);
        assert_eq!(rows(&one, with_brands(1)).await, 30);
        erase(
            &db.db,
            Erasure {
                until: day(9),
                client_id: client(1),
                ..erasure()
            },
        )
        .await
        .expect("erased");
        assert_eq!(
            (rows(&one, with_brands(1)).await, rows(&two, with_brands(1)).await),
            (0, 0)
        );
    }
}

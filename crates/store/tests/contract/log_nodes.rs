//! The contract of a log that several nodes write: one order, no row twice, and a node that was declared dead.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use logs::{Batch, Conditions, Count, Found, Ledger, LogStoreError, Origin, Question, Reader, Run, Sink};
use model::{Gap, RequestId, Timestamp};
use store::logs::{LOG_MIGRATIONS, Logs};
use tokio::task::JoinHandle;

use crate::log_world::{NOW, entry, open, report, request, with_brands};
use crate::test_db::TestDb;

contract!(
    postgres only: LOG_MIGRATIONS,
    [
        rows_of_two_writers_are_in_one_order_while_they_write,
        what_is_new_since_an_answer_is_each_row_once_on_every_node_while_two_write,
        a_node_sees_what_another_stored_and_closed,
        a_node_that_was_declared_dead_is_fenced_and_its_rows_are_kept,
        a_batch_that_was_stored_before_its_run_was_ended_is_not_stored_again,
        the_segments_of_a_dead_node_are_closed_by_another,
    ]
);

/// Everything of company 1, newest first.
fn everything(rows: usize, before: Option<i64>, as_of: Option<i64>) -> Question {
    Question {
        from: Timestamp::from_millis(0),
        to: NOW.plus_seconds(86_400),
        conditions: Conditions::default(),
        before,
        as_of,
        after: None,
        rows,
        count: true,
        histogram: None,
        callers: false,
        facets: false,
        groups: None,
        budget: std::time::Duration::from_secs(60),
    }
}

async fn find(node: &Logs, question: &Question) -> Found {
    node.find(with_brands(1), question).await.expect("an answer")
}

fn batch(run: Run, first: u64, numbers: std::ops::Range<u64>, at: Timestamp) -> Batch {
    Batch {
        first,
        entries: Arc::new(numbers.map(|number| entry(number, 1, NOW)).collect()),
        report: report(run, at),
        origin: Origin::Recorded,
    }
}

async fn store(node: &Logs, batch: Batch) {
    node.append(batch).await.expect("the batch is stored");
}

/// Another node on the same database, which closes segments early.
async fn node(db: &TestDb) -> Logs {
    open(db, &db.open_again().await, |options| {
        options.rows_per_segment = 200
    })
    .await
}

fn ids(found: &Found) -> Vec<RequestId> {
    found.rows.iter().map(|row| row.request_id).collect()
}

/// Two nodes that write this number of rows each, at the same time.
async fn two_writers(db: &TestDb, rows: u64) -> Vec<JoinHandle<()>> {
    let mut writers = Vec::new();
    for number in 0..2 {
        let node = node(db).await;
        let run = node.start_run(NOW).await.expect("a run");
        writers.push(tokio::spawn(async move {
            let mut first = 0;
            while first < rows {
                let next = (first + 1 + (first * 7 + number) % 90).min(rows);
                let numbers = number * rows + first..number * rows + next;
                store(&node, batch(run, first, numbers, NOW)).await;
                first = next;
            }
            node.end_run(report(run, NOW)).await.expect("it ends");
        }));
    }
    writers
}

async fn rows_of_two_writers_are_in_one_order_while_they_write(db: &TestDb) {
    const ROWS: u64 = 3_000;
    let done = Arc::new(AtomicBool::new(false));
    let writers = two_writers(db, ROWS).await;
    let readers: Vec<_> = [node(db).await, node(db).await]
        .into_iter()
        .map(|node| {
            let done = Arc::clone(&done);
            tokio::spawn(async move {
                let mut last = 0;
                while !done.load(Ordering::SeqCst) {
                    let found = find(&node, &everything(20, None, None)).await;
                    // The numbers begin with 1 and have no gaps, so a row that is not seen yet would be missing here.
                    assert_eq!(found.count, Count::Exactly(found.as_of as u64));
                    assert!(found.as_of >= last, "{} after {last}", found.as_of);
                    let seqs: Vec<i64> = found.rows.iter().map(|row| row.seq).collect();
                    let newest: Vec<i64> = (1..=found.as_of).rev().take(20).collect();
                    assert_eq!(seqs, newest);
                    let again = find(&node, &everything(20, None, Some(found.as_of))).await;
                    assert_eq!((again.count, again.rows), (found.count, found.rows));
                    last = found.as_of;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("the writer ends");
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.expect("the reader ends");
    }
    let node = node(db).await;
    let all = find(&node, &everything(2 * ROWS as usize, None, None)).await;
    assert_eq!(
        ids(&all).into_iter().collect::<HashSet<_>>().len() as u64,
        2 * ROWS
    );
    assert_eq!(node.held().open_segments, 0, "both runs ended");
    assert!(node.held().closed_segments >= 2 * ROWS as usize / 200);
}

/// A page that follows asks a node for what is new, and its next question may be answered by the other.
async fn what_is_new_since_an_answer_is_each_row_once_on_every_node_while_two_write(db: &TestDb) {
    const ROWS: u64 = 3_000;
    let readers = [node(db).await, node(db).await];
    let writers = two_writers(db, ROWS).await;
    let mut seen: Vec<i64> = Vec::new();
    let (mut after, mut answers) = (0, 0);
    while after < 2 * ROWS as i64 {
        let question = Question {
            after: Some(after),
            ..everything(2 * ROWS as usize, None, None)
        };
        let found = find(&readers[answers % 2], &question).await;
        assert_eq!(found.count, Count::Exactly(found.rows.len() as u64));
        seen.extend(found.rows.iter().rev().map(|row| row.seq));
        assert!(found.as_of >= after, "{} after {after}", found.as_of);
        (after, answers) = (found.as_of, answers + 1);
    }
    assert!(answers > 2, "{answers} answers while two wrote");
    let all: Vec<i64> = (1..=2 * ROWS as i64).collect();
    assert!(seen == all, "each row once, in order");
    for writer in writers {
        writer.await.expect("the writer ends");
    }
}

async fn a_node_sees_what_another_stored_and_closed(db: &TestDb) {
    let (writer, reader) = (node(db).await, node(db).await);
    let run = writer.start_run(NOW).await.expect("a run");
    store(&writer, batch(run, 0, 0..10, NOW)).await;
    assert_eq!(
        find(&reader, &everything(0, None, None)).await.count,
        Count::Exactly(10)
    );
    store(&writer, batch(run, 10, 10..15, NOW)).await;
    assert_eq!(
        find(&reader, &everything(0, None, None)).await.count,
        Count::Exactly(15)
    );
    writer.close_segments(run).await.expect("closed");
    store(&writer, batch(run, 15, 15..18, NOW)).await;
    let found = find(&reader, &everything(18, None, None)).await;
    let expected: Vec<RequestId> = (0..18).rev().map(request).collect();
    assert_eq!(ids(&found), expected);
    let held = reader.held();
    assert_eq!((held.closed_segments, held.open_segments), (1, 1));
    let row = reader.entry(with_brands(1), request(16)).await.expect("a look");
    assert_eq!(row.map(|entry| entry.row.seq), Some(17));
}

async fn a_node_that_was_declared_dead_is_fenced_and_its_rows_are_kept(db: &TestDb) {
    let (silent, other) = (node(db).await, node(db).await);
    let run = silent.start_run(NOW).await.expect("a run");
    store(&silent, batch(run, 0, 0..10, NOW)).await;
    let others = other.start_run(NOW.plus_seconds(31)).await.expect("a run");
    store(&other, batch(others, 0, 100..105, NOW.plus_seconds(31))).await;

    let late = batch(run, 10, 10..20, NOW.plus_seconds(32));
    let refused = silent.append(late.clone()).await;
    assert!(matches!(refused, Err(LogStoreError::Fenced)), "{refused:?}");
    let again = silent.start_run(NOW.plus_seconds(32)).await.expect("a run");
    let again = Batch {
        first: 0,
        report: report(again, NOW.plus_seconds(32)),
        ..late
    };
    store(&silent, again).await;

    let expected: Vec<RequestId> = (10..20)
        .rev()
        .chain((100..105).rev())
        .chain((0..10).rev())
        .map(request)
        .collect();
    for node in [&silent, &other] {
        assert_eq!(ids(&find(node, &everything(50, None, None)).await), expected);
    }
    let totals = other
        .totals(with_brands(1), NOW, NOW.plus_seconds(60))
        .await
        .expect("totals");
    let gap = Gap {
        from: NOW,
        to: NOW.plus_seconds(31),
    };
    assert_eq!(totals.gaps, [gap]);
}

async fn a_batch_that_was_stored_before_its_run_was_ended_is_not_stored_again(db: &TestDb) {
    let (silent, other) = (node(db).await, node(db).await);
    let run = silent.start_run(NOW).await.expect("a run");
    let stored = batch(run, 0, 0..10, NOW);
    store(&silent, stored.clone()).await;
    other.start_run(NOW.plus_seconds(31)).await.expect("a run");
    // The commit's answer was lost, so the writer tries again.
    store(&silent, stored).await;
    assert_eq!(
        find(&silent, &everything(0, None, None)).await.count,
        Count::Exactly(10)
    );
}

async fn the_segments_of_a_dead_node_are_closed_by_another(db: &TestDb) {
    let (dead, other) = (node(db).await, node(db).await);
    let run = dead.start_run(NOW).await.expect("a run");
    store(&dead, batch(run, 0, 0..10, NOW)).await;
    drop(dead);
    let others = other.start_run(NOW.plus_seconds(20)).await.expect("a run");
    store(&other, batch(others, 0, 100..105, NOW.plus_seconds(20))).await;
    assert_eq!(other.held().closed_segments, 0, "it may still be alive");
    // A heartbeat is enough.
    store(&other, batch(others, 5, 0..0, NOW.plus_seconds(31))).await;
    test_wait::until("the segment is closed", async || {
        other.held().closed_segments == 1
    })
    .await;
    assert_eq!(other.held().open_segments, 1, "its own");
    assert_eq!(
        find(&other, &everything(0, None, None)).await.count,
        Count::Exactly(15)
    );
}

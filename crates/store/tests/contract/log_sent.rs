//! The contract of requests that a program sends afterwards: each is stored once, in every place where a copy can be, and is
//! found at its own time.

use std::sync::Arc;

use live::Bus;
use logs::{Batch, Entry, Fate, LogStoreError, Origin, Reading, Recorder, RecorderOptions, Sought};
use model::{DateRange, LogFilter, Timestamp};
use store::logs::{Erasure, LOG_MIGRATIONS, Logs, erase};

use crate::log_world::{NOW, World, client, company, entry, open, place, raw, request, with_brands};
use crate::test_db::TestDb;

contract!(
    LOG_MIGRATIONS,
    [
        a_request_is_found_in_open_and_closed_segments_and_after_a_start,
        requests_of_the_past_are_found_at_their_time_and_leave_the_others_segments_alone,
        what_was_erased_is_not_stored_again,
        a_batch_is_stored_only_if_nothing_was_since_the_look,
    ]
);

mod nodes {
    use super::*;

    contract!(
        postgres only: LOG_MIGRATIONS,
        [
            batches_that_overlap_on_two_nodes_store_each_request_once,
        ]
    );

    async fn batches_that_overlap_on_two_nodes_store_each_request_once(db: &TestDb) {
        const REQUESTS: u64 = 2_000;
        const EACH: u64 = 100;
        let mut nodes = Vec::new();
        for _ in 0..2 {
            let node = open(db, &db.open_again().await, |options| {
                options.rows_per_segment = 300;
            })
            .await;
            nodes.push(recorder(&node).await);
        }
        let mut senders = Vec::new();
        for number in 0..6_u64 {
            let recorder = nodes[number as usize % 2].clone();
            senders.push(tokio::spawn(async move {
                let mut fates = Vec::new();
                for batch in 0..REQUESTS / EACH {
                    // Some go forwards, some backwards, and every batch overlaps those of others.
                    let batch = if number < 3 {
                        batch
                    } else {
                        REQUESTS / EACH - 1 - batch
                    };
                    let first = batch * EACH + number * 17;
                    let sent = entries((first..first + EACH).map(|one| one % REQUESTS), NOW);
                    // The gateway records at the same time.
                    recorder.record(raw(1_000_000 + number * 10_000 + batch, place(1), NOW));
                    fates.extend(recorder.store_sent(sent).await.expect("stored"));
                }
                fates
            }));
        }
        let mut fates = Vec::new();
        for sender in senders {
            fates.extend(sender.await.expect("it ends"));
        }
        let new = fates.iter().filter(|fate| **fate == Fate::Stored).count();
        assert_eq!((fates.len() as u64, new as u64), (6 * REQUESTS, REQUESTS));
        let mut totals = (0, 0);
        for node in &nodes {
            node.flush().await;
            let of_node = node.totals();
            totals = (totals.0 + of_node.stored, totals.1 + of_node.seen);
        }
        let recorded = 6 * REQUESTS / EACH;
        assert_eq!(totals, (REQUESTS + recorded, REQUESTS + recorded));
        let reader = open(db, &db.open_again().await, |_| {}).await;
        let rows = count(&reader, &LogFilter::default()).await;
        assert_eq!(rows, REQUESTS + recorded);
        for node in nodes {
            node.shutdown().await;
        }
        assert_eq!(count(&reader, &LogFilter::default()).await, REQUESTS + recorded);
    }
}

async fn recorder(node: &Logs) -> Recorder {
    let store = Arc::new(node.clone());
    let options = RecorderOptions::new(clock::ManualClock::at(NOW).into());
    Recorder::start(store.clone(), store, Bus::default(), options)
        .await
        .expect("it starts")
}

fn entries(numbers: impl IntoIterator<Item = u64>, at: Timestamp) -> Vec<Entry> {
    let numbers = numbers.into_iter();
    numbers.map(|number| raw(number, place(1), at)).collect()
}

async fn count(node: &Logs, filter: &LogFilter) -> u64 {
    let store = Arc::new(node.clone());
    let reading = Reading::new(store.clone(), store, 1);
    let page = reading.page(with_brands(1), filter, NOW.plus_seconds(60)).await;
    page.expect("a page").matching.expect("counted")
}

async fn send(recorder: &Recorder, numbers: std::ops::Range<u64>) -> (usize, usize) {
    let fates = recorder.store_sent(entries(numbers, NOW)).await.expect("stored");
    let count = |fate| fates.iter().filter(|one| **one == fate).count();
    (count(Fate::Stored), count(Fate::AlreadyStored))
}

async fn a_request_is_found_in_open_and_closed_segments_and_after_a_start(db: &TestDb) {
    let few = |options: &mut store::logs::LogsOptions| options.rows_per_segment = 1_500;
    let node = open(db, &db.db, few).await;
    let first = recorder(&node).await;
    // Two segments are closed, each of several blocks. The rest is open.
    for batch in 0..4 {
        assert_eq!(
            send(&first, batch * 1_000..batch * 1_000 + 1_000).await,
            (1_000, 0)
        );
    }
    first.record(raw(50_000, place(1), NOW));
    first.flush().await;
    assert_eq!(send(&first, 500..1_600).await, (0, 1_100), "closed");
    assert_eq!(send(&first, 3_900..4_100).await, (100, 100), "open");
    assert_eq!(
        send(&first, 50_000..50_001).await,
        (0, 1),
        "recorded by the gateway"
    );
    let other = first
        .store_sent(vec![raw(7, place(9), NOW)])
        .await
        .expect("stored");
    assert_eq!(other, [Fate::AlreadyStored], "an id is one of all companies");
    first.shutdown().await;

    let node = open(db, &db.open_again().await, few).await;
    let second = recorder(&node).await;
    assert_eq!(send(&second, 0..4_100).await, (0, 4_100), "all closed");
    assert_eq!(send(&second, 4_099..4_101).await, (1, 1));
    assert_eq!(count(&node, &LogFilter::default()).await, 4_102);
    second.shutdown().await;
}

fn between(from: Timestamp, to: Timestamp) -> LogFilter {
    LogFilter {
        range: DateRange::Between {
            from: Some(from),
            to: Some(to),
        },
        ..LogFilter::default()
    }
}

async fn requests_of_the_past_are_found_at_their_time_and_leave_the_others_segments_alone(db: &TestDb) {
    let node = open(db, &db.db, |_| {}).await;
    let recorder = recorder(&node).await;
    // Over three days and two day boundaries, in no order, with what the gateway records in between.
    let hours = [70, 1, 30, 0, 47, 48, 24, 25];
    for (number, hours) in (0..).zip(hours) {
        let at = NOW.plus_seconds(-hours * 3600);
        let sent = entries(number * 10..number * 10 + 10, at);
        recorder.store_sent(sent).await.expect("stored");
        recorder.record(raw(1_000 + number, place(1), NOW));
        recorder.flush().await;
    }
    let look = async |node: &Logs| {
        for hours in hours {
            let at = NOW.plus_seconds(-hours * 3600);
            let filter = between(at, at.plus_millis(1));
            let expected = if hours == 0 { 10 + 8 } else { 10 };
            assert_eq!(count(node, &filter).await, expected, "{hours} hours ago");
            let before = between(at.plus_seconds(-1), at);
            assert_eq!(count(node, &before).await, 0, "before {hours} hours ago");
        }
        let last_day = between(NOW.plus_seconds(-24 * 3600), NOW.plus_seconds(1));
        assert_eq!(count(node, &last_day).await, 3 * 10 + 8);
    };
    look(&node).await;
    assert_eq!(node.held().open_segments, 2, "one for what the gateway recorded");
    recorder.shutdown().await;
    let held = node.held();
    assert_eq!((held.open_segments, held.closed_segments), (0, 2));
    look(&node).await;
    look(&open(db, &db.open_again().await, |_| {}).await).await;
}

async fn what_was_erased_is_not_stored_again(db: &TestDb) {
    let node = open(db, &db.db, |_| {}).await;
    let recorder = recorder(&node).await;
    assert_eq!(send(&recorder, 0..10).await, (10, 0));
    let erasure = Erasure {
        root: company(1),
        client_id: client(1),
        name: "Acme".to_owned(),
        brands: Vec::new(),
        until: NOW,
        asked_by: "test".to_owned(),
    };
    erase(&db.db, erasure).await.expect("erased");
    let again = async |number, at| {
        let sent = vec![raw(number, place(1), at)];
        recorder.store_sent(sent).await.expect("an answer")[0]
    };
    assert_eq!(again(3, NOW).await, Fate::Erased);
    assert_eq!(again(100, NOW).await, Fate::Erased, "never stored");
    assert_eq!(again(101, NOW.plus_millis(1)).await, Fate::Stored);
    node.remove_erased(|| NOW).await.expect("removed");
    assert_eq!(again(3, NOW).await, Fate::Erased, "its row is gone");
    recorder.shutdown().await;
}

async fn a_batch_is_stored_only_if_nothing_was_since_the_look(db: &TestDb) {
    let world = World::new(db).await;
    world.append(vec![entry(1, 1, NOW)]).await;
    let sought = [2, 3].map(|number| Sought {
        request: request(number),
        client_id: client(1),
        at: NOW,
    });
    let look = async |above| world.sink.trace(Arc::from(sought), above).await.expect("a look");
    let before = look(0).await;
    assert_eq!((before.stored.len(), before.as_of), (0, 1));
    let sent = |looked_to| Batch {
        origin: Origin::Sent { looked_to },
        ..world.batch(vec![entry(2, 1, NOW), entry(3, 1, NOW)])
    };
    world.append(vec![entry(2, 9, NOW)]).await;
    let late = world.sink.append(sent(before.as_of)).await;
    assert!(matches!(late, Err(LogStoreError::Overtaken)), "{late:?}");
    let after = look(before.as_of).await;
    assert_eq!(
        (after.stored, after.as_of),
        ([request(2)].into(), 2),
        "only what is new"
    );
    let batch = sent(after.as_of);
    world.sink.append(batch.clone()).await.expect("stored");
    world.append(vec![entry(4, 1, NOW)]).await;
    // The response of the first try was lost.
    world.sink.append(batch).await.expect("stored before");
    assert_eq!(look(0).await.as_of, 5);
    let rows = world.page(with_brands(1), &LogFilter::default()).await.matching;
    assert_eq!(rows, Some(4));
}

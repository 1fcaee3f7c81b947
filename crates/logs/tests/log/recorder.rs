//! Tests the recorder with a store that fails on demand: it never blocks, counts everything, and recovers.

use std::time::Duration;

use logs::{Entry, KeyTrace, RecorderOptions, Run};
use model::{KeyId, Verdict};

use crate::entries::{entry_of, request};
use crate::stores::{Next, Store, options, start};

fn entry(number: u64) -> Entry {
    entry_of(1, number)
}

#[tokio::test]
async fn a_full_batch_is_written_without_a_flush() {
    let store = Store::failing([]);
    let mut options = options();
    options.batch_rows = 4;
    options.batch_delay = Duration::from_secs(3600);
    let recorder = start(&store, options).await;
    for number in 0..4 {
        recorder.record(entry(number));
    }
    test_wait::until("the batch is written", async || recorder.totals().stored >= 4).await;
    assert_eq!(store.stored(), (0..4).map(request).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_temporary_failure_loses_nothing() {
    let store = Store::failing([Next::Unavailable, Next::DiskFull]);
    let recorder = start(&store, options()).await;
    (0..10).for_each(|number| recorder.record(entry(number)));
    recorder.flush().await;
    assert_eq!(store.stored().len(), 10);
    assert_eq!((recorder.totals().stored, recorder.totals().dropped), (10, 0));
}

#[tokio::test]
async fn on_a_full_disk_rows_wait_and_are_stored_when_there_is_room() {
    let store = Store::failing([Next::DiskFull; 50]);
    let recorder = start(&store, options()).await;
    (0..10).for_each(|number| recorder.record(entry(number)));
    recorder.flush().await;
    assert_eq!(store.stored().len(), 10);
    assert_eq!((recorder.totals().stored, recorder.totals().dropped), (10, 0));
}

#[tokio::test]
async fn a_recorder_that_stops_does_not_wait_for_a_store_that_fails() {
    let store = Store::failing([Next::Unavailable; 100_000]);
    let mut options = options();
    options.retries = vec![Duration::from_millis(1), Duration::from_secs(3600)];
    let recorder = start(&store, options).await;
    (0..10).for_each(|number| recorder.record(entry(number)));
    test_wait::until("the writer waits", async || store.tried().len() >= 2).await;
    (10..20).for_each(|number| recorder.record(entry(number)));
    recorder.shutdown().await;
    let totals = recorder.totals();
    assert_eq!((totals.stored, totals.dropped), (0, 20));
    assert_eq!(store.ended().expect("the run has ended").dropped, 20);
}

#[tokio::test]
async fn one_bad_row_does_not_lose_the_others() {
    let store = Store::refusing(request(3));
    let recorder = start(&store, options()).await;
    (0..10).for_each(|number| recorder.record(entry(number)));
    recorder.flush().await;
    assert_eq!(store.stored().len(), 9);
    assert_eq!((recorder.totals().stored, recorder.totals().dropped), (9, 1));
}

#[tokio::test]
async fn shutting_down_stores_waiting_entries_and_ends_the_run() {
    let store = Store::failing([]);
    let recorder = start(&store, options()).await;
    (0..100).for_each(|number| recorder.record(entry(number)));
    recorder.shutdown().await;
    assert_eq!(store.stored().len(), 100);
    let ended = store.ended().expect("the run has ended");
    assert_eq!((ended.stored, ended.dropped), (100, 0));
    recorder.record(entry(100));
    recorder.flush().await;
    assert_eq!(recorder.totals().dropped, 1);
}

#[tokio::test]
async fn an_idle_run_sends_heartbeats() {
    let store = Store::failing([]);
    let mut options = options();
    options.heartbeat = Duration::from_millis(1);
    let _recorder = start(&store, options).await;
    test_wait::until("three heartbeats", async || store.batches().len() >= 3).await;
    assert!(store.stored().is_empty());
}

#[tokio::test]
async fn a_strangers_flood_does_not_hide_the_calls_of_a_deleted_key() {
    let store = Store::failing([]);
    let recorder = start(&store, options()).await;
    let refused = |number, verdict, key| Entry {
        verdict,
        key,
        ..entry(number)
    };
    (0..100).for_each(|number| recorder.record(refused(number, Verdict::UnknownSecret, None)));
    let former = KeyTrace {
        id: KeyId::from_random([7; 16]),
        last_four: "ab6d".to_owned(),
    };
    (100..105).for_each(|number| recorder.record(refused(number, Verdict::DeletedKey, Some(former.clone()))));
    recorder.flush().await;
    let stored = store.stored();
    assert!(
        (100..105).all(|number| stored.contains(&request(number))),
        "{stored:?}"
    );
    assert_eq!(
        stored.len(),
        15,
        "ten of the unknown secret's requests, and all five of the deleted key's"
    );
}

#[tokio::test]
async fn batches_are_numbered_by_their_first_row_and_keep_their_number_when_tried_again() {
    let store = Store::failing([Next::Succeed, Next::Unavailable, Next::DiskFull]);
    let mut options = options();
    options.batch_rows = 4;
    let recorder = start(&store, options).await;
    (0..10).for_each(|number| recorder.record(entry(number)));
    recorder.flush().await;
    let numbers: Vec<_> = store
        .tried()
        .iter()
        .map(|batch| (batch.first, batch.entries.len()))
        .collect();
    assert_eq!(numbers, [(0, 4), (4, 4), (4, 4), (4, 4), (8, 2)]);
    let tried = store.tried();
    assert!(tried[1].entries == tried[2].entries && tried[2].entries == tried[3].entries);
}

#[tokio::test]
async fn after_another_node_ended_the_run_another_begins_and_counts_from_zero() {
    let store = Store::failing([Next::Succeed, Next::Fenced]);
    let options = RecorderOptions {
        waiting_entries: 4,
        ..options()
    };
    let recorder = start(&store, options).await;
    // Two of the first six are dropped.
    for (number, rows) in [(0, 6), (10, 2), (20, 4)] {
        (number..number + rows).for_each(|number| recorder.record(entry(number)));
        recorder.flush().await;
    }
    let reports: Vec<_> = store
        .batches()
        .iter()
        .map(|batch| {
            let report = &batch.report;
            (report.run, batch.first, report.stored, report.dropped)
        })
        .collect();
    assert_eq!(reports, [(Run(1), 0, 4, 2), (Run(2), 0, 2, 0), (Run(2), 2, 6, 0)]);
    assert_eq!(store.stored().len(), 10);
    recorder.shutdown().await;
    let ended = store.ended().expect("the run has ended");
    assert_eq!((ended.run, ended.stored, ended.dropped), (Run(2), 6, 0));
}

#[tokio::test]
async fn a_run_that_is_always_fenced_drops_and_counts_its_rows() {
    let store = Store::failing([Next::Fenced; 8]);
    let mut options = options();
    options.retries = Vec::new();
    let recorder = start(&store, options).await;
    recorder.record(entry(1));
    recorder.flush().await;
    assert_eq!((recorder.totals().stored, recorder.totals().dropped), (0, 1));
}

//! Tests the recorder with a store that fails on demand: it never blocks, counts everything, and recovers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use clock::ManualClock;
use live::Bus;
use logs::{
    Batch, Entry, Ledger, LogStoreError, Message, Place, Recorder, RecorderOptions, Run, RunReport, Scope,
    Sink,
};
use model::{
    BodyAbsence, ClientId, CompanyId, Environment, KeyId, LogTotals, Recorded, RequestId, Timestamp, Verdict,
};
use tokio::sync::Semaphore;

const NOW: Timestamp = Timestamp::from_millis(1_767_614_400_000);

/// What the next append does. Appends after the end of the list succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    DiskFull,
    Unavailable,
}

/// A store that keeps its batches, or fails as told.
struct Store {
    next: Mutex<VecDeque<Next>>,
    /// Every batch with this entry is refused.
    poison: Option<RequestId>,
    /// Each append waits for a permit.
    allowed: Semaphore,
    stored: Mutex<Vec<RequestId>>,
    reports: Mutex<Vec<RunReport>>,
    ended: Mutex<Option<RunReport>>,
}

impl Store {
    fn new(next: impl IntoIterator<Item = Next>) -> Self {
        Self {
            next: Mutex::new(next.into_iter().collect()),
            poison: None,
            allowed: Semaphore::new(Semaphore::MAX_PERMITS),
            stored: Mutex::default(),
            reports: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    fn stored(&self) -> Vec<RequestId> {
        self.stored.lock().expect("nobody panicked").clone()
    }
}

#[async_trait]
impl Sink for Store {
    async fn append(&self, batch: Batch) -> Result<(), LogStoreError> {
        self.allowed.acquire().await.expect("it is never closed").forget();
        match self.next.lock().expect("nobody panicked").pop_front() {
            Some(Next::DiskFull) => return Err(LogStoreError::DiskFull),
            Some(Next::Unavailable) => return Err(LogStoreError::Unavailable("down".into())),
            None => {}
        }
        if batch
            .entries
            .iter()
            .any(|entry| Some(entry.request_id) == self.poison)
        {
            return Err(LogStoreError::Refused("bad row".into()));
        }
        self.stored
            .lock()
            .expect("nobody panicked")
            .extend(batch.entries.iter().map(|entry| entry.request_id));
        self.reports.lock().expect("nobody panicked").push(batch.report);
        Ok(())
    }
}

#[async_trait]
impl Ledger for Store {
    async fn start_run(&self, _: Timestamp) -> Result<Run, LogStoreError> {
        Ok(Run(1))
    }

    async fn end_run(&self, report: RunReport) -> Result<(), LogStoreError> {
        *self.ended.lock().expect("nobody panicked") = Some(report);
        Ok(())
    }

    async fn totals(&self, _: Scope, _: Timestamp, _: Timestamp) -> Result<LogTotals, LogStoreError> {
        Err(LogStoreError::Unavailable("not used by these tests".into()))
    }
}

fn request(number: u64) -> RequestId {
    RequestId::from_random(u128::from(number).to_be_bytes())
}

fn entry(number: u64) -> Entry {
    let company = CompanyId::from_random([1; 16]);
    Entry {
        request_id: request(number),
        at: NOW,
        place: Place {
            root: company,
            company,
            client_id: ClientId::from_random([1; 16]),
            brand: None,
        },
        environment: Some(Environment::Sandbox),
        key: None,
        recorded: Recorded::Gateway,
        method: "GET".to_owned(),
        path: "/".to_owned(),
        status: 200,
        verdict: Verdict::Accepted,
        verdict_detail: String::new(),
        duration_us: 1,
        upstream_us: None,
        address: "192.0.2.1".to_owned(),
        user_agent: None,
        presented: Vec::new(),
        request: Message::absent(BodyAbsence::Empty),
        response: Message::absent(BodyAbsence::Empty),
    }
}

fn options() -> RecorderOptions {
    let mut options = RecorderOptions::new(ManualClock::at(NOW).into());
    options.retries = vec![Duration::ZERO; 2];
    options
}

async fn start(store: &Arc<Store>, options: RecorderOptions) -> Recorder {
    Recorder::start(store.clone(), store.clone(), Bus::default(), options)
        .await
        .expect("it starts")
}

#[tokio::test]
async fn a_full_batch_is_written_without_a_flush() {
    let store = Arc::new(Store::new([]));
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
    let store = Arc::new(Store::new([Next::Unavailable, Next::DiskFull]));
    let recorder = start(&store, options()).await;
    (0..10).for_each(|number| recorder.record(entry(number)));
    recorder.flush().await;
    assert_eq!(store.stored().len(), 10);
    assert_eq!((recorder.totals().stored, recorder.totals().dropped), (10, 0));
}

#[tokio::test]
async fn on_a_full_disk_rows_are_dropped_and_counted_and_the_next_ones_are_stored_again() {
    let store = Arc::new(Store::new([Next::DiskFull; 3]));
    let recorder = start(&store, options()).await;
    (0..10).for_each(|number| recorder.record(entry(number)));
    recorder.flush().await;
    assert_eq!((recorder.totals().stored, recorder.totals().dropped), (0, 10));
    recorder.record(entry(10));
    recorder.flush().await;
    assert_eq!(store.stored(), [request(10)]);
    let report = store
        .reports
        .lock()
        .expect("nobody panicked")
        .last()
        .cloned()
        .expect("a report");
    assert_eq!(
        (report.stored, report.dropped),
        (1, 10),
        "the loss is reported with the next row"
    );
    assert_eq!(report.losses.len(), 1);
    let totals = recorder.totals();
    assert_eq!(totals.seen, totals.stored + totals.dropped + totals.suppressed);
}

#[tokio::test]
async fn one_bad_row_does_not_lose_the_others() {
    let store = Arc::new(Store {
        poison: Some(request(3)),
        ..Store::new([])
    });
    let recorder = start(&store, options()).await;
    (0..10).for_each(|number| recorder.record(entry(number)));
    recorder.flush().await;
    assert_eq!(store.stored().len(), 9);
    assert_eq!((recorder.totals().stored, recorder.totals().dropped), (9, 1));
}

#[tokio::test]
async fn a_store_that_hangs_blocks_no_request() {
    let store = Arc::new(Store {
        allowed: Semaphore::new(0),
        ..Store::new([])
    });
    let mut options = options();
    options.waiting_entries = 8;
    options.batch_rows = 2;
    let recorder = start(&store, options).await;
    // `record` is not async, so it would block this thread if it waited for the store.
    (0..1000).for_each(|number| recorder.record(entry(number)));
    let totals = recorder.totals();
    assert_eq!(totals.seen, 1000);
    assert!(totals.dropped >= 1000 - 8 - 2 * 2, "{totals:?}");
    store.allowed.add_permits(1000);
    recorder.flush().await;
    let totals = recorder.totals();
    assert_eq!(
        (totals.waiting(), totals.seen),
        (0, totals.stored + totals.dropped)
    );
    assert_eq!(store.stored().len() as u64, totals.stored);
}

#[tokio::test]
async fn waiting_entries_are_bounded_in_bytes_too() {
    let store = Arc::new(Store {
        allowed: Semaphore::new(0),
        ..Store::new([])
    });
    let mut options = options();
    options.waiting_bytes = 10_000;
    let recorder = start(&store, options).await;
    for number in 0..100 {
        let path = "x".repeat(1000);
        recorder.record(Entry {
            path,
            ..entry(number)
        });
    }
    let totals = recorder.totals();
    assert!(totals.waiting() <= 7 && totals.dropped >= 93, "{totals:?}");
    store.allowed.add_permits(1000);
    recorder.flush().await;
    recorder.record(entry(100));
    recorder.flush().await;
    assert!(store.stored().contains(&request(100)), "there is room again");
}

#[tokio::test]
async fn shutting_down_stores_waiting_entries_and_ends_the_run() {
    let store = Arc::new(Store::new([]));
    let recorder = start(&store, options()).await;
    (0..100).for_each(|number| recorder.record(entry(number)));
    recorder.shutdown().await;
    assert_eq!(store.stored().len(), 100);
    let ended = store
        .ended
        .lock()
        .expect("nobody panicked")
        .clone()
        .expect("the run has ended");
    assert_eq!((ended.stored, ended.dropped), (100, 0));
    recorder.record(entry(100));
    recorder.flush().await;
    assert_eq!(recorder.totals().dropped, 1);
}

#[tokio::test]
async fn an_idle_run_sends_heartbeats() {
    let store = Arc::new(Store::new([]));
    let mut options = options();
    options.heartbeat = Duration::from_millis(1);
    let _recorder = start(&store, options).await;
    let reports = || store.reports.lock().expect("nobody panicked").len();
    test_wait::until("three heartbeats", async || reports() >= 3).await;
    assert!(store.stored().is_empty());
}

fn entry_of(company: u8, number: u64) -> Entry {
    let company = CompanyId::from_random([company; 16]);
    let mut entry = entry(number);
    (entry.place.root, entry.place.company) = (company, company);
    entry
}

#[tokio::test]
async fn when_the_queue_is_full_the_company_with_most_entries_loses_them() {
    let store = Arc::new(Store {
        allowed: Semaphore::new(0),
        ..Store::new([])
    });
    let mut options = options();
    options.waiting_entries = 64;
    options.batch_rows = 2;
    let recorder = start(&store, options).await;
    (0..1000).for_each(|number| recorder.record(entry_of(1, number)));
    (1000..1010).for_each(|number| recorder.record(entry_of(2, number)));
    store.allowed.add_permits(1000);
    recorder.flush().await;
    let quiet = store
        .stored()
        .iter()
        .filter(|id| (1000..1010).map(request).any(|one| one == **id))
        .count();
    assert_eq!(quiet, 10, "none of the quiet company's rows are lost");
    let report = store
        .reports
        .lock()
        .expect("nobody panicked")
        .last()
        .cloned()
        .expect("a report");
    let totals = recorder.totals();
    assert!(
        report.dropped > 900 && totals.seen == totals.stored + totals.dropped,
        "{totals:?}"
    );
}

#[tokio::test]
async fn a_strangers_flood_does_not_hide_the_calls_of_a_deleted_key() {
    let store = Arc::new(Store::new([]));
    let recorder = start(&store, options()).await;
    let refused = |number, verdict, key| Entry {
        verdict,
        key,
        ..entry(number)
    };
    (0..100).for_each(|number| recorder.record(refused(number, Verdict::UnknownSecret, None)));
    let former = logs::KeyTrace {
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
async fn a_company_with_many_entries_does_not_delay_another() {
    let store = Arc::new(Store {
        allowed: Semaphore::new(0),
        ..Store::new([])
    });
    let mut options = options();
    options.batch_rows = 8;
    let recorder = start(&store, options).await;
    (0..400).for_each(|number| recorder.record(entry_of(1, number)));
    recorder.record(entry_of(2, 1000));
    store.allowed.add_permits(1000);
    recorder.flush().await;
    let stored = store.stored();
    assert_eq!(stored.len(), 401);
    let at = stored.iter().position(|id| *id == request(1000));
    // One batch may already have been on its way. In the next, it is the other company's turn first.
    assert!(at.is_some_and(|at| at <= 80), "{at:?}");
    let first: Vec<_> = stored.into_iter().filter(|id| *id != request(1000)).collect();
    assert!(first.is_sorted_by_key(|id| (0..400).position(|number| request(number) == *id)));
}

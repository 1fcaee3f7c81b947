//! Redaction takes time in proportion to what it reads, whatever a caller sends; and who waits for whom.

#[expect(dead_code, reason = "some of it is for the benchmark")]
mod cases;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use live::Hub;
use logs::{
    Batch, LogStore, LogStoreError, Names, Recorder, RecorderOptions, Run, RunReport, Scope, redact_counted,
};
use model::{CompanyId, KeyId, LogEntry, LogFilter, LogPage, RequestId, Timestamp};
use tokio::sync::Semaphore;

/// Of every byte of an entry so many are looked at, counting each layer of escapes and base64.
const MOST_WORK_PER_BYTE: usize = 48;

#[test]
fn work_grows_with_the_entry_and_no_faster() {
    let names = Names::default();
    let small = cases::hostile(2_000);
    let large = cases::hostile(8_000);
    for ((name, small), (_, large)) in small.into_iter().zip(large) {
        let (small_size, large_size) = (cases::size(&small), cases::size(&large));
        let (_, few) = redact_counted(small, &names);
        let (_, many) = redact_counted(large, &names);
        assert!(
            few <= MOST_WORK_PER_BYTE * small_size + 100_000,
            "{name}: {few} for {small_size}"
        );
        assert!(
            many <= MOST_WORK_PER_BYTE * large_size + 100_000,
            "{name}: {many} for {large_size}"
        );
        assert!(many <= 5 * few + 50_000, "{name}: {few}, then {many}");
    }
}

/// Time of this thread alone, so that other work on the machine does not count. Elsewhere than on Linux nothing is measured.
fn own_nanoseconds() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[test]
fn the_same_amount_of_text_takes_about_the_same_time_in_large_entries_as_in_small_ones() {
    let names = Names::default();
    let spent = |case: usize, size: usize, rows: usize| {
        let entries: Vec<_> = (0..rows)
            .map(|_| cases::hostile(size).swap_remove(case).1)
            .collect();
        let before = own_nanoseconds()?;
        for entry in entries {
            redact_counted(entry, &names);
        }
        Some(own_nanoseconds()? - before)
    };
    for (case, (name, _)) in cases::hostile(16).into_iter().enumerate() {
        // Quadratic time would make it sixteen times as much. The clock moves in steps of some milliseconds.
        let holds = (0..5).any(|_| match (spent(case, 250, 48), spent(case, 4_000, 3)) {
            (Some(small), Some(large)) => large < 4 * small + 12_000_000,
            _ => true,
        });
        assert!(holds, "{name}");
    }
}

/// Keeps the companies of the rows in the order in which they were stored; the first batch waits for a permit.
struct Store {
    stored: Mutex<Vec<CompanyId>>,
    allowed: Semaphore,
}

#[async_trait]
impl LogStore for Store {
    async fn start_run(&self, _: Timestamp) -> Result<Run, LogStoreError> {
        Ok(Run(1))
    }

    async fn append(&self, batch: Batch) -> Result<(), LogStoreError> {
        let _permit = self.allowed.acquire().await.expect("it is never closed");
        let companies = batch.entries.iter().map(|entry| entry.place.company);
        self.stored.lock().expect("nobody panicked").extend(companies);
        Ok(())
    }

    async fn end_run(&self, _: RunReport) -> Result<(), LogStoreError> {
        Ok(())
    }

    async fn page(&self, _: Scope, _: &LogFilter, _: Timestamp) -> Result<LogPage, LogStoreError> {
        Err(LogStoreError::Unavailable("not asked here".into()))
    }

    async fn entry(&self, _: Scope, _: RequestId) -> Result<Option<LogEntry>, LogStoreError> {
        Ok(None)
    }

    async fn count_by_key(&self, _: CompanyId, _: KeyId, _: Timestamp) -> Result<u64, LogStoreError> {
        Ok(0)
    }
}

#[tokio::test]
async fn another_companys_row_does_not_wait_behind_a_companys_hostile_ones() {
    let store = Arc::new(Store {
        stored: Mutex::default(),
        allowed: Semaphore::new(0),
    });
    let mut options = RecorderOptions::new(Arc::new(|| Timestamp::from_millis(0)));
    options.batch_delay = Duration::ZERO;
    options.batch_bytes = 256 * 1024;
    let recorder = Recorder::start(store.clone(), Hub::default(), options)
        .await
        .expect("it starts");
    let hostile = || cases::hostile(16_000).swap_remove(9).1;
    for _ in 0..40 {
        recorder.record(hostile());
    }
    recorder.record(cases::empty(9));
    let patient = CompanyId::from_random([9; 16]);
    store.allowed.add_permits(1);
    recorder.flush().await;
    let stored = store.stored.lock().expect("nobody panicked").clone();
    assert_eq!(stored.len(), 41);
    let before = stored
        .iter()
        .position(|company| *company == patient)
        .expect("it was stored");
    assert!(before < 12, "{before} rows of the other company came before");
}

#[tokio::test]
async fn one_company_cannot_take_all_places() {
    let store = Arc::new(Store {
        stored: Mutex::default(),
        allowed: Semaphore::new(0),
    });
    let mut options = RecorderOptions::new(Arc::new(|| Timestamp::from_millis(0)));
    options.waiting_entries = 100;
    let recorder = Recorder::start(store.clone(), Hub::default(), options)
        .await
        .expect("it starts");
    for _ in 0..1000 {
        recorder.record(cases::empty(1));
    }
    let dropped = recorder.totals().dropped;
    assert!(dropped >= 1000 - 200, "{dropped}");
    for _ in 0..10 {
        recorder.record(cases::empty(2));
    }
    assert_eq!(
        recorder.totals().dropped,
        dropped,
        "the other company lost nothing"
    );
    store.allowed.add_permits(1);
    recorder.flush().await;
    let totals = recorder.totals();
    assert_eq!((totals.waiting(), totals.stored + totals.dropped), (0, 1010));
}

//! What happens when the store is slower than the requests: no request waits long, memory is bounded, and the company
//! with most waiting bytes loses rows first.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use clock::ManualClock;
use logs::{Entry, RecorderOptions};
use model::RequestId;

use crate::entries::{NOW, entry_of, request};
use crate::stores::{Store, options, start};

fn entry(number: u64) -> Entry {
    entry_of(1, number)
}

/// Numbers without a pattern that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

#[tokio::test]
async fn a_store_that_hangs_blocks_no_request() {
    let store = Store::hanging();
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
    let store = Store::hanging();
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
async fn when_the_queue_is_full_the_company_with_most_entries_loses_them() {
    let store = Store::hanging();
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
    let report = store.last_report();
    let totals = recorder.totals();
    assert!(
        report.dropped > 900 && totals.seen == totals.stored + totals.dropped,
        "{totals:?}"
    );
}

#[tokio::test]
async fn a_company_with_many_entries_does_not_delay_another() {
    let store = Store::hanging();
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

/// The rule in its plainest form: keeps what is waiting as a list, and looks through it.
#[derive(Default)]
struct Plain {
    waiting: Vec<(u8, RequestId, usize)>,
}

impl Plain {
    const BYTES: usize = 12_000;

    fn bytes_of(&self, company: u8) -> usize {
        let rows = self.waiting.iter().filter(|row| row.0 == company);
        rows.map(|row| row.2).sum()
    }

    fn push(&mut self, company: u8, id: RequestId, weight: usize) {
        while self.waiting.iter().map(|row| row.2).sum::<usize>() + weight > Self::BYTES {
            let bytes = |company: &u8| (self.bytes_of(*company), *company);
            let largest = (1..=5).max_by_key(bytes).expect("five companies");
            if largest == company || self.bytes_of(largest) <= self.bytes_of(company) + weight {
                return;
            }
            let newest = self.waiting.iter().rposition(|row| row.0 == largest);
            self.waiting.remove(newest.expect("the largest has rows"));
        }
        self.waiting.push((company, id, weight));
    }
}

#[tokio::test]
async fn the_company_with_most_waiting_bytes_loses_its_newest_rows_first() {
    let mut dice = Dice(1);
    for _ in 0..50 {
        let store = Store::hanging();
        let options = RecorderOptions {
            waiting_bytes: Plain::BYTES,
            ..options()
        };
        let recorder = start(&store, options).await;
        let mut plain = Plain::default();
        // Nothing is awaited here, so the writer takes nothing.
        for number in 0..200 {
            // The first companies send more and larger rows.
            let company = 1 + dice.roll(5).min(dice.roll(5)) as u8;
            let path = "x".repeat(dice.roll(1_000 / u64::from(company)) as usize);
            plain.push(company, request(number), 512 + path.len());
            recorder.record(Entry {
                path,
                ..entry_of(company, number)
            });
        }
        store.allowed.add_permits(1000);
        recorder.flush().await;
        let mut stored = store.stored();
        let mut expected: Vec<_> = plain.waiting.iter().map(|row| row.1).collect();
        stored.sort_unstable();
        expected.sort_unstable();
        assert_eq!(stored, expected);
        let (totals, report) = (recorder.totals(), store.last_report());
        let lost: u64 = report.losses.iter().map(|(_, loss)| loss.dropped).sum();
        assert_eq!((totals.seen, totals.dropped), (200, lost));
        assert_eq!(totals.stored + totals.dropped, 200);
    }
}

/// While nothing can be written, a company with few rows loses none to one with many.
#[tokio::test]
async fn during_an_outage_the_company_with_most_waiting_bytes_loses_rows_and_the_others_none() {
    let store = Store::hanging();
    let options = RecorderOptions {
        waiting_entries: 64,
        batch_rows: 16,
        ..options()
    };
    let recorder = start(&store, options).await;
    // Every append fails: the writer holds a batch and tries again, the next one is ready.
    store.fail_until_told();
    store.allowed.add_permits(100_000);
    for number in 0..1_000 {
        recorder.record(entry_of(1, number));
        if number % 100 == 0 {
            recorder.record(entry_of(2, 10_000 + number));
        }
        // The two tasks go on with what they are doing.
        tokio::task::yield_now().await;
    }
    store.succeed_again();
    recorder.flush().await;
    let stored = store.stored();
    assert!((0..10).all(|number| stored.contains(&request(10_000 + number * 100))));
    let totals = recorder.totals();
    assert!(totals.dropped > 0);
    assert_eq!(totals.seen, totals.stored + totals.dropped);
}

#[tokio::test]
async fn entries_that_waited_for_their_place_are_not_lost_to_others() {
    let store = Store::hanging();
    let options = RecorderOptions {
        waiting_entries: 16,
        batch_rows: 4,
        ..options()
    };
    let recorder = start(&store, options).await;
    for number in 0..200 {
        recorder.record_waiting(entry_of(1, number)).await;
    }
    for number in 200..400 {
        recorder.record(entry_of(2, number));
    }
    store.allowed.add_permits(1000);
    recorder.flush().await;
    let stored = store.stored();
    assert!((0..200).all(|number| stored.contains(&request(number))));
    assert_eq!(recorder.totals().stored, stored.len() as u64);
    assert!(recorder.totals().dropped > 0);
}

/// A batch is not full before 8,192 rows, and fewer may wait patiently: no sender may have to wait for the time of the batch.
#[tokio::test]
async fn many_that_wait_for_their_place_do_not_wait_for_the_time_of_the_batch() {
    let store = Store::hanging();
    store.allowed.add_permits(1000);
    let options = RecorderOptions {
        batch_delay: Duration::from_secs(3600),
        ..RecorderOptions::new((&ManualClock::at(NOW)).into())
    };
    let recorder = start(&store, options).await;
    let all = async {
        for number in 0..5_000 {
            recorder.record_waiting(entry_of(1, number)).await;
        }
        recorder.flush().await;
    };
    tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .expect("they wait");
    assert_eq!(recorder.totals().stored, 5_000);
}

#[tokio::test]
async fn a_request_waits_only_while_three_quarters_are_taken_and_not_long() {
    let store = Store::hanging();
    let options = RecorderOptions {
        waiting_entries: 16,
        ..options()
    };
    let recorder = start(&store, options).await;
    let poll = |room: std::pin::Pin<&mut dyn Future<Output = ()>>| {
        room.poll(&mut Context::from_waker(Waker::noop()))
    };
    (0..11).for_each(|number| recorder.record(entry(number)));
    assert_eq!(poll(pin!(recorder.room())), Poll::Ready(()));
    recorder.record(entry(11));
    let mut room = pin!(recorder.room());
    assert_eq!(poll(room.as_mut()), Poll::Pending);
    // Ends although the store hangs.
    room.await;
    assert_eq!(recorder.totals().dropped, 0);
    store.allowed.add_permits(1000);
    recorder.flush().await;
    assert_eq!(poll(pin!(recorder.room())), Poll::Ready(()));
}

#[tokio::test]
async fn whatever_a_kill_loses_was_recorded_after_the_last_report() {
    let mut dice = Dice(2);
    let clock = ManualClock::at(NOW);
    let store = Store::hanging();
    let options = RecorderOptions {
        batch_rows: 3,
        batch_delay: Duration::from_millis(1),
        ..RecorderOptions::new((&clock).into())
    };
    let recorder = start(&store, options).await;
    let mut recorded = BTreeMap::new();
    for number in 0..600 {
        match dice.roll(4) {
            0 => clock.advance(Duration::from_millis(10)),
            1 => store.allowed.add_permits(1),
            2 => tokio::task::yield_now().await,
            _ => {
                recorded.insert(request(number), clock.now());
                recorder.record(entry_of(1 + dice.roll(9) as u8, number));
            }
        }
    }
    store.allowed.add_permits(1000);
    recorder.flush().await;
    let batches = store.batches();
    assert!(batches.len() > 30, "only {} batches", batches.len());
    for (at, batch) in batches.iter().enumerate() {
        // A kill now would lose all later batches.
        let lost = batches[at + 1..].iter().flat_map(|batch| batch.entries.iter());
        for entry in lost {
            let moment = recorded[&entry.request_id];
            assert!(moment >= batch.report.at, "{moment:?} is before the gap");
        }
    }
    assert!(batches.is_sorted_by_key(|batch| batch.report.at));
}

//! What a program sends to the recorder: each request once, counted and redacted like those that the gateway records.

use logs::{Entry, Fate, LogStoreError, Names, StoredEntry, redact};
use model::{RequestId, SecretText, Verdict};

use crate::disguises::disguises;
use crate::entries::{JSON, NOW, SECRET, entry_of, message, request};
use crate::stores::{Next, Store, options, start};

fn entries(numbers: impl IntoIterator<Item = u64>) -> Vec<Entry> {
    numbers.into_iter().map(|number| entry_of(1, number)).collect()
}

fn stored(number: u64) -> StoredEntry {
    redact(entry_of(1, number), &Names::default())
}

fn requests(numbers: impl IntoIterator<Item = u64>) -> Vec<RequestId> {
    numbers.into_iter().map(request).collect()
}

const NEW: Fate = Fate::Stored;
const OLD: Fate = Fate::AlreadyStored;

#[tokio::test]
async fn a_request_that_is_sent_again_is_stored_once() {
    let store = Store::failing([]);
    let recorder = start(&store, options()).await;
    recorder.record(entry_of(1, 7));
    recorder.flush().await;
    for (sent, fates) in [
        (vec![1, 2, 2, 7], vec![NEW, NEW, OLD, OLD]),
        (vec![1, 2, 2, 7], vec![OLD; 4]),
        (vec![3, 1], vec![NEW, OLD]),
        (vec![], vec![]),
    ] {
        assert_eq!(recorder.store_sent(entries(sent)).await.expect("stored"), fates);
    }
    assert_eq!(store.stored(), requests([7, 1, 2, 3]));
    let totals = recorder.totals();
    assert_eq!((totals.seen, totals.stored, totals.dropped), (4, 4, 0));
    recorder.shutdown().await;
    assert_eq!(store.ended().map(|report| report.stored), Some(4));
}

#[tokio::test]
async fn what_another_node_stores_in_between_is_not_stored_again() {
    let store = Store::failing([]);
    let recorder = start(&store, options()).await;
    // First the node stores one of ours, then others, then the rest but one.
    store.store_in_between(vec![stored(2)]);
    store.store_in_between(vec![stored(10), stored(11)]);
    store.store_in_between(vec![stored(1), stored(4)]);
    let fates = recorder.store_sent(entries(1..=4)).await.expect("stored");
    assert_eq!(fates, [OLD, OLD, NEW, OLD]);
    assert_eq!(store.stored(), requests([2, 10, 11, 1, 4, 3]));
    assert_eq!(recorder.totals().stored, 1, "of this node");
}

#[tokio::test]
async fn many_who_send_the_same_at_once_store_each_request_once() {
    let store = Store::failing([]);
    let recorder = start(&store, options()).await;
    let senders = (0..12).map(|number| {
        let recorder = recorder.clone();
        tokio::spawn(async move {
            let sent = entries(number * 5..number * 5 + 40);
            recorder.store_sent(sent).await.expect("stored")
        })
    });
    let senders: Vec<_> = senders.collect();
    let mut new = 0;
    for sender in senders {
        let fates = sender.await.expect("it ends");
        new += fates.iter().filter(|fate| **fate == NEW).count();
    }
    let mut stored = store.stored();
    assert_eq!(stored.len(), new, "each was said to be new once");
    stored.sort_unstable();
    assert_eq!(stored, requests(0..95));
}

#[tokio::test]
async fn a_store_that_fails_for_a_while_stores_each_once_and_one_that_refuses_says_so() {
    let store = Store::failing([Next::Unavailable, Next::DiskFull, Next::Fenced]);
    let recorder = start(&store, options()).await;
    let fates = recorder.store_sent(entries(0..3)).await.expect("stored");
    assert_eq!(fates, [NEW; 3]);
    assert_eq!(store.stored(), requests(0..3));

    let store = Store::refusing(request(1));
    let recorder = start(&store, options()).await;
    let refused = recorder.store_sent(entries(0..3)).await;
    assert!(matches!(refused, Err(LogStoreError::Refused(_))), "{refused:?}");
    assert_eq!((recorder.totals().seen, recorder.totals().dropped), (0, 0));
}

#[tokio::test]
async fn a_recorder_that_has_stopped_takes_nothing_more() {
    let store = Store::failing([]);
    let recorder = start(&store, options()).await;
    recorder.shutdown().await;
    let refused = recorder.store_sent(entries(0..3)).await;
    assert!(
        matches!(refused, Err(LogStoreError::Unavailable(_))),
        "{refused:?}"
    );
    assert!(store.stored().is_empty());
}

#[tokio::test]
async fn requests_without_a_recognised_key_have_a_budget_for_their_own_second() {
    let store = Store::failing([]);
    let recorder = start(&store, options()).await;
    // Three seconds, the newest first.
    let sent = (0..45).map(|number| Entry {
        verdict: Verdict::UnknownSecret,
        at: NOW.plus_seconds(-(number / 15)),
        ..entry_of(1, number as u64)
    });
    let mut sent: Vec<Entry> = sent.collect();
    sent.push(entry_of(1, 100));
    let fates = recorder.store_sent(sent).await.expect("stored");
    let count = |fate| fates.iter().filter(|one| **one == fate).count();
    assert_eq!((count(NEW), count(Fate::Suppressed)), (31, 15));
    let totals = recorder.totals();
    assert_eq!((totals.seen, totals.stored, totals.suppressed), (46, 31, 15));
    // Requests that the gateway refuses have their own budget.
    recorder.record(Entry {
        verdict: Verdict::UnknownSecret,
        ..entry_of(1, 200)
    });
    recorder.flush().await;
    assert_eq!(recorder.totals().stored, 32);
}

#[tokio::test]
async fn what_is_sent_is_redacted_like_what_is_recorded() {
    let store = Store::failing([]);
    let recorder = start(&store, options()).await;
    let cases: Vec<(u64, String)> = (0..).zip(disguises(SECRET)).collect();
    let make = |number: u64, disguise: &str| {
        let body = format!(r#"{{"note":"{}"}}"#, disguise.replace('\\', "\\\\"));
        Entry {
            path: format!("/v1/{}", disguise.replace(['\\', '#'], "%5C")),
            presented: vec![SecretText::new(SECRET)],
            request: message(&[("content-type", JSON), ("x-debug", disguise)], &body),
            response: message(&[("content-type", JSON), ("x-debug", disguise)], &body),
            ..entry_of(1, number)
        }
    };
    let all = |cases: &[(u64, String)]| -> Vec<Entry> {
        let cases = cases.iter();
        cases.map(|(number, disguise)| make(*number, disguise)).collect()
    };
    let fates = recorder.store_sent(all(&cases)).await.expect("stored");
    assert_eq!(fates, vec![NEW; cases.len()]);
    let expected: Vec<StoredEntry> = all(&cases)
        .into_iter()
        .map(|entry| redact(entry, &Names::default()))
        .collect();
    let stored = store.batches();
    let stored: Vec<&StoredEntry> = stored.iter().flat_map(|batch| batch.entries.iter()).collect();
    assert!(stored == expected.iter().collect::<Vec<_>>());
    let text = format!("{stored:?}").to_ascii_lowercase();
    assert!(!text.contains(SECRET) && !text.contains(&SECRET[10..26]));
}

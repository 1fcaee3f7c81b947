//! Segments that cannot be read.

use model::Timestamp;
use segments::{Kind, ReadError, SegmentId};

use crate::log::Log;
use crate::work;

#[test]
fn a_damaged_segment_is_named_and_every_other_row_is_found_without_it() {
    let (mut log, scope) = work::log_of(300);
    let question = logs::Question {
        histogram: Some(10),
        ..work::question(logs::Conditions::default())
    };
    let all = log.ask(scope, &question).expect("an answer").count.at_least();

    let damaged = SegmentId(3);
    let mut bytes = log.blobs.remove(damaged, Kind::Rows).expect("it exists").to_vec();
    for byte in &mut bytes {
        *byte ^= 0x55;
    }
    log.blobs.put(damaged, Kind::Rows, bytes);
    log.cache = segments::Cache::new(100_000_000);
    let error = log.ask(scope, &question).unwrap_err();
    assert!(
        matches!(error, ReadError::Damaged { segment, .. } if segment == damaged),
        "{error}"
    );

    let (found, other) = without(log, damaged, scope, &question);
    assert!(found.count.at_least() < all);
    assert_eq!(found.damaged, [other]);
}

#[test]
fn a_blob_that_ends_too_early_is_damage() {
    let (log, scope) = work::log_of(300);
    let question = work::question(logs::Conditions::default());
    let cut = SegmentId(20);
    let bytes = log.blobs.remove(cut, Kind::Rows).expect("it exists");
    log.blobs.put(cut, Kind::Rows, bytes[..bytes.len() / 2].to_vec());
    let error = log.ask(scope, &question).unwrap_err();
    assert!(
        matches!(error, ReadError::Damaged { segment, .. } if segment == cut),
        "{error}"
    );
}

#[test]
fn a_segment_whose_blob_was_removed_is_missing() {
    let (log, scope) = work::log_of(300);
    log.blobs.remove(SegmentId(20), Kind::Rows);
    let error = log
        .ask(scope, &work::question(logs::Conditions::default()))
        .unwrap_err();
    assert!(
        matches!(
            error,
            ReadError::Missing {
                segment: SegmentId(20)
            }
        ),
        "{error}"
    );
}

/// The answer once the segment is set aside, and what the answer must say about it.
fn without(
    mut log: Log,
    segment: SegmentId,
    scope: logs::Scope,
    question: &logs::Question,
) -> (logs::Found, logs::Damaged) {
    let meta = (log.view.closed.iter())
        .find_map(|closed| (closed.head.id() == segment).then(|| closed.head.meta().clone()))
        .expect("it exists");
    let damaged = logs::Damaged {
        from: meta.min_at,
        to: meta.max_at,
        rows: meta.rows.into(),
    };
    // One that is not in the range must not be mentioned.
    let elsewhere = logs::Damaged {
        from: Timestamp::from_millis(-20),
        to: Timestamp::from_millis(-10),
        rows: 1,
    };
    log.view.closed.retain(|closed| closed.head.id() != segment);
    log.view.set_aside = vec![damaged, elsewhere];
    (log.ask(scope, question).expect("an answer"), damaged)
}

//! The contract of writing to the log store: refused rows, losses, runs and gaps (invariant 8).

use std::collections::HashSet;
use std::time::Duration;

use clock::{Clock, ManualClock};
use live::{Bus, Topic};
use logs::{Batch, Loss, LossOf, RecorderOptions};
use model::{Gap, LogFilter, RequestId, Timestamp, Verdict};
use store::logs::LOG_MIGRATIONS;

use crate::log_world::{NOW, World, brand, company, entry, place, raw, report, request, with_brands};
use crate::test_db::TestDb;

contract!(
    LOG_MIGRATIONS,
    [
        a_row_that_the_database_refuses_does_not_affect_the_others,
        what_was_seen_was_stored_dropped_or_suppressed,
        an_unclean_stop_leaves_a_gap_and_a_clean_one_none,
        what_earlier_runs_lost_is_shown_as_long_as_they_are_in_the_range,
        losses_are_shown_only_to_their_company,
        open_pages_are_notified_after_the_commit,
    ]
);

async fn a_row_that_the_database_refuses_does_not_affect_the_others(db: &TestDb) {
    let world = World::new(db).await;
    let recorder = world.recorder(Bus::default(), options()).await;
    for number in 0..5 {
        let mut entry = raw(number, place(1), NOW);
        if number == 2 {
            // PostgreSQL cannot store NUL, but SQLite can. Redaction does not change details.
            entry.verdict_detail = "\0".to_owned();
        }
        recorder.record(entry);
    }
    recorder.flush().await;
    let totals = recorder.totals();
    let stored = world.page(with_brands(1), &LogFilter::default()).await.rows.len();
    assert!(stored >= 4, "{stored}");
    assert_eq!(
        (totals.seen, totals.stored, totals.dropped),
        (5, stored as u64, 5 - stored as u64)
    );
}

/// Advances one second per reading, so that heartbeats and runs have different times.
fn ticking_clock() -> Clock {
    ManualClock::ticking(NOW, Duration::from_secs(1)).into()
}

fn options() -> RecorderOptions {
    let mut options = RecorderOptions::new(ticking_clock());
    options.retries = vec![Duration::ZERO];
    options
}

async fn what_was_seen_was_stored_dropped_or_suppressed(db: &TestDb) {
    let mut options = options();
    options.waiting_entries = 64;
    let world = World::new(db).await;
    let recorder = world.recorder(Bus::default(), options).await;
    let writers = (0..4).map(|writer: u64| {
        let recorder = recorder.clone();
        tokio::spawn(async move {
            for number in 0..500 {
                let mut entry = raw(writer * 1000 + number, place(1), NOW);
                if number % 5 == 0 {
                    entry.verdict = Verdict::UnknownSecret;
                    entry.status = 401;
                }
                recorder.record(entry);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("the writer ends");
    }
    for number in 9000..9100 {
        recorder.record_waiting(raw(number, place(1), NOW)).await;
    }
    recorder.flush().await;
    let totals = recorder.totals();
    assert_eq!(totals.seen, 2100);
    assert_eq!(totals.seen, totals.stored + totals.dropped + totals.suppressed);
    assert!(
        totals.suppressed >= 390 && totals.dropped > 0 && totals.stored >= 100,
        "{totals:?}"
    );
    let page = world.page(with_brands(1), &LogFilter::default()).await;
    assert_eq!(page.matching, Some(totals.stored));
    assert_eq!(
        (page.totals.dropped, page.totals.suppressed),
        (totals.dropped, totals.suppressed)
    );

    recorder.shutdown().await;
    recorder.record(raw(9999, place(1), NOW));
    let totals = recorder.totals();
    assert_eq!(
        totals.seen,
        totals.stored + totals.dropped + totals.suppressed,
        "also after it ended"
    );
}

async fn an_unclean_stop_leaves_a_gap_and_a_clean_one_none(db: &TestDb) {
    let world = World::new(db).await;
    let ledger = &world.ledger;
    let gap = async |at: Timestamp| {
        let page = world.page_at(with_brands(1), &LogFilter::default(), at).await;
        page.totals.gaps.first().map(|gap| (gap.from, gap.to))
    };
    let clean = world.run;
    ledger
        .end_run(report(clean, NOW.plus_seconds(1)))
        .await
        .expect("it ends");
    let killed = ledger.start_run(NOW.plus_seconds(2)).await.expect("a run");
    let alive = NOW.plus_seconds(10);
    let batch = Batch {
        report: report(killed, alive),
        ..world.batch(vec![entry(1, 1, NOW)])
    };
    world.sink.append(batch).await.expect("stored");
    assert_eq!(gap(alive).await, None, "nothing has been lost so far");

    let back = NOW.plus_seconds(100);
    let next = ledger.start_run(back).await.expect("a run");
    assert_eq!(gap(back).await, Some((alive, back)));
    ledger
        .end_run(report(next, back.plus_seconds(1)))
        .await
        .expect("it ends");
    ledger.start_run(back.plus_seconds(50)).await.expect("a run");
    assert_eq!(
        gap(back.plus_seconds(60)).await,
        Some((alive, back)),
        "a clean stop adds none"
    );
    assert_eq!(
        gap(back.plus_seconds(30 * 86_400)).await,
        None,
        "the gap is outside the range"
    );
}

async fn what_earlier_runs_lost_is_shown_as_long_as_they_are_in_the_range(db: &TestDb) {
    let world = World::new(db).await;
    let ledger = &world.ledger;
    let place = place(1);
    let of = LossOf {
        root: place.root,
        company: place.company,
    };
    let end = NOW.plus_seconds(10);
    let loss = Loss {
        dropped: 3,
        suppressed: 4,
    };
    let mut last = report(world.run, end);
    last.losses = vec![(of, loss)];
    ledger.end_run(last).await.expect("it ends");
    // Then three that are killed, two of them within one gap.
    for after in [100, 101, 200] {
        ledger.start_run(NOW.plus_seconds(after)).await.expect("a run");
    }
    let begin = NOW.plus_seconds(300);
    ledger.start_run(begin).await.expect("a run");
    let totals = async |now| {
        world
            .page_at(with_brands(1), &LogFilter::default(), now)
            .await
            .totals
    };
    let day = 86_400;
    let shown = totals(begin).await;
    assert_eq!((shown.dropped, shown.suppressed), (3, 4));
    let gap = |from, to| Gap {
        from: NOW.plus_seconds(from),
        to: NOW.plus_seconds(to),
    };
    assert_eq!((shown.gaps, shown.more_gaps), (vec![gap(100, 300)], 0));
    let later = totals(end.plus_seconds(day + 5)).await;
    assert_eq!(
        (later.dropped, later.suppressed),
        (0, 0),
        "the run is outside the range"
    );
}

async fn losses_are_shown_only_to_their_company(db: &TestDb) {
    let world = World::new(db).await;
    let loss = |number: u8, dropped: u64, suppressed: u64| {
        let place = place(number);
        (
            LossOf {
                root: place.root,
                company: place.company,
            },
            Loss { dropped, suppressed },
        )
    };
    for factor in [1, 2] {
        let mut report = report(world.run, NOW);
        report.losses = vec![loss(1, factor, 10), loss(2, 100, factor), loss(9, 7, 7)];
        let heartbeat = Batch {
            report,
            ..world.batch(Vec::new())
        };
        world.sink.append(heartbeat).await.expect("a sign of life");
    }
    let totals = async |scope| {
        let totals = world.page(scope, &LogFilter::default()).await.totals;
        (totals.dropped, totals.suppressed)
    };
    assert_eq!(totals(with_brands(1)).await, (102, 12));
    assert_eq!(totals(brand(2)).await, (100, 2));
    assert_eq!(totals(brand(3)).await, (0, 0));
}

async fn open_pages_are_notified_after_the_commit(db: &TestDb) {
    let bus = Bus::default();
    let (mut of_parent, mut of_brand, mut of_other) = (
        bus.subscribe(company(1)),
        bus.subscribe(company(2)),
        bus.subscribe(company(9)),
    );
    let world = World::new(db).await;
    let recorder = world.recorder(bus, options()).await;
    recorder.record(raw(1, place(2), NOW));
    assert_eq!(of_brand.recv().await, Ok(Topic::Logs));
    assert_eq!(of_parent.recv().await, Ok(Topic::Logs));
    let seen: HashSet<RequestId> = world
        .page(brand(2), &LogFilter::default())
        .await
        .rows
        .iter()
        .map(|row| row.request_id)
        .collect();
    assert!(seen.contains(&request(1)), "notified before it could be read");
    recorder.shutdown().await;
    assert!(of_other.try_recv().is_err());
}

//! Part b: from publishing to the receiver, at a steady rate.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::Database;
use crate::bench::Bench;
use crate::publish::{Load, Published};
use crate::receiver::{Arrival, Behaviour, Receiver};
use crate::report::{Latency, from_to, spanned};
use crate::samples::{Samples, judged};
use crate::throughput::SILENCE;

/// Publishers at the steady rate.
const PUBLISHERS: usize = 8;
/// What is published before this is a warm-up.
const WARM: Duration = Duration::from_secs(1);

/// Of the first arrival of each event, from when its 202 was read and from when its request was sent.
pub(crate) fn latencies(
    published: &Published,
    arrivals: impl Iterator<Item = Arrival>,
    warm: Duration,
) -> (Latency, Latency) {
    let sent: HashMap<u128, _> = published.events.iter().map(|one| (one.event, one)).collect();
    let (mut accepted, mut whole) = (Vec::new(), Vec::new());
    for arrival in arrivals {
        if let Some(event) = sent.get(&arrival.event)
            && event.sent >= published.began + warm
        {
            accepted.push(from_to(event.accepted, arrival.at));
            whole.push(from_to(event.sent, arrival.at));
        }
    }
    (Latency::of(accepted), Latency::of(whole))
}

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let rate = bench.options.rate;
    let mut rows = Vec::new();
    for database in bench.options.databases.clone() {
        let mut samples: [Samples; 4] = Default::default();
        for _ in 0..bench.options.rounds {
            let values = round(bench, database)?;
            for (samples, value) in samples.iter_mut().zip(values) {
                samples.add(value);
            }
        }
        let [p50, p99, sent50, sent99] = samples;
        rows.push(vec![
            database.name().to_owned(),
            judged(spanned(&p50), p50.median() < 0.5),
            judged(spanned(&p99), p99.median() < 5.0),
            spanned(&sent50),
            spanned(&sent99),
        ]);
    }
    bench
        .report
        .heading(&format!("{rate} events a second, one webhook"))?;
    bench.report.table(
        &[
            "database",
            "202 read → receiver, p50, ms (target < 0.5)",
            "p99 (target < 5)",
            "request sent → receiver, p50",
            "p99",
        ],
        &rows,
    )
}

fn round(bench: &mut Bench, database: Database) -> Result<[f64; 4]> {
    let receiver = Receiver::start()?;
    let gatehouse = bench.gatehouse(database)?;
    gatehouse.webhook(&receiver.url(Behaviour::Accepts, 0), &[])?;
    let clock = bench.clock(&gatehouse)?;
    let published = Load {
        publishers: PUBLISHERS,
        time: WARM + Duration::from_secs(bench.options.seconds),
        rate: Some(f64::from(bench.options.rate)),
        ..gatehouse.load()
    }
    .run()?;
    receiver.wait_for(published.events.len(), SILENCE)?;
    let spent = bench.spent(&gatehouse, &clock)?;
    let (accepted, sent) = latencies(&published, receiver.arrivals().into_iter(), WARM);
    bench.report.raw(
        "b",
        database.name(),
        json!({
            "events_a_second": published.rate(),
            "accepted_p50_ms": accepted.p50,
            "accepted_p99_ms": accepted.p99,
            "accepted_highest_ms": accepted.highest,
            "sent_p50_ms": sent.p50,
            "sent_p99_ms": sent.p99,
            "sent_highest_ms": sent.highest,
            "other_programs_percent": spent.others,
        }),
    );
    Ok([accepted.p50, accepted.p99, sent.p50, sent.p99])
}

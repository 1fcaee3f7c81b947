//! Part c: one event to 100 webhooks, and many deliveries of one webhook that waited until it was enabled.

use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use crate::Database;
use crate::bench::Bench;
use crate::gatehouse::Gatehouse;
use crate::publish::Load;
use crate::receiver::{Behaviour, Receiver};
use crate::report::spanned;
use crate::samples::{Samples, judged, thousands};
use crate::throughput::SILENCE;

const WEBHOOKS: u32 = 100;
/// Events to all of them in each round.
const EVENTS: usize = 100;
const PUBLISHERS: usize = 8;
const TARGET: f64 = 5000.0;

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let waiting = bench.options.drain;
    let mut rows = Vec::new();
    for database in bench.options.databases.clone() {
        let mut samples: [Samples; 3] = Default::default();
        for _ in 0..bench.options.rounds {
            let [one, many] = fan_out(bench, database)?;
            let drained = drain(bench, database)?;
            for (samples, value) in samples.iter_mut().zip([many, drained, one]) {
                samples.add(value);
            }
        }
        let [many, drained, one] = samples;
        rows.push(vec![
            database.name().to_owned(),
            judged(spanned(&many), many.median() >= TARGET),
            judged(spanned(&drained), drained.median() >= TARGET),
            spanned(&one),
        ]);
    }
    bench.report.heading("Many deliveries at once")?;
    let drain = format!(
        "drain of {}, attempts/s (target ≥ 5,000)",
        thousands(waiting as u64)
    );
    bench.report.table(
        &[
            "database",
            "100 events to 100 webhooks each, attempts/s (target ≥ 5,000)",
            &drain,
            "one event at rest, until the last of 100 webhooks has it, ms",
        ],
        &rows,
    )
}

/// Milliseconds until one event has reached all webhooks, and attempts a second with many events.
fn fan_out(bench: &mut Bench, database: Database) -> Result<[f64; 2]> {
    let receiver = Receiver::start()?;
    let gatehouse = bench.gatehouse(database)?;
    for number in 0..WEBHOOKS {
        gatehouse.webhook(&receiver.url(Behaviour::Accepts, number), &[])?;
    }
    // The first one opens the connections.
    publish(&gatehouse, &receiver, 1)?;
    let one = publish(&gatehouse, &receiver, 1)?;
    let clock = bench.clock(&gatehouse)?;
    let seconds = publish(&gatehouse, &receiver, EVENTS)?;
    let spent = bench.spent(&gatehouse, &clock)?;
    let attempts = EVENTS as f64 * f64::from(WEBHOOKS);
    bench.report.raw(
        "c",
        database.name(),
        json!({
            "webhooks": WEBHOOKS,
            "one_event_ms": one * 1e3,
            "attempts_a_second": attempts / seconds,
            "server_us": spent.server.as_secs_f64() * 1e6 / attempts,
            "postgresql_us": spent.postgres.as_secs_f64() * 1e6 / attempts,
            "other_programs_percent": spent.others,
        }),
    );
    Ok([one * 1e3, attempts / seconds])
}

/// Seconds from the beginning of publishing to the last arrival.
fn publish(gatehouse: &Gatehouse, receiver: &Receiver, events: usize) -> Result<f64> {
    let before = receiver.count();
    let published = Load {
        publishers: PUBLISHERS.min(events),
        count: events,
        ..gatehouse.load()
    }
    .run()?;
    let expected = published.events.len() * WEBHOOKS as usize;
    receiver.wait_for(before + expected, SILENCE)?;
    Ok(last(receiver, published.began) * events as f64 / published.events.len() as f64)
}

fn last(receiver: &Receiver, since: Instant) -> f64 {
    let arrivals = receiver.take();
    let last = arrivals.iter().map(|one| one.at).fold(since, Instant::max);
    (last - since).as_secs_f64()
}

/// Attempts a second from the moment the webhook is enabled.
fn drain(bench: &mut Bench, database: Database) -> Result<f64> {
    let receiver = Receiver::start()?;
    let gatehouse = bench.gatehouse(database)?;
    let webhook = gatehouse.webhook(&receiver.url(Behaviour::Accepts, 0), &[])?;
    gatehouse.enable(&webhook, false)?;
    let published = Load {
        publishers: bench.options.publishers,
        count: bench.options.drain,
        ..gatehouse.load()
    }
    .run()?;
    let clock = bench.clock(&gatehouse)?;
    let began = Instant::now();
    gatehouse.enable(&webhook, true)?;
    receiver.wait_for(published.events.len(), SILENCE)?;
    let spent = bench.spent(&gatehouse, &clock)?;
    let attempts = published.events.len() as f64;
    let rate = attempts / last(&receiver, began);
    bench.report.raw(
        "c",
        database.name(),
        json!({
            "drained": attempts,
            "attempts_a_second": rate,
            "server_us": spent.server.as_secs_f64() * 1e6 / attempts,
            "postgresql_us": spent.postgres.as_secs_f64() * 1e6 / attempts,
            "other_programs_percent": spent.others,
        }),
    );
    Ok(rate)
}

//! Part g: half an hour on PostgreSQL at 70 % of its capacity, with an open reader transaction, a webhook that hangs and one that is
//! slow. Those two receive one event in twenty; the ordinary webhook receives all others.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::Database;
use crate::bench::Bench;
use crate::gatehouse::Gatehouse;
use crate::process::pause;
use crate::publish::{Load, ORDINARY, Published, RARE};
use crate::receiver::{Behaviour, Receiver};
use crate::report::{Latency, from_to};
use crate::samples::{figure, judged, thousands};
use crate::throughput::SILENCE;

const SHARE: f64 = 0.7;
const ONE_IS_RARE_IN: usize = 20;
/// The webhook that receives ordinary events.
const GOOD: u32 = 0;
const MINUTE: Duration = Duration::from_secs(60);

/// What is read at the end of each minute.
#[derive(Clone, Copy, Debug)]
struct Reading {
    memory: f64,
    database: f64,
    refused: u64,
    server: Duration,
    postgres: Duration,
}

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    if bench.postgres.is_none() {
        return bench.report.line("\nPart g needs PostgreSQL.");
    }
    let capacity = match bench.capacity {
        Some(capacity) => capacity,
        None => capacity_now(bench)?,
    };
    let rate = SHARE * capacity;
    let receiver = Receiver::start()?;
    let gatehouse = bench.gatehouse(Database::Postgresql)?;
    gatehouse.webhook(&receiver.url(Behaviour::Accepts, GOOD), &[ORDINARY])?;
    gatehouse.webhook(&receiver.url(Behaviour::Hangs, 1), &[RARE])?;
    gatehouse.webhook(&receiver.url(Behaviour::Limited, 2), &[RARE])?;
    let url = gatehouse.database_url.clone().context("no PostgreSQL")?;
    let postgres = bench.postgres.as_ref().context("no PostgreSQL")?;
    let reader = postgres.reader(&url)?;
    let publishing = Load {
        publishers: bench.options.publishers,
        time: MINUTE * u32::try_from(bench.options.minutes)?,
        rate: Some(rate),
        one_is_rare_in: Some(ONE_IS_RARE_IN),
        ..gatehouse.load()
    }
    .start()?;
    let mut readings = Vec::new();
    let mut next = Instant::now() + MINUTE;
    while !publishing.is_finished() {
        pause(Duration::from_millis(100));
        if Instant::now() >= next {
            next += MINUTE;
            readings.push(reading(bench, &gatehouse, &url, publishing.refused())?);
            eprintln!("g, minute {}: {:?}", readings.len(), readings.last());
        }
    }
    // The last minute may have ended between two looks.
    if (readings.len() as u64) < bench.options.minutes {
        readings.push(reading(bench, &gatehouse, &url, publishing.refused())?);
    }
    let published = publishing.join()?;
    let ordinary: Vec<_> = published.events.iter().filter(|one| !one.rare).copied().collect();
    let missing = receiver.missing(&ordinary, GOOD, SILENCE);
    drop(reader);
    ensure!(missing == 0, "{missing} events were accepted and never arrived");
    report(bench, rate, &published, &receiver, &readings)
}

/// As part a measures it, in one round without a report.
fn capacity_now(bench: &mut Bench) -> Result<f64> {
    let receiver = Receiver::start()?;
    let gatehouse = bench.gatehouse(Database::Postgresql)?;
    gatehouse.webhook(&receiver.url(Behaviour::Accepts, GOOD), &[])?;
    let published = Load {
        publishers: bench.options.publishers,
        time: Duration::from_secs(bench.options.seconds),
        ..gatehouse.load()
    }
    .run()?;
    receiver.wait_for(published.events.len(), SILENCE)?;
    Ok(published.events.len() as f64 / published.began.elapsed().as_secs_f64())
}

fn reading(bench: &Bench, gatehouse: &Gatehouse, url: &str, refused: u64) -> Result<Reading> {
    let postgres = bench.postgres.as_ref().context("no PostgreSQL")?;
    Ok(Reading {
        memory: gatehouse.running()?.memory()?.now,
        database: postgres.bytes(url)? as f64 / 1024.0 / 1024.0,
        refused,
        server: gatehouse.running()?.cpu()?,
        postgres: postgres.cpu()?,
    })
}

/// Of the events that were published in one minute.
#[derive(Default)]
struct Minute {
    published: usize,
    delivered: usize,
    latencies: Vec<Duration>,
}

fn minutes(published: &Published, receiver: &Receiver) -> Vec<Minute> {
    let mut arrived: HashMap<u128, Instant> = HashMap::new();
    for arrival in receiver.arrivals().iter().filter(|one| one.webhook == GOOD) {
        arrived.entry(arrival.event).or_insert(arrival.at);
    }
    let mut minutes = Vec::new();
    let minute = |at: Instant| ((at - published.began).as_secs() / MINUTE.as_secs()) as usize;
    let mut of = |at: Instant, change: &mut dyn FnMut(&mut Minute)| {
        let number = minute(at);
        while minutes.len() <= number {
            minutes.push(Minute::default());
        }
        change(&mut minutes[number]);
    };
    for event in published.events.iter().filter(|one| !one.rare) {
        if let Some(at) = arrived.get(&event.event) {
            of(event.accepted, &mut |minute| {
                minute.published += 1;
                minute.latencies.push(from_to(event.accepted, *at));
            });
            of(*at, &mut |minute| minute.delivered += 1);
        }
    }
    minutes
}

fn report(
    bench: &mut Bench,
    rate: f64,
    published: &Published,
    receiver: &Receiver,
    readings: &[Reading],
) -> Result<()> {
    bench.report.heading(&format!(
        "{} minutes on PostgreSQL at {} events a second",
        bench.options.minutes,
        figure(rate)
    ))?;
    let mut rows = Vec::new();
    for (number, minute) in minutes(published, receiver).into_iter().enumerate() {
        let (in_minute, delivered) = (minute.published, minute.delivered);
        let latency = Latency::of(minute.latencies);
        let Some(reading) = readings.get(number) else {
            break;
        };
        let before = number.checked_sub(1).map(|before| readings[before]);
        let refused = reading.refused - before.map_or(0, |before| before.refused);
        let figures = json!({
            "accepted": in_minute,
            "delivered": delivered,
            "p50_ms": latency.p50,
            "p99_ms": latency.p99,
            "longest_ms": latency.highest,
            "status_503": refused,
            "memory_mib": reading.memory,
            "database_mib": reading.database,
            "server_cpu_seconds": reading.server.as_secs_f64(),
            "postgresql_cpu_seconds": reading.postgres.as_secs_f64(),
        });
        bench.report.raw("g", &format!("minute {}", number + 1), figures);
        rows.push(vec![
            (number + 1).to_string(),
            figure(in_minute as f64 / MINUTE.as_secs_f64()),
            figure(delivered as f64 / MINUTE.as_secs_f64()),
            format!("{} / {}", figure(latency.p50), figure(latency.p99)),
            judged(figure(latency.highest / 1e3), latency.highest < 1e3),
            judged(thousands(refused), refused == 0),
            figure(reading.memory),
            figure(reading.database),
        ]);
    }
    bench.report.table(
        &[
            "minute",
            "accepted/s, ordinary",
            "delivered/s",
            "202 read → receiver, p50 / p99, ms",
            "longest wait, s (target < 1)",
            "503 (target: 0)",
            "memory of the server, MiB",
            "database, MiB",
        ],
        &rows,
    )
}

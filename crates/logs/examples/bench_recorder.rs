//! `cargo run --release -p logs --example bench_recorder`: how many entries a second pass through the recorder,
//! redaction included, into a store that forgets them at once.

#[path = "../tests/log/entries.rs"]
#[expect(dead_code, reason = "some of it is only for tests")]
mod entries;
mod ordinary;

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use clock::Clock;
use live::Bus;
use logs::{
    Batch, CapturedBody, Entry, Headers, KeyTrace, Ledger, LogStoreError, Message, Recorder, RecorderOptions,
    Run, RunReport, Scope, Sink, Sought, Traced,
};
use model::{BodyAbsence, Environment, KeyId, LogTotals, Recorded, SecretText, Timestamp, Verdict};

/// How long each case runs.
const LONG_ENOUGH: Duration = Duration::from_secs(4);

/// Stores nothing.
struct Forgets;

#[async_trait]
impl Sink for Forgets {
    async fn append(&self, batch: Batch) -> Result<(), LogStoreError> {
        std::hint::black_box(&batch);
        Ok(())
    }

    async fn trace(&self, _: Arc<[Sought]>, _: i64) -> Result<Traced, LogStoreError> {
        Ok(Traced::default())
    }
}

#[async_trait]
impl Ledger for Forgets {
    async fn start_run(&self, _: Timestamp) -> Result<Run, LogStoreError> {
        Ok(Run(1))
    }

    async fn end_run(&self, _: RunReport) -> Result<(), LogStoreError> {
        Ok(())
    }

    async fn totals(&self, _: Scope, _: Timestamp, _: Timestamp) -> Result<LogTotals, LogStoreError> {
        Ok(LogTotals::default())
    }
}

/// Which rows have what.
#[derive(Clone, Copy)]
struct Mix {
    /// One row in this many has headers; 0 for none.
    headers: u64,
    /// One row in this many has a request body of 400 bytes; 0 for none.
    bodies: u64,
}

fn is_due(number: u64, every: u64) -> bool {
    every > 0 && number.is_multiple_of(every)
}

/// One row of twenty companies, as the gateway would make it.
fn entry(number: u64, pattern: &Message, mix: Mix) -> Entry {
    let message = |has_body: bool| Message {
        headers: if is_due(number, mix.headers) {
            pattern.headers.clone()
        } else {
            Headers::default()
        },
        body: match &pattern.body {
            CapturedBody::Bytes { first, total_bytes } if has_body => CapturedBody::Bytes {
                first: first.clone(),
                total_bytes: *total_bytes,
            },
            _ => CapturedBody::Absent {
                why: BodyAbsence::Empty,
                total_bytes: 0,
            },
        },
    };
    Entry {
        request_id: entries::request(number),
        place: entries::place((number % 20) as u8),
        path: format!("/v1/orders/{}/?page=2", number % 3_006),
        at: entries::NOW,
        environment: Some(Environment::Sandbox),
        key: Some(KeyTrace {
            id: KeyId::from_random([1; 16]),
            last_four: "64af".to_owned(),
        }),
        recorded: Recorded::Gateway,
        method: "POST".to_owned(),
        status: 200,
        verdict: Verdict::Accepted,
        verdict_detail: String::new(),
        duration_us: 1_234,
        upstream_us: Some(1_000),
        address: "192.0.2.1".to_owned(),
        user_agent: Some("python-httpx/0.28.1".to_owned()),
        presented: vec![SecretText::new(entries::SECRET)],
        request: message(is_due(number, mix.bodies)),
        response: message(false),
    }
}

async fn measure(out: &mut impl Write, name: &str, mix: Mix) -> std::io::Result<()> {
    let store = Arc::new(Forgets);
    let options = RecorderOptions::new(Clock::machine());
    let recorder = Recorder::start(store.clone(), store, Bus::default(), options)
        .await
        .expect("the recorder starts");
    let pattern = pattern();
    let (begun, cpu_before) = (Instant::now(), cpu_seconds());
    let mut number = 0;
    while begun.elapsed() < LONG_ENOUGH {
        recorder.room().await;
        for _ in 0..16 {
            recorder.record(entry(number, &pattern, mix));
            number += 1;
        }
    }
    recorder.flush().await;
    let seconds = begun.elapsed().as_secs_f64();
    let totals = recorder.totals();
    let cpu = cpu_before
        .zip(cpu_seconds())
        .map(|(before, after)| after - before);
    writeln!(
        out,
        "{name:<46} {:>10.0} {:>9} {:>10.0}",
        totals.stored as f64 / seconds,
        totals.dropped,
        cpu.map_or(f64::NAN, |cpu| cpu * 1e9 / totals.seen as f64)
    )
}

/// CPU time of all threads, including that of making the entries. `None` on systems other than Linux.
fn cpu_seconds() -> Option<f64> {
    /// The kernel counts in hundredths of a second.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

/// A request with ten headers and a body of 400 bytes.
fn pattern() -> Message {
    let mut message = ordinary::ordinary(1).request;
    let letters = "x".repeat(400 - r#"{"note":""}"#.len());
    let body = format!(r#"{{"note":"{letters}"}}"#).into_bytes();
    message.body = CapturedBody::Bytes {
        total_bytes: body.len() as u64,
        first: body,
    };
    message
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<46} {:>10} {:>9} {:>10}",
        "rows", "a second", "dropped", "CPU ns"
    )?;
    let cases = [
        (
            "without headers and bodies",
            Mix {
                headers: 0,
                bodies: 0,
            },
        ),
        (
            "headers and a body of 400 B on one in ten",
            Mix {
                headers: 10,
                bodies: 10,
            },
        ),
        (
            "headers on all, a body of 400 B on one in ten",
            Mix {
                headers: 1,
                bodies: 10,
            },
        ),
    ];
    for (name, mix) in cases {
        measure(&mut out, name, mix).await?;
    }
    Ok(())
}

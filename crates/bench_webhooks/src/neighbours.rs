//! Part d: nine receivers of one company that accept, alone and beside a tenth that does not.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::Database;
use crate::bench::Bench;
use crate::latency::latencies;
use crate::publish::Load;
use crate::receiver::{Behaviour, Receiver};
use crate::report::{Latency, spanned};
use crate::samples::{Samples, judged};
use crate::throughput::SILENCE;

const GOOD: u32 = 9;
/// Events a second. Each goes to all webhooks.
const RATE: f64 = 50.0;
const PUBLISHERS: usize = 4;
const WARM: Duration = Duration::from_secs(1);

const TENTHS: [(&str, Option<Behaviour>); 4] = [
    ("alone", None),
    ("beside one that hangs", Some(Behaviour::Hangs)),
    ("beside one that responds 500", Some(Behaviour::Fails)),
    (
        "beside one that sends its response byte by byte",
        Some(Behaviour::Drips),
    ),
];

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let mut rows = Vec::new();
    for database in bench.options.databases.clone() {
        let mut all: [[Samples; 2]; TENTHS.len()] = Default::default();
        for _ in 0..bench.options.rounds {
            for ((name, tenth), [p50, p99]) in TENTHS.into_iter().zip(&mut all) {
                let latency = round(bench, database, name, tenth)?;
                p50.add(latency.p50);
                p99.add(latency.p99);
            }
        }
        let alone = all[0][1].clone();
        for ((name, _), [p50, p99]) in TENTHS.iter().zip(&all) {
            let ratio = p99.per(&alone).median();
            rows.push(vec![
                format!("{}, {name}", database.name()),
                spanned(p50),
                spanned(p99),
                judged(format!("{ratio:.2}"), ratio <= 1.2),
            ]);
        }
    }
    bench
        .report
        .heading("Nine receivers, 50 events a second to each")?;
    bench.report.table(
        &[
            "nine receivers",
            "request sent → receiver, p50, ms",
            "p99",
            "p99 ÷ alone (target ≤ 1.2)",
        ],
        &rows,
    )
}

fn round(bench: &mut Bench, database: Database, name: &str, tenth: Option<Behaviour>) -> Result<Latency> {
    let receiver = Receiver::start()?;
    let gatehouse = bench.gatehouse(database)?;
    for number in 0..GOOD {
        gatehouse.webhook(&receiver.url(Behaviour::Accepts, number), &[])?;
    }
    if let Some(behaviour) = tenth {
        gatehouse.webhook(&receiver.url(behaviour, GOOD), &[])?;
    }
    let clock = bench.clock(&gatehouse)?;
    let published = Load {
        publishers: PUBLISHERS,
        time: WARM + Duration::from_secs(bench.options.seconds),
        rate: Some(RATE),
        ..gatehouse.load()
    }
    .run()?;
    receiver.wait_for(published.events.len() * GOOD as usize, SILENCE)?;
    let spent = bench.spent(&gatehouse, &clock)?;
    let good = receiver.arrivals().into_iter().filter(|one| one.webhook < GOOD);
    let (_, sent) = latencies(&published, good, WARM);
    bench.report.raw(
        "d",
        &format!("{}, {name}", database.name()),
        json!({
            "p50_ms": sent.p50,
            "p99_ms": sent.p99,
            "highest_ms": sent.highest,
            "other_programs_percent": spent.others,
        }),
    );
    Ok(sent)
}

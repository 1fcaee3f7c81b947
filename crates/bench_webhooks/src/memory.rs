//! Part f: memory of the server with many deliveries waiting: while their webhooks are paused, after a start, and once they are
//! enabled.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use crate::Database;
use crate::bench::Bench;
use crate::process::pause;
use crate::publish::Load;
use crate::receiver::{Behaviour, Receiver};
use crate::samples::{figure, judged, thousands};

/// One event makes as many deliveries, so filling takes minutes and not an hour.
const WEBHOOKS: usize = 100;
/// How long deliveries go out while memory is watched.
const UNDER_WAY: Duration = Duration::from_secs(20);
const PUBLISHERS: usize = 16;
const TARGET: f64 = 200.0;

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let waiting = bench.options.waiting;
    let mut rows = Vec::new();
    for database in bench.options.databases.clone() {
        rows.push(measure(bench, database)?);
    }
    bench.report.heading(&format!(
        "Memory with {} deliveries waiting, MiB",
        thousands(waiting as u64)
    ))?;
    bench.report.table(
        &[
            "database",
            "empty",
            "waiting, webhooks paused (target < 200)",
            "started again (target < 200)",
            "highest in 20 s of sending (target < 200)",
            "sent a second in that time",
            "waiting deliveries made a second",
        ],
        &rows,
    )
}

fn measure(bench: &mut Bench, database: Database) -> Result<Vec<String>> {
    let receiver = Receiver::start()?;
    let mut gatehouse = bench.gatehouse(database)?;
    let empty = gatehouse.running()?.memory()?.now;
    let mut webhooks = Vec::new();
    for number in 0..u32::try_from(WEBHOOKS)? {
        let webhook = gatehouse.webhook(&receiver.url(Behaviour::Accepts, number), &[])?;
        gatehouse.enable(&webhook, false)?;
        webhooks.push(webhook);
    }
    let published = Load {
        publishers: PUBLISHERS,
        count: bench.options.waiting.div_ceil(WEBHOOKS),
        ..gatehouse.load()
    }
    .run()?;
    let filled = published.rate() * WEBHOOKS as f64;
    let paused = gatehouse.running()?.memory()?;
    gatehouse.stop();
    gatehouse.start()?;
    pause(Duration::from_secs(5));
    let started = gatehouse.running()?.memory()?;
    let clock = bench.clock(&gatehouse)?;
    for webhook in &webhooks {
        gatehouse.enable(webhook, true)?;
    }
    let (began, before) = (Instant::now(), receiver.count());
    pause(UNDER_WAY);
    let sent = (receiver.count() - before) as f64 / began.elapsed().as_secs_f64();
    let sending = gatehouse.running()?.memory()?;
    let spent = bench.spent(&gatehouse, &clock)?;
    bench.report.raw(
        "f",
        database.name(),
        json!({
            "deliveries": published.events.len() * WEBHOOKS,
            "deliveries_made_a_second": filled,
            "empty_mib": empty,
            "paused_mib": paused.now,
            "highest_while_filling_mib": paused.highest,
            "started_again_mib": started.now,
            "highest_while_sending_mib": sending.highest,
            "sent_a_second": sent,
            "other_programs_percent": spent.others,
        }),
    );
    let bounded = |mib: f64| judged(figure(mib), mib < TARGET);
    Ok(vec![
        database.name().to_owned(),
        figure(empty),
        bounded(paused.now),
        bounded(started.now),
        bounded(sending.highest),
        figure(sent),
        figure(filled),
    ])
}

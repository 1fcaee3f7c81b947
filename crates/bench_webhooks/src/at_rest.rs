//! Part h: CPU time of an idle server with many webhooks.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use crate::Database;
use crate::bench::Bench;
use crate::process::pause;
use crate::receiver::{Behaviour, Receiver};
use crate::samples::{figure, judged, thousands};

/// Each company has so many.
const PER_COMPANY: usize = 100;
/// What follows a start has ended by then.
const SETTLES: Duration = Duration::from_secs(10);
const WATCHED: Duration = Duration::from_secs(30);

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let webhooks = bench.options.webhooks;
    let mut rows = Vec::new();
    for database in bench.options.databases.clone() {
        rows.push(measure(bench, database)?);
    }
    bench.report.heading(&format!(
        "An idle server with {} webhooks of {} companies",
        thousands(webhooks as u64),
        thousands(webhooks.div_ceil(PER_COMPANY) as u64)
    ))?;
    bench.report.table(
        &[
            "database",
            "CPU of the server, % of a core (target < 1)",
            "of PostgreSQL",
            "memory, MiB",
            "webhooks made a second",
        ],
        &rows,
    )
}

fn measure(bench: &mut Bench, database: Database) -> Result<Vec<String>> {
    let receiver = Receiver::start()?;
    let mut gatehouse = bench.gatehouse(database)?;
    let companies = bench.options.webhooks.div_ceil(PER_COMPANY);
    let began = Instant::now();
    gatehouse.fill(companies, PER_COMPANY, &|number| {
        receiver.url(Behaviour::Accepts, number)
    })?;
    let made = (companies * PER_COMPANY) as f64 / began.elapsed().as_secs_f64();
    gatehouse.stop();
    gatehouse.start()?;
    pause(SETTLES);
    let clock = bench.clock(&gatehouse)?;
    pause(WATCHED);
    let spent = bench.spent(&gatehouse, &clock)?;
    let percent = |time: Duration| 100.0 * time.as_secs_f64() / WATCHED.as_secs_f64();
    let memory = gatehouse.running()?.memory()?;
    bench.report.raw(
        "h",
        database.name(),
        json!({
            "webhooks": companies * PER_COMPANY,
            "server_percent_of_a_core": percent(spent.server),
            "postgresql_percent_of_a_core": percent(spent.postgres),
            "memory_mib": memory.now,
            "webhooks_made_a_second": made,
            "other_programs_percent": spent.others,
        }),
    );
    Ok(vec![
        database.name().to_owned(),
        judged(figure(percent(spent.server)), percent(spent.server) < 1.0),
        figure(percent(spent.postgres)),
        figure(memory.now),
        figure(made),
    ])
}

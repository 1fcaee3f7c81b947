//! Part a: 64 publishers as fast as they can, one webhook whose receiver accepts at once.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use crate::Database;
use crate::bench::Bench;
use crate::publish::Load;
use crate::receiver::{Behaviour, Receiver};
use crate::report::spanned;
use crate::samples::{Samples, judged};

/// How long nothing may arrive before what is missing counts as lost. Longer than a lease.
pub(crate) const SILENCE: Duration = Duration::from_secs(90);

/// What the issue says of svix-server with redis and its append-only file.
const PEER: [f64; 3] = [904.0, 903.0, 879.0];

#[derive(Default)]
struct Rounds {
    accepted: Samples,
    meanwhile: Samples,
    overall: Samples,
    backlog: Samples,
    behind: Samples,
    server: Samples,
    postgres: Samples,
    own: Samples,
    refused: Samples,
}

impl Rounds {
    fn cells(&self, name: &str) -> Vec<String> {
        vec![
            name.to_owned(),
            spanned(&self.accepted),
            judged(spanned(&self.meanwhile), self.meanwhile.median() >= 3.0 * PEER[1]),
            spanned(&self.overall),
            format!(
                "{}, {} s",
                spanned(&self.backlog),
                judged(spanned(&self.behind), self.behind.median() < 1.0)
            ),
            spanned(&self.refused),
            format!(
                "{} + {} + {}",
                spanned(&self.server),
                spanned(&self.postgres),
                spanned(&self.own)
            ),
        ]
    }
}

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let databases = bench.options.databases.clone();
    let mut all: Vec<(Database, Rounds)> = databases
        .into_iter()
        .map(|one| (one, Rounds::default()))
        .collect();
    for _ in 0..bench.options.rounds {
        for (database, rounds) in &mut all {
            round(bench, *database, rounds)?;
        }
    }
    let (publishers, seconds) = (bench.options.publishers, bench.options.seconds);
    bench
        .report
        .heading(&format!("{publishers} publishers for {seconds} s, one webhook"))?;
    let peer = PEER.map(|rate| format!("{rate:.0}"));
    let mut rows = vec![
        [
            vec![
                "svix-server 1.100, redis with append-only file (measured earlier, in another run)"
                    .to_owned(),
            ],
            peer.to_vec(),
            vec![String::new(); 3],
        ]
        .concat(),
    ];
    for (database, rounds) in &all {
        if *database == Database::Postgresql {
            bench.capacity = Some(rounds.overall.median());
        }
        rows.push(rounds.cells(database.name()));
    }
    bench.report.table(
        &[
            "database",
            "accepted/s",
            "delivered/s while publishing goes on (target ≥ 2,709, 3 × 903)",
            "delivered/s overall",
            "accepted and not arrived at the end, time until all had (target < 1 s)",
            "503",
            "CPU, µs an event: server + PostgreSQL + benchmark",
        ],
        &rows,
    )
}

fn round(bench: &mut Bench, database: Database, rounds: &mut Rounds) -> Result<()> {
    let receiver = Receiver::start()?;
    let gatehouse = bench.gatehouse(database)?;
    gatehouse.webhook(&receiver.url(Behaviour::Accepts, 0), &[])?;
    let load = Load {
        publishers: bench.options.publishers,
        time: Duration::from_secs(bench.options.seconds),
        ..gatehouse.load()
    };
    let clock = bench.clock(&gatehouse)?;
    let published = load.run()?;
    let meanwhile = receiver.count();
    let events = published.events.len();
    receiver.wait_for(events, SILENCE)?;
    let missing = receiver.missing(&published.events, 0, SILENCE);
    ensure!(missing == 0, "{missing} events were accepted and never arrived");
    let spent = bench.spent(&gatehouse, &clock)?;

    let last = receiver
        .arrivals()
        .iter()
        .map(|one| one.at)
        .fold(published.began, Instant::max);
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / events as f64;
    let overall = events as f64 / (last - published.began).as_secs_f64();
    let behind = last.saturating_duration_since(published.ended).as_secs_f64();
    rounds.accepted.add(published.rate());
    rounds.meanwhile.add(meanwhile as f64 / published.seconds());
    rounds.overall.add(overall);
    rounds.backlog.add(events.saturating_sub(meanwhile) as f64);
    rounds.behind.add(behind);
    rounds.refused.add(published.refused as f64);
    rounds.server.add(micros(spent.server));
    rounds.postgres.add(micros(spent.postgres));
    rounds.own.add(micros(spent.own));
    bench.report.raw(
        "a",
        database.name(),
        json!({
            "seconds": published.seconds(),
            "accepted": events,
            "accepted_a_second": published.rate(),
            "delivered_a_second_while_publishing": meanwhile as f64 / published.seconds(),
            "delivered_a_second_overall": overall,
            "backlog": events.saturating_sub(meanwhile),
            "backlog_seconds": behind,
            "status_503": published.refused,
            "server_us": micros(spent.server),
            "postgresql_us": micros(spent.postgres),
            "benchmark_us": micros(spent.own),
            "other_programs_percent": spent.others,
        }),
    );
    Ok(())
}

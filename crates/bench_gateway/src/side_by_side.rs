//! The gateway and nginx with Lua, which checks the same key and writes the same headers, or its ordinary access log.

use anyhow::Result;

use crate::bench::Bench;
use crate::gatehouse::Credentials;
use crate::nginx::Logging;
use crate::report::{RUNS, Runs, at_least, at_most};
use crate::wrk::{Run, Server};

/// How many times as long Gatehouse's 99th percentile may be.
const P99: f64 = 1.2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contender {
    Gatehouse,
    Headers,
    Ordinary,
    /// No gateway at all.
    Upstream,
}

impl Contender {
    const ALL: [Self; 4] = [Self::Gatehouse, Self::Headers, Self::Ordinary, Self::Upstream];

    const fn name(self) -> &'static str {
        match self {
            Self::Gatehouse => "Gatehouse",
            Self::Headers => "nginx + Lua, which logs the headers too",
            Self::Ordinary => "nginx + Lua with its ordinary access log",
            Self::Upstream => "the upstream without a gateway",
        }
    }

    /// The least that Gatehouse should reach of its requests a second.
    const fn target(self) -> Option<f64> {
        match self {
            Self::Headers => Some(1.0),
            Self::Ordinary => Some(0.85),
            Self::Gatehouse | Self::Upstream => None,
        }
    }

    fn measure(self, bench: &mut Bench) -> Result<Run> {
        match self {
            Self::Gatehouse => {
                let (gatehouse, credentials) = bench.gatehouse()?;
                let run = under_load(bench, &gatehouse.gateway(), Some(&credentials))?;
                bench.count_rows("small requests", &gatehouse)?;
                Ok(run)
            }
            Self::Headers | Self::Ordinary => {
                let logging = if self == Self::Headers {
                    Logging::Headers
                } else {
                    Logging::Ordinary
                };
                let (peer, credentials) = bench.peer(logging)?;
                under_load(bench, &peer, Some(&credentials))
            }
            Self::Upstream => under_load(bench, &bench.upstream, None),
        }
    }
}

fn under_load(bench: &Bench, server: &impl Server, credentials: Option<&Credentials>) -> Result<Run> {
    if let Some(credentials) = credentials {
        bench.ensure_it_checks(server, credentials)?;
    }
    let load = bench.load(credentials);
    load.warm(server)?;
    load.run(server)
}

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let mut all = Contender::ALL.map(|contender| (contender, Runs::default()));
    for _ in 0..bench.options.rounds {
        for (contender, runs) in &mut all {
            runs.add(contender.name(), contender.measure(bench)?);
        }
    }
    let ours = all[0].1.clone();
    let mut rows = Vec::new();
    for (contender, runs) in &all {
        bench.report.runs("a", contender.name(), runs);
        let mut row = vec![contender.name().to_owned()];
        row.extend(runs.cells());
        row.extend(match contender.target() {
            Some(target) => {
                let (rate, p99) = (ours.rate.per(&runs.rate), ours.p99.per(&runs.p99));
                [
                    format!("{} (≥ {target})", at_least(rate.median(), target)),
                    format!("{} (≤ {P99})", at_most(p99.median(), P99)),
                ]
            }
            None => [String::new(), String::new()],
        });
        rows.push(row);
    }
    bench
        .report
        .heading(&format!("The gateway, {} connections", bench.options.connections))?;
    let columns: Vec<&str> = ["contender"]
        .into_iter()
        .chain(RUNS)
        .chain(["Gatehouse ÷ it: requests a second", "p99"])
        .collect();
    bench.report.table(&columns, &rows)
}

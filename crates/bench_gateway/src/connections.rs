//! The gateway with 4 connections and with many.

use anyhow::Result;

use crate::bench::Bench;
use crate::nginx::Logging;
use crate::report::{RUNS, Runs, at_least};
use crate::wrk::{Load, Server};

const FEW: usize = 4;

/// How much of the rate with many connections few should reach.
const TARGET: f64 = 0.85;

/// What was measured with few connections and with many.
#[derive(Default)]
struct Both {
    few: Runs,
    many: Runs,
}

impl Both {
    fn measure(&mut self, name: &str, server: &impl Server, many: &Load) -> Result<()> {
        let few = Load {
            connections: FEW,
            ..many.clone()
        };
        many.warm(server)?;
        self.few.add(name, few.run(server)?);
        self.many.add(name, many.run(server)?);
        Ok(())
    }
}

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let (mut ours, mut peers) = (Both::default(), Both::default());
    for _ in 0..bench.options.rounds {
        let (gatehouse, credentials) = bench.gatehouse()?;
        let load = bench.load(Some(&credentials));
        ours.measure("Gatehouse", &gatehouse.gateway(), &load)?;
        bench.count_rows("4 connections, then many", &gatehouse)?;
        drop(gatehouse);
        let (peer, credentials) = bench.peer(Logging::Headers)?;
        let load = bench.load(Some(&credentials));
        peers.measure("nginx + Lua", &peer, &load)?;
    }
    let mut rows = Vec::new();
    for (name, both) in [("Gatehouse", &ours), ("nginx + Lua", &peers)] {
        let quotient = both.few.rate.per(&both.many.rate).median();
        let quotient = if name == "Gatehouse" {
            format!("{} (≥ {TARGET})", at_least(quotient, TARGET))
        } else {
            format!("{quotient:.2}")
        };
        for (connections, runs, quotient) in [
            (FEW, &both.few, quotient),
            (bench.options.connections, &both.many, String::new()),
        ] {
            let name = format!("{name}, {connections} connections");
            bench.report.runs("f", &name, runs);
            let mut row = vec![name];
            row.extend(runs.cells());
            row.push(quotient);
            rows.push(row);
        }
    }
    bench.report.heading("Few connections and many")?;
    let columns: Vec<&str> = ["contender"]
        .into_iter()
        .chain(RUNS)
        .chain(["÷ with many"])
        .collect();
    bench.report.table(&columns, &rows)
}

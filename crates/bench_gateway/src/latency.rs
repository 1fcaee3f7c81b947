//! What the gateway adds to the latency of the upstream, at half of the rate that it reaches.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::json;

use crate::bench::Bench;
use crate::nginx::Logging;
use crate::paced::{Latency, Pace};
use crate::process::Machine;
use crate::samples::{Samples, figure, judged};
use crate::wrk::{Load, Server};

/// In milliseconds.
const P50: f64 = 0.2;
const P99: f64 = 1.0;

#[derive(Clone, Debug, Default)]
struct Latencies {
    p50: Samples,
    p99: Samples,
}

impl Latencies {
    fn add(&mut self, name: &str, latency: Latency) {
        eprintln!(
            "{name}: p50 {} ms, p99 {} ms",
            figure(latency.p50),
            figure(latency.p99)
        );
        self.p50.add(latency.p50);
        self.p99.add(latency.p99);
    }
}

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let rate = highest_rate(bench)? / 2.0;
    let mut direct = Latencies::default();
    let mut ours = Latencies::default();
    let mut peers = Latencies::default();
    for _ in 0..bench.options.rounds {
        let pace = pace(&bench.load(None), rate);
        let upstream = bench.upstream.address();
        direct.add("the upstream", measure(bench, &pace, upstream)?);
        let (gatehouse, credentials) = bench.gatehouse()?;
        let pace = self::pace(&bench.load(Some(&credentials)), rate);
        ours.add("Gatehouse", measure(bench, &pace, gatehouse.gateway)?);
        bench.count_rows("half of the highest rate", &gatehouse)?;
        drop(gatehouse);
        let (peer, credentials) = bench.peer(Logging::Headers)?;
        let pace = self::pace(&bench.load(Some(&credentials)), rate);
        peers.add("nginx + Lua", measure(bench, &pace, peer.address())?);
    }
    let all = [
        ("the upstream without a gateway", &direct),
        ("Gatehouse", &ours),
        ("nginx + Lua, which logs the headers too", &peers),
    ];
    let mut rows = Vec::new();
    for (name, latencies) in all {
        let figures = json!({ "p50_ms": latencies.p50.values(), "p99_ms": latencies.p99.values() });
        bench.report.raw("e", name, figures);
        let added = [
            (latencies.p50.beyond(&direct.p50).median(), P50),
            (latencies.p99.beyond(&direct.p99).median(), P99),
        ];
        let added = added.map(|(added, target)| match name {
            "Gatehouse" => format!("{} (< {target})", judged(figure(added), added < target)),
            "the upstream without a gateway" => String::new(),
            _ => figure(added),
        });
        let mut row = vec![name.to_owned()];
        row.extend([&latencies.p50, &latencies.p99].map(|samples| figure(samples.median())));
        row.extend(added);
        rows.push(row);
    }
    bench.report.heading(&format!(
        "Latency at {} requests a second, half of the gateway's highest rate",
        figure(rate)
    ))?;
    let columns = ["through", "p50, ms", "p99, ms", "added, p50", "added, p99"];
    bench.report.table(&columns, &rows)
}

fn measure(bench: &mut Bench, pace: &Pace, address: SocketAddr) -> Result<Latency> {
    let machine = Machine::now()?;
    let latency = pace.run(address)?;
    bench.report.others(machine.others()?);
    Ok(latency)
}

fn highest_rate(bench: &mut Bench) -> Result<f64> {
    let (gatehouse, credentials) = bench.gatehouse()?;
    let load = bench.load(Some(&credentials));
    load.warm(&gatehouse.gateway())?;
    let rate = load.run(&gatehouse.gateway())?.rate;
    bench.count_rows("highest rate", &gatehouse)?;
    Ok(rate)
}

fn pace(load: &Load, rate: f64) -> Pace {
    Pace {
        target: load.target.clone(),
        headers: load.headers.clone(),
        connections: load.connections,
        rate,
        seconds: load.seconds,
    }
}

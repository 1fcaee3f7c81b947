//! `/verify` and an empty axum route.

use anyhow::Result;

use crate::bench::Bench;
use crate::empty_route::EmptyRoute;
use crate::report::{RUNS, Runs, at_least};
use crate::wrk::Load;

const TARGET: f64 = 0.8;

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let (mut ours, mut empty) = (Runs::default(), Runs::default());
    for _ in 0..bench.options.rounds {
        let (gatehouse, credentials) = bench.gatehouse()?;
        let mut load = Load {
            target: "/verify?environment=prod&profile=caddy".to_owned(),
            ..bench.load(Some(&credentials))
        };
        load.headers.push("X-Forwarded-Method: GET".to_owned());
        load.headers.push("X-Forwarded-Uri: /v1/users/?page=2".to_owned());
        load.warm(&gatehouse.verify())?;
        ours.add("/verify", load.run(&gatehouse.verify())?);
        bench.count_rows(&gatehouse)?;
        drop(gatehouse);
        let route = EmptyRoute::start()?;
        load.warm(&route)?;
        empty.add("an empty axum route", load.run(&route)?);
    }
    let mut rows = Vec::new();
    let quotient = ours.rate.per(&empty.rate).median();
    let quotient = format!("{} (≥ {TARGET})", at_least(quotient, TARGET));
    for (name, runs, quotient) in [
        ("`/verify`", &ours, String::new()),
        ("an empty axum route", &empty, quotient),
    ] {
        bench.report.runs("b", name, runs);
        let mut row = vec![name.to_owned()];
        row.extend(runs.cells());
        row.push(quotient);
        rows.push(row);
    }
    bench.report.heading("`/verify`")?;
    let columns: Vec<&str> = ["contender"]
        .into_iter()
        .chain(RUNS)
        .chain(["Gatehouse ÷ it: requests a second"])
        .collect();
    bench.report.table(&columns, &rows)
}

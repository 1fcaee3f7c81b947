//! `/verify` and an empty axum route.

use anyhow::Result;

use crate::bench::{self, Bench};
use crate::empty_route::EmptyRoute;
use crate::gatehouse::Credentials;
use crate::report::{RUNS, Runs, at_least};
use crate::wrk::Load;

/// How much of its requests a second `/verify` should reach.
const QUOTIENT: f64 = 0.8;

/// What a proxy asks.
pub(crate) const TARGET: &str = "/verify?environment=prod&profile=caddy";

/// What the proxy sends about the request in question.
pub(crate) fn headers(credentials: &Credentials) -> Vec<String> {
    let mut headers = credentials.headers();
    headers.push("X-Forwarded-Method: GET".to_owned());
    headers.push(format!("X-Forwarded-Uri: {}", bench::TARGET));
    headers
}

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let (mut ours, mut empty) = (Runs::default(), Runs::default());
    for _ in 0..bench.options.rounds {
        let (gatehouse, credentials) = bench.gatehouse()?;
        let load = Load {
            target: TARGET.to_owned(),
            headers: headers(&credentials),
            ..bench.load(None)
        };
        load.warm(&gatehouse.verify())?;
        ours.add("/verify", load.run(&gatehouse.verify())?);
        bench.count_rows("`/verify`", &gatehouse)?;
        drop(gatehouse);
        let route = EmptyRoute::start()?;
        load.warm(&route)?;
        empty.add("an empty axum route", load.run(&route)?);
    }
    let mut rows = Vec::new();
    let quotient = ours.rate.per(&empty.rate).median();
    let quotient = format!("{} (≥ {QUOTIENT})", at_least(quotient, QUOTIENT));
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

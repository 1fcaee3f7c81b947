//! The cost of a request with few keys and with many, asked over all of them.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::bench::Bench;
use crate::fill::{self, Filled};
use crate::gatehouse::{Gatehouse, ordinary_headers};
use crate::report::{RUNS, Runs, at_most};
use crate::samples::thousands;
use crate::wrk::{Load, Server};

const FEW: usize = 100;

/// How many times the CPU time of a request may grow.
const TARGET: f64 = 1.1;

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let many = bench.options.keys;
    bench.report.heading(&format!(
        "{FEW} keys and {}, asked over all of them",
        thousands(many as u64)
    ))?;
    let (Some(small), Some(large)) = (fill::database(bench, FEW)?, fill::database(bench, many)?) else {
        return bench.report.line(&format!(
            "Not measured: creating the keys took longer than {} minutes (`--patience`). The next run continues.",
            bench.options.patience
        ));
    };
    let mut all = [(FEW, small, Runs::default()), (many, large, Runs::default())];
    for _ in 0..bench.options.rounds {
        for (count, filled, runs) in &mut all {
            measure(bench, *count, filled, runs)?;
        }
    }
    let [(_, _, few), (_, _, of_many)] = &all;
    let quotients = [&few.cpu, &of_many.cpu].map(|cpu| cpu.per(&few.cpu).median());
    let mut rows = Vec::new();
    for ((count, _, runs), quotient) in all.iter().zip(quotients) {
        let name = format!("{} keys", thousands(*count as u64));
        bench.report.runs("g", &name, runs);
        let mut row = vec![name];
        row.extend(runs.cells());
        row.push(if *count == FEW {
            String::new()
        } else {
            format!("{} (≤ {TARGET})", at_most(quotient, TARGET))
        });
        rows.push(row);
    }
    let columns: Vec<&str> = ["database"]
        .into_iter()
        .chain(RUNS)
        .chain(["CPU ÷ with 100 keys"])
        .collect();
    bench.report.table(&columns, &rows)
}

/// On a copy, so that each round begins with the same.
fn measure(bench: &mut Bench, count: usize, filled: &Filled, runs: &mut Runs) -> Result<()> {
    let data = bench.folder.join("data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    copy(&filled.data, &data)?;
    let gatehouse = Gatehouse::open(&bench.options.binary, &data, bench.upstream.address())?;
    let load = Load {
        headers: ordinary_headers(),
        script: bench.folder.join("keys.lua"),
        arguments: vec![filled.keys.to_string_lossy().into_owned()],
        ..bench.load(None)
    };
    load.warm(&gatehouse.gateway())?;
    let run = load.run(&gatehouse.gateway())?;
    runs.add(&format!("{} keys", thousands(count as u64)), run);
    bench.count_rows("many keys", &gatehouse)?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

//! `cargo xtask`: every task in this repository, one command each. The alias is in `.cargo/config.toml`;
//! `CONTRIBUTING.md` says when to use which command.

mod arguments;
mod bench;
mod binary;
mod build;
mod cache;
mod chunks;
mod commands;
mod compress;
mod demo_data;
mod failures;
mod filters;
mod lint;
mod npm;
mod packages;
mod peers;
mod prerequisites;
mod profile_guided;
mod project;
mod screenshots;
mod serve;
mod site;
mod stages;
mod style_sheet;
mod test;
mod wasm;

use std::process::ExitCode;

use anyhow::Result;

use crate::arguments::{Bench, Task};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let invocation = match arguments::parse(std::env::args().skip(1))? {
        Some(invocation) => invocation,
        None => {
            eprintln!("{}", arguments::USAGE);
            return Ok(());
        }
    };
    let project = project::Project::find()?;
    let timings = invocation.timings;
    match invocation.task {
        Task::Serve(options) => serve::run(&project, &options, timings),
        Task::BuildProfileGuided => profile_guided::run(&project, timings),
        Task::Build { release } => build::run(&project, release, timings),
        Task::Test { filters } => test::run(&project, &filters, timings),
        Task::TestPeers { filters } => peers::run(&project, &filters, timings),
        Task::Lint => lint::run(&project, timings),
        Task::Bench(Bench::Redact) => bench::run_redact(&project),
        Task::Bench(Bench::Logs(options)) => bench::run_logs(&project, &options),
        Task::Bench(Bench::Gateway(options)) => bench::run_gateway(&project, &options),
        Task::Bench(Bench::Webhooks(options)) => bench::run_webhooks(&project, &options),
        Task::Screenshots => screenshots::run(&project, timings),
    }
}

//! `cargo xtask bench logs`: fills a log with rows, asks it about 70 questions, and asks DuckDB the same about the same
//! rows. `docs/BENCHMARKS.md` has the results.

mod agreement;
mod asking;
mod child;
mod dice;
mod fill;
mod memory;
mod messages;
mod page;
mod peer;
mod questions;
mod report;
mod rows;
mod server;
mod serving;
mod spread;
mod sql;
mod stages;
mod subject;
mod table;
mod world;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::world::Variant;

#[derive(Debug, Parser)]
#[command(about = "Measures the log store.")]
struct Command {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// The released server under load by `wrk`: what was seen, stored and dropped.
    Serve(serving::ServeOptions),
    /// The Logs tab of the released server in Chromium: how long a change of the filter takes until it is painted.
    Page(page::PageOptions),
    /// Instructions for each row, by stage, counted by valgrind.
    Stages,
    /// One part of a measurement, in a process of its own so that its memory can be told. Started by the others.
    #[command(hide = true)]
    Child(child::ChildOptions),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rows of each log.
    #[arg(long, default_value_t = 10_000_000)]
    rows: u64,
    /// How often every question is asked after a restart.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[arg(long, value_delimiter = ',', default_values = ["plain", "paths", "companies"])]
    variants: Vec<Variant>,
    #[arg(long, value_delimiter = ',', default_values = ["files", "postgres"])]
    containers: Vec<Container>,
    /// Do not compare with DuckDB.
    #[arg(long)]
    no_peer: bool,
    /// Where the logs, the peer and the results are written.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Container {
    Files,
    Postgres,
}

fn main() -> Result<()> {
    let command = Command::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    match command.task {
        None => runtime.block_on(report::run(&command.options)),
        Some(Task::Serve(options)) => runtime.block_on(serving::run(&options)),
        Some(Task::Page(options)) => runtime.block_on(page::run(&options)),
        Some(Task::Stages) => stages::run(&command.options.folder),
        Some(Task::Child(options)) => runtime.block_on(child::run(&options)),
    }
}

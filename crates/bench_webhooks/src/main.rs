//! `cargo xtask bench webhooks`: the released server under a load of events, on SQLite and on PostgreSQL, with receivers of the
//! benchmark's own. `docs/BENCHMARKS.md` has the results.

mod at_rest;
mod bench;
mod fan_out;
mod gatehouse;
mod http;
mod kills;
mod latency;
mod long_run;
mod memory;
mod neighbours;
mod postgres;
mod prerequisites;
mod process;
mod publish;
mod receiver;
mod report;
mod samples;
mod throughput;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use crate::bench::Bench;
use crate::postgres::PROGRAMS;

#[derive(Debug, Parser)]
#[command(about = "Measures publishing and delivering of webhook events, on SQLite and on PostgreSQL.")]
pub(crate) struct Options {
    /// How often parts a, b, c and d are measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long events are published in each round of parts a, b and d.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// What to measure, such as a,b [default: everything]
    #[arg(long, value_delimiter = ',', ignore_case = true)]
    only: Vec<Part>,
    /// Where the server keeps its data.
    #[arg(long, value_delimiter = ',', default_value = "sqlite,postgresql")]
    databases: Vec<Database>,
    /// The released server.
    #[arg(long, default_value = "target/release/gatehouse")]
    binary: PathBuf,
    /// Publishers at once in parts a and e, each with a connection.
    #[arg(long, default_value_t = 64)]
    publishers: usize,
    /// Events a second in part b.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Deliveries that wait in part c until their webhook is enabled.
    #[arg(long, default_value_t = 20_000)]
    drain: usize,
    /// How often part e kills the server, each time in the middle of 5,000 events.
    #[arg(long, default_value_t = 10)]
    kills: usize,
    /// Deliveries that wait in part f.
    #[arg(long, default_value_t = 1_000_000)]
    waiting: usize,
    /// How many minutes part g takes.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Webhooks at rest in part h.
    #[arg(long, default_value_t = 100_000)]
    webhooks: usize,
    /// Where data, logs and raw figures are written.
    #[arg(long, default_value = "target/bench/webhooks")]
    folder: PathBuf,
    /// The folder with PostgreSQL's `initdb` and `postgres` [default: the newest in /usr/lib/postgresql]
    #[arg(long, env = PROGRAMS)]
    postgres_bin: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Events accepted and delivered a second while 64 publish, and CPU time.
    A,
    /// From publishing to the receiver, at a steady rate.
    B,
    /// One event to 100 webhooks, and many deliveries that waited.
    C,
    /// Nine receivers beside one that hangs, fails or is slow.
    D,
    /// `kill -9` in the middle of 5,000 events.
    E,
    /// Memory with many deliveries waiting.
    F,
    /// Half an hour on PostgreSQL with an open reader transaction.
    G,
    /// An idle server with many webhooks.
    H,
}

impl Part {
    const ALL: [Self; 8] = [
        Self::A,
        Self::B,
        Self::C,
        Self::D,
        Self::E,
        Self::F,
        Self::G,
        Self::H,
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    /// With its default durability: each commit waits for the disk.
    Sqlite,
    /// In a cluster that the benchmark starts, with PostgreSQL's own settings.
    Postgresql,
}

impl Database {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgresql => "PostgreSQL",
        }
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    hand_on_programs(&options)?;
    prerequisites::check(&options)?;
    let mut bench = Bench::new(options)?;
    for part in Part::ALL {
        if !bench.options.only.is_empty() && !bench.options.only.contains(&part) {
            continue;
        }
        match part {
            Part::A => throughput::run(&mut bench)?,
            Part::B => latency::run(&mut bench)?,
            Part::C => fan_out::run(&mut bench)?,
            Part::D => neighbours::run(&mut bench)?,
            Part::E => kills::run(&mut bench)?,
            Part::F => memory::run(&mut bench)?,
            Part::G => long_run::run(&mut bench)?,
            Part::H => at_rest::run(&mut bench)?,
        }
        bench.report.save(&bench.folder)?;
    }
    bench.finish()
}

/// The crate that starts PostgreSQL reads the folder of its programs from the environment, which a running program must not
/// change. So this program starts again with the variable.
fn hand_on_programs(options: &Options) -> Result<()> {
    let Some(folder) = &options.postgres_bin else {
        return Ok(());
    };
    if std::env::var_os(PROGRAMS).is_some_and(|named| named == *folder) {
        return Ok(());
    }
    let mut again = Command::new(std::env::current_exe()?);
    again.args(std::env::args_os().skip(1)).env(PROGRAMS, folder);
    Err(again.exec().into())
}

//! `cargo xtask bench gateway`: the released server side by side with nginx and Lua, and with an empty axum route.
//! `docs/BENCHMARKS.md` has the results. The settings of nginx and of wrk are in `benches/gateway/`.

mod bench;
mod bodies;
mod connections;
mod crowd;
mod empty_route;
mod fill;
mod gatehouse;
mod http;
mod instructions;
mod latency;
mod many_keys;
mod nginx;
mod paced;
mod prerequisites;
mod process;
mod report;
mod samples;
mod side_by_side;
mod verify;
mod wrk;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::bench::Bench;

#[derive(Debug, Parser)]
#[command(about = "Measures the gateway side by side with nginx and Lua.")]
struct Command {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Serves an empty axum route. Started by the benchmark, so that its CPU time is its own.
    #[command(hide = true)]
    EmptyRoute {
        #[arg(long)]
        listen: SocketAddr,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How often each contender is measured. In each round all contenders take turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each contender is under load in each round.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// What to measure, such as a,b [default: everything]
    #[arg(long, value_delimiter = ',', ignore_case = true)]
    only: Vec<Part>,
    /// The released server.
    #[arg(long, default_value = "target/release/gatehouse")]
    binary: PathBuf,
    /// Connections of wrk.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Threads of wrk.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How many keys the larger of the two databases of part g has.
    #[arg(long, default_value_t = 100_000)]
    keys: usize,
    /// For how many minutes keys are created. What is there is kept: the next run continues.
    #[arg(long, default_value_t = 10)]
    patience: u64,
    /// Callers of part d that keep a connection and send nothing.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Callers of part d that send requests.
    #[arg(long, default_value_t = 1_000)]
    active: usize,
    /// Where data, logs and raw figures are written.
    #[arg(long, default_value = "target/bench/gateway")]
    folder: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Requests a second, latency and CPU time, next to nginx with Lua.
    #[value(aliases = ["c", "h"])]
    A,
    /// `/verify`, next to an empty axum route.
    B,
    /// Memory with many callers, and large bodies.
    D,
    /// What the gateway adds to the latency at half of its highest rate.
    E,
    /// 4 connections, next to 64.
    F,
    /// 100 keys, next to 100,000.
    G,
    /// Instructions of the released server for a request, counted by valgrind.
    I,
}

impl Part {
    const ALL: [Self; 7] = [Self::A, Self::B, Self::D, Self::E, Self::F, Self::G, Self::I];
}

fn main() -> Result<()> {
    let command = Command::parse();
    if let Some(Task::EmptyRoute { listen }) = command.task {
        return empty_route::serve(listen);
    }
    prerequisites::check(&command.options.binary)?;
    let mut bench = Bench::new(command.options)?;
    for part in Part::ALL {
        if !bench.options.only.is_empty() && !bench.options.only.contains(&part) {
            continue;
        }
        match part {
            Part::A => side_by_side::run(&mut bench)?,
            Part::B => verify::run(&mut bench)?,
            Part::D => {
                crowd::run(&mut bench)?;
                bodies::run(&mut bench)?;
            }
            Part::E => latency::run(&mut bench)?,
            Part::F => connections::run(&mut bench)?,
            Part::G => many_keys::run(&mut bench)?,
            Part::I => instructions::run(&mut bench)?,
        }
    }
    bench.finish()
}

//! The binary `gatehouse`: command line, configuration, routers, and the connections between services. The rules are in
//! `crates/`. Everything is public enough for the tests to start a whole server in their own process.

mod access_logs;
pub mod admin;
pub mod api_error;
mod brake;
pub mod caller;
pub mod cli;
pub mod config;
pub mod control;
pub mod core;
pub mod dashboard;
pub mod data_dir;
pub mod demo;
pub mod demo_people;
pub mod descriptors;
pub mod error;
mod incident;
pub mod listener;
mod log_keeping;
pub mod operator_api;
mod people;
pub mod ports;
pub mod public_api;
mod request_json;
mod rotation;
pub mod route;
pub mod routes;
pub mod serve;
pub mod services;
mod signing;
mod wiped;

use std::io::IsTerminal;
use std::pin::pin;
use std::process::ExitCode;

use accounts::Passwords;
use clap::Parser;
use clock::Clock;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command, ServeArgs};
use crate::config::{Config, ConfigError};
pub use crate::error::StartError;

/// Called by `main`. Reads the command line and runs the command.
pub fn main() -> ExitCode {
    data_dir::keep_new_files_private();
    let cli = Cli::parse();
    let outcome = runtime().and_then(|runtime| {
        let outcome = runtime.block_on(run(cli));
        // Do not let a password that is being hashed delay the exit.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gatehouse: {error}");
            error.exit_code()
        }
    }
}

/// A page is rendered in one recursive descent through all its parts. Without optimisation the list of requests with
/// every filter on needs 2 MiB, which is the default. A larger stack only costs address space.
const STACK: usize = 8 * 1024 * 1024;

/// At least two workers. With only one, a page could wait for itself.
fn runtime() -> Result<tokio::runtime::Runtime, StartError> {
    let cpus = std::thread::available_parallelism().map_or(2, usize::from);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(cpus.max(2))
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .map_err(StartError::failed("starting its threads"))
}

async fn run(cli: Cli) -> Result<(), StartError> {
    // The only one of this process.
    let clock = Clock::machine();
    match cli.command {
        Command::Serve(args) => serve(&args, clock).await,
        Command::Admin(args) => {
            log_to_stderr("warn")?;
            admin::run(args, clock).await
        }
    }
}

async fn serve(args: &ServeArgs, clock: Clock) -> Result<(), StartError> {
    let config = Config::read(args)?;
    log_to_stderr(&config.log)?;
    // One listener for all signals, so that a second signal during the handling of the first is not lost.
    let mut signals = Signals::listen();
    let mut starting = pin!(serve::start(config, Passwords::new(), clock));
    let (running, told_early) = tokio::select! {
        started = &mut starting => (started?, false),
        // A start that was dropped halfway would leave its databases open.
        () = signals.next() => {
            tracing::info!("stopping as soon as the start has finished; send the signal again to stop immediately");
            tokio::select! {
                started = starting => (started?, true),
                () = signals.next() => stop_immediately(),
            }
        }
    };
    if !told_early {
        serve::say(&running.greeting());
        signals.next().await;
    }
    tracing::info!(
        "stopping: open responses can finish and unsaved data is written; send the signal again to stop immediately"
    );
    tokio::select! {
        () = running.stop() => Ok(()),
        () = signals.next() => stop_immediately(),
    }
}

fn stop_immediately() -> ! {
    tracing::warn!("stopped immediately");
    std::process::exit(1)
}

fn log_to_stderr(levels: &str) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(levels).map_err(|_| {
        ConfigError::new(format!(
            "log is {levels:?}, but it must be levels such as info or warn,server=debug."
        ))
    })?;
    // If a process starts twice, as tests do, the first subscriber stays.
    let colours = std::io::stderr().is_terminal();
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr)
        .try_init();
    wire::panics::log_each();
    Ok(())
}

/// The signals that tell a server to stop: SIGTERM and SIGINT.
#[cfg(unix)]
struct Signals {
    terminate: Option<tokio::signal::unix::Signal>,
    interrupt: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        // If the system gives us no handler, its default way of ending the process stays in place.
        Self {
            terminate: signal(SignalKind::terminate()).ok(),
            interrupt: signal(SignalKind::interrupt()).ok(),
        }
    }

    async fn next(&mut self) {
        async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
            match signal {
                Some(signal) => {
                    signal.recv().await;
                }
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = received(&mut self.terminate) => {}
            () = received(&mut self.interrupt) => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

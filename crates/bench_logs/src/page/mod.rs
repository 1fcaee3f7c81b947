//! `page`: the Logs tab in a browser, on the released server over a log of 10 million rows. What is measured happens in the
//! page (`end2end/bench-logs-page.mjs`); this makes the installation, starts the server, and writes the tables.

mod installation;
mod measured;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use self::installation::Prepared;
use self::measured::{Measured, Round};
use crate::server::{DASHBOARD, Installation, Server};
use crate::world::Variant;

#[derive(Debug, clap::Args)]
pub(crate) struct PageOptions {
    /// The released server.
    #[arg(long, default_value = "target/release/gatehouse")]
    binary: PathBuf,
    /// Rows of the log.
    #[arg(long, default_value_t = 10_000_000)]
    rows: u64,
    #[arg(long, default_value = "plain")]
    variant: Variant,
    /// Restarts of the server. After each, everything is measured twice: first, and warm.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Pages of 50 rows that are added below the first one.
    #[arg(long, default_value_t = 60)]
    pages: usize,
    /// Where the installation is made. It is kept, and used again for half a day. By default in a temporary directory.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Make the installation and serve it until this is interrupted, without measuring.
    #[arg(long)]
    serve: bool,
    #[arg(long, env = "CHROMIUM", default_value = "/usr/bin/chromium")]
    chromium: PathBuf,
}

/// What the script in the browser is told.
#[derive(Serialize)]
struct Told<'a> {
    dashboard: String,
    chromium: &'a Path,
    pages: usize,
    #[serde(flatten)]
    prepared: &'a Prepared,
}

pub(crate) async fn run(options: &PageOptions) -> Result<()> {
    let temporary;
    let folder = match &options.data {
        Some(folder) => folder.clone(),
        None => {
            temporary = tempfile::tempdir()?;
            temporary.path().to_owned()
        }
    };
    let installation = Installation {
        binary: options.binary.clone(),
        folder,
        database_url: None,
    };
    let prepared = installation::prepare(&installation, options.variant, options.rows).await?;
    if options.serve {
        return serve(&installation, &prepared).await;
    }
    let mut measured = Measured::default();
    for number in 1..=options.rounds {
        let mut server = start(&installation).await?;
        let before = cpu(&server)?;
        let round = in_browser(options, &prepared);
        let (used, memory) = (cpu(&server)? - before, server.memory()?);
        // Also after a failure: a server that is killed leaves a gap in the log, which the page then tells of.
        server.stop()?;
        let round = round?;
        say(&format!(
            "round {number} of {}: {}; the server used {used:.1} s of processors and {memory} MiB",
            options.rounds,
            round.summary(),
        ))?;
        measured.add(round);
    }
    say(&measured.document())
}

async fn start(installation: &Installation) -> Result<Server> {
    installation.serve(&["--log-days", "60"]).await
}

async fn serve(installation: &Installation, prepared: &Prepared) -> Result<()> {
    let mut server = start(installation).await?;
    say(&format!(
        "http://{DASHBOARD}/c/{}/development/logs?range=30d as {} with the password {}",
        prepared.client_id, prepared.email, prepared.password
    ))?;
    tokio::signal::ctrl_c().await?;
    server.stop()
}

fn in_browser(options: &PageOptions, prepared: &Prepared) -> Result<Round> {
    let end2end = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../end2end");
    let mut script = Command::new("node")
        .arg("bench-logs-page.mjs")
        .current_dir(end2end)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("node does not start")?;
    let told = Told {
        dashboard: format!("http://{DASHBOARD}"),
        chromium: &options.chromium,
        pages: options.pages,
        prepared,
    };
    let mut input = script.stdin.take().context("the script has no input")?;
    serde_json::to_writer(&mut input, &told)?;
    drop(input);
    let output = script.wait_with_output()?;
    ensure!(output.status.success(), "the script in the browser failed");
    serde_json::from_slice(&output.stdout).context("what the script printed")
}

/// Seconds that the server has had a processor, of 100 clock ticks each.
fn cpu(server: &Server) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.id()))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / 100.0)
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("standard output")
}

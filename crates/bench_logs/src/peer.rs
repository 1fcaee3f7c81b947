//! DuckDB, in a Python process of its own: loads the same rows and answers the same questions.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use logs::StoredEntry;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::World;

/// As many as the machine of the benchmark has cores.
const THREADS: &str = "2";

/// DuckDB with the rows of one log.
#[derive(Debug)]
pub(crate) struct Peer {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub(crate) version: String,
    pub(crate) bytes: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Request<'a> {
    Load { load: &'a Path },
    Ask { first: bool, statements: &'a [String] },
}

/// What the statements returned, a list of rows each.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    millis: f64,
    pub(crate) results: Vec<Vec<Vec<Value>>>,
    version: String,
}

impl Answer {
    /// The time of all statements together, with their rows made into Python's values.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_secs_f64(self.millis / 1e3)
    }
}

impl Peer {
    /// Creates a database with all rows in `folder`, or finds the one of an earlier run: loading takes minutes.
    pub(crate) fn load(python: &Path, folder: &Path, world: &World) -> Result<Self> {
        let name = format!(
            "{}-{}-{}",
            world.variant.name(),
            world.rows,
            world.end.as_millis()
        );
        let database = folder.join(format!("{name}.duckdb"));
        if !database.exists() {
            let csv = folder.join("rows.csv");
            let unfinished = folder.join("unfinished.duckdb");
            if unfinished.exists() {
                fs::remove_file(&unfinished)?;
            }
            export(&csv, world)?;
            Self::start(python, folder, &unfinished)?.send(&Request::Load { load: &csv })?;
            fs::remove_file(&csv)?;
            fs::rename(&unfinished, &database)?;
        }
        let mut peer = Self::start(python, folder, &database)?;
        peer.version = peer.ask(true, &[])?.version;
        peer.bytes = fs::metadata(&database)?.len();
        Ok(peer)
    }

    fn start(python: &Path, folder: &Path, database: &Path) -> Result<Self> {
        let script = folder.join("peer.py");
        fs::write(&script, include_str!("peer.py"))?;
        let mut process = Command::new(python)
            .arg(&script)
            .arg(database)
            .arg(THREADS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("Python did not start")?;
        let (requests, answers) = (process.stdin.take(), process.stdout.take());
        Ok(Self {
            process,
            requests: requests.context("a pipe")?,
            answers: BufReader::new(answers.context("a pipe")?),
            version: String::new(),
            bytes: 0,
        })
    }

    /// Asks, if `first` on a new connection with nothing in memory.
    pub(crate) fn ask(&mut self, first: bool, statements: &[String]) -> Result<Answer> {
        self.send(&Request::Ask { first, statements })
    }

    fn send(&mut self, request: &Request<'_>) -> Result<Answer> {
        serde_json::to_writer(&mut self.requests, request)?;
        self.requests.write_all(b"\n")?;
        let mut line = String::new();
        ensure!(
            self.answers.read_line(&mut line)? > 0,
            "DuckDB ended; its message is above"
        );
        serde_json::from_str(&line).context("an answer of peer.py")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It is between two questions, and its files are not needed any more. An error means that it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Creates a virtual environment with DuckDB, or finds the one of the last time.
pub(crate) fn python(folder: &Path) -> Result<PathBuf> {
    let venv = folder.join("venv");
    let python = venv.join("bin/python");
    let has_duckdb = |python: &Path| {
        let imports = Command::new(python).args(["-c", "import duckdb"]).output();
        imports.is_ok_and(|output| output.status.success())
    };
    if !has_duckdb(&python) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "duckdb"]))?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("{command:?} does not start"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn export(file: &Path, world: &World) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    let rows = (0..world.chunks()).flat_map(|chunk| world.chunk(chunk));
    for (seq, row) in (0_i64..).zip(rows) {
        line(&mut out, seq, &row)?;
    }
    out.flush()?;
    Ok(())
}

/// No value contains a comma, a quotation mark or a line break: see `rows.rs`.
fn line(out: &mut impl Write, seq: i64, row: &StoredEntry) -> Result<()> {
    let place = &row.place;
    write!(
        out,
        "{seq},{},{},{},{},{},{}",
        row.request_id,
        row.at.as_millis(),
        place.root,
        place.client_id,
        place.brand.as_deref().unwrap_or_default(),
        row.environment.map_or("", |environment| environment.as_str()),
    )?;
    match &row.key {
        Some(key) => write!(out, ",{},{}", key.id, key.last_four)?,
        None => write!(out, ",,")?,
    }
    write!(
        out,
        ",{},{},{},{},{},{}",
        row.recorded.as_str(),
        row.method,
        row.path,
        row.status,
        row.verdict,
        row.duration_us,
    )?;
    match row.upstream_us {
        Some(upstream) => write!(out, ",{upstream}")?,
        None => write!(out, ",")?,
    }
    writeln!(
        out,
        ",{},{}",
        row.address,
        row.user_agent.as_deref().unwrap_or_default()
    )?;
    Ok(())
}

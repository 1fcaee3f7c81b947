//! Databases with many keys. They are created through the operator API, as an operator would, and kept for the next run.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::gatehouse::{Admin, Gatehouse, text};
use crate::http::{self, Connection};
use crate::samples::thousands;
use crate::wrk::Server;

/// A company may have two keys in each environment.
const ENVIRONMENTS: [&str; 6] = ["sandbox", "sandbox", "dev", "dev", "prod", "prod"];

/// Requests to the operator API at once.
const AT_ONCE: usize = 8;

/// A data directory and the keys in it.
pub(crate) struct Filled {
    pub(crate) data: PathBuf,
    /// Each line is a Client ID and a secret.
    pub(crate) keys: PathBuf,
}

/// A database with this many keys. `None` if there are fewer when the patience is over.
pub(crate) fn database(bench: &Bench, count: usize) -> Result<Option<Filled>> {
    let folder = bench.folder.join(format!("keys-{count}"));
    fs::create_dir_all(&folder)?;
    let filled = Filled {
        data: folder.join("data"),
        keys: folder.join("keys"),
    };
    let before = lines(&filled.keys)?;
    if before < count {
        if before == 0 && filled.data.exists() {
            fs::remove_dir_all(&filled.data)?;
        }
        let patience = Duration::from_secs(60 * bench.options.patience);
        fill(bench, &filled, count - before, patience)?;
    }
    let after = lines(&filled.keys)?;
    if after < count {
        eprintln!(
            "{} of {} keys are there",
            thousands(after as u64),
            thousands(count as u64)
        );
    }
    Ok((after >= count).then_some(filled))
}

fn lines(file: &Path) -> Result<usize> {
    if !file.exists() {
        return Ok(0);
    }
    Ok(fs::read_to_string(file)?.lines().count())
}

fn fill(bench: &Bench, filled: &Filled, count: usize, patience: Duration) -> Result<()> {
    let admin = Admin::new(&bench.options.binary, &filled.data);
    if !filled.data.exists() {
        admin.run(&["create-company", "--name", "Northwind"])?;
    }
    let token = admin.run(&[
        "create-operator-token",
        "--name",
        "bench",
        "--scope",
        "companies",
        "--scope",
        "keys",
    ])?;
    let token = text(&token, "token")?;
    let gatehouse = Gatehouse::open(&bench.options.binary, &filled.data, bench.upstream.address())?;
    let keys = OpenOptions::new().create(true).append(true).open(&filled.keys)?;
    let filling = &Filling {
        operator: gatehouse.operator,
        token,
        keys: Mutex::new(keys),
        left: AtomicUsize::new(count),
        until: Instant::now() + patience,
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|number| scope.spawn(move || filling.work(number == 0)))
            .collect();
        let mut each = threads.into_iter().map(|thread| {
            let joined = thread.join();
            joined
                .ok()
                .context("a thread that creates keys panicked")
                .flatten()
        });
        each.try_for_each(|result| result)
    })
}

struct Filling {
    operator: SocketAddr,
    token: String,
    keys: Mutex<File>,
    /// Keys that nobody has begun to create.
    left: AtomicUsize,
    until: Instant,
}

impl Filling {
    /// Creates companies with their keys until there are enough or the time is over.
    fn work(&self, speaks: bool) -> Result<()> {
        let mut connection = Connection::open(self.operator)?;
        let mut spoke = Instant::now();
        while Instant::now() < self.until {
            let Some(count) = self.take() else { break };
            let company = self.post(
                &mut connection,
                "/operator/v1/companies",
                &json!({ "name": "Northwind" }),
            )?;
            let client_id = text(&company, "client_id")?;
            let mut lines = String::new();
            for environment in &ENVIRONMENTS[..count] {
                let key = json!({ "client_id": client_id, "env_type": environment });
                let key = self.post(&mut connection, "/operator/v1/keys", &key)?;
                lines.push_str(&format!("{client_id} {}\n", text(&key, "secret")?));
            }
            let mut file = self.keys.lock().ok().context("another thread panicked")?;
            file.write_all(lines.as_bytes())?;
            drop(file);
            if speaks && spoke.elapsed() > Duration::from_secs(10) {
                spoke = Instant::now();
                eprintln!(
                    "{} keys to create",
                    thousands(self.left.load(Ordering::Relaxed) as u64)
                );
            }
        }
        Ok(())
    }

    /// How many keys the next company gets.
    fn take(&self) -> Option<usize> {
        let most = ENVIRONMENTS.len();
        let before = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                (left > 0).then(|| left.saturating_sub(most))
            });
        before.ok().map(|before| before.min(most))
    }

    fn post(&self, connection: &mut Connection, target: &str, body: &Value) -> Result<Value> {
        let headers = [
            format!("Authorization: Bearer {}", self.token),
            "Content-Type: application/json".to_owned(),
        ];
        let request = http::request("POST", self.operator, target, &headers, &body.to_string());
        let (status, body) = connection.exchange(&request)?;
        ensure!(
            status == 201,
            "{target}: {status}, {}",
            String::from_utf8_lossy(body)
        );
        serde_json::from_slice(body).context("a response of the operator API")
    }
}

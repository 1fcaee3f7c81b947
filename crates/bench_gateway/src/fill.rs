//! Databases with many keys. They are created through the operator API, as an operator would, and kept for the next run.

use std::collections::HashSet;
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
    /// Each line is a Client ID.
    companies: PathBuf,
}

/// A database with this many keys, or up to five more, because each company has six. `None` if there are fewer when the patience is over.
pub(crate) fn database(bench: &Bench, count: usize) -> Result<Option<Filled>> {
    let folder = bench.folder.join(format!("keys-{count}"));
    fs::create_dir_all(&folder)?;
    let filled = Filled {
        data: folder.join("data"),
        keys: folder.join("keys"),
        companies: folder.join("companies"),
    };
    if lines(&filled.keys)?.len() < count {
        fill(bench, &filled, count)?;
    }
    let there = lines(&filled.keys)?.len();
    if there < count {
        eprintln!(
            "{} of {} keys are there",
            thousands(there as u64),
            thousands(count as u64)
        );
    }
    Ok((there >= count).then_some(filled))
}

fn lines(file: &Path) -> Result<Vec<String>> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    Ok(fs::read_to_string(file)?.lines().map(str::to_owned).collect())
}

/// First all companies, then their keys: a new company makes the server load all keys again.
fn fill(bench: &Bench, filled: &Filled, count: usize) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(60 * bench.options.patience);
    let token = token(&bench.options.binary, &filled.data)?;
    let gatehouse = Gatehouse::open(&bench.options.binary, &filled.data, bench.upstream.address())?;
    let filling = |file: &Path| -> Result<Filling> {
        Ok(Filling {
            operator: gatehouse.operator,
            token: token.clone(),
            file: Mutex::new(OpenOptions::new().create(true).append(true).open(file)?),
            done: AtomicUsize::new(0),
            until,
        })
    };
    let there = lines(&filled.companies)?.len();
    let missing: Vec<String> = (there..count.div_ceil(ENVIRONMENTS.len()))
        .map(|number| format!("Northwind {number}"))
        .collect();
    filling(&filled.companies)?.all(&missing, "companies", Filling::company)?;

    let complete: HashSet<String> = lines(&filled.keys)?
        .iter()
        .filter_map(|line| Some(line.split_once(' ')?.0.to_owned()))
        .collect();
    let mut missing = lines(&filled.companies)?;
    missing.retain(|company| !complete.contains(company));
    filling(&filled.keys)?.all(&missing, "companies with keys", Filling::keys)
}

/// For the operator API.
fn token(binary: &Path, data: &Path) -> Result<String> {
    let admin = Admin::new(binary, data);
    if !data.exists() {
        admin.run(&["create-company", "--name", "Northwind"])?;
    }
    let scopes = ["--scope", "companies", "--scope", "keys"];
    let arguments = [&["create-operator-token", "--name", "bench"][..], &scopes].concat();
    text(&admin.run(&arguments)?, "token")
}

struct Filling {
    operator: SocketAddr,
    token: String,
    /// What was created.
    file: Mutex<File>,
    done: AtomicUsize,
    until: Instant,
}

impl Filling {
    /// Creates something for each of these, several at a time, until the time is over.
    fn all(
        &self,
        of: &[String],
        what: &str,
        create: fn(&Self, &mut Connection, &str) -> Result<String>,
    ) -> Result<()> {
        let work = |speaks: bool| -> Result<()> {
            let mut connection = Connection::open(self.operator)?;
            let mut spoke = Instant::now();
            while Instant::now() < self.until {
                let at = self.done.fetch_add(1, Ordering::Relaxed);
                let Some(one) = of.get(at) else { break };
                let lines = create(self, &mut connection, one)?;
                let mut file = self.file.lock().ok().context("another thread panicked")?;
                file.write_all(lines.as_bytes())?;
                drop(file);
                if speaks && spoke.elapsed() > Duration::from_secs(10) {
                    spoke = Instant::now();
                    eprintln!(
                        "{} of {} {what}",
                        thousands(at as u64),
                        thousands(of.len() as u64)
                    );
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..AT_ONCE)
                .map(|number| scope.spawn(move || work(number == 0)))
                .collect();
            let mut each = threads.into_iter().map(|thread| {
                let joined = thread.join();
                joined
                    .ok()
                    .context("a thread that fills the database panicked")
                    .flatten()
            });
            each.try_for_each(|result| result)
        })
    }

    fn company(&self, connection: &mut Connection, name: &str) -> Result<String> {
        let company = self.post(connection, "/operator/v1/companies", &json!({ "name": name }))?;
        Ok(text(&company, "client_id")? + "\n")
    }

    /// All keys that the company may have.
    fn keys(&self, connection: &mut Connection, client_id: &str) -> Result<String> {
        let mut lines = String::new();
        for environment in ENVIRONMENTS {
            let key = json!({ "client_id": client_id, "env_type": environment });
            let key = self.post(connection, "/operator/v1/keys", &key)?;
            lines.push_str(&format!("{client_id} {}\n", text(&key, "secret")?));
        }
        Ok(lines)
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
            "{target}: {status}, {}. If an earlier run was interrupted, remove its folder keys-….",
            String::from_utf8_lossy(body)
        );
        serde_json::from_slice(body).context("a response of the operator API")
    }
}

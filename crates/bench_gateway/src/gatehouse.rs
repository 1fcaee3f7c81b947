//! The released server: started with a company and a key of its own, or with a database that was filled before.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http::{self, Connection};
use crate::process::{PATIENCE, Process, free_address, pause};
use crate::wrk::Server;

/// The key that a load uses.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) secret: String,
}

impl Credentials {
    /// What a program sends with each request: its key, and what clients send anyway.
    pub(crate) fn headers(&self) -> Vec<String> {
        let mut headers = ordinary_headers();
        headers.push(format!("X-Access-Client-Id: {}", self.client_id));
        headers.push(format!("X-Access-Secret: {}", self.secret));
        headers
    }
}

pub(crate) fn ordinary_headers() -> Vec<String> {
    [
        "Accept: application/json",
        "Accept-Encoding: gzip, br",
        "User-Agent: northwind-billing/2.4 (python-requests/2.32)",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Rows of the log, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) seen: u64,
    pub(crate) stored: u64,
    pub(crate) dropped: u64,
    pub(crate) suppressed: u64,
    waiting: u64,
}

impl Rows {
    /// From `/metrics`.
    fn parse(metrics: &str) -> Option<Self> {
        let value = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse().ok()
        };
        let entries = |state: &str| value(&format!("gatehouse_log_entries_total{{state=\"{state}\"}}"));
        Some(Self {
            seen: entries("seen")?,
            stored: entries("stored")?,
            dropped: entries("dropped")?,
            suppressed: entries("suppressed")?,
            waiting: value("gatehouse_log_entries_waiting ")?,
        })
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.seen += other.seen;
        self.stored += other.stored;
        self.dropped += other.dropped;
        self.suppressed += other.suppressed;
    }
}

pub(crate) struct Gatehouse {
    pub(crate) gateway: SocketAddr,
    pub(crate) operator: SocketAddr,
    process: Process,
}

/// The gateway of a running Gatehouse, or its `/verify`.
pub(crate) struct Door<'a> {
    gatehouse: &'a Gatehouse,
    address: SocketAddr,
}

impl Gatehouse {
    /// With an empty log, one company and one key. `under` is a program that runs it, with its arguments.
    pub(crate) fn new(
        binary: &Path,
        folder: &Path,
        upstream: SocketAddr,
        under: &[&str],
    ) -> Result<(Self, Credentials)> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        let admin = Admin::new(binary, folder);
        let company = admin.run(&["create-company", "--name", "Northwind"])?;
        let client_id = text(&company, "client_id")?;
        let key = admin.run(&["create-key", "--client-id", &client_id, "--environment", "prod"])?;
        let secret = text(&key, "secret")?;
        let server = Self::open_under(under, binary, folder, upstream)?;
        Ok((server, Credentials { client_id, secret }))
    }

    /// With what the folder has.
    pub(crate) fn open(binary: &Path, folder: &Path, upstream: SocketAddr) -> Result<Self> {
        Self::open_under(&[], binary, folder, upstream)
    }

    fn open_under(under: &[&str], binary: &Path, folder: &Path, upstream: SocketAddr) -> Result<Self> {
        let [dashboard, gateway, operator] = [free_address()?, free_address()?, free_address()?];
        let mut command = match under {
            [] => Command::new(binary),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(binary);
                command
            }
        };
        command
            .args(["serve", "--rate-limit", "off", "--log", "warn", "--data-dir"])
            .arg(folder);
        for (flag, address) in [
            ("--listen", dashboard),
            ("--gateway-listen", gateway),
            ("--operator-listen", operator),
        ] {
            command.args([flag, &address.to_string()]);
        }
        for environment in ["sandbox", "dev", "prod"] {
            command.args(["--upstream", &format!("{environment}=http://{upstream}")]);
        }
        let mut process = Process::start(command.stdout(Stdio::null()))?;
        process.wait_until(|| matches!(get(operator, "/readyz"), Ok((200, _))))?;
        Ok(Self {
            gateway,
            operator,
            process,
        })
    }

    pub(crate) fn gateway(&self) -> Door<'_> {
        Door {
            gatehouse: self,
            address: self.gateway,
        }
    }

    pub(crate) fn verify(&self) -> Door<'_> {
        Door {
            gatehouse: self,
            address: self.operator,
        }
    }

    /// What became of all rows of this run. Waits until none is on its way.
    pub(crate) fn rows(&self) -> Result<Rows> {
        let begun = Instant::now();
        loop {
            let (_, metrics) = get(self.operator, "/metrics")?;
            let rows = Rows::parse(&metrics).context("a counter is missing in /metrics")?;
            if rows.waiting == 0 {
                return Ok(rows);
            }
            ensure!(begun.elapsed() < PATIENCE, "{} rows still wait", rows.waiting);
            pause();
        }
    }
}

impl Server for Door<'_> {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn process(&self) -> &Process {
        &self.gatehouse.process
    }

    fn settle(&self) -> Result<()> {
        self.gatehouse.rows().map(drop)
    }
}

fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    let mut connection = Connection::open(address)?;
    let request = http::get(address, path, &["Connection: close".to_owned()]);
    let (status, body) = connection.exchange(&request)?;
    Ok((status, String::from_utf8_lossy(body).into_owned()))
}

/// `gatehouse admin …`.
pub(crate) struct Admin {
    binary: PathBuf,
    folder: PathBuf,
}

impl Admin {
    pub(crate) fn new(binary: &Path, folder: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Value> {
        let output = Command::new(&self.binary)
            .args(["admin", "--json", "--data-dir"])
            .arg(&self.folder)
            .args(arguments)
            .output()
            .with_context(|| format!("{} does not start", self.binary.display()))?;
        ensure!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).context("what the command printed")
    }
}

pub(crate) fn text(object: &Value, name: &str) -> Result<String> {
    let text = object.get(name).and_then(Value::as_str);
    text.map(str::to_owned)
        .with_context(|| format!("no {name} in {object}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_are_read_from_metrics() {
        let metrics = "\
            # TYPE gatehouse_log_entries_total counter\n\
            gatehouse_log_entries_total{state=\"seen\"} 10\n\
            gatehouse_log_entries_total{state=\"stored\"} 7\n\
            gatehouse_log_entries_total{state=\"dropped\"} 2\n\
            gatehouse_log_entries_total{state=\"suppressed\"} 1\n\
            gatehouse_log_entries_waiting 0\n";
        let rows = Rows {
            seen: 10,
            stored: 7,
            dropped: 2,
            suppressed: 1,
            waiting: 0,
        };
        assert_eq!(Rows::parse(metrics), Some(rows));
        assert_eq!(Rows::parse(""), None);
    }
}

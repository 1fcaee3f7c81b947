//! Instructions that the released server executes for a request, counted by valgrind's callgrind. Unlike times, they are
//! nearly the same on a busy machine. All threads count, so recording, redacting and storing are included.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::bench::{Bench, TARGET};
use crate::gatehouse::{Credentials, Gatehouse};
use crate::http::{self, Connection};
use crate::prerequisites::on_path;
use crate::process::{PATIENCE, pause};
use crate::samples::thousands;
use crate::verify;
use crate::wrk::Server;

/// Under valgrind they arrive slowly, so a batch of the log has few rows, and each row has a larger part of its cost.
const REQUESTS: u64 = 2_000;

/// How long nothing is asked after a load. Asking for the metrics takes instructions too.
const REST: Duration = Duration::from_secs(2);

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    bench
        .report
        .heading("Instructions of the released server for a request")?;
    if on_path("valgrind").is_none() {
        return bench
            .report
            .line("Not measured: valgrind is not installed (Debian: apt-get install valgrind).");
    }
    let profile = bench.folder.join("callgrind.out");
    let file = format!("--callgrind-out-file={}", profile.display());
    let valgrind = ["valgrind", "--quiet", "--tool=callgrind", &file];
    let data = bench.folder.join("data");
    let (gatehouse, credentials) =
        Gatehouse::new(&bench.options.binary, &data, bench.upstream.address(), &valgrind)?;
    let counting = Counting {
        gatehouse: &gatehouse,
        profile,
    };
    let mut rows = Vec::new();
    for counted in requests(&gatehouse, &credentials) {
        let each = counting.each(&counted)?;
        let name = counted.name;
        eprintln!("{name}: {} instructions", thousands(each));
        bench
            .report
            .raw("i", name, json!({ "instructions_a_request": each }));
        rows.push(vec![name.to_owned(), thousands(each)]);
    }
    bench.report.table(&["request", "instructions"], &rows)?;
    bench.count_rows("under valgrind", &gatehouse)
}

/// A request that is counted.
struct Counted {
    name: &'static str,
    to: SocketAddr,
    request: Vec<u8>,
    /// The status of its response.
    status: u16,
}

fn requests(gatehouse: &Gatehouse, credentials: &Credentials) -> [Counted; 5] {
    let wrong = Credentials {
        secret: credentials.secret.chars().rev().collect(),
        ..credentials.clone()
    };
    let unknown = Credentials {
        client_id: "0".repeat(32),
        ..wrong.clone()
    };
    let forwarded = |name, of: &Credentials, status| Counted {
        name,
        to: gatehouse.gateway,
        request: http::get(gatehouse.gateway, TARGET, &of.headers()),
        status,
    };
    let asked = |name, of: &Credentials, status| Counted {
        name,
        to: gatehouse.operator,
        request: http::get(gatehouse.operator, verify::TARGET, &verify::headers(of)),
        status,
    };
    [
        forwarded("accepted by the gateway", credentials, 200),
        forwarded("refused by the gateway: wrong secret", &wrong, 401),
        forwarded("refused by the gateway: no such Client ID", &unknown, 401),
        asked("accepted by `/verify`", credentials, 200),
        asked("refused by `/verify`: wrong secret", &wrong, 401),
    ]
}

struct Counting<'a> {
    gatehouse: &'a Gatehouse,
    /// The beginning of the names of the files that callgrind writes.
    profile: PathBuf,
}

impl Counting<'_> {
    /// Without what the server does anyway in the same time.
    fn each(&self, counted: &Counted) -> Result<u64> {
        let status = counted.status;
        let mut connection = Connection::open(counted.to)?;
        let mut ask = |count| -> Result<()> {
            for _ in 0..count {
                let (got, _) = connection.exchange(&counted.request)?;
                ensure!(got == status, "the server responded {got} instead of {status}");
            }
            Ok(())
        };
        ask(REQUESTS / 10)?;
        self.rest()?;
        let idle = self.count(|| Ok(()))?;
        let busy = self.count(|| ask(REQUESTS))?;
        Ok(busy.saturating_sub(idle) / REQUESTS)
    }

    fn count(&self, work: impl FnOnce() -> Result<()>) -> Result<u64> {
        self.tell("--zero")?;
        work()?;
        self.rest()?;
        self.tell("--dump")?;
        let dumped = take_dump(&self.profile)?;
        total(&dumped).context("a profile without a total")
    }

    /// Until all rows are stored.
    fn rest(&self) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < REST {
            pause();
        }
        self.gatehouse.rows().map(drop)
    }

    fn tell(&self, order: &str) -> Result<()> {
        let id = self.gatehouse.gateway().process().id().to_string();
        let output = Command::new("callgrind_control").args([order, &id]).output()?;
        ensure!(
            output.status.success(),
            "callgrind_control {order}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

/// The profile that was just written. Removes it, so that the next one can be told from it.
fn take_dump(profile: &Path) -> Result<String> {
    let folder = profile.parent().context("the folder of profiles")?;
    let name = profile.file_name().context("the name of profiles")?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let is_dump = path.file_stem() == Some(name) && path != profile;
            // Its last line is the total.
            let text = if is_dump {
                fs::read_to_string(&path)?
            } else {
                String::new()
            };
            if total(&text).is_some() {
                fs::remove_file(&path)?;
                return Ok(text);
            }
        }
        pause();
    }
    bail!("callgrind wrote no profile");
}

/// `totals: 12345`
fn total(profile: &str) -> Option<u64> {
    profile
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals:")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_profile_is_read() {
        assert_eq!(total("events: Ir\nfn=(1)\n1 20\n\ntotals: 12345\n"), Some(12_345));
        assert_eq!(total("events: Ir\n"), None);
    }
}

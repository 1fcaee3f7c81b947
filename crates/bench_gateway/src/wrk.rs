//! Load by wrk, and what it costs the server under it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{Cpu, Machine, Process};

/// What can be put under load.
pub(crate) trait Server {
    fn address(&self) -> SocketAddr;

    fn process(&self) -> &Process;

    /// Waits until nothing of the load is left to do.
    fn settle(&self) -> Result<()> {
        Ok(())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) target: String,
    /// Whole lines.
    pub(crate) headers: Vec<String>,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    pub(crate) seconds: u64,
    pub(crate) script: PathBuf,
    pub(crate) arguments: Vec<String>,
}

/// What wrk measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Measured {
    requests: u64,
    micros: u64,
    p50: u64,
    p99: u64,
    refused: u64,
    broken: u64,
}

/// One load of one server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Requests a second.
    pub(crate) rate: f64,
    /// In milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// CPU time in microseconds for each request.
    pub(crate) user: f64,
    pub(crate) system: f64,
    /// How much of all cores other programs used at that time, in percent.
    pub(crate) others: f64,
}

impl Load {
    pub(crate) fn run(&self, server: &impl Server) -> Result<Run> {
        let machine = Machine::now()?;
        let before = server.process().cpu()?;
        let measured = self.wrk(server.address())?;
        let others = machine.others()?;
        server.settle()?;
        let cpu: Cpu = server.process().cpu()?.since(before);
        let requests = measured.requests as f64;
        Ok(Run {
            rate: requests * 1e6 / measured.micros as f64,
            p50: measured.p50 as f64 / 1e3,
            p99: measured.p99 as f64 / 1e3,
            user: cpu.user.as_secs_f64() * 1e6 / requests,
            system: cpu.system.as_secs_f64() * 1e6 / requests,
            others,
        })
    }

    /// The same for a moment, so that caches, connections and compilers are warm.
    pub(crate) fn warm(&self, server: &impl Server) -> Result<()> {
        let short = Self {
            seconds: (self.seconds / 5).max(1),
            ..self.clone()
        };
        short.wrk(server.address())?;
        server.settle()
    }

    fn wrk(&self, address: SocketAddr) -> Result<Measured> {
        let mut wrk = Command::new("wrk");
        wrk.arg(format!("-t{}", self.threads.min(self.connections)))
            .arg(format!("-c{}", self.connections))
            .arg(format!("-d{}s", self.seconds))
            .args(["--latency", "--timeout", "30s", "-s"])
            .arg(&self.script);
        for header in &self.headers {
            wrk.args(["-H", header]);
        }
        wrk.arg(format!("http://{address}{}", self.target))
            .arg("--")
            .args(&self.arguments);
        let output = wrk.output().context("wrk")?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let measured = Measured::parse(&printed)
            .with_context(|| format!("wrk: {printed}{}", String::from_utf8_lossy(&output.stderr)))?;
        ensure!(measured.requests > 0, "no request was answered: {printed}");
        ensure!(measured.refused == 0, "the server refused requests: {printed}");
        ensure!(measured.broken == 0, "connections broke: {printed}");
        Ok(measured)
    }
}

impl Measured {
    /// The line that the scripts in `benches/gateway/` print.
    fn parse(printed: &str) -> Option<Self> {
        let line = printed
            .lines()
            .find_map(|line| line.trim().strip_prefix("measured "))?;
        let value = |name: &str| {
            line.split(' ')
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
        };
        Some(Self {
            requests: value("requests")?,
            micros: value("micros")?,
            p50: value("p50")?,
            p99: value("p99")?,
            refused: value("refused")?,
            broken: value("broken")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_scripts_is_read() {
        let printed =
            "Running 3s test\nmeasured requests=100 micros=2000000 p50=310 p99=900 refused=1 broken=2\n";
        let expected = Measured {
            requests: 100,
            micros: 2_000_000,
            p50: 310,
            p99: 900,
            refused: 1,
            broken: 2,
        };
        assert_eq!(Measured::parse(printed), Some(expected));
        assert_eq!(Measured::parse("Requests/sec: 10\n"), None);
    }
}

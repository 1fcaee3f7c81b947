//! A server that the benchmark has started: its CPU time and memory, with those of its workers, and its end.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to start, to store what waits, and to end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Linux counts CPU time in hundredths of a second, whatever its own clock does (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// CPU time of all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cpu {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl Cpu {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
        }
    }
}

/// One line of `/proc/…/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    cpu: Cpu,
    /// Of children that have ended.
    ended: Duration,
}

impl Stat {
    /// The name, in parentheses, may contain anything.
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |at: usize| Some(TICK * fields.get(at)?.parse().ok()?);
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            cpu: Cpu {
                user: ticks(11)?,
                system: ticks(12)?,
            },
            ended: ticks(13)? + ticks(14)?,
        })
    }

    /// Of all processes.
    fn all() -> Result<HashMap<u32, Self>> {
        let mut all = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            let Ok(id) = entry?.file_name().to_string_lossy().parse::<u32>() else {
                continue;
            };
            // It may have ended since.
            let Ok(line) = fs::read_to_string(format!("/proc/{id}/stat")) else {
                continue;
            };
            let stat = Self::parse(&line).with_context(|| format!("/proc/{id}/stat: {line}"))?;
            all.insert(id, stat);
        }
        Ok(all)
    }
}

/// CPU time of the whole machine, to tell whether other programs disturbed a measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    at: Instant,
    busy: Duration,
    /// The part of this program and of all that it started.
    ours: Duration,
}

impl Machine {
    pub(crate) fn now() -> Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        let busy = busy(&text).context("/proc/stat")?;
        let all = Stat::all()?;
        let own = std::process::id();
        let is_ours = |id: u32| {
            let mut ancestors = std::iter::successors(Some(id), |id| all.get(id).map(|stat| stat.parent));
            ancestors.any(|id| id == own)
        };
        let ours = all.iter().filter(|(id, _)| is_ours(**id));
        let ours: Duration = ours.map(|(_, stat)| stat.cpu.user + stat.cpu.system).sum();
        Ok(Self {
            at: Instant::now(),
            busy,
            ours: ours + all.get(&own).context("this process")?.ended,
        })
    }

    /// How much of all cores other programs have used since, in percent.
    pub(crate) fn others(self) -> Result<f64> {
        let now = Self::now()?;
        let cores = thread::available_parallelism()?.get() as f64;
        let whole = (now.at - self.at).as_secs_f64() * cores;
        let others = (now.busy - self.busy).saturating_sub(now.ours.saturating_sub(self.ours));
        Ok(100.0 * others.as_secs_f64() / whole)
    }
}

/// Everything but waiting, from the first line of `/proc/stat`.
fn busy(text: &str) -> Option<Duration> {
    const IDLE: usize = 3;
    const WAITING_FOR_DISKS: usize = 4;
    // After `steal` come guests, which `user` contains.
    const COUNTED: usize = 8;
    let fields = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    fields
        .take(COUNTED)
        .enumerate()
        .filter(|(at, _)| ![IDLE, WAITING_FOR_DISKS].contains(at))
        .map(|(_, ticks)| Some(TICK * ticks.parse().ok()?))
        .sum()
}

pub(crate) struct Process {
    child: Child,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("{} does not start", command.get_program().display()))?;
        Ok(Self { child })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the process listens there.
    pub(crate) fn wait_for(&mut self, address: SocketAddr) -> Result<()> {
        self.wait_until(|| TcpStream::connect(address).is_ok())
    }

    pub(crate) fn wait_until(&mut self, ready: impl Fn() -> bool) -> Result<()> {
        let begun = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("a server ended at once: {status}");
            }
            ensure!(begun.elapsed() < PATIENCE, "a server is not ready");
            pause();
        }
        Ok(())
    }

    /// So far, with that of its workers.
    pub(crate) fn cpu(&self) -> Result<Cpu> {
        let mut sum = Cpu::default();
        for (_, stat) in self.family()? {
            sum.user += stat.cpu.user;
            sum.system += stat.cpu.system;
        }
        Ok(sum)
    }

    /// Resident memory now in KiB, with that of its workers. Pages that processes share count for each of them.
    pub(crate) fn memory(&self) -> Result<u64> {
        let resident = |id: u32| {
            let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        Ok(self.family()?.into_keys().filter_map(resident).sum())
    }

    /// The process and its workers.
    fn family(&self) -> Result<HashMap<u32, Stat>> {
        let own = self.child.id();
        let mut family = Stat::all()?;
        family.retain(|id, stat| *id == own || stat.parent == own);
        Ok(family)
    }
}

impl Drop for Process {
    /// Ends it as an operator does: a master of nginx that is killed would leave its workers behind.
    fn drop(&mut self) {
        let begun = Instant::now();
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            pause();
        }
    }
}

/// Between two looks at something that takes a moment.
pub(crate) fn pause() {
    thread::park_timeout(Duration::from_millis(5));
}

/// An address that nothing listens on.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_and_parent_are_read_whatever_the_name_is() {
        let line = "77 (a) b (c) S 12 77 77 0 -1 4194560 100 0 0 0 25 13 2 1 20 0 4 0 100 1 1";
        let expected = Stat {
            parent: 12,
            cpu: Cpu {
                user: Duration::from_millis(250),
                system: Duration::from_millis(130),
            },
            ended: Duration::from_millis(30),
        };
        assert_eq!(Stat::parse(line), Some(expected));
        assert_eq!(Stat::parse("77 (a"), None);
    }

    #[test]
    fn a_machine_that_waits_is_not_busy() {
        let text = "cpu  100 1 20 9000 500 3 4 2 0 0\ncpu0 1 2 3\n";
        assert_eq!(busy(text), Some(Duration::from_millis(1300)));
        assert_eq!(busy("intr 1"), None);
    }
}

//! A server that the benchmark has started: its CPU time and memory, and its end.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to start and to end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Linux counts CPU time in hundredths of a second, whatever its own clock does (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// User and system time of all threads.
pub(crate) type Cpu = Duration;

/// One line of `/proc/…/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    cpu: Cpu,
    /// Of children that have ended.
    ended: Cpu,
}

impl Stat {
    /// The name, in parentheses, may contain anything.
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |at: usize| Some(TICK * fields.get(at)?.parse().ok()?);
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            cpu: ticks(11)? + ticks(12)?,
            ended: ticks(13)? + ticks(14)?,
        })
    }

    fn of(id: u32) -> Result<Self> {
        let line = fs::read_to_string(format!("/proc/{id}/stat"))?;
        Self::parse(&line).with_context(|| format!("/proc/{id}/stat: {line}"))
    }

    /// Of all processes. One may end while they are read.
    fn all() -> Result<HashMap<u32, Self>> {
        let mut all = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            if let Ok(id) = entry?.file_name().to_string_lossy().parse::<u32>()
                && let Ok(stat) = Self::of(id)
            {
                all.insert(id, stat);
            }
        }
        Ok(all)
    }
}

/// Of a process, its children, and those of its children that have ended.
pub(crate) fn cpu_of_server(id: u32) -> Result<Cpu> {
    let all = Stat::all()?;
    let own = all.get(&id).context("the server has ended")?;
    let children = all.values().filter(|stat| stat.parent == id);
    Ok(own.cpu + own.ended + children.map(|stat| stat.cpu).sum::<Cpu>())
}

/// Of this program: the publishers and the receiver.
pub(crate) fn own_cpu() -> Result<Cpu> {
    Ok(Stat::of(std::process::id())?.cpu)
}

/// CPU time of the whole machine, to tell whether other programs disturbed a measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    at: Instant,
    busy: Cpu,
    ours: Cpu,
}

impl Machine {
    /// `ours` is the time so far of all that belongs to the measurement.
    pub(crate) fn now(ours: Cpu) -> Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        Ok(Self {
            at: Instant::now(),
            busy: busy(&text).context("/proc/stat")?,
            ours,
        })
    }

    /// How much of all cores other programs have used since, in percent.
    pub(crate) fn others(self, ours: Cpu) -> Result<f64> {
        let now = Self::now(ours)?;
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

    pub(crate) fn wait_until(&mut self, ready: impl Fn() -> bool) -> Result<()> {
        let begun = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at once: {status}");
            }
            ensure!(begun.elapsed() < PATIENCE, "the server is not ready");
            pause(Duration::from_millis(5));
        }
        Ok(())
    }

    /// So far.
    pub(crate) fn cpu(&self) -> Result<Cpu> {
        Ok(Stat::of(self.child.id())?.cpu)
    }

    /// Resident memory now and at its highest, in MiB.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        Memory::parse(&status).context("no memory in /proc")
    }

    /// Without a chance to write anything.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    /// Ends it as an operator does.
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let begun = Instant::now();
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            pause(Duration::from_millis(5));
        }
    }
}

/// In MiB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Memory {
    pub(crate) now: f64,
    pub(crate) highest: f64,
}

impl Memory {
    fn parse(status: &str) -> Option<Self> {
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kib / 1024.0)
        };
        Some(Self {
            now: value("VmRSS:")?,
            highest: value("VmHWM:")?,
        })
    }
}

/// Waits for this long. The main thread is never unparked.
pub(crate) fn pause(time: Duration) {
    let until = Instant::now() + time;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::park_timeout(left);
    }
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
            cpu: Duration::from_millis(380),
            ended: Duration::from_millis(30),
        };
        assert_eq!(Stat::parse(line), Some(expected));
        assert_eq!(Stat::parse("77 (a"), None);
    }

    #[test]
    fn memory_is_read_from_the_status() {
        let status = "Name:\tgatehouse\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\n";
        let expected = Memory {
            now: 2.0,
            highest: 4.0,
        };
        assert_eq!(Memory::parse(status), Some(expected));
        assert_eq!(Memory::parse(""), None);
    }

    #[test]
    fn a_machine_that_waits_is_not_busy() {
        let text = "cpu  100 1 20 9000 500 3 4 2 0 0\ncpu0 1 2 3\n";
        assert_eq!(busy(text), Some(Duration::from_millis(1300)));
        assert_eq!(busy("intr 1"), None);
    }
}

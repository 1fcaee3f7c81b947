//! The memory of this process, as Linux counts it.

use std::fs;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// In MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) most: u64,
}

impl Memory {
    pub(crate) fn of_this_process() -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status").context("memory is counted on Linux only")?;
        Self::parse(&status).context("/proc/self/status without VmRSS and VmHWM")
    }

    /// From `/proc/…/status`.
    pub(crate) fn parse(status: &str) -> Option<Self> {
        let mib = |name: &str| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kib / 1024)
        };
        Some(Self {
            now: mib("VmRSS")?,
            most: mib("VmHWM")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_and_its_peak_are_read() {
        let status = "Name:\tx\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n";
        assert_eq!(Memory::parse(status), Some(Memory { now: 10, most: 20 }));
        assert_eq!(Memory::parse("Name:\tx\n"), None);
    }
}

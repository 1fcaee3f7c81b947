//! A load at a given rate: requests are due at fixed times, whether or not those before them were answered.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::http::{self, Connection};

/// What is measured before this is a warm-up.
const WARM: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub(crate) struct Pace {
    pub(crate) target: String,
    pub(crate) headers: Vec<String>,
    pub(crate) connections: usize,
    /// Requests a second, on all connections together.
    pub(crate) rate: f64,
    pub(crate) seconds: u64,
}

/// In milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Pace {
    pub(crate) fn run(&self, address: SocketAddr) -> Result<Latency> {
        let interval = Duration::from_secs_f64(self.connections as f64 / self.rate);
        let begin = Instant::now() + Duration::from_millis(200);
        let all = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections)
                .map(|number| {
                    let first = begin + interval.mul_f64(number as f64 / self.connections as f64);
                    scope.spawn(move || self.one(address, begin, first, interval))
                })
                .collect();
            let each = threads.into_iter().map(|thread| {
                thread
                    .join()
                    .ok()
                    .context("a connection's thread panicked")
                    .flatten()
            });
            each.collect::<Result<Vec<_>>>()
        })?;
        let mut all: Vec<Duration> = all.into_iter().flatten().collect();
        ensure!(!all.is_empty(), "nothing was measured");
        all.sort_unstable();
        let percentile = |percent: usize| all[(all.len() - 1) * percent / 100].as_secs_f64() * 1e3;
        Ok(Latency {
            p50: percentile(50),
            p99: percentile(99),
        })
    }

    /// One connection. A request that is late because the one before it took too long counts from when it was due. That
    /// this thread woke up late does not count.
    fn one(
        &self,
        address: SocketAddr,
        begin: Instant,
        first: Instant,
        interval: Duration,
    ) -> Result<Vec<Duration>> {
        let request = http::get(address, &self.target, &self.headers);
        let mut connection = Connection::open(address)?;
        let end = begin + WARM + Duration::from_secs(self.seconds);
        let mut measured = Vec::new();
        let mut due = first;
        while due < end {
            let is_late = Instant::now() > due;
            wait_until(due);
            let began = if is_late { due } else { Instant::now() };
            let (status, _) = connection.exchange(&request)?;
            ensure!(status == 200, "a request was refused: {status}");
            if due >= begin + WARM {
                measured.push(began.elapsed());
            }
            due += interval;
        }
        Ok(measured)
    }
}

/// To a few ten microseconds.
fn wait_until(due: Instant) {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::park_timeout(left);
    }
}

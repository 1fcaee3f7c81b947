//! How a request that only `/verify` saw ends. The proxy forwards it and knows its status, its time and its sizes; the access
//! log of the proxy tells them, over syslog, HTTP or a file, by the request id that Gatehouse made.
//!
//! A row of the log is never changed once it is written. So an accepted call's entry waits here until its line arrives, and
//! is recorded then, or without a status when [`CompletionOptions::wait`] is over. A line that names no waiting entry changes
//! nothing: ids are random, and only the proxy, the caller and the API learn them.

mod file;
mod frames;
mod held;
mod line;
mod post;
mod seldom;
mod syslog;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clock::Clock;
use ipnet::IpNet;
use logs::Recorder;
use tokio_util::sync::CancellationToken;

pub use self::file::follow;
pub use self::syslog::Syslog;

use self::held::{Held, Owned};
use self::line::Malformed;
use self::seldom::Seldom;
use crate::address::is_verify_peer;

/// How long entries wait, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletionOptions {
    /// Longer than an ordinary request takes. A proxy gives up on its API after a minute, and should be able to tell.
    pub wait: Duration,
    /// Entries that wait at once. Beyond it, the oldest is recorded without a status.
    pub entries: usize,
    /// Their size.
    pub bytes: usize,
}

impl Default for CompletionOptions {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(65),
            entries: 32_768,
            bytes: 64 * 1024 * 1024,
        }
    }
}

/// What has happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompletionCounts {
    /// Lines that completed an entry.
    pub taken: u64,
    /// Lines about requests that do not wait here: refused, late, told twice, of another node, or not asked about.
    pub unknown: u64,
    /// Lines that could not be read.
    pub malformed: u64,
    /// Datagrams and connections of addresses that may not ask `/verify`.
    pub untrusted: u64,
    /// Entries that waited in vain.
    pub expired: u64,
    /// Entries that were recorded early to make room.
    pub crowded: u64,
    /// Entries that wait.
    pub waiting: u64,
}

/// What became of the lines of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) taken: u64,
    pub(crate) unknown: u64,
    pub(crate) malformed: u64,
}

/// The entries that wait for the end of their request. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Completions(Arc<Shared>);

struct Shared {
    held: Held,
    wait: Duration,
    peers: Vec<IpNet>,
    recorder: Recorder,
    clock: Clock,
    counters: Counters,
    about_lines: Seldom,
    about_peers: Seldom,
    about_room: Seldom,
}

#[derive(Default)]
struct Counters {
    taken: AtomicU64,
    unknown: AtomicU64,
    malformed: AtomicU64,
    untrusted: AtomicU64,
    expired: AtomicU64,
    crowded: AtomicU64,
}

impl fmt::Debug for Completions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completions")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl Completions {
    /// `peers` may tell, as they may ask `/verify`.
    pub(crate) fn new(
        options: &CompletionOptions,
        peers: Vec<IpNet>,
        recorder: Recorder,
        clock: Clock,
    ) -> Self {
        Self(Arc::new(Shared {
            held: Held::new(options.entries, options.bytes),
            wait: options.wait,
            peers,
            recorder,
            clock,
            counters: Counters::default(),
            about_lines: Seldom::default(),
            about_peers: Seldom::default(),
            about_room: Seldom::default(),
        }))
    }

    /// The proxy forwards this request. Its entry waits for the end.
    pub(crate) fn hold(&self, entry: Owned) {
        let shared = &*self.0;
        let crowded = shared.held.hold(entry, shared.clock.monotonic());
        if crowded.is_empty() {
            return;
        }
        shared
            .counters
            .crowded
            .fetch_add(crowded.len() as u64, Ordering::Relaxed);
        if let Some(times) = shared.about_room.say(shared.clock.monotonic()) {
            tracing::warn!(
                times,
                "more requests of /verify wait for the proxy's access log than have room; the oldest are recorded without a \
                 status. Does the proxy send its log here?"
            );
        }
        self.record(crowded);
    }

    fn record(&self, entries: Vec<Owned>) {
        for entry in entries {
            self.0.recorder.record(entry);
        }
    }

    /// Records what has waited too long, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        const SOONEST: Duration = Duration::from_millis(10);
        let shared = &*self.0;
        let pause = (shared.wait / 8).clamp(SOONEST, Duration::from_secs(1));
        let mut ticks = shared.clock.every(pause);
        loop {
            if let Some(moment) = shared.clock.monotonic().checked_sub(shared.wait) {
                let expired = shared.held.waiting_since(moment);
                let number = expired.len() as u64;
                shared.counters.expired.fetch_add(number, Ordering::Relaxed);
                self.record(expired);
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = ticks.tick() => {}
            }
        }
    }

    /// Records everything that waits, and lets nothing wait from here on. Call it before the recorder stops.
    pub fn close(&self) {
        self.record(self.0.held.close());
    }

    /// Since the start.
    pub fn counts(&self) -> CompletionCounts {
        let Counters {
            taken,
            unknown,
            malformed,
            untrusted,
            expired,
            crowded,
        } = &self.0.counters;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CompletionCounts {
            taken: read(taken),
            unknown: read(unknown),
            malformed: read(malformed),
            untrusted: read(untrusted),
            expired: read(expired),
            crowded: read(crowded),
            waiting: self.0.held.len() as u64,
        }
    }

    /// One datagram or line.
    pub(crate) fn take(&self, line: &[u8]) -> Outcome {
        let mut outcome = Outcome::default();
        let counters = &self.0.counters;
        match line::read(line) {
            Ok(told) => {
                let entry = told.and_then(|told| Some((told, self.0.held.take(told.request_id)?)));
                if let Some((told, mut entry)) = entry {
                    told.complete(&mut entry);
                    self.0.recorder.record(entry);
                    outcome.taken = 1;
                    counters.taken.fetch_add(1, Ordering::Relaxed);
                } else {
                    outcome.unknown = 1;
                    counters.unknown.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(fault) => {
                self.malformed(fault);
                outcome.malformed = 1;
            }
        }
        outcome
    }

    fn malformed(&self, fault: Malformed) {
        self.0.counters.malformed.fetch_add(1, Ordering::Relaxed);
        if let Some(times) = self.0.about_lines.say(self.0.clock.monotonic()) {
            tracing::warn!(times, "a line of a proxy's access log cannot be read: {fault}");
        }
    }

    /// Whether this address may tell anything. If not, it is counted.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        let is_trusted = is_verify_peer(&self.0.peers, peer);
        if !is_trusted {
            self.0.counters.untrusted.fetch_add(1, Ordering::Relaxed);
            if let Some(times) = self.0.about_peers.say(self.0.clock.monotonic()) {
                tracing::warn!(
                    times,
                    "{peer} sends an access log, but no verify-peer names it, so nothing is taken from it"
                );
            }
        }
        is_trusted
    }
}

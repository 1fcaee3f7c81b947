//! How far a connection of HTTP/1.1 has come with its present request. What reads and writes its bytes and what answers its
//! requests tell each other here. All of that runs in one task, so nothing has to be ordered.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Progress {
    stage: AtomicU8,
    /// Whether a request has been read.
    has_asked: AtomicBool,
    began: Instant,
    /// When the last response had been sent, in nanoseconds after the beginning.
    quiet_since: AtomicU64,
}

impl Progress {
    /// Nothing was read since the connection opened or the last response had been sent.
    const QUIET: u8 = 0;
    /// The next request has begun.
    const BEGUN: u8 = 1;
    /// A request is being answered.
    const ANSWERING: u8 = 2;
    /// The response was given to hyper, which may not have sent all of it.
    const ANSWERED: u8 = 3;

    pub(crate) fn new() -> Self {
        Self {
            stage: AtomicU8::new(Self::QUIET),
            has_asked: AtomicBool::new(false),
            began: Instant::now(),
            quiet_since: AtomicU64::new(0),
        }
    }

    fn is(&self, stage: u8) -> bool {
        self.stage.load(Ordering::Relaxed) == stage
    }

    fn set(&self, stage: u8) {
        self.stage.store(stage, Ordering::Relaxed);
    }

    /// Something was read.
    pub(crate) fn read(&self) {
        if self.is(Self::QUIET) {
            self.set(Self::BEGUN);
        }
    }

    pub(crate) fn asked(&self) {
        self.has_asked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn answering(&self) {
        self.set(Self::ANSWERING);
    }

    pub(crate) fn answered(&self) {
        self.set(Self::ANSWERED);
    }

    /// All that hyper had to write was written.
    pub(crate) fn flushed(&self) {
        if self.is(Self::ANSWERED) {
            let nanos = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.quiet_since.store(nanos, Ordering::Relaxed);
            self.set(Self::QUIET);
        }
    }

    pub(crate) fn has_asked(&self) -> bool {
        self.has_asked.load(Ordering::Relaxed)
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.is(Self::ANSWERING)
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.is(Self::BEGUN)
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.is(Self::QUIET)
    }

    /// When the connection opened or the last response had been sent.
    pub(crate) fn quiet_since(&self) -> Instant {
        self.began + Duration::from_nanos(self.quiet_since.load(Ordering::Relaxed))
    }
}

//! Tells the time and waits for a time. Tests use a clock that they advance themselves.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use model::Timestamp;
use tokio::sync::watch;

/// The present moment, and waiting for a later one.
#[async_trait]
pub trait Clock: Send + Sync + std::fmt::Debug {
    fn now(&self) -> Timestamp;

    /// Returns once [`Clock::now`] is `at` or later. Returns immediately if it already is.
    async fn sleep_until(&self, at: Timestamp);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A time before 1970 counts as 1970, because ids and due times must not be negative.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep_until(&self, at: Timestamp) {
        let wait = u64::try_from(at.millis_since(self.now())).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}

/// A clock that only moves when told to. For tests.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

impl ManualClock {
    pub fn new(now: Timestamp) -> Self {
        Self {
            now: watch::Sender::new(now),
        }
    }

    /// Moves the clock forward and wakes everyone whose time has come.
    pub fn advance_seconds(&self, seconds: i64) {
        self.now.send_modify(|now| *now = now.plus_seconds(seconds));
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        // `self` owns the sender, so this wait cannot fail.
        let _ = self.now.subscribe().wait_for(|now| *now >= at).await;
    }
}

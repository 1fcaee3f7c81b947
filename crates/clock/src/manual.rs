//! The clock of tests, and of the demo's sample history.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use tokio::sync::watch;

/// A clock that only moves when told to. Clones are the same clock. [`crate::Clock::from`] turns it into the clock a
/// server takes.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<watch::Sender<Hands>>);

#[derive(Clone, Copy, Debug)]
struct Hands {
    now: Timestamp,
    monotonic: Duration,
    /// How far each reading of the wall clock moves it.
    step: Duration,
}

impl Hands {
    fn advance(&mut self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.now = self.now.plus_millis(millis);
        self.monotonic = self.monotonic.saturating_add(by);
    }
}

impl ManualClock {
    pub fn at(now: Timestamp) -> Self {
        Self::ticking(now, Duration::ZERO)
    }

    /// Every reading of the wall clock moves it by `step`, so that no two times are equal.
    pub fn ticking(now: Timestamp, step: Duration) -> Self {
        Self(Arc::new(watch::Sender::new(Hands {
            now,
            monotonic: Duration::ZERO,
            step,
        })))
    }

    /// Moves both hands forward and wakes everyone whose time has come.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|hands| hands.advance(by));
    }

    /// Like [`ManualClock::advance`], in seconds, the unit of schedules and sessions.
    pub fn advance_seconds(&self, seconds: i64) {
        self.advance(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
    }

    /// Sets the clock that people read. The other hand does not move.
    pub fn set(&self, now: Timestamp) {
        self.0.send_modify(|hands| hands.now = now);
    }

    pub fn now(&self) -> Timestamp {
        let Hands { mut now, step, .. } = *self.0.borrow();
        if !step.is_zero() {
            self.0.send_modify(|hands| {
                now = hands.now;
                hands.advance(step);
            });
        }
        now
    }

    pub(crate) fn monotonic(&self) -> Duration {
        self.0.borrow().monotonic
    }

    pub(crate) async fn until_now_is(&self, at: Timestamp) {
        self.until(|hands| hands.now >= at).await;
    }

    pub(crate) async fn until_monotonic_is(&self, until: Duration) {
        self.until(|hands| hands.monotonic >= until).await;
    }

    async fn until(&self, has_come: impl Fn(&Hands) -> bool) {
        // `self` owns the sender, so this wait cannot fail.
        let _ = self.0.subscribe().wait_for(has_come).await;
    }
}

//! The single clock of a process. `main` creates it, and the server passes it to everything that needs the time or
//! waits for a time. Tests pass a [`ManualClock`] instead, so that they never have to wait. Socket timeouts and
//! measured durations do not use it: they depend on the network and stay with tokio.

mod manual;

use std::future::Future;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::Timestamp;

pub use manual::ManualClock;

/// How soon we notice that someone has set the wall clock or that the machine was asleep.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// A clock with two hands. One shows the time that people read, which can be set forward or back. The other only moves
/// forward. Cheap to clone; all clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Machine { origin: Instant },
    Manual(ManualClock),
}

impl Clock {
    /// The machine's clock. Only `main` and tests of real time create it. Everything else gets its clock from outside.
    pub fn machine() -> Self {
        Self(Source::Machine {
            origin: Instant::now(),
        })
    }

    /// The current time, as people read it.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Machine { .. } => machine_now(),
            Source::Manual(clock) => clock.now(),
        }
    }

    /// Time since a moment of the clock's own choosing. Never goes back.
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::Machine { origin } => origin.elapsed(),
            Source::Manual(clock) => clock.monotonic(),
        }
    }

    /// Returns once [`Clock::now`] is `at` or later. Returns immediately if it already is.
    pub async fn sleep_until(&self, at: Timestamp) {
        match &self.0 {
            Source::Manual(clock) => clock.until_now_is(at).await,
            Source::Machine { .. } => {
                while let Ok(millis @ 1..) = u64::try_from(at.millis_since(self.now())) {
                    tokio::time::sleep(Duration::from_millis(millis).min(LOOK_AGAIN)).await;
                }
            }
        }
    }

    /// Returns when this much time has passed since the call, even if the wall clock is set in between.
    pub fn sleep(&self, pause: Duration) -> impl Future<Output = ()> + Send + use<> {
        let (clock, until) = (self.clone(), self.monotonic().saturating_add(pause));
        async move { clock.until_monotonic_is(until).await }
    }

    /// Ticks after each `period`, starting now.
    pub fn every(&self, period: Duration) -> Ticks {
        Ticks {
            clock: self.clone(),
            period,
            next: self.monotonic().saturating_add(period),
        }
    }

    async fn until_monotonic_is(&self, until: Duration) {
        match &self.0 {
            Source::Manual(clock) => clock.until_monotonic_is(until).await,
            Source::Machine { .. } => {
                tokio::time::sleep(until.saturating_sub(self.monotonic())).await;
            }
        }
    }
}

impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        Self(Source::Manual(clock))
    }
}

impl From<&ManualClock> for Clock {
    fn from(clock: &ManualClock) -> Self {
        Self::from(clock.clone())
    }
}

/// A timer for repeated work. A late tick delays the next one, so missed ticks are never made up for in a burst.
#[derive(Debug)]
pub struct Ticks {
    clock: Clock,
    period: Duration,
    next: Duration,
}

impl Ticks {
    /// Returns when the next tick is due. If it is dropped before that, no tick is lost.
    pub async fn tick(&mut self) {
        self.clock.until_monotonic_is(self.next).await;
        self.next = self.clock.monotonic().saturating_add(self.period);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the machine's wall clock"
)]
fn machine_now() -> Timestamp {
    // A time before 1970 counts as 1970, because ids and due times are derived from it and must not be negative.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    fn is_over(sleeper: std::pin::Pin<&mut impl Future>) -> bool {
        matches!(
            sleeper.poll(&mut Context::from_waker(Waker::noop())),
            Poll::Ready(_)
        )
    }

    #[test]
    fn time_that_passes_moves_both_hands_and_setting_it_moves_one() {
        let manual = ManualClock::at(START);
        let clock = Clock::from(&manual);
        manual.advance(Duration::from_millis(1500));
        assert_eq!(clock.now(), START.plus_millis(1500));
        assert_eq!(clock.monotonic(), Duration::from_millis(1500));
        manual.set(START.minus_seconds(60));
        assert_eq!(clock.now(), START.minus_seconds(60));
        assert_eq!(clock.monotonic(), Duration::from_millis(1500));
    }

    #[test]
    fn who_waits_for_a_time_of_day_wakes_when_the_wall_clock_is_set_to_it() {
        let manual = ManualClock::at(START);
        let clock = Clock::from(&manual);
        let mut sleeper = pin!(clock.sleep_until(START.plus_seconds(30)));
        manual.advance_seconds(29);
        assert!(!is_over(sleeper.as_mut()));
        manual.set(START.plus_seconds(30));
        assert!(is_over(sleeper.as_mut()));
    }

    #[test]
    fn who_waits_for_a_while_does_not_wake_because_the_wall_clock_is_set() {
        let manual = ManualClock::at(START);
        let clock = Clock::from(&manual);
        let mut sleeper = pin!(clock.sleep(Duration::from_secs(30)));
        manual.set(START.plus_seconds(3600));
        assert!(!is_over(sleeper.as_mut()));
        manual.advance_seconds(30);
        assert!(is_over(sleeper.as_mut()));
    }

    #[test]
    fn a_while_is_counted_from_the_call_and_not_from_the_first_poll() {
        let manual = ManualClock::at(START);
        let mut sleeper = pin!(Clock::from(&manual).sleep(Duration::from_secs(30)));
        manual.advance_seconds(30);
        assert!(is_over(sleeper.as_mut()));
    }

    #[test]
    fn missed_ticks_come_once() {
        let manual = ManualClock::at(START);
        let mut ticks = Clock::from(&manual).every(Duration::from_secs(60));
        assert!(!is_over(pin!(ticks.tick())));
        manual.advance_seconds(600);
        assert!(is_over(pin!(ticks.tick())));
        assert!(!is_over(pin!(ticks.tick())));
        manual.advance_seconds(60);
        assert!(is_over(pin!(ticks.tick())));
    }

    #[tokio::test]
    async fn the_machine_waits_no_less_than_it_was_told() {
        let clock = Clock::machine();
        let (began, until) = (clock.monotonic(), clock.now().plus_millis(5));
        clock.sleep_until(until).await;
        assert!(clock.now() >= until);
        clock.sleep(Duration::from_millis(5)).await;
        assert!(clock.monotonic() >= began + Duration::from_millis(5));
    }
}

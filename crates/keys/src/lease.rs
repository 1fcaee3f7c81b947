//! How several nodes on one database make sure that a deleted key is rejected by all of them.
//!
//! One row numbers all changes, and every change locks it. A node may serve only under a lease of three seconds. The
//! database grants a lease under a lock on the same row, and only to a node that has applied the latest number. So
//! once a deletion is committed, a node that has not applied it cannot get a new lease; any lease it still has was
//! granted earlier. The deleting node responds when every other node has applied the number or has lost its lease,
//! and at the latest one lease after the commit.
//!
//! A node counts its lease from before its request; the database counts from its response. So a node never serves
//! longer than the others wait for it. The monotonic clock stops while a machine is suspended, so the lease is also
//! checked against the wall clock and ends on whichever clock says so first.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use clock::Clock;

/// How long a node may serve without hearing from the database.
pub const LEASE: Duration = Duration::from_secs(3);

/// Clocks of different machines run at slightly different speeds, so others wait this much longer than a node serves.
pub(crate) const MARGIN: Duration = Duration::from_millis(50);

/// Whether this node may serve.
#[derive(Debug)]
pub(crate) enum Lease {
    /// No other node serves from this database.
    NotNeeded,
    /// The end of the lease on both clocks, in milliseconds.
    Until { monotonic: AtomicU64, wall: AtomicI64 },
}

/// A moment before the database was asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    monotonic: Duration,
    wall: i64,
}

impl Lease {
    pub(crate) const fn not_needed() -> Self {
        Self::NotNeeded
    }

    /// No lease yet.
    pub(crate) const fn none() -> Self {
        Self::Until {
            monotonic: AtomicU64::new(0),
            wall: AtomicI64::new(i64::MIN),
        }
    }

    pub(crate) fn holds(&self, clock: &Clock) -> bool {
        match self {
            Self::NotNeeded => true,
            Self::Until { monotonic, wall } => {
                millis(clock.monotonic()) < monotonic.load(Ordering::Acquire)
                    && clock.now().as_millis() < wall.load(Ordering::Acquire)
            }
        }
    }

    /// Must be called before the database is asked for a renewal.
    pub(crate) fn ask(clock: &Clock) -> Asked {
        Asked {
            monotonic: clock.monotonic(),
            wall: clock.now().as_millis(),
        }
    }

    /// The database granted `lease`.
    pub(crate) fn granted(&self, asked: Asked, lease: Duration) {
        if let Self::Until { monotonic, wall } = self {
            wall.store(
                asked.wall.saturating_add_unsigned(millis(lease)),
                Ordering::Release,
            );
            monotonic.store(millis(asked.monotonic + lease), Ordering::Release);
        }
    }

    /// The node stops serving.
    pub(crate) fn give_up(&self) {
        if let Self::Until { monotonic, wall } = self {
            monotonic.store(0, Ordering::Release);
            wall.store(i64::MIN, Ordering::Release);
        }
    }

    /// Whether a third of the lease is over. Renewing then leaves time for two more tries.
    pub(crate) fn is_due(&self, clock: &Clock, lease: Duration) -> bool {
        match self {
            Self::NotNeeded => false,
            Self::Until { monotonic, .. } => {
                millis(clock.monotonic() + lease * 2 / 3) >= monotonic.load(Ordering::Acquire)
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::ManualClock;
    use model::Timestamp;

    const START: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    fn clock() -> (Clock, ManualClock) {
        let manual = ManualClock::at(START);
        (Clock::from(&manual), manual)
    }

    #[test]
    fn a_node_without_a_lease_does_not_serve() {
        let (clock, _) = clock();
        assert!(!Lease::none().holds(&clock));
        assert!(Lease::none().is_due(&clock, LEASE));
        assert!(Lease::not_needed().holds(&clock));
    }

    #[test]
    fn a_lease_is_counted_from_before_it_was_asked_for() {
        let (clock, manual) = clock();
        let lease = Lease::none();
        let asked = Lease::ask(&clock);
        manual.advance(Duration::from_millis(800));
        lease.granted(asked, LEASE);
        assert!(lease.holds(&clock));
        manual.advance(Duration::from_millis(2199));
        assert!(lease.holds(&clock));
        manual.advance(Duration::from_millis(1));
        assert!(!lease.holds(&clock));
    }

    #[test]
    fn a_lease_is_renewed_after_a_third_of_it() {
        let (clock, manual) = clock();
        let lease = Lease::none();
        lease.granted(Lease::ask(&clock), LEASE);
        manual.advance(Duration::from_millis(999));
        assert!(!lease.is_due(&clock, LEASE));
        manual.advance(Duration::from_millis(1));
        assert!(lease.is_due(&clock, LEASE));
    }

    #[test]
    fn a_machine_that_was_suspended_does_not_continue_serving() {
        let (clock, manual) = clock();
        let lease = Lease::none();
        lease.granted(Lease::ask(&clock), LEASE);
        manual.set(START.plus_seconds(600));
        assert!(!lease.holds(&clock));
    }

    #[test]
    fn a_lease_that_was_given_up_is_gone() {
        let (clock, _) = clock();
        let lease = Lease::none();
        lease.granted(Lease::ask(&clock), LEASE);
        lease.give_up();
        assert!(!lease.holds(&clock));
    }
}

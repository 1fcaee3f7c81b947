//! How many attempts a webhook with a rate limit may begin now. The limit is a bucket that holds one second's attempts, and
//! its whole state is one instant: up to when the attempts are used up.

use model::Timestamp;

/// One second, which the bucket holds, in microseconds.
const BUCKET: i64 = 1_000_000;
/// An instant further ahead of the clock than this is left over from before the clock was set back.
const AHEAD: i64 = 5_000_000;
/// Attempts are handed out in portions of a twentieth of a second, so that a high limit does not ask the database for each.
const PORTIONS: u32 = 20;

/// What a webhook may begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many attempts.
    pub allowed: u32,
    rate: u32,
    used_to: i64,
}

impl Pace {
    /// For a limit of `rate` attempts a second, at least 1. `used_to` is what [`Pace::used`] returned before, in microseconds since
    /// 1970, or 0.
    pub fn at(now: Timestamp, rate: u32, used_to: i64) -> Self {
        let (rate, now) = (rate.max(1), now.as_millis() * 1000);
        let used_to = if used_to > now + AHEAD {
            now
        } else {
            used_to.max(now - BUCKET)
        };
        let allowed = (now - used_to).max(0) * i64::from(rate) / BUCKET;
        Self {
            allowed: u32::try_from(allowed).unwrap_or(u32::MAX),
            rate,
            used_to,
        }
    }

    /// Up to when the attempts are used up once this number has begun.
    pub fn used(self, attempts: u32) -> i64 {
        self.used_to + self.lasts(attempts)
    }

    /// When there is a portion again after this number has begun.
    pub fn again_at(self, attempts: u32) -> Timestamp {
        let portion = (self.rate / PORTIONS).max(1);
        let at = self.used(attempts) + self.lasts(portion);
        Timestamp::from_millis((at + 999) / 1000)
    }

    fn lasts(self, attempts: u32) -> i64 {
        let (attempts, rate) = (i64::from(attempts), i64::from(self.rate));
        (attempts * BUCKET + rate - 1) / rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_607_200_000);

    #[test]
    fn a_rested_webhook_has_one_seconds_attempts_and_then_its_rate() {
        for rate in [1, 3, 7, 50, 700, 1000] {
            let first = Pace::at(NOW, rate, 0);
            assert_eq!(first.allowed, rate, "at rest");
            let (mut used_to, mut begun, mut now) = (first.used(rate), rate, first.again_at(rate));
            let end = NOW.plus_seconds(10);
            while now < end {
                let pace = Pace::at(now, rate, used_to);
                assert!(pace.allowed >= 1, "{rate}: woken for nothing");
                begun += pace.allowed;
                used_to = pace.used(pace.allowed);
                now = pace.again_at(pace.allowed);
            }
            let most = rate * 11;
            assert!(
                begun <= most && begun >= most - most / 50 - 1,
                "{rate}: {begun} of {most}"
            );
        }
    }

    #[test]
    fn what_was_not_begun_is_kept_for_one_second_only() {
        let pace = Pace::at(NOW, 10, 0);
        assert_eq!(Pace::at(NOW, 10, pace.used(4)).allowed, 6);
        assert_eq!(Pace::at(NOW.plus_seconds(60), 10, pace.used(4)).allowed, 10);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_stop_deliveries_for_long() {
        let used_to = Pace::at(NOW, 10, 0).used(10);
        let hour_before = NOW.plus_seconds(-3600);
        let pace = Pace::at(hour_before, 10, used_to);
        assert_eq!(pace.allowed, 0);
        assert_eq!(pace.again_at(0), hour_before.plus_millis(100));
        // Another node's clock may be a little behind.
        let behind = Pace::at(NOW.plus_seconds(-2), 10, used_to);
        assert_eq!((behind.allowed, behind.used(0)), (0, used_to));
    }
}

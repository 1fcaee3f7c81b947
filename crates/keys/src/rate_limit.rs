//! A key's request budget: a token bucket of 300, refilled at 5 per second (contract section 2.3: 300 a minute, counted
//! per access secret). Gateway, `verify` and public API share one budget on each node.

use std::time::Duration;

use model::{KeyId, Timestamp};

use crate::sharded::Sharded;

/// One bucket per key. A bucket is stored as the moment when it will be full again. That says as much as a count and a
/// time, and cannot contradict itself.
#[derive(Debug)]
pub struct RateLimit {
    budget: Option<Budget>,
    /// In microseconds since 1970.
    full_again: Sharded<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Budget {
    /// Microseconds until one more request is allowed.
    interval: i64,
    /// Microseconds until an empty bucket is full.
    whole: i64,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::per_minute(300)
    }
}

impl RateLimit {
    /// Allows `requests` at once, refilled evenly over a minute. Zero allows none.
    pub fn per_minute(requests: u32) -> Self {
        let interval = 60_000_000 / i64::from(requests.max(1));
        let budget = Budget {
            interval,
            whole: interval * i64::from(requests),
        };
        Self {
            budget: Some(budget),
            full_again: Sharded::default(),
        }
    }

    /// No limit.
    pub fn off() -> Self {
        Self {
            budget: None,
            full_again: Sharded::default(),
        }
    }

    /// Takes one request from the key's bucket, or says how long to wait for the next.
    pub fn charge(&self, key: KeyId, now: Timestamp) -> Result<(), Duration> {
        let Some(budget) = self.budget else { return Ok(()) };
        let now = now.as_millis().saturating_mul(1000);
        let mut buckets = self.full_again.of(key);
        let full_again = buckets.entry(key).or_insert(now);
        // Never beyond empty: a clock that was set back must not lock the key out for longer than a minute.
        let before = (*full_again).clamp(now, now + budget.whole);
        let after = before + budget.interval;
        if after - now > budget.whole {
            *full_again = before;
            let wait = after - now - budget.whole;
            return Err(Duration::from_micros(wait.unsigned_abs()));
        }
        *full_again = after;
        Ok(())
    }

    /// Drops full buckets, which carry no information.
    pub(crate) fn forget_full(&self, now: Timestamp) {
        let now = now.as_millis().saturating_mul(1000);
        for mut part in self.full_again.parts() {
            part.retain(|_, full_again| *full_again > now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    fn key(number: u8) -> KeyId {
        KeyId::from_random([number; 16])
    }

    fn allowed(limit: &RateLimit, tries: usize, now: Timestamp) -> usize {
        (0..tries).filter(|_| limit.charge(key(1), now).is_ok()).count()
    }

    #[test]
    fn three_hundred_pass_at_once_and_five_a_second_afterwards() {
        let limit = RateLimit::default();
        assert_eq!(allowed(&limit, 400, START), 300);
        assert_eq!(limit.charge(key(1), START), Err(Duration::from_millis(200)));
        assert_eq!(allowed(&limit, 400, START.plus_seconds(1)), 5);
        assert_eq!(allowed(&limit, 400, START.plus_seconds(61)), 300);
        assert_eq!(allowed(&limit, 400, START.plus_seconds(3600)), 300);
    }

    #[test]
    fn waiting_as_long_as_told_is_enough_and_less_is_not() {
        let limit = RateLimit::per_minute(60);
        assert_eq!(allowed(&limit, 100, START), 60);
        let Err(wait) = limit.charge(key(1), START) else {
            panic!("the bucket is empty")
        };
        let then = START.plus_millis(i64::try_from(wait.as_millis()).expect("a short wait"));
        assert!(limit.charge(key(1), then.plus_millis(-1)).is_err());
        assert_eq!(limit.charge(key(1), then), Ok(()));
    }

    #[test]
    fn each_key_has_its_own_budget() {
        let limit = RateLimit::per_minute(1);
        assert_eq!(limit.charge(key(1), START), Ok(()));
        assert!(limit.charge(key(1), START).is_err());
        assert_eq!(limit.charge(key(2), START), Ok(()));
    }

    #[test]
    fn without_a_limit_every_request_passes() {
        assert_eq!(allowed(&RateLimit::off(), 10_000, START), 10_000);
    }

    #[test]
    fn a_clock_set_back_locks_no_key_out_for_longer_than_a_minute() {
        let limit = RateLimit::default();
        assert_eq!(allowed(&limit, 300, START), 300);
        let back = START.minus_seconds(86_400);
        assert_eq!(allowed(&limit, 1, back), 0);
        assert_eq!(allowed(&limit, 400, back.plus_seconds(60)), 300);
    }

    #[test]
    fn full_buckets_are_forgotten_and_others_are_not() {
        let limit = RateLimit::per_minute(60);
        assert_eq!(allowed(&limit, 60, START), 60);
        limit.forget_full(START.plus_seconds(59));
        assert_eq!(allowed(&limit, 60, START.plus_seconds(59)), 59);
        limit.forget_full(START.plus_seconds(3600));
        assert_eq!(limit.full_again.parts().map(|part| part.len()).sum::<usize>(), 0);
    }
}

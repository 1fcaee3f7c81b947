//! A key's request budget: a token bucket of 300, refilled at 5 per second (contract section 2.3: 300 a minute, counted
//! per access secret). Gateway, `verify` and public API share one budget on each node. A key may have fewer requests a minute
//! of its own, in a bucket beside the other: a request takes from both, or from neither.

use std::time::Duration;

use model::{KeyId, Timestamp};

use crate::sharded::Sharded;

/// The buckets of each key.
#[derive(Debug)]
pub struct RateLimit {
    budget: Option<Budget>,
    buckets: Sharded<Buckets>,
}

/// Two buckets: the installation's and the key's own. A bucket is stored as the moment when it will be full again, in
/// microseconds since 1970. That says as much as a count and a time, and cannot contradict itself.
#[derive(Clone, Copy, Debug)]
struct Buckets {
    full_again: i64,
    own_full_again: i64,
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

impl Budget {
    fn per_minute(requests: u32) -> Self {
        let interval = 60_000_000 / i64::from(requests.max(1));
        Self {
            interval,
            whole: interval * i64::from(requests),
        }
    }

    /// When the bucket will be full again after one more request, or how many microseconds to wait for the next. `bucket` is
    /// never beyond empty afterwards: a clock that was set back must not lock the key out for longer than a minute.
    fn after_one_more(self, bucket: &mut i64, now: i64) -> Result<i64, i64> {
        *bucket = (*bucket).clamp(now, now + self.whole);
        let after = *bucket + self.interval;
        if after - now > self.whole {
            Err(after - now - self.whole)
        } else {
            Ok(after)
        }
    }
}

impl RateLimit {
    /// Allows `requests` at once, refilled evenly over a minute. Zero allows none.
    pub fn per_minute(requests: u32) -> Self {
        Self {
            budget: Some(Budget::per_minute(requests)),
            buckets: Sharded::default(),
        }
    }

    /// No limit.
    pub fn off() -> Self {
        Self {
            budget: None,
            buckets: Sharded::default(),
        }
    }

    /// Takes one request from the key's buckets, or says how long to wait for the next. `own` is the key's own limit.
    pub fn charge(&self, key: KeyId, own: Option<u32>, now: Timestamp) -> Result<(), Duration> {
        if self.budget.is_none() && own.is_none() {
            return Ok(());
        }
        let now = now.as_millis().saturating_mul(1000);
        let mut all = self.buckets.of(key);
        let buckets = all.entry(key).or_insert(Buckets {
            full_again: now,
            own_full_again: now,
        });
        let after = match self.budget {
            Some(budget) => budget.after_one_more(&mut buckets.full_again, now),
            None => Ok(now),
        };
        let own_after = match own {
            Some(own) => Budget::per_minute(own).after_one_more(&mut buckets.own_full_again, now),
            None => Ok(buckets.own_full_again),
        };
        match (after, own_after) {
            (Ok(full_again), Ok(own_full_again)) => {
                *buckets = Buckets {
                    full_again,
                    own_full_again,
                };
                Ok(())
            }
            (after, own_after) => {
                let wait = after.err().max(own_after.err()).unwrap_or_default();
                Err(Duration::from_micros(wait.unsigned_abs()))
            }
        }
    }

    /// Drops full buckets, which carry no information.
    pub(crate) fn forget_full(&self, now: Timestamp) {
        let now = now.as_millis().saturating_mul(1000);
        for mut part in self.buckets.parts() {
            part.retain(|_, buckets| buckets.full_again.max(buckets.own_full_again) > now);
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
        (0..tries)
            .filter(|_| limit.charge(key(1), None, now).is_ok())
            .count()
    }

    #[test]
    fn three_hundred_pass_at_once_and_five_a_second_afterwards() {
        let limit = RateLimit::default();
        assert_eq!(allowed(&limit, 400, START), 300);
        assert_eq!(limit.charge(key(1), None, START), Err(Duration::from_millis(200)));
        assert_eq!(allowed(&limit, 400, START.plus_seconds(1)), 5);
        assert_eq!(allowed(&limit, 400, START.plus_seconds(61)), 300);
        assert_eq!(allowed(&limit, 400, START.plus_seconds(3600)), 300);
    }

    #[test]
    fn waiting_as_long_as_told_is_enough_and_less_is_not() {
        let limit = RateLimit::per_minute(60);
        assert_eq!(allowed(&limit, 100, START), 60);
        let Err(wait) = limit.charge(key(1), None, START) else {
            panic!("the bucket is empty")
        };
        let then = START.plus_millis(i64::try_from(wait.as_millis()).expect("a short wait"));
        assert!(limit.charge(key(1), None, then.plus_millis(-1)).is_err());
        assert_eq!(limit.charge(key(1), None, then), Ok(()));
    }

    #[test]
    fn a_request_takes_from_both_buckets_or_from_neither() {
        let limit = RateLimit::per_minute(10);
        let own = |count: usize, own: u32| {
            (0..count)
                .filter(|_| limit.charge(key(1), Some(own), START).is_ok())
                .count()
        };
        assert_eq!(own(20, 4), 4);
        // The refused ones took nothing from the installation's.
        assert_eq!(allowed(&limit, 20, START), 6);
        assert_eq!(limit.charge(key(1), Some(4), START), Err(Duration::from_secs(15)));
        assert_eq!(limit.charge(key(1), None, START), Err(Duration::from_secs(6)));
        let unlimited = RateLimit::off();
        assert_eq!(unlimited.charge(key(1), Some(1), START), Ok(()));
        assert_eq!(
            unlimited.charge(key(1), Some(1), START),
            Err(Duration::from_secs(60))
        );
        assert_eq!(unlimited.charge(key(1), None, START), Ok(()));
    }

    #[test]
    fn each_key_has_its_own_budget() {
        let limit = RateLimit::per_minute(1);
        assert_eq!(limit.charge(key(1), None, START), Ok(()));
        assert!(limit.charge(key(1), None, START).is_err());
        assert_eq!(limit.charge(key(2), None, START), Ok(()));
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
        assert_eq!(limit.buckets.parts().map(|part| part.len()).sum::<usize>(), 0);
    }
}

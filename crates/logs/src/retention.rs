//! How long the log is kept: the limits of the installation, and the shorter one that a company may have. The store
//! removes by the first; [`crate::Reading`] hides by both, so a late removal shows nothing that should be gone.

use model::{Kept, KeptBecause, Timestamp};

const DAY: i64 = 86_400_000;

/// The limits of an installation. `None` is no limit. Days are whole days of UTC: what is kept for a day stays at least 24
/// hours and less than 48.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How many days requests are kept.
    pub log_days: Option<u16>,
    /// How many days their headers and bodies are kept. Never more than `log_days`.
    pub body_days: Option<u16>,
    /// How many bytes closed segments may have, rows and bodies together. Beyond it, the oldest are removed.
    pub log_bytes: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            log_days: Some(30),
            body_days: Some(7),
            log_bytes: None,
        }
    }
}

impl Retention {
    /// Nothing is ever removed.
    pub const UNLIMITED: Self = Self {
        log_days: None,
        body_days: None,
        log_bytes: None,
    };

    /// The first UTC day, counted from 1970, whose requests are kept.
    pub fn first_day(&self, now: Timestamp) -> Option<i64> {
        self.log_days.map(|days| first_day(days, now))
    }

    /// The first UTC day, counted from 1970, whose headers and bodies are kept.
    pub fn first_day_of_bodies(&self, now: Timestamp) -> Option<i64> {
        self.body_days.map(|days| first_day(days, now))
    }

    /// How far back a company can read, where `own_days` is its own limit.
    pub fn kept(&self, own_days: Option<u16>, now: Timestamp) -> Option<Kept> {
        let days = [self.log_days, own_days].into_iter().flatten().min()?;
        Some(Kept {
            since: begin_of(first_day(days, now)),
            because: KeptBecause::Days(days),
        })
    }

    /// Headers and bodies of requests before this moment are no longer kept.
    pub fn bodies_since(&self, now: Timestamp) -> Option<Timestamp> {
        self.first_day_of_bodies(now).map(begin_of)
    }
}

fn first_day(days: u16, now: Timestamp) -> i64 {
    now.as_millis().div_euclid(DAY) - i64::from(days)
}

const fn begin_of(day: i64) -> Timestamp {
    Timestamp::from_millis(day.saturating_mul(DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn since(retention: &Retention, own_days: Option<u16>, now: &str) -> Option<(String, KeptBecause)> {
        let kept = retention.kept(own_days, at(now))?;
        Some((kept.since.to_rfc3339(), kept.because))
    }

    #[test]
    fn a_request_is_kept_for_whole_days_and_the_begun_one() {
        let two = Retention {
            log_days: Some(2),
            ..Retention::default()
        };
        let begin = Some(("2026-11-24T00:00:00.000Z".to_owned(), KeptBecause::Days(2)));
        for now in ["2026-11-26T00:00:00Z", "2026-11-26T23:59:59.999Z"] {
            assert_eq!(since(&two, None, now), begin, "{now}");
        }
        assert_eq!(two.first_day(at("1970-01-03T10:00:00Z")), Some(0));
    }

    #[test]
    fn the_shorter_of_both_limits_decides() {
        let now = "2026-11-26T12:00:00Z";
        let days = |retention: &Retention, own_days| {
            since(retention, own_days, now).map(|(_, because)| match because {
                KeptBecause::Days(days) => days,
                other => panic!("{other:?}"),
            })
        };
        let limited = Retention::default();
        let unlimited = Retention {
            log_days: None,
            ..limited
        };
        for (retention, own_days, expected) in [
            (&limited, None, Some(30)),
            (&limited, Some(3), Some(3)),
            (&limited, Some(300), Some(30)),
            (&unlimited, Some(300), Some(300)),
            (&unlimited, None, None),
        ] {
            assert_eq!(days(retention, own_days), expected, "{retention:?} {own_days:?}");
        }
    }
}

//! Stores at most ten refused requests a second and a thousand an hour for each company, because anyone who knows a
//! client id can send them. Without the hourly limit, ten rows a second could be written forever.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use model::{CompanyId, Timestamp};

/// Per company and second: rows in which no key was recognised.
pub(crate) const UNRECOGNISED_PER_SECOND: u32 = 10;
/// Per company and hour: rows in which no key was recognised.
pub(crate) const UNRECOGNISED_PER_HOUR: u32 = 1_000;
/// When this many companies are remembered, those without requests in the current hour are forgotten.
const SWEEP_AT: usize = 4_096;

/// Counts each company's unrecognised requests in the current second and hour.
#[derive(Debug, Default)]
pub(crate) struct Suppression {
    companies: Mutex<Companies>,
}

#[derive(Debug, Default)]
struct Companies {
    counts: HashMap<CompanyId, Counts>,
    /// The hour of the last sweep.
    swept: i64,
}

#[derive(Debug, Default)]
struct Counts {
    second: Window,
    hour: Window,
}

/// What was stored in one period.
#[derive(Debug, Default)]
struct Window {
    number: i64,
    stored: u32,
}

impl Window {
    /// Requests are recorded when they end, so an older one may arrive later. It counts in the newer period.
    fn at(&mut self, number: i64) -> &mut Self {
        if number > self.number {
            *self = Self { number, stored: 0 };
        }
        self
    }
}

impl Suppression {
    /// Whether this request may be stored. Unknown client ids never get here, so the number of companies limits the
    /// memory.
    pub(crate) fn admits(&self, company: CompanyId, at: Timestamp) -> bool {
        let (second, hour) = (
            at.as_millis().div_euclid(1000),
            at.as_millis().div_euclid(3_600_000),
        );
        let mut companies = self.companies.lock().unwrap_or_else(PoisonError::into_inner);
        if companies.counts.len() >= SWEEP_AT && companies.swept < hour {
            companies.swept = hour;
            companies.counts.retain(|_, counts| counts.hour.number >= hour);
        }
        let counts = companies.counts.entry(company).or_default();
        let second = counts.second.at(second);
        let hour = counts.hour.at(hour);
        let admitted = second.stored < UNRECOGNISED_PER_SECOND && hour.stored < UNRECOGNISED_PER_HOUR;
        if admitted {
            second.stored += 1;
            hour.stored += 1;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn company(number: u32) -> CompanyId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        CompanyId::from_random(bytes)
    }

    #[test]
    fn ten_requests_a_second_are_admitted_for_each_company() {
        let suppression = Suppression::default();
        let (ours, theirs) = (company(1), company(2));
        let at = Timestamp::from_millis(5_000);
        let admitted = (0..25).filter(|_| suppression.admits(ours, at)).count();
        assert_eq!(admitted, 10);
        assert!(suppression.admits(theirs, at), "another company has its own ten");
        assert!(
            suppression.admits(ours, at.plus_seconds(1)),
            "the next second has its own ten"
        );
    }

    #[test]
    fn a_thousand_requests_an_hour_are_admitted_for_each_company() {
        let suppression = Suppression::default();
        let (ours, theirs) = (company(1), company(2));
        let begin = Timestamp::from_millis(7_200_000);
        let admitted = |second: i64| {
            (0..20)
                .filter(|_| suppression.admits(ours, begin.plus_seconds(second)))
                .count()
        };
        assert_eq!((0..3600).map(admitted).sum::<usize>(), 1_000);
        assert!(
            suppression.admits(theirs, begin.plus_seconds(3599)),
            "another company has its own"
        );
        assert_eq!(admitted(3600), 10, "the next hour has its own");
    }

    #[test]
    fn companies_without_requests_in_the_current_hour_are_forgotten() {
        let suppression = Suppression::default();
        let at = |hours: i64| Timestamp::from_millis(hours * 3_600_000);
        let many = u32::try_from(SWEEP_AT).expect("fits");
        assert!((0..many).all(|number| suppression.admits(company(number), at(1))));
        assert!(suppression.admits(company(many), at(2)));
        assert_eq!(
            suppression.companies.lock().expect("not poisoned").counts.len(),
            1
        );
    }
}

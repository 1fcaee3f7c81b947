//! At most ten refused requests a second and company are stored, because anybody who knows a client id can send them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use model::{CompanyId, Timestamp};

/// Rows per second and company in which no key was recognised.
pub(crate) const UNRECOGNISED_PER_SECOND: u32 = 10;

/// Counts the unrecognised requests of each company within the present second.
#[derive(Debug, Default)]
pub(crate) struct Suppression {
    seconds: Mutex<HashMap<CompanyId, Second>>,
}

#[derive(Debug)]
struct Second {
    number: i64,
    stored: u32,
}

impl Suppression {
    /// Whether this one may be stored. The number of companies bounds the memory: unknown client ids never come here.
    pub(crate) fn admits(&self, company: CompanyId, at: Timestamp) -> bool {
        let number = at.as_millis().div_euclid(1000);
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let second = seconds.entry(company).or_insert(Second { number, stored: 0 });
        // Requests are recorded when they end, so an older one may come later; it counts in the newer second.
        if number > second.number {
            *second = Second { number, stored: 0 };
        }
        let admitted = second.stored < UNRECOGNISED_PER_SECOND;
        if admitted {
            second.stored += 1;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_a_second_and_company_are_admitted() {
        let suppression = Suppression::default();
        let (ours, theirs) = (CompanyId::from_random([1; 16]), CompanyId::from_random([2; 16]));
        let at = Timestamp::from_millis(5_000);
        let admitted = (0..25).filter(|_| suppression.admits(ours, at)).count();
        assert_eq!(admitted, 10);
        assert!(suppression.admits(theirs, at), "another company has its own ten");
        assert!(
            suppression.admits(ours, at.plus_seconds(1)),
            "the next second has its own ten"
        );
    }
}

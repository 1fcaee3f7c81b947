//! Slows down guessing by counting wrong passwords per account and per address, in memory, on each node. A browser that
//! has signed in to the account before has its own budget, so that a guessing stranger cannot lock the owner out.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use model::Timestamp;
use shares::Network;
use vault::BrowserId;

use crate::Email;

/// Wrong passwords for one account before it has to wait.
const FREE_PER_ACCOUNT: u32 = 5;
/// Wrong passwords from one address. More, because several people may share it.
const FREE_PER_ADDRESS: u32 = 20;
/// The first wait. It doubles with each further wrong password.
const FIRST_WAIT_SECONDS: i64 = 15;
const LONGEST_WAIT_SECONDS: i64 = 900;
/// A count is forgotten this long after its last wrong password.
const FORGET_AFTER_SECONDS: i64 = 3600;
/// The size limit of each table. The oldest entries are removed first.
const MAX_ENTRIES: usize = 10_000;

/// Who has to wait, and how long.
#[derive(Debug, Default)]
pub struct Throttle {
    tables: Mutex<Tables>,
}

/// Strangers cannot fill the third table: its keys are signed, and each is valid for one account.
#[derive(Debug, Default)]
struct Tables {
    accounts: HashMap<Email, Failures>,
    addresses: HashMap<Network, Failures>,
    browsers: HashMap<BrowserId, Failures>,
}

/// One sign-in attempt for one account.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    pub account: &'a Email,
    pub address: IpAddr,
    /// A browser that has signed in to this account before. If set, only its own budget counts.
    pub browser: Option<BrowserId>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Failures {
    /// Seconds left to wait at `now`; zero if none.
    fn wait(self, free: u32, now: Timestamp) -> i64 {
        if self.count < free {
            return 0;
        }
        let doubled = FIRST_WAIT_SECONDS << (self.count - free).min(10);
        let until = self.last.plus_seconds(doubled.min(LONGEST_WAIT_SECONDS));
        // Rounded up, so that a client that waits exactly this long gets through.
        (until.millis_since(now).max(0) + 999) / 1000
    }

    fn is_forgotten(self, now: Timestamp) -> bool {
        now.millis_since(self.last) >= FORGET_AFTER_SECONDS * 1000
    }
}

impl Throttle {
    /// Seconds to wait before this attempt, or `None` if it may go ahead.
    pub fn wait(&self, attempt: Attempt<'_>, now: Timestamp) -> Option<u32> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |failures: Option<&Failures>, free| {
            failures
                .filter(|failures| !failures.is_forgotten(now))
                .map_or(0, |failures| failures.wait(free, now))
        };
        let seconds = match attempt.browser {
            Some(browser) => left(tables.browsers.get(&browser), FREE_PER_ACCOUNT),
            None => {
                let account = left(tables.accounts.get(attempt.account), FREE_PER_ACCOUNT);
                account.max(left(
                    tables.addresses.get(&Network::of(attempt.address)),
                    FREE_PER_ADDRESS,
                ))
            }
        };
        u32::try_from(seconds).ok().filter(|seconds| *seconds > 0)
    }

    /// Counts a wrong password. Called before the check, so that parallel attempts do not all count as the first.
    /// [`Self::succeeded`] and [`Self::not_tried`] undo it.
    pub fn failed(&self, attempt: Attempt<'_>, now: Timestamp) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        match attempt.browser {
            Some(browser) => count(&mut tables.browsers, browser, now),
            None => {
                count(&mut tables.accounts, attempt.account.clone(), now);
                count(&mut tables.addresses, Network::of(attempt.address), now);
            }
        }
    }

    /// The password was not checked, for a reason on our side. The attempt does not count.
    pub fn not_tried(&self, attempt: Attempt<'_>) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        match attempt.browser {
            Some(browser) => take_back(tables.browsers.get_mut(&browser)),
            None => {
                take_back(tables.accounts.get_mut(attempt.account));
                take_back(tables.addresses.get_mut(&Network::of(attempt.address)));
            }
        }
    }

    /// The password was right. Resets the budget, and undoes the count for the address. A known browser's success does
    /// not reset what strangers have used up: otherwise every visit of the owner would give them more guesses.
    pub fn succeeded(&self, attempt: Attempt<'_>) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        match attempt.browser {
            Some(browser) => {
                tables.browsers.remove(&browser);
            }
            None => {
                tables.accounts.remove(attempt.account);
                take_back(tables.addresses.get_mut(&Network::of(attempt.address)));
            }
        }
    }

    /// The account has a new password, so earlier attempts no longer count.
    pub fn forget(&self, account: &Email) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.accounts.remove(account);
    }
}

fn take_back(failures: Option<&mut Failures>) {
    if let Some(failures) = failures {
        failures.count = failures.count.saturating_sub(1);
    }
}

fn count<K: Hash + Eq + Clone>(table: &mut HashMap<K, Failures>, key: K, now: Timestamp) {
    if table.len() >= MAX_ENTRIES && !table.contains_key(&key) {
        table.retain(|_, failures| !failures.is_forgotten(now));
        let oldest = table
            .iter()
            .min_by_key(|(_, failures)| failures.last)
            .map(|(key, _)| key.clone());
        if let Some(oldest) = oldest.filter(|_| table.len() >= MAX_ENTRIES) {
            table.remove(&oldest);
        }
    }
    let failures = table.entry(key).or_insert(Failures { count: 0, last: now });
    if failures.is_forgotten(now) {
        failures.count = 0;
    }
    failures.count = failures.count.saturating_add(1);
    failures.last = now;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Email {
        text.parse().expect("an address")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn stranger(account: &Email, address: IpAddr) -> Attempt<'_> {
        Attempt {
            account,
            address,
            browser: None,
        }
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn an_attempt_that_was_not_checked_does_not_count() {
        let (throttle, account) = (Throttle::default(), email("ana@example.com"));
        let address = IpAddr::from([192, 0, 2, 1]);
        let now = Timestamp::from_millis(0);
        for _ in 0..50 {
            throttle.failed(stranger(&account, address), now);
            throttle.not_tried(stranger(&account, address));
        }
        assert_eq!(throttle.wait(stranger(&account, address), now), None);
    }

    #[test]
    fn the_sixth_try_waits_and_the_wait_doubles() {
        let (throttle, ana) = (Throttle::default(), email("ana@example.com"));
        for second in 0..5 {
            assert_eq!(throttle.wait(stranger(&ana, HERE), at(second)), None);
            throttle.failed(stranger(&ana, HERE), at(second));
        }
        assert_eq!(throttle.wait(stranger(&ana, HERE), at(4)), Some(15));
        assert_eq!(throttle.wait(stranger(&ana, HERE), at(19)), None);
        throttle.failed(stranger(&ana, HERE), at(19));
        assert_eq!(throttle.wait(stranger(&ana, HERE), at(19)), Some(30));
        assert_eq!(
            throttle.wait(stranger(&email("bo@example.com"), HERE), at(19)),
            None,
            "others are not affected"
        );
    }

    #[test]
    fn a_stranger_cannot_lock_a_known_browser_out() {
        let (throttle, ana) = (Throttle::default(), email("ana@example.com"));
        let known = Attempt {
            account: &ana,
            address: HERE,
            browser: Some(BrowserId::generate()),
        };
        for second in 0..200 {
            throttle.failed(stranger(&ana, HERE), at(second));
        }
        assert!(throttle.wait(stranger(&ana, HERE), at(200)).is_some());
        assert_eq!(throttle.wait(known, at(200)), None, "even from the same address");

        for _ in 0..5 {
            throttle.failed(known, at(200));
        }
        assert_eq!(
            throttle.wait(known, at(200)),
            Some(15),
            "a stolen browser must not be able to guess forever"
        );
        let another = Attempt {
            browser: Some(BrowserId::generate()),
            ..known
        };
        assert_eq!(throttle.wait(another, at(200)), None);
        throttle.succeeded(another);
        assert!(throttle.wait(stranger(&ana, HERE), at(200)).is_some());
    }

    #[test]
    fn one_address_that_tries_many_accounts_waits_too() {
        let throttle = Throttle::default();
        for i in 0..20 {
            throttle.failed(stranger(&email(&format!("a{i}@example.com")), HERE), at(0));
        }
        assert!(
            throttle
                .wait(stranger(&email("new@example.com"), HERE), at(0))
                .is_some()
        );
        let elsewhere = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
        assert_eq!(
            throttle.wait(stranger(&email("new@example.com"), elsewhere), at(0)),
            None
        );
    }

    #[test]
    fn a_right_password_or_an_hour_resets_the_count() {
        let (throttle, ana) = (Throttle::default(), email("ana@example.com"));
        for _ in 0..8 {
            throttle.failed(stranger(&ana, HERE), at(0));
        }
        assert!(throttle.wait(stranger(&ana, HERE), at(1)).is_some());
        assert_eq!(throttle.wait(stranger(&ana, HERE), at(3600)), None);
        throttle.succeeded(stranger(&ana, HERE));
        assert_eq!(throttle.wait(stranger(&ana, HERE), at(1)), None);
    }

    #[test]
    fn the_tables_stay_small() {
        let throttle = Throttle::default();
        for i in 0..MAX_ENTRIES + 50 {
            throttle.failed(
                stranger(&email(&format!("a{i}@example.com")), HERE),
                at(i64::try_from(i).expect("fits")),
            );
        }
        assert!(throttle.tables.lock().expect("not poisoned").accounts.len() <= MAX_ENTRIES);
    }
}

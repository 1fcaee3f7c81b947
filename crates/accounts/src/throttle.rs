//! Slows down guessing: wrong passwords are counted per account and per address, in memory, on each node. A browser that
//! has signed in to the account before has a budget of its own, so that a stranger who guesses cannot lock its owner out.

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
/// From one address: people share addresses, so more.
const FREE_PER_ADDRESS: u32 = 20;
/// The first wait; it doubles with each further wrong password.
const FIRST_WAIT_SECONDS: i64 = 15;
const LONGEST_WAIT_SECONDS: i64 = 900;
/// So long after the last wrong password everything is forgotten.
const FORGET_AFTER_SECONDS: i64 = 3600;
/// Entries of each table; the oldest go first.
const MAX_ENTRIES: usize = 10_000;

/// Who has to wait, and how long.
#[derive(Debug, Default)]
pub struct Throttle {
    tables: Mutex<Tables>,
}

/// Strangers cannot reach the third table: its keys are signed, and each is good for one account.
#[derive(Debug, Default)]
struct Tables {
    accounts: HashMap<Email, Failures>,
    addresses: HashMap<Network, Failures>,
    browsers: HashMap<BrowserId, Failures>,
}

/// One try at one account.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    pub account: &'a Email,
    pub address: IpAddr,
    /// A browser that has signed in to this account before. Only its own budget counts then.
    pub browser: Option<BrowserId>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Failures {
    /// Seconds still to wait at `now`; zero when it may be tried.
    fn wait(self, free: u32, now: Timestamp) -> i64 {
        if self.count < free {
            return 0;
        }
        let doubled = FIRST_WAIT_SECONDS << (self.count - free).min(10);
        let until = self.last.plus_seconds(doubled.min(LONGEST_WAIT_SECONDS));
        // Rounded up: a client that waits exactly this long gets through.
        (until.millis_since(now).max(0) + 999) / 1000
    }

    fn is_forgotten(self, now: Timestamp) -> bool {
        now.millis_since(self.last) >= FORGET_AFTER_SECONDS * 1000
    }
}

impl Throttle {
    /// The seconds to wait before this may be tried; `None` when it may be tried now.
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

    /// A wrong password. Counted before the check is done, so that many tries at once do not all count as the first;
    /// [`Self::succeeded`] and [`Self::not_tried`] take it back.
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

    /// The password was not looked at, for a reason of ours: this try counts for nobody.
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

    /// A right password: its budget starts anew, and the address gets this try back. A known browser's success does not
    /// give strangers their tries back: its owner would refill them with every visit.
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

    /// The account has another password: what was tried before counts no longer.
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
    fn a_try_that_was_not_looked_at_counts_for_nobody() {
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
        assert_eq!(throttle.wait(known, at(200)), None, "from the very same address");

        for _ in 0..5 {
            throttle.failed(known, at(200));
        }
        assert_eq!(
            throttle.wait(known, at(200)),
            Some(15),
            "a stolen browser may not guess for ever"
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
    fn one_address_with_many_accounts_waits_too() {
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
    fn a_right_password_and_an_hour_both_forget() {
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
                at(i64::try_from(i).expect("small")),
            );
        }
        assert!(throttle.tables.lock().expect("whole").accounts.len() <= MAX_ENTRIES);
    }
}

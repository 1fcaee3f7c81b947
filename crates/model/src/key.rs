//! API keys as the page sees them: never with a secret, except in the results of generate, reveal and copy.

use serde::{Deserialize, Serialize};

use crate::{Environment, KeyId, KeyTerms, SecretText, Timestamp};

/// The most active keys a company may have in an environment (invariant 2).
pub const MAX_ACTIVE_KEYS: usize = 2;

/// One active key in the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySummary {
    pub id: KeyId,
    pub environment: Environment,
    pub created_at: Timestamp,
    pub created_by: String,
    /// The last four characters of the secret.
    pub last_four: String,
    pub last_used: Option<LastUsed>,
    pub terms: KeyTerms,
}

/// The latest request whose secret matched a key, whatever the response was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUsed {
    pub at: Timestamp,
    pub address: String,
}

/// One environment's part of the table: its keys that were not deleted, oldest first, at most two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyGroup {
    pub environment: Environment,
    pub keys: Vec<KeySummary>,
    /// Those of `keys` that have expired. They are refused, and each gives its slot to a new key.
    pub expired: Vec<KeyId>,
    /// If two keys are active.
    pub rotation: Option<RotationState>,
    /// Keys whose end the page warns about, the earliest first.
    pub ending: Vec<EndingKey>,
}

/// A key that ends soon, or that has expired and was the last of an environment with webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndingKey {
    pub key: KeyId,
    pub at: Timestamp,
    /// It is deleted then. Otherwise it expires.
    pub is_deletion: bool,
    /// It has expired already.
    pub has_expired: bool,
    /// Whether no key of the environment is accepted from then on.
    pub is_last: bool,
    /// If so: webhooks of the environment whose deliveries will be held, because nothing is left to sign with.
    pub webhooks_held: usize,
}

/// From how long before its end the page warns about a key.
const WARN_MILLIS: i64 = 30 * 24 * 3_600_000;

impl KeyGroup {
    /// Fills in `ending`. `webhooks` is the number of enabled webhooks of the environment.
    pub fn warn(&mut self, webhooks: usize, now: Timestamp) {
        // The moment, and whether it is a deletion. A key that has expired is refused already, whenever it is deleted.
        let end_of = |key: &KeySummary| {
            let expires = key.terms.expires_at.map(|at| (at, false));
            let deleted = key.terms.delete_at.map(|at| (at, true));
            let deleted = deleted.filter(|_| !key.terms.has_expired(now));
            deleted.into_iter().chain(expires).min_by_key(|(at, _)| *at)
        };
        let ends: Vec<_> = self.keys.iter().map(|key| (key.id, end_of(key))).collect();
        let outlives = |at: Timestamp| {
            let mut others = ends.iter();
            others.any(|(_, end)| end.is_none_or(|(end, _)| end > at))
        };
        let ending = ends.iter().filter_map(|(key, end)| {
            let (at, is_deletion) = (*end)?;
            let (is_last, has_expired) = (!outlives(at), at <= now);
            let webhooks_held = if is_last { webhooks } else { 0 };
            let is_near = at.millis_since(now) <= WARN_MILLIS;
            (is_near && (!has_expired || webhooks_held > 0)).then_some(EndingKey {
                key: *key,
                at,
                is_deletion,
                has_expired,
                is_last,
                webhooks_held,
            })
        });
        let mut ending: Vec<EndingKey> = ending.collect();
        ending.sort_by_key(|one| one.at);
        self.ending = ending;
    }

    pub fn key(&self, key: KeyId) -> Option<&KeySummary> {
        self.keys.iter().find(|one| one.id == key)
    }

    /// How many keys are accepted.
    pub const fn active(&self) -> usize {
        self.keys.len() - self.expired.len()
    }

    pub fn has_expired(&self, key: KeyId) -> bool {
        self.expired.contains(&key)
    }
}

/// The progress of a rotation: whether anything still sends the older key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationState {
    pub older: KeyId,
    /// Gatehouse made the newer key to replace the older one, and watches that.
    pub is_watched: bool,
    pub older_last_four: String,
    pub older_last_used: Option<LastUsed>,
    pub newer_last_four: String,
    pub newer_last_used: Option<LastUsed>,
}

/// The result of generate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratedKey {
    pub key: KeySummary,
    pub secret: SecretText,
}

/// A key that was deleted, as long as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedKeySummary {
    pub id: KeyId,
    pub environment: Environment,
    pub last_four: String,
    pub name: String,
    pub created_at: Timestamp,
    pub created_by: String,
    pub deleted_at: Timestamp,
    /// Who deleted it, or said when it should be.
    pub deleted_by: String,
}

/// What the delete dialog shows before it asks for confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionFacts {
    pub key: KeySummary,
    /// Whether the last four characters of the secret must be typed.
    pub must_be_typed: bool,
    /// Requests with this key in the last 24 hours.
    pub requests_in_24_hours: u64,
    /// Active keys of the environment after the deletion.
    pub remaining: usize,
    /// Webhooks of the environment whose deliveries would be held, because nothing would be left to sign with.
    pub webhooks_held: usize,
}

/// The result of delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedKey {
    pub id: KeyId,
    pub environment: Environment,
    pub last_four: String,
    /// Every node refuses the key from this moment.
    pub refused_since: Timestamp,
    /// How long it took until every node refused it, in milliseconds.
    pub took_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_614_400_000);
    const DAY: i64 = 24 * 3600;

    /// Keys with the days until they expire, and until they are deleted.
    fn warned(
        ends: &[(Option<i64>, Option<i64>)],
        webhooks: usize,
    ) -> Vec<(u8, &'static str, i64, bool, usize)> {
        let at = |days: Option<i64>| days.map(|days| NOW.plus_seconds(days * DAY));
        let key = |(number, (expires, deleted)): (u8, &(Option<i64>, Option<i64>))| KeySummary {
            id: KeyId::from_random([number; 16]),
            environment: Environment::Sandbox,
            created_at: NOW,
            created_by: String::new(),
            last_four: String::new(),
            last_used: None,
            terms: KeyTerms {
                expires_at: at(*expires),
                delete_at: at(*deleted),
                ..KeyTerms::default()
            },
        };
        let keys: Vec<_> = (1..).zip(ends).map(key).collect();
        let number_of = |id: KeyId| (1..=2).find(|number| KeyId::from_random([*number; 16]) == id);
        let mut group = KeyGroup {
            environment: Environment::Sandbox,
            keys,
            expired: Vec::new(),
            rotation: None,
            ending: Vec::new(),
        };
        group.warn(webhooks, NOW);
        let found = group.ending.iter().map(|one| {
            let days = one.at.millis_since(NOW) / 1000 / DAY;
            let number = number_of(one.key).expect("one of the keys");
            let end = match (one.has_expired, one.is_deletion) {
                (true, _) => "expired",
                (false, true) => "deleted",
                (false, false) => "expires",
            };
            (number, end, days, one.is_last, one.webhooks_held)
        });
        found.collect()
    }

    #[test]
    fn a_key_is_warned_about_from_thirty_days_before_its_end() {
        assert_eq!(warned(&[(Some(31), None)], 0), []);
        assert_eq!(warned(&[(Some(30), None)], 0), [(1, "expires", 30, true, 0)]);
        let both = [(Some(20), Some(9))];
        assert_eq!(warned(&both, 0), [(1, "deleted", 9, true, 0)]);
    }

    #[test]
    fn only_the_last_key_of_an_environment_leaves_webhooks_without_one() {
        let other_stays = [(Some(3), None), (None, None)];
        assert_eq!(warned(&other_stays, 2), [(1, "expires", 3, false, 0)]);
        let other_is_earlier = [(Some(3), None), (None, Some(1))];
        assert_eq!(
            warned(&other_is_earlier, 2),
            [(2, "deleted", 1, false, 0), (1, "expires", 3, true, 2)]
        );
    }

    #[test]
    fn an_expired_key_is_warned_about_while_webhooks_wait_for_one() {
        assert_eq!(warned(&[(Some(-2), Some(1))], 0), []);
        assert_eq!(warned(&[(Some(-2), Some(1))], 1), [(1, "expired", -2, true, 1)]);
        assert_eq!(warned(&[(Some(-2), None), (None, None)], 1), []);
    }
}

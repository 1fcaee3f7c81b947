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
}

impl KeyGroup {
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

/// What the delete dialog shows before it asks for confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionFacts {
    pub key: KeySummary,
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

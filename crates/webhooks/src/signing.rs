//! Chooses the key that signs. The contract sends one signature and does not say which of two active keys makes it. We
//! choose the key when an attempt starts.

use async_trait::async_trait;
use model::{AttemptOutcome, CompanyId, Environment, FailureClass, KeyId};
use vault::AccessSecret;

use crate::StorageFailure;
use crate::storage::LastFailure;

/// An active key with its secret.
#[derive(Clone, Debug)]
pub struct SigningSecret {
    pub key_id: KeyId,
    pub last_four: String,
    pub secret: AccessSecret,
}

/// The source of signing secrets. The binary implements it with the keys crate.
#[async_trait]
pub trait SigningSecrets: Send + Sync {
    /// The active keys of one environment, oldest first. Empty if there are none.
    async fn signing_secrets(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<Vec<SigningSecret>, StorageFailure>;
}

/// The key to sign with first, and the one to try after it.
#[derive(Debug)]
pub struct SigningPlan {
    pub first: SigningSecret,
    pub other: Option<SigningSecret>,
}

/// The key that last succeeded for this webhook, otherwise the older one. But if this delivery's latest attempt was
/// signed with that key and failed, then another one: a receiver may throw on a signature it does not know. After a
/// response that may mean another key, both were tried at once, so nothing follows from it. `None` without an active
/// key.
pub fn choose(
    mut secrets: Vec<SigningSecret>,
    last_succeeded: Option<KeyId>,
    before: Option<LastFailure>,
) -> Option<SigningPlan> {
    let failed = before.filter(|before| !before.status.is_some_and(may_mean_another_key));
    let position = |key: KeyId| secrets.iter().position(|secret| secret.key_id == key);
    let preferred = last_succeeded.and_then(position).unwrap_or(0);
    let failed = failed.and_then(|failed| position(failed.signed_by));
    let first = if failed == Some(preferred) {
        (0..secrets.len())
            .find(|at| *at != preferred)
            .unwrap_or(preferred)
    } else {
        preferred
    };
    if secrets.is_empty() {
        return None;
    }
    let first = secrets.remove(first);
    let other = (!secrets.is_empty()).then(|| secrets.remove(0));
    Some(SigningPlan { first, other })
}

/// Whether this response may mean that the receiver did not know the key. That is any 4xx except the two that say
/// something else.
const fn may_mean_another_key(status: u16) -> bool {
    matches!(status, 400..=499) && status != 410 && status != 429
}

/// Whether an attempt goes on with the other key after this outcome of its first try.
pub fn may_be_another_key(outcome: &AttemptOutcome) -> bool {
    matches!(outcome, AttemptOutcome::Failed { class: FailureClass::Status, status: Some(status) }
        if may_mean_another_key(*status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SigningSecret {
        let secret = AccessSecret::generate(Environment::Sandbox);
        SigningSecret {
            key_id: KeyId::from_random([byte; 16]),
            last_four: secret.last_four().to_owned(),
            secret,
        }
    }

    #[test]
    fn the_key_that_last_succeeded_signs_otherwise_the_older() {
        let (older, newer) = (KeyId::from_random([1; 16]), KeyId::from_random([2; 16]));
        for (last, first, other) in [
            (None, older, newer),
            (Some(older), older, newer),
            (Some(newer), newer, older),
            (Some(KeyId::from_random([9; 16])), older, newer),
        ] {
            let plan = choose(vec![key(1), key(2)], last, None).expect("two keys");
            assert_eq!(
                (plan.first.key_id, plan.other.map(|key| key.key_id)),
                (first, Some(other)),
                "{last:?}"
            );
        }
        assert!(choose(vec![key(1)], None, None).expect("a key").other.is_none());
        assert!(choose(Vec::new(), Some(older), None).is_none());
    }

    #[test]
    fn after_a_failure_that_was_no_refusal_the_other_key_comes_first() {
        let (older, newer) = (KeyId::from_random([1; 16]), KeyId::from_random([2; 16]));
        let failed = |signed_by, status| Some(LastFailure { signed_by, status });
        for (last, before, first) in [
            (None, failed(older, Some(500)), newer),
            (None, failed(older, None), newer),
            (Some(older), failed(older, Some(302)), newer),
            (Some(older), failed(newer, Some(500)), older),
            (Some(newer), failed(newer, Some(503)), older),
            // Another delivery succeeded with the newer key after this one had failed with the older.
            (Some(newer), failed(older, Some(500)), newer),
            // Both were tried in that attempt.
            (None, failed(older, Some(401)), older),
            // These two say something else than that the key is not known.
            (None, failed(older, Some(429)), newer),
            (None, failed(KeyId::from_random([9; 16]), Some(500)), older),
        ] {
            let plan = choose(vec![key(1), key(2)], last, before).expect("two keys");
            assert_eq!(plan.first.key_id, first, "{last:?} {before:?}");
        }
        let alone = choose(vec![key(1)], None, failed(older, Some(500))).expect("a key");
        assert_eq!((alone.first.key_id, alone.other.is_none()), (older, true));
    }

    #[test]
    fn only_a_refusal_of_the_request_leads_to_the_other_key() {
        let asking: Vec<u16> = (100..600)
            .filter(|status| may_mean_another_key(*status))
            .collect();
        let expected: Vec<u16> = (400..500).filter(|status| !matches!(status, 410 | 429)).collect();
        assert_eq!(asking, expected);
    }
}

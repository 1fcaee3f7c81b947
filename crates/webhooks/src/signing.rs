//! Chooses the key that signs. The contract sends one signature and does not say which of two active keys makes it. We
//! choose the key when an attempt starts.

use async_trait::async_trait;
use model::{CompanyId, Environment, KeyId};
use vault::AccessSecret;

use crate::StorageFailure;

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
pub(crate) struct SigningPlan {
    pub(crate) first: SigningSecret,
    pub(crate) other: Option<SigningSecret>,
    /// Whether `first` is the key that last succeeded for this webhook.
    pub(crate) last_succeeded: bool,
}

/// The key that last succeeded for this webhook, otherwise the older one. `None` without an active key.
pub(crate) fn choose(secrets: Vec<SigningSecret>, last_succeeded: Option<KeyId>) -> Option<SigningPlan> {
    let at = secrets
        .iter()
        .position(|secret| Some(secret.key_id) == last_succeeded);
    let mut secrets = secrets;
    if secrets.is_empty() {
        return None;
    }
    let first = secrets.remove(at.unwrap_or(0));
    let other = if secrets.is_empty() {
        None
    } else {
        Some(secrets.remove(0))
    };
    Some(SigningPlan {
        first,
        other,
        last_succeeded: at.is_some(),
    })
}

/// Whether this response may mean that the receiver did not know the key. That is any 4xx except the two that say
/// something else.
pub(crate) const fn may_mean_another_key(status: u16) -> bool {
    matches!(status, 400..=499) && status != 410 && status != 429
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
            let plan = choose(vec![key(1), key(2)], last).expect("two keys");
            assert_eq!(
                (plan.first.key_id, plan.other.map(|key| key.key_id)),
                (first, Some(other)),
                "{last:?}"
            );
        }
        assert!(choose(vec![key(1)], None).expect("a key").other.is_none());
        assert!(choose(Vec::new(), Some(older)).is_none());
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

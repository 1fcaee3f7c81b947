//! The key ports on [`keys::Keys`]: what a page shows and what a member may do. Each port is bound to one company, so
//! that it cannot be used for any other.

use app::AppError;
use app::ports::{ManageKeys, RevealKeys, SeeKeys};
use async_trait::async_trait;
use clock::Clock;
use keys::{Keys, KeysError};
use logs::{Reading, Scope};
use model::{
    Actor, CompanyId, DeletedKey, DeletionFacts, Environment, GeneratedKey, KeyGroup, KeyId, SecretText,
};
use webhooks::Webhooks;

use crate::incident;

const DAY_SECONDS: i64 = 24 * 3600;

/// A company's keys without their secrets.
pub(crate) struct SeenKeys {
    pub(crate) keys: Keys,
    /// For how much a key is still used.
    pub(crate) reading: Reading,
    /// For which deliveries would be held without a key to sign them.
    pub(crate) webhooks: Webhooks,
    pub(crate) clock: Clock,
    pub(crate) company: CompanyId,
    /// Whose requests count.
    pub(crate) scope: Scope,
}

#[async_trait]
impl SeeKeys for SeenKeys {
    async fn list(&self) -> Result<Vec<KeyGroup>, AppError> {
        self.keys.list(self.company).await.map_err(answer)
    }

    async fn deletion_facts(&self, key: KeyId) -> Result<DeletionFacts, AppError> {
        let facts = self.keys.facts(self.company, key).await.map_err(answer)?;
        let now = self.clock.now();
        let requests = self
            .reading
            .count_by_key(self.scope, key, now.minus_seconds(DAY_SECONDS), now)
            .await
            .map_err(|error| fault(&error))?;
        let webhooks_held = match facts.remaining {
            0 => self.enabled_webhooks(facts.key.environment).await?,
            _ => 0,
        };
        Ok(DeletionFacts {
            key: facts.key,
            requests_in_24_hours: requests,
            remaining: facts.remaining,
            webhooks_held,
        })
    }
}

impl SeenKeys {
    async fn enabled_webhooks(&self, environment: Environment) -> Result<usize, AppError> {
        let rows = self
            .webhooks
            .list(self.company)
            .await
            .map_err(|error| fault(&error))?;
        let enabled = rows
            .iter()
            .filter(|row| row.webhook.environment == environment && row.webhook.enabled);
        Ok(enabled.count())
    }
}

/// A company's keys as one member may use them. [`super`] decides which of these ports that member gets.
pub(crate) struct ManagedKeys {
    pub(crate) keys: Keys,
    pub(crate) company: CompanyId,
    pub(crate) actor: Actor,
}

#[async_trait]
impl ManageKeys for ManagedKeys {
    async fn generate(&self, environment: Environment) -> Result<GeneratedKey, AppError> {
        self.keys
            .generate(self.company, environment, &self.actor)
            .await
            .map_err(answer)
    }

    async fn delete(&self, key: KeyId, last_four: &str) -> Result<DeletedKey, AppError> {
        self.keys
            .delete_confirmed(self.company, key, last_four, &self.actor)
            .await
            .map_err(answer)
    }
}

#[async_trait]
impl RevealKeys for ManagedKeys {
    async fn reveal(&self, key: KeyId) -> Result<SecretText, AppError> {
        self.keys
            .reveal(self.company, key, &self.actor)
            .await
            .map_err(answer)
    }

    async fn copy(&self, key: KeyId) -> Result<SecretText, AppError> {
        self.keys
            .copy(self.company, key, &self.actor)
            .await
            .map_err(answer)
    }
}

/// Turns an error into the page's words. An internal error goes to the log under an incident id, and the page shows the
/// id.
pub(super) fn answer(error: KeysError) -> AppError {
    match error {
        KeysError::NotFound => AppError::NotFound,
        error @ (KeysError::OnlyDigest | KeysError::AlreadyThere) => {
            let mut why = error.to_string();
            if let Some(first) = why.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            AppError::Conflict(format!("{why}."))
        }
        KeysError::CannotRotate(why) => AppError::Conflict(why),
        KeysError::NoRotation => AppError::NotFound,
        KeysError::RotationWaits(wait) => {
            AppError::Conflict(format!("The old key cannot be deleted: {}.", wait.reason()))
        }
        KeysError::TwoActive => AppError::Conflict("Two keys are active. Delete one first.".to_owned()),
        KeysError::InvalidTerms(mut faults) if !faults.is_empty() => {
            let first = faults.swap_remove(0);
            AppError::invalid(first.field, first.message)
        }
        KeysError::NotConfirmed { last_four } => AppError::invalid(
            "last_four",
            format!("To delete a Production key, type the last four characters of its secret, {last_four}."),
        ),
        KeysError::SealBroken => {
            tracing::error!("could not unseal the secret of a key");
            AppError::Unavailable(
                "This secret can no longer be read. Generate a new key, switch to it, and delete this one."
                    .to_owned(),
            )
        }
        KeysError::Stopping => {
            AppError::Unavailable("The server is stopping. Try again in a moment.".to_owned())
        }
        KeysError::Store(_) | KeysError::InvalidTerms(_) => fault(&error),
    }
}

fn fault(error: &dyn std::error::Error) -> AppError {
    AppError::Internal {
        incident: incident::logged("a page about keys could not be answered", error),
    }
}

//! The key ports on [`keys::Keys`]: what a page shows and what a member may do. Each port is bound to one company, so
//! that it cannot be used for any other.

use std::net::IpAddr;

use app::AppError;
use app::pages::key::{KeyFields, KeySaved};
use app::ports::{DeletedKeyRow, ManageKeys, RevealKeys, SeeKeys, SeenKey};
use async_trait::async_trait;
use clock::Clock;
use gateway::Gateway;
use keys::{KeyChange, Keys, KeysError};
use logs::{Reading, Scope};
use model::{
    Actor, ClientId, CompanyId, DeletedKey, DeletionFacts, Environment, GeneratedKey, KeyGroup, KeyId,
    KeyTest, SecretText,
};
use webhooks::Webhooks;

use super::{key_change, key_test};
use crate::incident;

const DAY_SECONDS: i64 = 24 * 3600;

/// Deleted keys that are listed. Each costs a question to the log.
const DELETED_LISTED: usize = 20;

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
        let mut groups = self.keys.list(self.company).await.map_err(answer)?;
        let ends = |group: &KeyGroup| group.keys.iter().any(|key| key.terms.has_end());
        let now = self.clock.now();
        // Most companies have no key that ends, and then nothing is read for it.
        for group in groups.iter_mut().filter(|group| ends(group)) {
            let webhooks = self.enabled_webhooks(group.environment).await?;
            group.warn(webhooks, now);
        }
        Ok(groups)
    }

    async fn deletion_facts(&self, key: KeyId) -> Result<DeletionFacts, AppError> {
        let facts = self.keys.facts(self.company, key).await.map_err(answer)?;
        let now = self.clock.now();
        let requests = self
            .reading
            .count_by_key(self.scope, key, now.minus_seconds(DAY_SECONDS), now)
            .await
            .map_err(|error| fault(&error))?;
        let must_be_typed = facts.must_be_typed(now);
        let webhooks_held = match facts.remaining {
            0 => self.enabled_webhooks(facts.key.environment).await?,
            _ => 0,
        };
        Ok(DeletionFacts {
            key: facts.key,
            must_be_typed,
            requests_in_24_hours: requests,
            remaining: facts.remaining,
            webhooks_held,
        })
    }

    async fn key(&self, key: KeyId) -> Result<SeenKey, AppError> {
        let facts = self.keys.facts(self.company, key).await.map_err(answer)?;
        let used = self.reading.key_use(self.scope, key, self.clock.now()).await;
        Ok(SeenKey {
            key: facts.key,
            has_expired: facts.has_expired,
            used: used.map_err(|error| fault(&error))?,
        })
    }

    async fn deleted(&self) -> Result<Vec<DeletedKeyRow>, AppError> {
        let deleted = self.keys.deleted(self.company, DELETED_LISTED).await;
        let mut rows = Vec::new();
        for key in deleted.map_err(answer)? {
            let (since, now) = (key.deleted_at, self.clock.now());
            let refused = self.reading.refused_since(self.scope, key.id, since, now).await;
            rows.push(DeletedKeyRow {
                key,
                refused: refused.map_err(|error| fault(&error))?,
            });
        }
        Ok(rows)
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
    /// For whom an allow-list would shut out.
    pub(crate) reading: Reading,
    pub(crate) clock: Clock,
    pub(crate) company: CompanyId,
    pub(crate) scope: Scope,
    pub(crate) actor: Actor,
    /// For requests that the member makes with a key.
    pub(crate) gateway: Gateway,
    pub(crate) gateway_url: String,
    pub(crate) client_id: ClientId,
    /// Where the member is.
    pub(crate) address: IpAddr,
}

impl ManagedKeys {
    /// What a form changes, or what is wrong with it.
    async fn checked(&self, key: KeyId, fields: &KeyFields) -> Result<Result<KeyChange, KeySaved>, AppError> {
        let terms = self
            .keys
            .facts(self.company, key)
            .await
            .map_err(answer)?
            .key
            .terms;
        let now = self.clock.now();
        let change = match key_change::read(fields, &terms, now) {
            Ok(change) => change,
            Err(faults) => {
                return Ok(Err(KeySaved {
                    faults,
                    ..KeySaved::default()
                }));
            }
        };
        let narrows = change
            .networks
            .as_ref()
            .is_some_and(|networks| !networks.is_empty());
        if narrows && !fields.is_confirmed() {
            let seen = self.reading.key_addresses(self.scope, key, now).await;
            let seen = seen.map_err(|error| fault(&error))?;
            let shuts_out = key_change::shut_out(&change, &terms, seen.seen);
            if !shuts_out.is_empty() {
                return Ok(Err(KeySaved {
                    faults: Vec::new(),
                    shuts_out,
                    looked_back_to: seen.looked_back_to,
                }));
            }
        }
        Ok(Ok(change))
    }
}

#[async_trait]
impl ManageKeys for ManagedKeys {
    async fn generate(&self, environment: Environment, name: &str) -> Result<GeneratedKey, AppError> {
        if environment == Environment::Prod && name.trim().is_empty() {
            let message = "A Production key needs a name, so that people can tell what it is for.";
            return Err(AppError::invalid("name", message));
        }
        self.keys
            .generate_named(self.company, environment, name, &self.actor)
            .await
            .map_err(answer)
    }

    async fn change(&self, key: KeyId, fields: KeyFields) -> Result<KeySaved, AppError> {
        let change = match self.checked(key, &fields).await? {
            Ok(change) => change,
            Err(refused) => return Ok(refused),
        };
        let changed = self.keys.change(self.company, key, change, &self.actor).await;
        changed.map_err(answer)?;
        Ok(KeySaved::default())
    }

    async fn check(&self, key: KeyId, fields: KeyFields) -> Result<KeySaved, AppError> {
        let checked = self.checked(key, &fields).await?;
        Ok(checked.err().unwrap_or_default())
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

    async fn test(&self, key: KeyId, path: &str) -> Result<KeyTest, AppError> {
        let facts = self.keys.facts(self.company, key).await.map_err(answer)?;
        if facts.key.environment == Environment::Prod {
            let text = "Keys are not tested in Production, where a request may have consequences.";
            return Err(AppError::Conflict(text.to_owned()));
        }
        let path = key_test::path(path)?;
        let secret = self.keys.borrow(self.company, key, &self.actor).await;
        let caller = key_test::Caller {
            gateway: &self.gateway,
            gateway_url: &self.gateway_url,
            form: self.keys.form(),
            clock: &self.clock,
            client_id: self.client_id,
            address: self.address,
        };
        caller.get(path, &secret.map_err(answer)?).await
    }
}

/// Turns an error into the page's words. An internal error goes to the log under an incident id, and the page shows the
/// id.
fn answer(error: KeysError) -> AppError {
    match error {
        KeysError::NotFound => AppError::NotFound,
        KeysError::TwoActive => AppError::Conflict("Two keys are active. Delete one first.".to_owned()),
        KeysError::InvalidTerms(mut faults) if !faults.is_empty() => {
            let first = faults.swap_remove(0);
            AppError::invalid(first.field, first.message)
        }
        KeysError::NotConfirmed {
            environment,
            last_four,
        } => AppError::invalid(
            "last_four",
            format!(
                "To delete this {} key, type the last four characters of its secret, {last_four}.",
                environment.label()
            ),
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

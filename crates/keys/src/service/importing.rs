//! Keys of another system, so that a company moves here without new keys for its programs.

use std::sync::Arc;

use model::{Actor, AuditAction, CompanyId, Environment, KeyId};
use vault::{AccessSecret, LookupHash};

use super::{Inner, Keys, audit, to_its_end};
use crate::credentials::Credential;
use crate::lease::MARGIN;
use crate::{ActiveKey, ImportedKey, KeyChange, KeysError, NewKey};

/// What is known of the secret.
#[derive(Clone, Debug)]
pub enum ImportedSecret {
    Whole(AccessSecret),
    /// It can be recognised and never shown, and it signs nothing.
    Digest {
        sha256: [u8; 32],
        last_four: String,
    },
}

/// A key of another system.
#[derive(Clone, Debug)]
pub struct Importing {
    pub company: CompanyId,
    pub environment: Environment,
    pub secret: ImportedSecret,
    /// May be empty.
    pub name: String,
}

impl Keys {
    /// Whether a key with this secret is here, or was and is remembered.
    pub async fn is_known(
        &self,
        secret: &ImportedSecret,
        environment: Environment,
    ) -> Result<bool, KeysError> {
        let (lookup, _) = self.inner.lookup_of(secret, environment);
        self.inner.store.is_known(lookup).await
    }

    /// Takes over the key. Every node that serves accepts it once this returns. Frees no slot.
    pub async fn import(&self, importing: Importing, actor: &Actor) -> Result<KeyId, KeysError> {
        let (inner, actor) = (Arc::clone(&self.inner), actor.clone());
        let name = KeyChange {
            name: Some(importing.name.clone()),
            ..KeyChange::default()
        };
        let name = name.checked(inner.clock.now()).map_err(KeysError::InvalidTerms)?;
        let importing = Importing {
            name: name.name.unwrap_or_default(),
            ..importing
        };
        to_its_end(async move { inner.import(importing, actor).await }).await
    }
}

impl Inner {
    /// And whether it is found as an imported one. A secret that could have been generated here is found like those.
    fn lookup_of(&self, secret: &ImportedSecret, environment: Environment) -> (LookupHash, bool) {
        match secret {
            ImportedSecret::Digest { sha256, .. } => (self.pepper.lookup_digest(sha256), true),
            ImportedSecret::Whole(secret) => {
                let own = self.options.form.prefixes.parse(secret.expose().as_bytes()).ok();
                match own.filter(|own| own.environment() == environment) {
                    Some(own) => (self.pepper.lookup(&own), false),
                    None => (self.pepper.lookup_imported(secret.expose().as_bytes()), true),
                }
            }
        }
    }

    async fn import(&self, importing: Importing, actor: Actor) -> Result<KeyId, KeysError> {
        let Importing {
            company,
            environment,
            secret,
            name,
        } = importing;
        let now = self.clock.now();
        let id = KeyId::time_ordered(now, vault::random());
        let (lookup, imported) = self.lookup_of(&secret, environment);
        let (plain, last_four, kind) = match &secret {
            ImportedSecret::Whole(secret) => (secret.expose().as_bytes(), secret.last_four(), "secret"),
            ImportedSecret::Digest { last_four, .. } => (&[][..], last_four.as_str(), "digest"),
        };
        let last_four = last_four.to_owned();
        let key = NewKey {
            id,
            company,
            environment,
            lookup,
            sealed: self.master_key.seal(&self.place(company, environment, id), plain),
            last_four: last_four.clone(),
            created_at: now,
            created_by: actor.name.clone(),
            name,
        };
        let detail = format!("{}; imported as a {kind}", environment.label());
        let entry = audit(now, company, actor, AuditAction::KeyGenerated, id, detail);
        let changing = self.changing.read().await;
        let version = self
            .store
            .import(
                ImportedKey {
                    key,
                    by_digest: imported,
                },
                entry,
            )
            .await?;
        let committed = self.clock.monotonic();
        let applied = self
            .current
            .apply_imported(lookup, imported, version, |snapshot| {
                let company = snapshot.company_by_id(company)?.clone();
                let active = ActiveKey::new(id, company, environment, &last_four, lookup);
                let active = active.with(None, version);
                Some(Credential::Active(Arc::new(active)))
            });
        drop(changing);
        self.announce(company);
        if !applied && let Err(error) = self.catch_up().await {
            tracing::warn!(%error, "could not load a company whose key was imported");
        }
        if self.store.is_shared() {
            self.wait_for_nodes(version, committed + self.options.lease + MARGIN)
                .await;
        }
        Ok(id)
    }
}

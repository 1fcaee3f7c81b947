//! Deleting a key on purpose: what must be confirmed first, and what is remembered of deleted keys.

use std::time::Duration;

use model::{Actor, AuditId, CompanyId, DeletedKey, DeletedKeySummary, Environment, KeyId, Timestamp};

use super::{Inner, KeyFacts, Keys, millis};
use crate::lease::MARGIN;
use crate::{Deletion, KeysError};

/// How often a deletion checks whether the other nodes have applied it.
const ASK_NODES_EVERY: Duration = Duration::from_millis(10);

/// An environment whose keys were used this recently has traffic.
const TRAFFIC_SECONDS: i64 = 24 * 3600;

impl KeyFacts {
    /// Whether no request to the environment is accepted once the key is deleted, although programs send some now.
    pub fn cuts_off_traffic(&self, now: Timestamp) -> bool {
        let since = now.minus_seconds(TRAFFIC_SECONDS);
        let has_traffic = self.environment_last_used.is_some_and(|at| at >= since);
        !self.has_expired && self.remaining == 0 && has_traffic
    }

    /// Whether a person on a page must type the last four characters: one click must not cut off Production either.
    pub fn must_be_typed(&self, now: Timestamp) -> bool {
        self.key.environment == Environment::Prod || self.cuts_off_traffic(now)
    }
}

impl Keys {
    /// Like [`Keys::delete`], for a person on a page. All deletions from pages come through here.
    pub async fn delete_confirmed(
        &self,
        company: CompanyId,
        key: KeyId,
        typed: &str,
        actor: &Actor,
    ) -> Result<DeletedKey, KeysError> {
        let facts = self.facts(company, key).await?;
        if facts.must_be_typed(self.inner.clock.now()) {
            facts.confirmed_by(typed)?;
        }
        self.delete(company, key, actor).await
    }

    /// Deletes a key by its id alone, for operators. Looks up the company first, so that the deletion is recorded for
    /// that company. The id is enough, unless this would cut off an environment with traffic.
    pub async fn delete_by_id(
        &self,
        key: KeyId,
        last_four: Option<&str>,
        actor: &Actor,
    ) -> Result<DeletedKey, KeysError> {
        let company = self.inner.store.company_of(key).await?;
        let facts = self.facts(company, key).await?;
        match last_four {
            Some(last_four) => facts.confirmed_by(last_four)?,
            None if facts.cuts_off_traffic(self.inner.clock.now()) => facts.confirmed_by("")?,
            None => {}
        }
        self.delete(company, key, actor).await
    }

    /// The company's keys that were deleted, the latest first, at most this number. A key is forgotten
    /// [`crate::TOMBSTONE_DAYS`] days after its deletion.
    pub async fn deleted(
        &self,
        company: CompanyId,
        most: usize,
    ) -> Result<Vec<DeletedKeySummary>, KeysError> {
        self.inner.store.deleted(company, most).await
    }
}

impl KeyFacts {
    fn confirmed_by(&self, last_four: &str) -> Result<(), KeysError> {
        if last_four.trim() == self.key.last_four {
            return Ok(());
        }
        Err(KeysError::NotConfirmed {
            environment: self.key.environment,
            last_four: self.key.last_four.clone(),
        })
    }
}

impl Inner {
    pub(super) async fn delete(
        &self,
        company: CompanyId,
        key: KeyId,
        actor: Actor,
    ) -> Result<DeletedKey, KeysError> {
        let started = self.clock.monotonic();
        let at = self.clock.now();
        let audit = AuditId::time_ordered(at, vault::random());
        let changing = self.changing.read().await;
        let deleted = self
            .store
            .delete(Deletion {
                company,
                key,
                at,
                actor,
                audit,
            })
            .await?;
        let committed = self.clock.monotonic();
        self.apply_deleted(company, &deleted);
        drop(changing);
        if self.store.is_shared() {
            self.wait_for_nodes(deleted.version, committed + self.options.lease + MARGIN)
                .await;
        }
        Ok(DeletedKey {
            id: key,
            environment: deleted.environment,
            last_four: deleted.last_four,
            refused_since: self.clock.now(),
            took_ms: millis(self.clock.monotonic().saturating_sub(started)),
        })
    }

    /// Returns when every other node has applied `version` or has no lease. Returns at `give_up`, one lease after the
    /// commit, in any case: by then every older lease has ended, even if the database cannot be reached.
    pub(super) async fn wait_for_nodes(&self, version: u64, give_up: Duration) {
        while self.clock.monotonic() < give_up {
            match self.store.nodes_behind(version, self.node).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "could not check the other nodes; waiting until their leases end")
                }
            }
            tokio::time::sleep(ASK_NODES_EVERY).await;
        }
    }
}

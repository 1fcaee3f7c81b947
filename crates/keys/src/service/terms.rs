//! The terms of a key: changing them, and what happens when a key's time is over.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::HeaderMap;
use model::{Actor, AuditId, CompanyId, KeyId, KeySummary, Verdict};

use super::{Inner, Keys, to_its_end};
use crate::credentials::Credential;
use crate::lease::MARGIN;
use crate::{ActiveKey, Changing, DeletedRow, KeyChange, KeysError, Limits, Tombstone};

/// Why a request with an active key is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAdmitted {
    pub verdict: Verdict,
    /// One sentence for the company's log. The caller never sees it.
    pub detail: String,
    /// How long to wait, if the key's budget was used up.
    pub retry_after: Option<Duration>,
}

impl Keys {
    /// Whether a request may be made with this key: its own limits first, then its budget, from which the request is taken.
    /// A request that its limits refuse takes nothing: who may not use a key must not use up its budget.
    pub fn admit(
        &self,
        key: &ActiveKey,
        method: &str,
        headers: &HeaderMap,
        address: IpAddr,
    ) -> Result<(), NotAdmitted> {
        let limits = key.limits.as_deref();
        let refused = limits.and_then(|limits| limits.refuse(method, headers, address));
        if let Some((verdict, why)) = refused {
            return Err(NotAdmitted {
                verdict,
                detail: format!("The key ending in {} {why}.", key.last_four),
                retry_after: None,
            });
        }
        let own = limits.and_then(Limits::requests_a_minute);
        let budgets = &self.inner.options.rate_limit;
        budgets
            .charge(key.key_id, own, self.inner.clock.now())
            .map_err(|wait| {
                let own = own.map_or_else(String::new, |own| format!("; its own is {own} a minute"));
                NotAdmitted {
                    verdict: Verdict::RateLimited,
                    detail: format!(
                        "The key ending in {} had used up its request budget{own}.",
                        key.last_four
                    ),
                    retry_after: Some(wait),
                }
            })
    }

    /// Changes a key's terms. Every node that serves judges by them once this returns.
    pub async fn change(
        &self,
        company: CompanyId,
        key: KeyId,
        change: KeyChange,
        actor: &Actor,
    ) -> Result<KeySummary, KeysError> {
        let (inner, actor) = (Arc::clone(&self.inner), actor.clone());
        to_its_end(async move { inner.change(company, key, change, actor).await }).await
    }

    /// Changes a key's terms by its id alone, for operators.
    pub async fn change_by_id(
        &self,
        key: KeyId,
        change: KeyChange,
        actor: &Actor,
    ) -> Result<KeySummary, KeysError> {
        let company = self.inner.store.company_of(key).await?;
        self.change(company, key, change, actor).await
    }

    /// An active key by its id alone, for operators.
    pub async fn find(&self, key: KeyId) -> Result<KeySummary, KeysError> {
        let company = self.inner.store.company_of(key).await?;
        Ok(self.facts(company, key).await?.key)
    }

    /// Deletes the keys whose scheduled deletion has come. They are refused from that moment on, so no request waits for this.
    pub async fn delete_due(&self) -> Result<(), KeysError> {
        let inner = &self.inner;
        for due in inner.store.due(inner.clock.now()).await? {
            let now = inner.clock.now();
            let audit = AuditId::time_ordered(now, vault::random());
            let changing = inner.changing.read().await;
            match inner.store.delete_due(due, now, audit).await {
                Ok(deleted) => inner.apply_deleted(due.company, &deleted),
                // Another node was faster, or the deletion was called off.
                Err(KeysError::NotFound) => {}
                Err(error) => return Err(error),
            }
            drop(changing);
        }
        Ok(())
    }

    /// The verdict on this key if it is no longer accepted.
    pub fn verdict_on(&self, key: &ActiveKey) -> Option<Verdict> {
        match self.snapshot().current(key) {
            None => Some(Verdict::DeletedKey),
            Some(key) => key.ended(self.inner.clock.now()).map(|ended| ended.verdict()),
        }
    }

    /// Returns when the key is no longer accepted, with the verdict on it from then on. Every change of a key on this node
    /// is looked at as soon as it is applied.
    pub async fn ended(&self, key: Arc<ActiveKey>) -> Verdict {
        let mut changes = self.changes();
        loop {
            let Some(key) = self.snapshot().current(&key).cloned() else {
                return Verdict::DeletedKey;
            };
            if let Some(ended) = key.ended(self.inner.clock.now()) {
                return ended.verdict();
            }
            let ends_at = key.limits.as_ref().and_then(|limits| limits.ends_at());
            let changed = match ends_at {
                None => changes.changed().await,
                Some(at) => tokio::select! {
                    changed = changes.changed() => changed,
                    () = self.inner.clock.sleep_until(at) => Ok(()),
                },
            };
            if changed.is_err() {
                return Verdict::DeletedKey;
            }
        }
    }
}

impl Inner {
    async fn change(
        &self,
        company: CompanyId,
        key: KeyId,
        change: KeyChange,
        actor: Actor,
    ) -> Result<KeySummary, KeysError> {
        let at = self.clock.now();
        let change = change.checked(at).map_err(KeysError::InvalidTerms)?;
        let audit = AuditId::time_ordered(at, vault::random());
        let changing = self.changing.read().await;
        let changed = self
            .store
            .change(Changing {
                company,
                key,
                change,
                at,
                actor,
                audit,
            })
            .await?;
        let committed = self.clock.monotonic();
        // If the company is not known here yet, its key is not either, and what is read from now on has the change.
        self.current.apply(changed.lookup, changed.version, |snapshot| {
            let company = snapshot.company_by_id(company)?.clone();
            let summary = &changed.key;
            let active = ActiveKey::new(
                summary.id,
                company,
                summary.environment,
                &summary.last_four,
                changed.lookup,
            );
            let active = active.with(Limits::of(&summary.terms), changed.version);
            Some(Credential::Active(Arc::new(active)))
        });
        drop(changing);
        self.announce(company);
        if self.store.is_shared() {
            self.wait_for_nodes(changed.version, committed + self.options.lease + MARGIN)
                .await;
        }
        let mut summary = changed.key;
        summary.last_used = self.notes.latest(summary.id, summary.last_used.take());
        Ok(summary)
    }

    /// Applies a committed deletion and announces it. If the company is not known here yet, its key is not either, and what
    /// is read from now on has the tombstone.
    pub(super) fn apply_deleted(&self, company: CompanyId, deleted: &DeletedRow) {
        self.current.apply(deleted.lookup, deleted.version, |snapshot| {
            let company = snapshot.company_by_id(company)?.clone();
            Some(Credential::Deleted(Arc::new(Tombstone {
                key_id: deleted.key,
                company,
                environment: deleted.environment,
                last_four: deleted.last_four.as_str().into(),
                deleted_at: deleted.at,
                deleted_by: deleted.by.as_str().into(),
            })))
        });
        self.announce(company);
        self.to_scrub.store(true, Ordering::Release);
    }
}

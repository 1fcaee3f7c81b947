//! Keeping the keys in memory up to date with the database, and what the background does for it.

use std::sync::atomic::Ordering;

use live::Topic;
use model::CompanyId;

use super::{Inner, Keys};
use crate::credentials::Replacement;
use crate::lease::Lease;
use crate::{KeysError, Renewal, Snapshot, TOMBSTONE_DAYS};

/// Keeping up with the database. [`Keys::start`] calls these in the background.
impl Keys {
    /// Reads everything again. Afterwards, all that was committed before the call is in memory.
    pub async fn reload(&self) -> Result<(), KeysError> {
        self.inner.reload().await
    }

    /// To be called after a company was created. Its keys then work here, and the other nodes are told.
    pub async fn company_changed(&self) -> Result<(), KeysError> {
        self.inner.store.announce_change().await?;
        self.inner.bus.keys_changed();
        self.reload().await
    }

    /// Loads what has changed since the last call. If other nodes share the database, renews this node's lease when it
    /// is due.
    pub async fn follow(&self) -> Result<(), KeysError> {
        let inner = &self.inner;
        let latest = inner.store.change_version().await?;
        let changed = inner.credentials.borrow().version() != latest;
        if changed {
            self.reload().await?;
        }
        inner.renew_lease().await
    }

    /// Removes what recent deletions may have left of sealed secrets in the database's own files.
    pub async fn scrub(&self) -> Result<(), KeysError> {
        if self.inner.to_scrub.swap(false, Ordering::AcqRel) {
            let scrubbed = self.inner.store.scrub().await;
            self.inner.to_scrub.fetch_or(scrubbed.is_err(), Ordering::AcqRel);
            return scrubbed;
        }
        Ok(())
    }

    /// Writes what [`Keys::touched`] noted. Notes that could not be written are kept.
    pub async fn flush_last_used(&self) -> Result<(), KeysError> {
        let inner = &self.inner;
        let notes = inner.notes.waiting();
        if notes.is_empty() {
            return Ok(());
        }
        inner
            .store
            .touch(notes.iter().map(|note| note.touch).collect())
            .await?;
        inner.notes.written(&notes);
        let mut companies: Vec<CompanyId> = notes.iter().map(|note| note.company).collect();
        companies.sort_unstable();
        companies.dedup();
        companies
            .into_iter()
            .for_each(|company| inner.bus.publish(company, Topic::Keys));
        Ok(())
    }

    /// Removes tombstones after ninety days, and request budgets that are full again.
    pub async fn tidy(&self) -> Result<(), KeysError> {
        let now = self.inner.clock.now();
        self.inner.options.rate_limit.forget_full(now);
        let removed = self
            .inner
            .store
            .purge(now.minus_seconds(TOMBSTONE_DAYS * 86_400))
            .await?;
        if removed > 0 {
            tracing::info!(
                removed,
                "removed tombstones of keys deleted more than {TOMBSTONE_DAYS} days ago"
            );
        }
        Ok(())
    }
}

impl Inner {
    pub(super) async fn reload(&self) -> Result<(), KeysError> {
        let mut replacement = self.load().await?;
        if matches!(replacement, Replacement::Outdated) {
            // A key that was generated or deleted during the load made it outdated. What was asked for may be missing, for
            // example a company that was just created, so load again while no key changes here.
            let _alone = self.changing.write().await;
            replacement = self.load().await?;
        }
        let Replacement::Done(before) = replacement else {
            return Ok(());
        };
        let changed = before.companies_with_other_keys(&self.credentials.current());
        if !changed.is_empty() {
            self.changes.send_modify(|count| *count += 1);
            // Other nodes follow the database themselves.
            changed
                .into_iter()
                .for_each(|company| self.bus.publish_here(company, Topic::Keys));
        }
        Ok(())
    }

    async fn load(&self) -> Result<Replacement, KeysError> {
        let loaded = Snapshot::build(self.store.load().await?);
        Ok(self.credentials.replace(loaded))
    }

    /// Renews the lease when a third of it is over, or at once after applying a change, because a deletion on another
    /// node may be waiting for that. If another change was made in between, the next poll loads it and asks again.
    async fn renew_lease(&self) -> Result<(), KeysError> {
        let applied = self.credentials.borrow().version();
        let told = self.told.load(Ordering::Relaxed);
        if !self.store.is_shared() || (told == applied && !self.lease.is_due(&self.clock, self.options.lease))
        {
            return Ok(());
        }
        let asked = Lease::ask(&self.clock);
        if self
            .store
            .renew_lease(self.node, applied, self.options.lease)
            .await?
            == Renewal::Renewed
        {
            self.lease.granted(asked, self.options.lease);
            self.told.store(applied, Ordering::Relaxed);
        }
        Ok(())
    }
}

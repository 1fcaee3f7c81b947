//! Keeping the keys in memory up to date with the database, and what the background does for it.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use live::Topic;
use model::CompanyId;
use tokio::sync::MutexGuard;

use super::{Inner, Keys};
use crate::lease::Lease;
use crate::{KeysError, Renewal, Snapshot, TOMBSTONE_DAYS};

/// Keeping up with the database. [`Keys::start`] calls these in the background.
impl Keys {
    /// Reads what has changed. Afterwards, all that was committed before the call is in memory.
    pub async fn catch_up(&self) -> Result<(), KeysError> {
        self.inner.catch_up().await
    }

    /// Reads everything again. Afterwards, all that was committed before the call is in memory. Changes of this process
    /// wait until it is done.
    pub async fn reload(&self) -> Result<(), KeysError> {
        self.inner.reload().await
    }

    /// To be called after a company was created. Its keys then work here, and the other nodes are told.
    pub async fn company_changed(&self) -> Result<(), KeysError> {
        self.inner.bus.keys_changed();
        self.catch_up().await
    }

    /// Reads what has changed. If other nodes share the database, renews this node's lease when it is due.
    pub async fn follow(&self) -> Result<(), KeysError> {
        self.catch_up().await?;
        self.inner.renew_lease().await
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
        let deleted_before = now.minus_seconds(TOMBSTONE_DAYS * 86_400);
        // Every node forgets for itself, so the database need not say which rows it removed.
        self.inner.current.forget(deleted_before);
        let removed = self.inner.store.purge(deleted_before).await?;
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
    pub(super) async fn catch_up(&self) -> Result<(), KeysError> {
        let applied = self.current.borrow().version();
        let latest = self.store.change_version().await?;
        if latest < applied {
            tracing::warn!(
                applied,
                latest,
                "the database is older than before, as after restoring a backup"
            );
            return self.reload().await;
        }
        if latest == applied {
            return Ok(());
        }
        let turn = self.following.lock().await;
        // The one before may have read what is missing here.
        let applied = self.current.borrow().version();
        if latest <= applied {
            return Ok(());
        }
        let changes = self.store.changes_since(applied).await?;
        let changed = changes
            .filter(|changes| changes.version >= latest)
            .and_then(|changes| self.current.take_in(changes));
        match changed {
            Some(changed) => self.tell(changed),
            // This node was away for longer than tombstones are kept, or a deletion of this process made the read
            // outdated, or a backup was restored just now.
            None => self.load_anew(&turn).await?,
        }
        Ok(())
    }

    async fn reload(&self) -> Result<(), KeysError> {
        let turn = self.following.lock().await;
        self.load_anew(&turn).await
    }

    async fn load_anew(&self, _turn: &MutexGuard<'_, ()>) -> Result<(), KeysError> {
        // A key that is deleted during the load must not come back.
        let _alone = self.changing.write().await;
        let loaded = Snapshot::build(self.store.load().await?);
        self.tell(self.current.replace(loaded));
        Ok(())
    }

    /// Announces that these companies have other keys, after the snapshot has them.
    fn tell(&self, changed: HashSet<CompanyId>) {
        if changed.is_empty() {
            return;
        }
        self.changes.send_modify(|count| *count += 1);
        // Other nodes follow the database themselves.
        changed
            .into_iter()
            .for_each(|company| self.bus.publish_here(company, Topic::Keys));
    }

    /// Renews the lease when a third of it is over, or at once after applying a change, because a deletion on another
    /// node may be waiting for that. If another change was made in between, the next poll loads it and asks again.
    async fn renew_lease(&self) -> Result<(), KeysError> {
        let applied = self.current.borrow().version();
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

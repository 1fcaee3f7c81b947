//! The current snapshot, and the only code that replaces it.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use model::{CompanyId, Timestamp};
use vault::LookupHash;

use crate::credentials::Credential;
use crate::{Loaded, Snapshot};

/// The current snapshot.
#[derive(Debug)]
pub(crate) struct Current {
    snapshot: ArcSwap<Snapshot>,
    /// Locked while the snapshot is replaced.
    progress: Mutex<Progress>,
}

/// What this process has committed beyond the snapshot's version.
#[derive(Debug, Default)]
struct Progress {
    /// Changes that are applied, while one before them is not. Callers commit in one order and apply in another.
    ahead: BTreeSet<u64>,
    /// The latest change that could not be applied, because its company was not known yet. What was read before it must
    /// not be taken in: it may have a key that this process has deleted.
    missed: u64,
}

impl Progress {
    /// The version up to which everything is applied, if everything up to `version` is.
    fn beyond(&mut self, mut version: u64) -> u64 {
        while self.ahead.remove(&(version + 1)) {
            version += 1;
        }
        self.ahead = self.ahead.split_off(&version);
        version
    }
}

impl Current {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            progress: Mutex::default(),
        }
    }

    /// The state at this moment.
    pub(crate) fn get(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Like [`Self::get`], but without touching a shared counter. For requests.
    pub(crate) fn borrow(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Applies the change that this process has just committed as `version`. `change` computes it from the current
    /// state, or returns `None` if that state does not know the company yet. If earlier changes are not applied, or this
    /// one could not be computed, the snapshot keeps its version, so that [`Self::take_in`] brings them. Returns whether
    /// it could be computed.
    pub(crate) fn apply(
        &self,
        lookup: LookupHash,
        version: u64,
        change: impl FnOnce(&Snapshot) -> Option<Credential>,
    ) -> bool {
        self.apply_imported(lookup, false, version, change)
    }

    /// Likewise. `imported` says how the look-up hash was made.
    pub(crate) fn apply_imported(
        &self,
        lookup: LookupHash,
        imported: bool,
        version: u64,
        change: impl FnOnce(&Snapshot) -> Option<Credential>,
    ) -> bool {
        let mut progress = self.lock();
        let current = self.snapshot.load_full();
        let Some(credential) = change(&current) else {
            progress.missed = version.max(progress.missed);
            return false;
        };
        let mut next = Snapshot::clone(&current);
        if imported {
            next.put_imported(lookup, credential);
        } else {
            next.put(lookup, credential);
        }
        progress.ahead.insert(version);
        next.set_version(progress.beyond(next.version()));
        self.snapshot.store(Arc::new(next));
        true
    }

    /// Takes in what was read from the database: the rows that changed after the snapshot's version. Returns the
    /// companies whose active keys changed, or `None` if it has to be read again.
    pub(crate) fn take_in(&self, rows: Loaded) -> Option<HashSet<CompanyId>> {
        let mut progress = self.lock();
        if rows.version < progress.missed {
            return None;
        }
        let mut next = Snapshot::clone(&self.snapshot.load());
        let changed = next.take_in(rows);
        next.set_version(progress.beyond(next.version()));
        self.snapshot.store(Arc::new(next));
        Some(changed)
    }

    /// Replaces everything by what was loaded, also by an earlier version. No change may be committed by this process
    /// between the load and this call. Returns the companies whose active keys differ.
    pub(crate) fn replace(&self, loaded: Snapshot) -> HashSet<CompanyId> {
        let mut progress = self.lock();
        *progress = Progress::default();
        let loaded = Arc::new(loaded);
        let before = self.snapshot.swap(Arc::clone(&loaded));
        drop(progress);
        before.companies_with_other_keys(&loaded)
    }

    /// Drops the tombstones of keys that were deleted before this moment.
    pub(crate) fn forget(&self, deleted_before: Timestamp) {
        // A tombstone changes no more, so they can be looked for without the lock.
        let old = self.snapshot.load_full().deleted_before(deleted_before);
        if old.is_empty() {
            return;
        }
        let _progress = self.lock();
        let mut next = Snapshot::clone(&self.snapshot.load());
        old.iter().for_each(|lookup| next.remove(lookup));
        self.snapshot.store(Arc::new(next));
    }

    /// Safe after a panic: the snapshot is stored whole, and a version that is missing is read from the database.
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CredentialRow;
    use crate::snapshot::tests::{DELETED_AT, deleted_row, is_active, lookup, row, rows, snapshot};

    fn apply(current: &Current, version: u64, row: CredentialRow) -> bool {
        current.apply(row.lookup, version, |snapshot| {
            let company = snapshot.company_by_id(row.company)?.clone();
            Some(row.into_credential(company))
        })
    }

    #[test]
    fn what_was_read_before_a_deletion_does_not_bring_the_key_back() {
        let current = Current::new(snapshot(1, vec![row(7, 1)]));
        let read_before = rows(1, vec![row(7, 1), row(8, 1)]);
        assert!(apply(&current, 2, deleted_row(7, 1)));
        assert!(current.take_in(read_before).is_some());
        assert!(!is_active(&current.get(), 7) && is_active(&current.get(), 8));
        assert_eq!(current.get().version(), 2);
    }

    #[test]
    fn a_change_applied_early_leaves_earlier_changes_to_be_read() {
        let current = Current::new(snapshot(1, vec![row(7, 1)]));
        // Another node made version 2; this node has made version 3.
        assert!(apply(&current, 3, deleted_row(7, 1)));
        assert!(!is_active(&current.get(), 7));
        assert_eq!(current.get().version(), 1, "version 2 is still to be read");
        current
            .take_in(rows(2, vec![row(7, 1), row(8, 1)]))
            .expect("is taken in");
        assert!(is_active(&current.get(), 8) && !is_active(&current.get(), 7));
        assert_eq!(current.get().version(), 3, "version 3 was applied before");
    }

    #[test]
    fn changes_that_are_applied_in_another_order_need_no_read() {
        let current = Current::new(snapshot(1, Vec::new()));
        for (version, expected) in [(4, 1), (3, 1), (2, 4), (6, 4), (5, 6)] {
            let number = u8::try_from(version).expect("small");
            assert!(apply(&current, version, row(number, 1)));
            assert_eq!(current.get().version(), expected, "after {version}");
        }
    }

    #[test]
    fn a_deletion_that_could_not_be_applied_outdates_what_was_read_before_it() {
        let current = Current::new(snapshot(1, Vec::new()));
        // Another node created the company and its key; this node deleted the key before it knew either.
        assert!(!apply(&current, 4, deleted_row(7, 9)));
        assert_eq!(current.get().version(), 1);
        let company = crate::snapshot::tests::company(9, None);
        let read = |version, row| Loaded {
            companies: vec![company.clone()],
            ..rows(version, vec![row])
        };
        assert_eq!(current.take_in(read(3, row(7, 9))), None);
        assert!(!is_active(&current.get(), 7));
        assert!(current.take_in(read(4, deleted_row(7, 9))).is_some());
        assert!(current.get().credential(&lookup(7)).is_some() && !is_active(&current.get(), 7));
        assert_eq!(current.get().version(), 4);
    }

    #[test]
    fn a_restored_backup_replaces_everything() {
        let current = Current::new(snapshot(8, vec![row(7, 1), row(8, 1)]));
        assert!(apply(&current, 10, row(9, 3)));
        let changed = current.replace(snapshot(5, vec![row(7, 1)]));
        assert_eq!(
            changed.len(),
            2,
            "key 8 of the first company and key 9 of the third are gone"
        );
        assert_eq!(*current.get(), snapshot(5, vec![row(7, 1)]));
        assert!(apply(&current, 6, row(10, 1)));
        assert_eq!(current.get().version(), 6, "versions count on from the backup's");
    }

    #[test]
    fn only_old_tombstones_are_forgotten() {
        let current = Current::new(snapshot(1, vec![row(7, 1), deleted_row(8, 1)]));
        current.forget(DELETED_AT);
        assert!(current.get().credential(&lookup(8)).is_some());
        current.forget(DELETED_AT.plus_millis(1));
        assert_eq!(*current.get(), snapshot(1, vec![row(7, 1)]));
    }
}

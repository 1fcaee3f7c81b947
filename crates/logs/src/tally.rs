//! Counts what the recorder has seen, stored and lost.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::suppression::Suppression;
use crate::{Entry, Loss, LossOf, StoredEntry};

/// Counters since the start. When no entry is waiting, `seen = stored + dropped + suppressed` (invariant 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub seen: u64,
    pub stored: u64,
    pub dropped: u64,
    pub suppressed: u64,
}

impl Totals {
    /// Entries accepted and not yet stored.
    pub const fn waiting(self) -> u64 {
        self.seen
            .saturating_sub(self.stored + self.dropped + self.suppressed)
    }
}

/// The counters behind [`Totals`], and whose entries were lost.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    seen: AtomicU64,
    stored: AtomicU64,
    dropped: AtomicU64,
    suppressed: AtomicU64,
    losses: Mutex<Losses>,
    suppression: Suppression,
    /// For requests with a deleted key. It is a separate budget because outsiders cannot send such requests; with a
    /// common one, a flood of refused requests would hide them.
    former_keys: Suppression,
    /// For requests that a program sends afterwards, whose times are its own.
    sent: Suppression,
}

#[derive(Debug, Default)]
struct Losses {
    all: HashMap<LossOf, Loss>,
    /// The companies whose numbers changed since the store recorded them.
    changed: HashSet<LossOf>,
}

impl Tally {
    pub(crate) fn totals(&self) -> Totals {
        // `seen` is read last, so that it includes everything already counted as stored or lost.
        let (stored, dropped) = (
            self.stored.load(Ordering::SeqCst),
            self.dropped.load(Ordering::SeqCst),
        );
        let suppressed = self.suppressed.load(Ordering::SeqCst);
        Totals {
            seen: self.seen.load(Ordering::SeqCst),
            stored,
            dropped,
            suppressed,
        }
    }

    /// Counts the entry as seen, and decides whether it should be stored.
    pub(crate) fn admits(&self, entry: &Entry) -> bool {
        self.seen.fetch_add(1, Ordering::SeqCst);
        let budget = if entry.key.is_some() {
            &self.former_keys
        } else {
            &self.suppression
        };
        let admitted = entry.verdict.key_was_recognised() || budget.admits(entry.place.company, entry.at);
        if !admitted {
            self.lost(entry.place.loss_of(), |loss| loss.suppressed += 1);
            self.suppressed.fetch_add(1, Ordering::SeqCst);
        }
        admitted
    }

    /// Whether an entry that a program sent should be stored. It is not counted yet.
    pub(crate) fn admits_sent(&self, entry: &StoredEntry) -> bool {
        entry.verdict.key_was_recognised() || self.sent.admits(entry.place.company, entry.at)
    }

    /// Counts entries that a program sent and that are about to be counted as stored.
    pub(crate) fn seen_sent(&self, rows: usize) {
        self.seen.fetch_add(rows as u64, Ordering::SeqCst);
    }

    /// Counts an entry that a program sent and that is not stored.
    pub(crate) fn suppressed_sent(&self, of: LossOf) {
        self.seen.fetch_add(1, Ordering::SeqCst);
        self.lost(of, |loss| loss.suppressed += 1);
        self.suppressed.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn stored(&self, rows: usize) {
        self.stored.fetch_add(rows as u64, Ordering::SeqCst);
    }

    pub(crate) fn dropped(&self, of: LossOf) {
        self.lost(of, |loss| loss.dropped += 1);
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }

    fn lost(&self, of: LossOf, count: impl FnOnce(&mut Loss)) {
        let mut losses = self.losses();
        count(losses.all.entry(of).or_default());
        losses.changed.insert(of);
    }

    fn losses(&self) -> MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was lost since the start, for each company whose numbers the store does not have.
    pub(crate) fn unreported(&self) -> Vec<(LossOf, Loss)> {
        let losses = self.losses();
        let loss = |of: &LossOf| losses.all.get(of).map(|loss| (*of, *loss));
        losses.changed.iter().filter_map(loss).collect()
    }

    /// The store has these numbers now.
    pub(crate) fn reported(&self, reported: &[(LossOf, Loss)]) {
        let mut losses = self.losses();
        let losses = &mut *losses;
        for (of, loss) in reported {
            if losses.all.get(of) == Some(loss) {
                losses.changed.remove(of);
            }
        }
    }
}

//! Requests by verdict, for the metrics: the only place where those of unknown companies are seen.

use std::sync::atomic::{AtomicU64, Ordering};

use model::Verdict;

/// How many requests had each verdict since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    pub by_verdict: Vec<(Verdict, u64)>,
    /// Those among them that belong to no known company and stand in no log.
    pub of_nobody: u64,
    /// What could not be read as a request (400, 408, 431), and calls of a proxy to `verify` that leave in doubt what they
    /// ask.
    pub not_understood: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    by_verdict: [AtomicU64; Verdict::ALL.len()],
    of_nobody: AtomicU64,
    not_understood: AtomicU64,
}

impl Counters {
    pub(crate) fn seen(&self, verdict: Verdict, of_nobody: bool) {
        if let Some(at) = Verdict::ALL.iter().position(|one| *one == verdict) {
            self.by_verdict[at].fetch_add(1, Ordering::Relaxed);
        }
        if of_nobody {
            self.of_nobody.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn not_understood(&self) {
        self.not_understood.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Counts {
        let counted = self.by_verdict.iter().map(|count| count.load(Ordering::Relaxed));
        Counts {
            by_verdict: Verdict::ALL.iter().copied().zip(counted).collect(),
            of_nobody: self.of_nobody.load(Ordering::Relaxed),
            not_understood: self.not_understood.load(Ordering::Relaxed),
        }
    }
}

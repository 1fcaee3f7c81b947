//! Counts requests by verdict for the metrics. Requests of unknown companies appear nowhere else.

use std::sync::atomic::{AtomicU64, Ordering};

use model::Verdict;

/// Requests since the start, by verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    pub by_verdict: Vec<(Verdict, u64)>,
    /// How many of them belong to no known company and therefore appear in no log.
    pub of_nobody: u64,
    /// Bytes that could not be read as a request (400, 408, 431), and `verify` calls in which the proxy left unclear
    /// what it asks.
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

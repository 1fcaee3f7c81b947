//! Counts the attempts that this process has made, for the operator's metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use model::{AttemptOutcome, FailureClass};

/// The upper bounds of the histogram of latencies, in milliseconds. An attempt ends after ten seconds at the latest.
pub const LATENCY_BOUNDS_MS: [u64; 11] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// The attempts of one process since it started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptCounts {
    /// By outcome: `succeeded`, or the name of the failure.
    pub by_outcome: Vec<(&'static str, u64)>,
    /// How many took no longer than each of [`LATENCY_BOUNDS_MS`].
    pub within: [u64; LATENCY_BOUNDS_MS.len()],
    pub attempts: u64,
    /// How long all of them took together.
    pub total_ms: u64,
}

/// Counts attempts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    succeeded: AtomicU64,
    /// In the order of [`FailureClass::ALL`].
    failed: [AtomicU64; FailureClass::ALL.len()],
    /// By the first bound that is not exceeded; the last is for attempts that exceed all.
    buckets: [AtomicU64; LATENCY_BOUNDS_MS.len() + 1],
    total_ms: AtomicU64,
}

impl Counts {
    pub(crate) fn note(&self, outcome: &AttemptOutcome, took_ms: u64) {
        let counter = match outcome {
            AttemptOutcome::Succeeded { .. } => Some(&self.succeeded),
            AttemptOutcome::Failed { class, .. } => {
                let index = FailureClass::ALL.iter().position(|one| one == class);
                index.and_then(|index| self.failed.get(index))
            }
        };
        let bucket = LATENCY_BOUNDS_MS.partition_point(|bound| *bound < took_ms);
        for counter in counter.into_iter().chain(self.buckets.get(bucket)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.total_ms.fetch_add(took_ms, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> AttemptCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let failed = FailureClass::ALL.iter().zip(&self.failed);
        let failed = failed.map(|(class, count)| (class.as_str(), read(count)));
        let mut attempts = 0;
        let buckets = self.buckets.each_ref().map(|bucket| {
            attempts += read(bucket);
            attempts
        });
        let mut within = [0; LATENCY_BOUNDS_MS.len()];
        within.copy_from_slice(&buckets[..LATENCY_BOUNDS_MS.len()]);
        AttemptCounts {
            by_outcome: [("succeeded", read(&self.succeeded))]
                .into_iter()
                .chain(failed)
                .collect(),
            within,
            attempts,
            total_ms: read(&self.total_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attempt_is_in_one_outcome_and_in_every_bucket_that_is_wide_enough() {
        let counts = Counts::default();
        let failed = |class| AttemptOutcome::Failed { class, status: None };
        counts.note(&AttemptOutcome::Succeeded { status: 200 }, 5);
        counts.note(&AttemptOutcome::Succeeded { status: 204 }, 6);
        for class in FailureClass::ALL {
            counts.note(&failed(class), 10_001);
        }
        let read = counts.read();
        assert_eq!(read.by_outcome.len(), FailureClass::ALL.len() + 1);
        for (name, count) in &read.by_outcome {
            assert_eq!(*count, if *name == "succeeded" { 2 } else { 1 }, "{name}");
        }
        assert_eq!(read.within, [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!((read.attempts, read.total_ms), (12, 11 + 10 * 10_001));
    }
}

//! Fills a store through its sink, and measures only that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use logs::{Batch, Ledger, Origin, Run, RunReport, Sink, StoredEntry};
use model::Timestamp;

use crate::subject::Opened;
use crate::world::World;

/// How a log was filled.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filled {
    rows: u64,
    /// From the first batch of a burst to the return of its last, for all bursts.
    appending: Duration,
    /// Ending the run, which closes the last segments.
    pub(crate) ending: Duration,
}

impl Filled {
    pub(crate) fn rows_per_second(self) -> f64 {
        self.rows as f64 / self.appending.as_secs_f64()
    }
}

/// How rows are handed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Rows of a batch.
    pub(crate) batch: usize,
    /// Chunks of rows that are made in advance and then stored without a pause.
    pub(crate) burst: u64,
}

/// Stores all rows of this world, as one run of a server that was there all the time.
pub(crate) async fn fill(store: &Opened, world: &World, pace: Pace) -> Result<Filled> {
    let mut filled = Filled::default();
    let run = store.logs.start_run(world.start()).await?;
    let mut chunk = 0;
    while chunk < world.chunks() {
        let until = (chunk + pace.burst).min(world.chunks());
        let rows: Vec<StoredEntry> = (chunk..until).flat_map(|chunk| world.chunk(chunk)).collect();
        chunk = until;
        let batches = batches(run, filled.rows, rows, pace.batch);
        let begun = Instant::now();
        for batch in batches {
            filled.rows += batch.entries.len() as u64;
            store.logs.append(batch).await?;
        }
        filled.appending += begun.elapsed();
    }
    let begun = Instant::now();
    store.logs.end_run(report(run, world.end, filled.rows)).await?;
    filled.ending = begun.elapsed();
    Ok(filled)
}

fn batches(run: Run, mut first: u64, rows: Vec<StoredEntry>, size: usize) -> Vec<Batch> {
    let mut batches = Vec::with_capacity(rows.len() / size + 1);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let entries: Vec<StoredEntry> = rows.by_ref().take(size).collect();
        let Some(at) = entries.iter().map(|entry| entry.at).max() else {
            break;
        };
        let stored = first + entries.len() as u64;
        batches.push(Batch {
            first,
            entries: Arc::new(entries),
            report: report(run, at, stored),
            origin: Origin::Recorded,
        });
        first = stored;
    }
    batches
}

const fn report(run: Run, at: Timestamp, stored: u64) -> RunReport {
    RunReport {
        run,
        at,
        stored,
        dropped: 0,
        suppressed: 0,
        losses: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Variant;

    #[test]
    fn batches_are_numbered_by_their_rows() {
        let world = World::new(Variant::Plain, 2_500, Timestamp::from_millis(1_800_000_000_000));
        let batches = batches(Run(1), 10, world.chunk(0), 1_000);
        let numbers: Vec<_> = batches
            .iter()
            .map(|batch| (batch.first, batch.entries.len(), batch.report.stored))
            .collect();
        assert_eq!(
            numbers,
            [(10, 1_000, 1_010), (1_010, 1_000, 2_010), (2_010, 500, 2_510)]
        );
    }
}

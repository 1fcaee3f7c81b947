//! Part e: `kill -9` in the middle of 5,000 events, again and again. What was accepted must arrive.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use crate::Database;
use crate::bench::Bench;
use crate::gatehouse::Gatehouse;
use crate::process::pause;
use crate::publish::Load;
use crate::receiver::{Behaviour, Receiver};
use crate::report::spanned;
use crate::samples::{Samples, judged, thousands};
use crate::throughput::SILENCE;

const EVENTS: usize = 5000;
/// A little longer than an attempt is leased for.
const LEASE: Duration = Duration::from_secs(35);
/// Attempts at once to one webhook, and one batch: what may be sent twice after a kill.
const DUPLICATES: f64 = 32.0 + 512.0;

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let kills = bench.options.kills;
    let mut rows = Vec::new();
    for database in bench.options.databases.clone() {
        let receiver = Receiver::start()?;
        let mut gatehouse = bench.gatehouse(database)?;
        gatehouse.webhook(&receiver.url(Behaviour::Accepts, 0), &[])?;
        let mut killed = Killed::default();
        for number in 0..kills {
            // Somewhere in the middle, at another place each time.
            let at = EVENTS / 4 + EVENTS / 2 * number / kills.max(1);
            killed.once_more(bench, database, &mut gatehouse, &receiver, at)?;
        }
        rows.push(killed.cells(database.name()));
    }
    bench
        .report
        .heading(&format!("`kill -9` in the middle of 5,000 events, {kills} times"))?;
    bench.report.table(
        &[
            "database",
            "accepted",
            "lost (target: 0)",
            "duplicates each time",
            "start after a kill, ms",
            "kill → all arrived, s",
        ],
        &rows,
    )
}

/// All kills on one database.
#[derive(Default)]
struct Killed {
    accepted: usize,
    lost: usize,
    duplicates: Samples,
    start: Samples,
    settled: Samples,
}

impl Killed {
    /// Publishes, kills the server once this many events were accepted, starts it, and waits for the rest.
    fn once_more(
        &mut self,
        bench: &mut Bench,
        database: Database,
        gatehouse: &mut Gatehouse,
        receiver: &Receiver,
        at: usize,
    ) -> Result<()> {
        let publishing = Load {
            publishers: bench.options.publishers,
            count: EVENTS,
            survives: true,
            ..gatehouse.load()
        }
        .start()?;
        while publishing.accepted() < at && !publishing.is_finished() {
            pause(Duration::from_millis(1));
        }
        gatehouse.kill()?;
        let killed = Instant::now();
        gatehouse.start()?;
        self.start.add(killed.elapsed().as_secs_f64() * 1e3);
        let published = publishing.join()?;
        let missing = receiver.missing(&published.events, 0, SILENCE);
        let settled = killed.elapsed().as_secs_f64();
        // What had arrived and was not recorded is sent again after its lease.
        pause(LEASE.saturating_sub(killed.elapsed()));
        let arrivals = receiver.take();
        let distinct: HashSet<u128> = arrivals.iter().map(|one| one.event).collect();
        let twice = arrivals.len() - distinct.len();
        self.settled.add(settled);
        self.accepted += published.events.len();
        self.lost += missing;
        self.duplicates.add(twice as f64);
        bench.report.raw(
            "e",
            database.name(),
            json!({
                "killed_after": at,
                "accepted": published.events.len(),
                "lost": missing,
                "duplicates": twice,
                "seconds_until_all_arrived": settled,
            }),
        );
        Ok(())
    }

    fn cells(&self, name: &str) -> Vec<String> {
        vec![
            name.to_owned(),
            thousands(self.accepted as u64),
            judged(thousands(self.lost as u64), self.lost == 0),
            judged(spanned(&self.duplicates), self.duplicates.span().1 <= DUPLICATES),
            spanned(&self.start),
            spanned(&self.settled),
        ]
    }
}

//! Part e: `kill -9` in the middle of 5,000 events, again and again. What was accepted must arrive.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use crate::bench::Bench;
use crate::process::pause;
use crate::publish::Load;
use crate::receiver::{Behaviour, Receiver};
use crate::report::spanned;
use crate::samples::{Samples, judged, thousands};
use crate::throughput::SILENCE;

const EVENTS: usize = 5000;
/// Attempts at once to one webhook, and one batch: what may be sent twice after a kill.
const DUPLICATES: f64 = 32.0 + 512.0;

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let kills = bench.options.kills;
    let mut rows = Vec::new();
    for database in bench.options.databases.clone() {
        let receiver = Receiver::start()?;
        let mut gatehouse = bench.gatehouse(database)?;
        gatehouse.webhook(&receiver.url(Behaviour::Accepts, 0), &[])?;
        let (mut accepted, mut lost) = (0, 0);
        let (mut duplicates, mut start, mut settled) =
            (Samples::default(), Samples::default(), Samples::default());
        for number in 0..kills {
            let publishing = Load {
                publishers: bench.options.publishers,
                count: EVENTS,
                survives: true,
                ..gatehouse.load()
            }
            .start()?;
            // Somewhere in the middle, at another place each time.
            let at = EVENTS / 4 + EVENTS / 2 * number / kills.max(1);
            while publishing.accepted() < at && !publishing.is_finished() {
                pause(Duration::from_millis(1));
            }
            gatehouse.kill()?;
            let killed = Instant::now();
            gatehouse.start()?;
            start.add(killed.elapsed().as_secs_f64() * 1e3);
            let published = publishing.join()?;
            let missing = receiver.missing(&published.events, 0, SILENCE);
            settled.add(killed.elapsed().as_secs_f64());
            let arrivals = receiver.take();
            let distinct: HashSet<u128> = arrivals.iter().map(|one| one.event).collect();
            let twice = arrivals.len() - distinct.len();
            accepted += published.events.len();
            lost += missing;
            duplicates.add(twice as f64);
            bench.report.raw(
                "e",
                database.name(),
                json!({
                    "killed_after": at,
                    "accepted": published.events.len(),
                    "lost": missing,
                    "duplicates": twice,
                    "seconds_until_all_arrived": killed.elapsed().as_secs_f64(),
                }),
            );
        }
        rows.push(vec![
            database.name().to_owned(),
            thousands(accepted as u64),
            judged(thousands(lost as u64), lost == 0),
            judged(spanned(&duplicates), duplicates.span().1 <= DUPLICATES),
            spanned(&start),
            spanned(&settled),
        ]);
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

//! `cargo xtask bench redact`: measures redaction of ordinary entries and of entries designed to be slow.

#[path = "../tests/log/cases.rs"]
mod cases;
#[path = "../tests/log/entries.rs"]
#[expect(dead_code, reason = "some of it is only for tests")]
mod entries;
mod ordinary;

use std::io::Write;
use std::time::{Duration, Instant};

use logs::{Entry, Names, redact};

/// Minimum running time of each case.
const LONG_ENOUGH: Duration = Duration::from_millis(400);

struct Measured {
    nanoseconds: f64,
    bytes: usize,
}

fn measure(make: impl Fn() -> Entry) -> Measured {
    let names = Names::default();
    let bytes = cases::size(&make());
    let (mut spent, mut rows) = (Duration::ZERO, 0_u32);
    while spent < LONG_ENOUGH {
        let entry = make();
        let begun = Instant::now();
        std::hint::black_box(redact(std::hint::black_box(entry), &names));
        spent += begun.elapsed();
        rows += 1;
    }
    Measured {
        nanoseconds: spent.as_nanos() as f64 / f64::from(rows),
        bytes,
    }
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<34} {:>9} {:>12} {:>9} {:>13}",
        "entry", "bytes", "ns a row", "MB/s", "× a full page"
    )?;
    let page = measure(|| ordinary::ordinary(45));
    let mut row = |name: &str, measured: &Measured| {
        writeln!(
            out,
            "{name:<34} {:>9} {:>12.0} {:>9.1} {:>13.1}",
            measured.bytes,
            measured.nanoseconds,
            measured.bytes as f64 / measured.nanoseconds * 1e3,
            measured.nanoseconds / page.nanoseconds,
        )
    };
    row("ordinary: one order", &measure(|| ordinary::ordinary(1)))?;
    row("ordinary: a page of orders", &page)?;
    // The largest possible request: a head of 64 KiB, and bodies of which 16 KiB are kept.
    for (case, (name, _)) in cases::hostile(16).into_iter().enumerate() {
        let measured = measure(|| cases::hostile(24_000).swap_remove(case).1);
        row(&format!("hostile: {name}"), &measured)?;
    }
    Ok(())
}

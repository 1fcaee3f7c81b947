//! The results as Markdown, ready for `docs/BENCHMARKS.md`, and every number of every round.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::samples::{Samples, figure};

#[derive(Debug, Default)]
pub(crate) struct Report {
    text: String,
    raw: Vec<Value>,
    others: Samples,
}

impl Report {
    pub(crate) fn heading(&mut self, heading: &str) -> Result<()> {
        self.line(&format!("\n### {heading}\n"))
    }

    pub(crate) fn line(&mut self, line: &str) -> Result<()> {
        self.text.push_str(line);
        self.text.push('\n');
        writeln!(std::io::stdout().lock(), "{line}").context("standard output")
    }

    pub(crate) fn table(&mut self, columns: &[&str], rows: &[Vec<String>]) -> Result<()> {
        self.line(&format!("| {} |", columns.join(" | ")))?;
        self.line(&format!("|{}", " --- |".repeat(columns.len())))?;
        for row in rows {
            self.line(&format!("| {} |", row.join(" | ")))?;
        }
        Ok(())
    }

    /// What other programs took of the machine while something was measured, in percent.
    pub(crate) fn others(&mut self, percent: f64) {
        self.others.add(percent);
    }

    /// Figures of one round. They are shown at once, because a part may take an hour.
    pub(crate) fn raw(&mut self, part: &str, of: &str, figures: Value) {
        eprintln!("{part}, {of}: {figures}");
        self.raw
            .push(json!({ "part": part, "of": of, "figures": figures }));
    }

    /// Writes what there is so far.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        fs::write(folder.join("results.md"), &self.text)?;
        let raw: Vec<String> = self.raw.iter().map(Value::to_string).collect();
        fs::write(folder.join("raw.jsonl"), raw.join("\n"))?;
        Ok(())
    }

    pub(crate) fn finish(&mut self, folder: &Path) -> Result<()> {
        if !self.others.values().is_empty() {
            self.line(&format!(
                "\nOther programs used {:.0} % of the machine during the loads (median), at most {:.0} %.",
                self.others.median(),
                self.others.span().1
            ))?;
        }
        self.save(folder)
    }
}

/// The median, and the lowest and the highest if there are several.
pub(crate) fn spanned(samples: &Samples) -> String {
    let median = figure(samples.median());
    if samples.values().len() < 2 {
        return median;
    }
    let (lowest, highest) = samples.span();
    format!("{median} ({} to {})", figure(lowest), figure(highest))
}

/// In milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) highest: f64,
}

impl Latency {
    /// NaN if there are none.
    pub(crate) fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        let percentile = |percent: usize| match all.len() {
            0 => f64::NAN,
            length => all[(length - 1) * percent / 100].as_secs_f64() * 1e3,
        };
        Self {
            p50: percentile(50),
            p99: percentile(99),
            highest: percentile(100),
        }
    }
}

/// Zero if it arrived before: the 202 and the delivery travel at the same time.
pub(crate) fn from_to(from: Instant, to: Instant) -> Duration {
    to.saturating_duration_since(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_sorted_values() {
        let all = (1..=100).rev().map(Duration::from_millis).collect();
        let latency = Latency::of(all);
        assert_eq!(
            [latency.p50, latency.p99, latency.highest].map(|ms| ms.round() as u64),
            [50, 99, 100]
        );
        assert!(Latency::of(Vec::new()).p50.is_nan());
    }
}

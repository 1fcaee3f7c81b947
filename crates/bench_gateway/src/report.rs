//! The results as Markdown, ready for `docs/BENCHMARKS.md`, and every number of every round.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::samples::{Samples, figure, judged};
use crate::wrk::Run;

/// What was measured of one contender, one number a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {
    pub(crate) rate: Samples,
    pub(crate) p50: Samples,
    pub(crate) p99: Samples,
    pub(crate) user: Samples,
    pub(crate) system: Samples,
    /// User and system together.
    pub(crate) cpu: Samples,
    /// What other programs took of the machine.
    others: Samples,
}

impl Runs {
    pub(crate) fn add(&mut self, name: &str, run: Run) {
        eprintln!(
            "{name}: {} requests a second, p99 {} ms, {} + {} µs; other programs {:.0} %",
            figure(run.rate),
            figure(run.p99),
            figure(run.user),
            figure(run.system),
            run.others
        );
        self.rate.add(run.rate);
        self.p50.add(run.p50);
        self.p99.add(run.p99);
        self.user.add(run.user);
        self.system.add(run.system);
        self.cpu.add(run.user + run.system);
        self.others.add(run.others);
    }

    /// Requests a second, latency and CPU time, for the columns of [`RUNS`].
    pub(crate) fn cells(&self) -> Vec<String> {
        let (lowest, highest) = self.rate.span();
        vec![
            format!(
                "{} ({} to {})",
                figure(self.rate.median()),
                figure(lowest),
                figure(highest)
            ),
            format!("{} / {}", figure(self.p50.median()), figure(self.p99.median())),
            format!(
                "{} + {}",
                figure(self.user.median()),
                figure(self.system.median())
            ),
        ]
    }

    fn raw(&self) -> Value {
        json!({
            "requests_a_second": self.rate.values(),
            "p50_ms": self.p50.values(),
            "p99_ms": self.p99.values(),
            "user_us": self.user.values(),
            "system_us": self.system.values(),
            "other_programs_percent": self.others.values(),
        })
    }
}

/// The columns of [`Runs::cells`].
pub(crate) const RUNS: [&str; 3] = [
    "requests a second",
    "p50 / p99, ms",
    "CPU, µs a request: user + system",
];

/// A quotient with its target.
pub(crate) fn at_least(value: f64, target: f64) -> String {
    judged(format!("{value:.2}"), value >= target)
}

pub(crate) fn at_most(value: f64, target: f64) -> String {
    judged(format!("{value:.2}"), value <= target)
}

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

    pub(crate) fn runs(&mut self, part: &str, name: &str, runs: &Runs) {
        self.raw(part, name, runs.raw());
        for percent in runs.others.values() {
            self.others(*percent);
        }
    }

    /// What other programs took of the machine while something was measured, in percent.
    pub(crate) fn others(&mut self, percent: f64) {
        self.others.add(percent);
    }

    pub(crate) fn raw(&mut self, part: &str, name: &str, figures: Value) {
        self.raw
            .push(json!({ "part": part, "of": name, "figures": figures }));
    }

    /// Writes both into the folder, and prints the numbers of all rounds.
    pub(crate) fn finish(mut self, folder: &Path) -> Result<()> {
        if !self.others.values().is_empty() {
            self.line(&format!(
                "\nOther programs used {:.0} % of the machine during the loads (median), at most {:.0} %.",
                self.others.median(),
                self.others.span().1
            ))?;
        }
        let raw: Vec<String> = self.raw.iter().map(Value::to_string).collect();
        self.line(&format!("\n```json\n{}\n```", raw.join("\n")))?;
        fs::write(folder.join("results.md"), &self.text)?;
        fs::write(folder.join("raw.jsonl"), raw.join("\n"))?;
        Ok(())
    }
}

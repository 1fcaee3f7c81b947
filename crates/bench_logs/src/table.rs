//! The results as Markdown, ready for `docs/BENCHMARKS.md`.

use std::fmt::Write;

use crate::asking::{Line, Times};
use crate::questions::Kind;
use crate::spread::{Samples, millis};
use crate::subject::Subject;

/// How much longer PostgreSQL may take than files.
const POSTGRES_FACTOR: f64 = 3.0;

/// The most that a question may take in the issue, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Limits {
    first: f64,
    warm: f64,
}

impl Kind {
    /// For files, without and with a million distinct paths.
    const fn limits(self, many_paths: bool) -> Limits {
        let (first, warm) = match (self, many_paths) {
            (Self::Filter, _) => (40.0, 10.0),
            (Self::Path, false) => (30.0, 30.0),
            (Self::Path, true) => (300.0, 300.0),
            // Rows and their histogram together.
            (Self::Histogram, _) => (45.0, 15.0),
            // After a restart there is no target for facets.
            (Self::Facets, _) => (f64::INFINITY, 20.0),
            (Self::Id, _) => (5.0, 5.0),
        };
        Limits { first, warm }
    }
}

/// One line a question: for each store the median and the 95th percentile, after a restart and warm.
pub(crate) fn questions(lines: &[Line], subjects: &[Subject], with_peer: bool, many_paths: bool) -> String {
    let mut table = String::from("| question |");
    for subject in subjects {
        // Writing to a String cannot fail.
        let _ = write!(table, " {0}, first | {0}, warm |", subject.name());
    }
    if with_peer {
        table.push_str(" DuckDB, first | DuckDB, warm | DuckDB ÷ files |");
    }
    let columns = table.matches('|').count() - 1;
    table.push('\n');
    table.push('|');
    table.push_str(&" --- |".repeat(columns));
    for line in lines {
        let _ = write!(table, "\n| {} |", line.named.name);
        for (subject, times) in subjects.iter().zip(&line.ours) {
            let limits = of(subject, line.named.kind.limits(many_paths));
            let first = cell(&times.first, limits.first);
            let warm = cell(&times.warm, limits.warm);
            let _ = write!(table, " {first} | {warm} |");
        }
        if with_peer {
            let _ = write!(
                table,
                " {} | {} | {} |",
                line.peer.first.text(),
                line.peer.warm.text(),
                ratios(line)
            );
        }
    }
    table
}

/// The sentences after the table: what missed its target, and where the peer is ahead.
pub(crate) fn summary(lines: &[Line], subjects: &[Subject], many_paths: bool) -> Vec<String> {
    let mut sentences = Vec::new();
    for (at, subject) in subjects.iter().enumerate() {
        let missed: Vec<&str> = lines
            .iter()
            .filter(|line| misses(&line.ours[at], of(subject, line.named.kind.limits(many_paths))))
            .map(|line| line.named.name)
            .collect();
        sentences.push(format!(
            "{}: {} of {} questions meet their targets{}",
            subject.name(),
            lines.len() - missed.len(),
            lines.len(),
            listed(". Not: ", &missed)
        ));
    }
    let behind: Vec<&str> = lines
        .iter()
        .filter(|line| !line.peer.warm.is_empty() && peer_is_ahead(line))
        .map(|line| line.named.name)
        .collect();
    if lines.iter().any(|line| !line.peer.warm.is_empty()) {
        sentences.push(format!(
            "DuckDB is ahead in {}{}",
            behind.len(),
            listed(": ", &behind)
        ));
    }
    sentences
}

fn listed(before: &str, names: &[&str]) -> String {
    if names.is_empty() {
        ".".to_owned()
    } else {
        format!("{before}{}.", names.join("; "))
    }
}

fn of(subject: &Subject, limits: Limits) -> Limits {
    match subject {
        Subject::Files(_) => limits,
        Subject::Postgres(_) => Limits {
            first: limits.first * POSTGRES_FACTOR,
            warm: limits.warm * POSTGRES_FACTOR,
        },
    }
}

fn misses(times: &Times, limits: Limits) -> bool {
    times.first.percentile(95) >= limits.first || times.warm.percentile(95) >= limits.warm
}

/// Whether DuckDB's median is lower, after a restart or warm.
fn peer_is_ahead(line: &Line) -> bool {
    let Some(files) = line.ours.first() else {
        return false;
    };
    line.peer.first.percentile(50) < files.first.percentile(50)
        || line.peer.warm.percentile(50) < files.warm.percentile(50)
}

/// Bold if the 95th percentile misses the limit.
fn cell(samples: &Samples, limit: f64) -> String {
    if samples.percentile(95) >= limit {
        format!("**{}**", samples.text())
    } else {
        samples.text()
    }
}

/// How many times as long DuckDB takes, by the medians: first and warm.
fn ratios(line: &Line) -> String {
    let Some(files) = line.ours.first() else {
        return "–".to_owned();
    };
    let ratio = |peer: &Samples, files: &Samples| {
        let ratio = peer.percentile(50) / files.percentile(50);
        if ratio < 1.0 {
            format!("**{}**", millis(ratio))
        } else {
            millis(ratio)
        }
    };
    format!(
        "{} / {}",
        ratio(&line.peer.first, &files.first),
        ratio(&line.peer.warm, &files.warm)
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use model::{ClientId, CompanyId, RequestId};

    use super::*;
    use crate::questions::{Ask, Named};

    fn times(first: u64, warm: u64) -> Times {
        let mut times = Times::default();
        times.first.add(Duration::from_millis(first));
        times.warm.add(Duration::from_millis(warm));
        times
    }

    fn line(ours: Vec<Times>, peer: Times) -> Line {
        Line {
            named: Named {
                name: "status 503",
                kind: Kind::Filter,
                scope: logs::Scope::Brand {
                    company: CompanyId::from_random([1; 16]),
                    client_id: ClientId::from_random([1; 16]),
                },
                ask: Ask::Entry(RequestId::from_random([1; 16])),
            },
            ours,
            peer,
            difference: None,
        }
    }

    #[test]
    fn what_misses_its_target_is_bold_and_named() {
        let subjects = [Subject::Files(PathBuf::new()), Subject::Postgres(String::new())];
        let lines = [line(vec![times(39, 12), times(119, 29)], times(20, 30))];
        let table = questions(&lines, &subjects, true, false);
        assert_eq!(
            table.lines().last(),
            Some(
                "| status 503 | 39.0 / 39.0 | **12.0 / 12.0** | 119 / 119 | 29.0 / 29.0 | 20.0 / 20.0 | \
                 30.0 / 30.0 | **0.51** / 2.5 |"
            )
        );
        assert_eq!(
            summary(&lines, &subjects, false),
            [
                "files: 0 of 1 questions meet their targets. Not: status 503.",
                "PostgreSQL: 1 of 1 questions meet their targets.",
                "DuckDB is ahead in 1: status 503.",
            ]
        );
    }

    #[test]
    fn without_a_peer_there_are_no_columns_for_it() {
        let subjects = [Subject::Files(PathBuf::new())];
        let lines = [line(vec![times(1, 1)], Times::default())];
        let table = questions(&lines, &subjects, false, false);
        assert_eq!(
            table,
            "| question | files, first | files, warm |\n| --- | --- | --- |\n| status 503 | 1.0 / 1.0 | 1.0 / 1.0 |"
        );
        assert_eq!(summary(&lines, &subjects, false).len(), 1);
    }
}

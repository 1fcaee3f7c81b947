//! What was measured in the browser, and its tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::spread::Samples;

/// All times are in milliseconds since the input, or since the load began.
#[derive(Debug, Deserialize)]
pub(super) struct Round {
    loads: Vec<Load>,
    changes: Vec<Change>,
    views: Vec<Change>,
    typed: Vec<Change>,
    scrolled: Scrolled,
}

#[derive(Debug, Deserialize)]
struct Load {
    name: String,
    pass: Pass,
    document: f64,
    painted: f64,
    hydrated: f64,
}

#[derive(Debug, Deserialize)]
struct Change {
    name: String,
    #[serde(default)]
    kind: String,
    pass: Pass,
    /// The rows were in the document,
    document: f64,
    /// and painted,
    painted: f64,
    /// and so was everything else.
    whole: f64,
    calls: Vec<Call>,
}

/// A call of the page to the server.
#[derive(Debug, Deserialize)]
struct Call {
    name: String,
    begun: f64,
    first: f64,
    ended: f64,
}

#[derive(Debug, Deserialize)]
struct Scrolled {
    added: Vec<Added>,
    frames: Vec<f64>,
    wheel: Vec<f64>,
}

#[derive(Debug, Deserialize)]
struct Added {
    rows: u64,
    painted: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pass {
    First,
    Warm,
}

impl Pass {
    const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Warm => "warm",
        }
    }
}

impl Round {
    pub(super) fn summary(&self) -> String {
        let painted = Samples::of(self.changes.iter().map(|change| change.painted));
        format!("{} changes, painted after {}", self.changes.len(), painted.text())
    }
}

/// All rounds.
#[derive(Debug, Default)]
pub(super) struct Measured(Vec<Round>);

/// What is read of one change.
type Reads = (&'static str, fn(&Change) -> Option<f64>);

/// Where the time of a change goes.
const PARTS: [Reads; 7] = [
    ("until the call is sent", |change| Some(change.rows()?.begun)),
    ("until its response begins", |change| {
        change.rows().map(|call| call.first - call.begun)
    }),
    ("until it is there", |change| {
        change.rows().map(|call| call.ended - call.first)
    }),
    ("until the rows are in the document", |change| {
        Some(change.document - change.rows()?.ended)
    }),
    ("until they are painted", |change| {
        Some(change.painted - change.document)
    }),
    ("**painted**", |change| Some(change.painted)),
    ("chart, chips and values too", |change| Some(change.whole)),
];

impl Change {
    fn rows(&self) -> Option<&Call> {
        self.calls.iter().find(|call| call.name == "list")
    }
}

impl Measured {
    pub(super) fn add(&mut self, round: Round) {
        self.0.push(round);
    }

    pub(super) fn document(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "\n{}\n{}\n{}\n{}\n{}",
            self.changes_by_kind(),
            self.parts(),
            self.slowest(),
            self.loads(),
            self.scrolling()
        );
        text
    }

    fn each(&self) -> impl Iterator<Item = &Change> {
        self.0.iter().flat_map(|round| &round.changes)
    }

    fn changes_by_kind(&self) -> String {
        let mut by_kind: BTreeMap<(&str, Pass), Samples> = BTreeMap::new();
        let typed = self.0.iter().flat_map(|round| &round.typed);
        for change in self.each() {
            for kind in [change.kind.as_str(), "**all**"] {
                let samples = by_kind.entry((kind, change.pass)).or_default();
                samples.add_millis(change.painted);
            }
        }
        for change in typed {
            by_kind
                .entry(("typed", change.pass))
                .or_default()
                .add_millis(change.painted);
        }
        let mut kinds: Vec<&str> = by_kind.keys().map(|(kind, _)| *kind).collect();
        kinds.dedup();
        let mut text = "| changes to | number | first | warm |\n| --- | --- | --- | --- |\n".to_owned();
        for kind in kinds {
            let of = |pass| by_kind.get(&(kind, pass)).cloned().unwrap_or_default();
            let (first, warm) = (of(Pass::First), of(Pass::Warm));
            let number = first.len() + warm.len();
            let _ = writeln!(text, "| {kind} | {number} | {} | {} |", first.text(), warm.text());
        }
        text
    }

    fn parts(&self) -> String {
        let mut text = "| part of a change | first | warm |\n| --- | --- | --- |\n".to_owned();
        for (name, read) in PARTS {
            let of = |pass| Samples::of(self.each().filter(|change| change.pass == pass).filter_map(read));
            let _ = writeln!(
                text,
                "| {name} | {} | {} |",
                of(Pass::First).text(),
                of(Pass::Warm).text()
            );
        }
        text
    }

    /// The changes with the highest medians.
    fn slowest(&self) -> String {
        let mut by_name: BTreeMap<(&str, Pass), Samples> = BTreeMap::new();
        for change in self.each() {
            let samples = by_name.entry((&change.name, change.pass)).or_default();
            samples.add_millis(change.painted);
        }
        let mut all: Vec<_> = by_name.into_iter().collect();
        all.sort_by(|(_, a), (_, b)| b.percentile(50).total_cmp(&a.percentile(50)));
        let mut text = "| slowest changes | | painted |\n| --- | --- | --- |\n".to_owned();
        for ((name, pass), samples) in all.into_iter().take(10) {
            let _ = writeln!(text, "| {name} | {} | {} |", pass.name(), samples.text());
        }
        text
    }

    fn loads(&self) -> String {
        let mut text =
            "| page or view | | in the document | painted | hydrated |\n| --- | --- | --- | --- | --- |\n"
                .to_owned();
        let mut by_name: BTreeMap<(&str, Pass), [Samples; 3]> = BTreeMap::new();
        for load in self.0.iter().flat_map(|round| &round.loads) {
            let [document, painted, hydrated] = by_name.entry((&load.name, load.pass)).or_default();
            document.add_millis(load.document);
            painted.add_millis(load.painted);
            hydrated.add_millis(load.hydrated);
        }
        for ((name, pass), [document, painted, hydrated]) in &by_name {
            let _ = writeln!(
                text,
                "| {name}, loaded | {} | {} | {} | {} |",
                pass.name(),
                document.text(),
                painted.text(),
                hydrated.text()
            );
        }
        let mut by_name: BTreeMap<(&str, Pass), [Samples; 2]> = BTreeMap::new();
        for view in self.0.iter().flat_map(|round| &round.views) {
            let [document, painted] = by_name.entry((&view.name, view.pass)).or_default();
            document.add_millis(view.document);
            painted.add_millis(view.painted);
        }
        for ((name, pass), [document, painted]) in &by_name {
            let _ = writeln!(
                text,
                "| {name}, pressed | {} | {} | {} | |",
                pass.name(),
                document.text(),
                painted.text()
            );
        }
        text
    }

    fn scrolling(&self) -> String {
        let of = |read: fn(&Round) -> Vec<f64>| Samples::of(self.0.iter().flat_map(read));
        let rows = self
            .0
            .iter()
            .flat_map(|round| &round.scrolled.added)
            .map(|added| added.rows)
            .max();
        let added = of(|round| round.scrolled.added.iter().map(|added| added.painted).collect());
        let late = of(|round| {
            let pages = &round.scrolled.added;
            pages[pages.len().saturating_sub(10)..]
                .iter()
                .map(|added| added.painted)
                .collect()
        });
        let frames = of(|round| round.scrolled.frames.clone());
        let wheel = of(|round| round.scrolled.wheel.clone());
        format!(
            "| up to {} rows | |\n| --- | --- |\n| a page added below, painted | {} |\n| the last ten of them | {} |\n\
             | between frames while they are added | {} |\n| between frames while the wheel goes back to the top | {} |\n",
            rows.unwrap_or(0),
            added.text(),
            late.text(),
            frames.text(),
            wheel.text()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_have_what_the_script_prints() {
        let round = |millis: u32| {
            let round = format!(
                r#"{{
                "loads": [{{"name": "Requests", "pass": "first", "document": 1, "painted": {millis}, "hydrated": 3}}],
                "changes": [{{"name": "status 503", "kind": "rare", "pass": "warm", "document": 20, "painted": {millis},
                  "whole": 40, "calls": [{{"name": "list", "begun": 2, "first": 7, "ended": 8, "bytes": 9}}]}}],
                "views": [{{"name": "Errors", "pass": "warm", "document": 5, "painted": {millis}, "whole": 7, "calls": []}}],
                "typed": [],
                "scrolled": {{"added": [{{"rows": 100, "document": 3, "painted": {millis}}}], "frames": [16], "wheel": [17]}}
                }}"#
            );
            serde_json::from_str::<Round>(&round).unwrap()
        };
        let mut measured = Measured::default();
        measured.add(round(30));
        measured.add(round(31));
        let text = measured.document();
        for line in [
            "| rare | 2 | – | 30.0 / 31.0 |",
            "| until its response begins | – | 5.0 / 5.0 |",
            "| until the rows are in the document | – | 12.0 / 12.0 |",
            "| status 503 | warm | 30.0 / 31.0 |",
            "| Requests, loaded | first | 1.0 / 1.0 | 30.0 / 31.0 | 3.0 / 3.0 |",
            "| Errors, pressed | warm | 5.0 / 5.0 | 30.0 / 31.0 | |",
            "| up to 100 rows | |",
            "| between frames while the wheel goes back to the top | 17.0 / 17.0 |",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}

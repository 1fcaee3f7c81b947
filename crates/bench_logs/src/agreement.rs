//! Compares two answers to one question. A benchmark whose answers differ measures nothing.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use logs::{Count, Facets, Found, Question};
use serde_json::Value;

use crate::sql::FACETS;

/// What an answer says, without the numbers that each store chooses for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Ids of the rows, newest first.
    ids: Vec<String>,
    more: bool,
    count: Count,
    /// Rows by bucket and first digit of the status, without zeroes.
    histogram: BTreeMap<(u64, u64), u64>,
    /// Rows by field and value.
    facets: BTreeMap<(&'static str, String), u64>,
}

impl Outcome {
    pub(crate) fn of_found(found: &Found) -> Self {
        let histogram = found.histogram.iter().zip(0..).flat_map(|(classes, bucket)| {
            let classes = classes.iter().zip(0..);
            classes.map(move |(rows, class)| ((bucket, class), *rows))
        });
        Self {
            ids: found.rows.iter().map(|row| row.request_id.to_string()).collect(),
            more: found.more,
            count: found.count,
            histogram: histogram.filter(|(_, rows)| *rows > 0).collect(),
            facets: facets(&found.facets),
        }
    }

    /// One entry, or none.
    pub(crate) fn of_entry(id: Option<String>) -> Self {
        Self {
            ids: id.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Results of the statements of [`crate::sql::page`].
    pub(crate) fn of_page(results: &[Vec<Vec<Value>>], question: &Question) -> Result<Self> {
        let mut results = results.iter();
        let mut next = || results.next().context("a result is missing");
        let rows = next()?;
        let mut outcome = Self {
            ids: rows.iter().take(question.rows).map(|row| text(row, 1)).collect(),
            more: rows.len() > question.rows,
            ..Self::default()
        };
        if question.count {
            outcome.count = Count::Exactly(next()?.first().map_or(0, |row| number(row, 0)));
        }
        if question.histogram.is_some() {
            let buckets = next()?.iter();
            outcome.histogram = buckets
                .map(|row| ((number(row, 0), number(row, 1)), number(row, 2)))
                .collect();
        }
        if question.facets {
            for field in FACETS {
                let values = next()?.iter();
                outcome
                    .facets
                    .extend(values.map(|row| ((field, text(row, 0)), number(row, 1))));
            }
        }
        Ok(outcome)
    }

    /// In what the two differ. A bounded count agrees with every count that is not smaller.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let bounded = |count: &Count| matches!(count, Count::AtLeast(_));
        let (mine, theirs) = (self.count.at_least(), other.count.at_least());
        let counts_agree = match (bounded(&self.count), bounded(&other.count)) {
            (false, false) => self.count == other.count,
            (true, false) => mine <= theirs,
            (false, true) => mine >= theirs,
            (true, true) => true,
        };
        if !counts_agree {
            return Some(format!("the counts: {:?} and {:?}", self.count, other.count));
        }
        let at = self
            .ids
            .iter()
            .zip(&other.ids)
            .position(|(mine, theirs)| mine != theirs);
        if let Some(at) = at {
            let (mine, theirs) = (&self.ids[at], &other.ids[at]);
            return Some(format!("row {at} of the page: {mine} and {theirs}"));
        }
        if self.ids.len() != other.ids.len() || self.more != other.more {
            let (mine, theirs) = (self.ids.len(), other.ids.len());
            return Some(format!(
                "the length of the page: {mine} (more: {}) and {theirs} (more: {})",
                self.more, other.more
            ));
        }
        if self.histogram != other.histogram {
            let (mine, theirs) = (&self.histogram, &other.histogram);
            let at = mine
                .iter()
                .find(|(at, rows)| theirs.get(at) != Some(rows))
                .or_else(|| theirs.iter().find(|(at, _)| !mine.contains_key(at)));
            return Some(format!("the histogram, for example at {at:?}"));
        }
        if self.facets != other.facets {
            let (mine, theirs) = (&self.facets, &other.facets);
            let at = mine
                .iter()
                .find(|(value, rows)| theirs.get(value) != Some(rows))
                .or_else(|| theirs.iter().find(|(value, _)| !mine.contains_key(value)));
            return Some(format!("the facets, for example {at:?}"));
        }
        None
    }
}

fn facets(facets: &Facets) -> BTreeMap<(&'static str, String), u64> {
    // Names every field, so that a new one does not compile until it is compared.
    let Facets {
        status,
        client,
        environment,
        key,
        method,
        verdict,
        recorded,
        // The other stores have no such column.
        duration: _,
    } = facets;
    let mut all = BTreeMap::new();
    all.extend(named("status", status, u16::to_string));
    all.extend(named("client", client, ToString::to_string));
    all.extend(named("environment", environment, |value| {
        value.as_str().to_owned()
    }));
    all.extend(named("key", key, ToString::to_string));
    all.extend(named("method", method, Clone::clone));
    all.extend(named("verdict", verdict, ToString::to_string));
    all.extend(named("recorded", recorded, |value| value.as_str().to_owned()));
    all
}

fn named<T>(
    field: &'static str,
    values: &[(T, u64)],
    text: impl Fn(&T) -> String,
) -> impl Iterator<Item = ((&'static str, String), u64)> {
    values
        .iter()
        .map(move |(value, rows)| ((field, text(value)), *rows))
}

fn text(row: &[Value], column: usize) -> String {
    match row.get(column) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn number(row: &[Value], column: usize) -> u64 {
    row.get(column).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(ids: &[&str], count: Count) -> Outcome {
        Outcome {
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            count,
            ..Outcome::default()
        }
    }

    #[test]
    fn a_bounded_count_agrees_with_a_larger_one_only() {
        let exact = outcome(&[], Count::Exactly(12_000));
        assert_eq!(outcome(&[], Count::AtLeast(10_000)).difference(&exact), None);
        assert!(outcome(&[], Count::AtLeast(12_001)).difference(&exact).is_some());
        assert!(outcome(&[], Count::Exactly(10_000)).difference(&exact).is_some());
    }

    #[test]
    fn the_first_row_that_differs_is_named() {
        let (one, other) = (["a", "b", "c"], ["a", "x", "y"]);
        let difference = outcome(&one, Count::NotAsked).difference(&outcome(&other, Count::NotAsked));
        assert_eq!(difference.as_deref(), Some("row 1 of the page: b and x"));
    }

    #[test]
    fn a_value_that_only_one_side_counts_is_a_difference() {
        let mut one = outcome(&[], Count::NotAsked);
        let other = one.clone();
        one.facets.insert(("method", "GET".to_owned()), 3);
        assert!(one.difference(&other).is_some_and(|text| text.contains("GET")));
        assert!(other.difference(&one).is_some_and(|text| text.contains("GET")));
    }
}

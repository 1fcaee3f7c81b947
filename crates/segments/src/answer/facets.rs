//! How many rows have each value of each field.

use std::collections::HashMap;
use std::ops::Range;

use logs::Facets;
use model::{Recorded, Verdict};
use roaring::RoaringBitmap;

use super::loader::{Ask, Batch, Loader, Pieces, Ticket, stretches};
use super::part::Part;
use crate::{Column, Dictionary, Field, Head, Located, ReadError, ValueKey, Values};

/// The fields that have facets.
pub(super) const FIELDS: [Field; 8] = [
    Field::Status,
    Field::Client,
    Field::Environment,
    Field::Key,
    Field::Method,
    Field::Verdict,
    Field::Recorded,
    Field::DurationClass,
];

/// Counts by field and value. A method's value is its whole text.
#[derive(Debug, Default)]
pub(super) struct FacetCounts {
    by_field: HashMap<Field, HashMap<Vec<u8>, u64>>,
}

impl FacetCounts {
    pub(super) fn add(&mut self, field: Field, value: &[u8], rows: u64) {
        if rows == 0 {
            return;
        }
        let values = self.by_field.entry(field).or_default();
        match values.get_mut(value) {
            Some(count) => *count += rows,
            None => {
                values.insert(value.to_vec(), rows);
            }
        }
    }

    pub(super) fn into_facets(mut self) -> Facets {
        Facets {
            status: self.sorted(Field::Status, |key| key.to_status(), |status| *status),
            client: self.sorted(Field::Client, ValueKey::to_client, |id| *id),
            environment: self.sorted(
                Field::Environment,
                |key| key.to_environment().flatten(),
                |environment| *environment,
            ),
            key: self.sorted(Field::Key, ValueKey::to_key, |id| *id),
            method: self.sorted(Field::Method, |key| Some(key.to_method()), String::clone),
            verdict: self.sorted(Field::Verdict, ValueKey::to_verdict, |verdict| {
                Verdict::ALL.iter().position(|one| one == verdict)
            }),
            recorded: self.sorted(Field::Recorded, ValueKey::to_recorded, |recorded| {
                Recorded::ALL.iter().position(|one| one == recorded)
            }),
            duration: self.sorted(Field::DurationClass, ValueKey::to_duration_class, |class| *class),
        }
    }

    /// The most frequent value first, values with equally many rows by `order`.
    fn sorted<T, O: Ord>(
        &mut self,
        field: Field,
        value: impl Fn(&ValueKey) -> Option<T>,
        order: impl Fn(&T) -> O,
    ) -> Vec<(T, u64)> {
        let counted = self.by_field.remove(&field).unwrap_or_default();
        let mut values: Vec<(T, u64)> = counted
            .into_iter()
            .filter_map(|(key, rows)| Some((value(&ValueKey(key))?, rows)))
            .collect();
        values.sort_by_cached_key(|(value, rows)| (std::cmp::Reverse(*rows), order(value)));
        values
    }
}

/// Counts the values of all fields in these segments.
pub(super) fn count<'a>(
    parts: &[Part<'a>],
    loader: Loader<'_>,
    counts: &mut FacetCounts,
) -> Result<(), ReadError> {
    let mut batch = Batch::default();
    let mut asked = Vec::new();
    for part in parts {
        for field in FIELDS {
            let ignoring = part.selection.ignoring(field);
            let rows = ignoring.as_ref().unwrap_or(&part.matching);
            if !rows.is_empty() {
                let how = ask(part.head, field, rows, counts, &mut batch);
                asked.push((part, field, ignoring, how));
            }
        }
    }
    let pieces = loader.load(batch)?;
    for (part, field, ignoring, how) in asked {
        let rows = ignoring.as_ref().unwrap_or(&part.matching);
        match how {
            How::BySets(sets) => {
                for (key, ticket) in sets {
                    counts.add(field, key.as_bytes(), rows.intersection_len(&pieces.rows(ticket)));
                }
            }
            How::ByColumn { stretches, values } => {
                let numbers = numbers_of(stretches, rows, &pieces);
                add_numbers(field, &numbers, values, &pieces, counts);
            }
        }
    }
    Ok(())
}

enum How {
    BySets(Vec<(ValueKey, Ticket)>),
    ByColumn {
        stretches: Vec<(Range<u32>, Ticket)>,
        /// The dictionary, if the column has numbers of one.
        values: Option<Ticket>,
    },
}

fn ask<'a>(
    head: &'a Head,
    field: Field,
    rows: &RoaringBitmap,
    counts: &mut FacetCounts,
    batch: &mut Batch<'a>,
) -> How {
    if let Values::Listed(listed) = head.values(field)
        && !listed
            .iter()
            .any(|one| field == Field::Method && one.key.is_shared())
    {
        let mut sets = Vec::new();
        let everything = rows.len() == u64::from(head.rows());
        for one in listed {
            match one.located {
                _ if everything => counts.add(field, one.key.as_bytes(), one.rows.into()),
                Located::Nothing => {}
                Located::Everything => counts.add(field, one.key.as_bytes(), rows.len()),
                located => {
                    let key = one.key.clone();
                    sets.push((one.key, batch.add(head, Ask::Rows { located, key })));
                }
            }
        }
        return How::BySets(sets);
    }
    let column = field.column();
    How::ByColumn {
        stretches: stretches(head, rows)
            .into_iter()
            .map(|(blocks, numbers)| (numbers, batch.add(head, Ask::Numbers(column, blocks))))
            .collect(),
        values: match column {
            Column::Place => Some(batch.add(head, Ask::Clients)),
            Column::Key => Some(batch.add(head, Ask::Keys)),
            Column::Method => Some(batch.add(head, Ask::Texts(Dictionary::Methods))),
            _ => None,
        },
    }
}

/// How many of the rows have each number.
fn numbers_of(
    stretches: Vec<(Range<u32>, Ticket)>,
    rows: &RoaringBitmap,
    pieces: &Pieces,
) -> HashMap<u16, u64> {
    let mut counted = HashMap::new();
    for (range, ticket) in stretches {
        let numbers = pieces.numbers(ticket);
        for row in rows.range(range.clone()) {
            *counted.entry(numbers[(row - range.start) as usize]).or_default() += 1;
        }
    }
    counted
}

fn add_numbers(
    field: Field,
    numbers: &HashMap<u16, u64>,
    values: Option<Ticket>,
    pieces: &Pieces,
    counts: &mut FacetCounts,
) {
    let Some(values) = values else {
        for (number, rows) in numbers {
            // The only column of plain numbers that can have this number of values.
            counts.add(field, ValueKey::status(*number).as_bytes(), *rows);
        }
        return;
    };
    match field {
        Field::Client => add(numbers, &pieces.clients(values), |id, rows| {
            counts.add(field, ValueKey::client(*id).as_bytes(), rows);
        }),
        Field::Key => add(numbers, &pieces.keys(values), |key, rows| {
            if let Some(key) = key {
                counts.add(field, ValueKey::key(key.id).as_bytes(), rows);
            }
        }),
        _ => {
            let texts = pieces.texts(values);
            for (number, rows) in numbers {
                counts.add(field, texts.get(*number).unwrap_or_default().as_bytes(), *rows);
            }
        }
    }
}

fn add<T>(numbers: &HashMap<u16, u64>, values: &[T], mut add: impl FnMut(&T, u64)) {
    for (number, rows) in numbers {
        if let Some(value) = values.get(usize::from(*number)) {
            add(value, *rows);
        }
    }
}

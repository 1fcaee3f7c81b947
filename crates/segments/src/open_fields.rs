//! Row sets and counts of an open segment, found by looking at every row.

use std::collections::HashMap;
use std::ops::Range;

use roaring::RoaringBitmap;

use crate::{Column, Dictionary, Field, Open, ValueKey, duration_class};

impl Open {
    /// The rows within `rows` that have one of these values.
    pub fn rows_with(&self, field: Field, keys: &[ValueKey], rows: Range<u32>) -> RoaringBitmap {
        let rows = rows.start.min(self.rows())..rows.end.min(self.rows());
        if field == Field::DurationClass {
            let durations = self.microseconds(Column::Duration);
            let matches = |row: &u32| {
                let class = duration_class(durations[*row as usize]);
                keys.iter().any(|key| key.to_duration_class() == Some(class))
            };
            return ascending(rows.filter(matches));
        }
        let numbers = self.numbers(field.column());
        let matching = self.matching(field, keys);
        ascending(rows.filter(|row| matching.get(usize::from(numbers[*row as usize])) == Some(&true)))
    }

    /// How many of these rows have each value, in no particular order.
    pub fn count_by_value(&self, field: Field, rows: &RoaringBitmap) -> Vec<(ValueKey, u64)> {
        let mut counts = Vec::new();
        let mut count = |number: u16| {
            let number = usize::from(number);
            if counts.len() <= number {
                counts.resize(number + 1, 0);
            }
            counts[number] += 1;
        };
        if field == Field::DurationClass {
            let durations = self.microseconds(Column::Duration);
            rows.iter()
                .for_each(|row| count(duration_class(durations[row as usize]).into()));
        } else {
            let numbers = self.numbers(field.column());
            rows.iter().for_each(|row| count(numbers[row as usize]));
        }
        let mut by_key: HashMap<ValueKey, u64> = HashMap::new();
        for (number, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            *by_key.entry(self.key_of(field, number as u16)).or_default() += count;
        }
        by_key.into_iter().collect()
    }

    /// For each number of the field's column, whether it stands for one of these values.
    fn matching(&self, field: Field, keys: &[ValueKey]) -> Vec<bool> {
        let all = match field.column().dictionary() {
            Some(Dictionary::Places) => self.places().len(),
            Some(Dictionary::Keys) => self.keys().len(),
            Some(dictionary) => self.texts(dictionary).len(),
            // The numbers are the values themselves.
            None => usize::from(self.numbers(field.column()).iter().copied().max().unwrap_or(0)) + 1,
        };
        (0..all)
            .map(|number| keys.contains(&self.key_of(field, number as u16)))
            .collect()
    }

    /// The value that a number in the field's column stands for; for [`Field::DurationClass`], the class itself.
    pub(crate) fn key_of(&self, field: Field, number: u16) -> ValueKey {
        match field {
            Field::Root => ValueKey::root(self.places()[usize::from(number)].root),
            Field::Client => ValueKey::client(self.places()[usize::from(number)].client_id),
            Field::Key => {
                let key = &self.keys()[usize::from(number)];
                key.as_ref()
                    .map_or_else(ValueKey::no_key, |key| ValueKey::key(key.id))
            }
            Field::Method => {
                ValueKey::method(self.texts(Dictionary::Methods).get(number).unwrap_or_default())
            }
            Field::Status => ValueKey::status(number),
            Field::Environment | Field::Verdict | Field::Recorded | Field::DurationClass => {
                ValueKey(vec![number as u8])
            }
        }
    }
}

fn ascending(rows: impl Iterator<Item = u32>) -> RoaringBitmap {
    let mut set = RoaringBitmap::new();
    set.extend(rows);
    set
}

//! Statements about many rows at once. Their number of rows is always a power of two, so that a connection has few
//! different statements to prepare and to keep.

use std::fmt::Write;

use crate::Dialect;

/// The most rows in one statement.
const AT_ONCE: usize = 64;

/// Divides rows to insert into parts whose lengths are powers of two.
pub(crate) fn parts<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = rows.len().min(AT_ONCE);
        let length = if length == 0 {
            return None;
        } else {
            1 << length.ilog2()
        };
        let (part, rest) = rows.split_at(length);
        rows = rest;
        Some(part)
    })
}

/// Divides rows to select or update into parts whose lengths are powers of two. The last row of a part is repeated to
/// fill it.
pub(crate) fn filled_parts<T>(rows: &[T]) -> impl Iterator<Item = Vec<&T>> {
    rows.chunks(AT_ONCE).map(|part| {
        let missing = part.len().next_power_of_two() - part.len();
        let repeated = part.last().into_iter().cycle().take(missing);
        part.iter().chain(repeated).collect()
    })
}

impl Dialect {
    /// The placeholders of this many rows, the first of a statement: `($1, $2), ($3, $4)` for two rows of two columns.
    pub(crate) fn rows(self, rows: usize, columns: usize) -> String {
        let mut text = String::new();
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            text.push_str(&self.placeholders(row * columns + 1, columns));
            text.push(')');
        }
        text
    }

    /// `$3, $4, $5` for three values from the third on. SQLite gets `?`, which stands for the next value: with names, its
    /// driver searches through all of them for each value. So values have to be bound in the order of their placeholders,
    /// and a statement has either only these placeholders or none.
    pub(crate) fn placeholders(self, first: usize, count: usize) -> String {
        let mut text = String::new();
        for number in first..first + count {
            if number > first {
                text.push_str(", ");
            }
            match self {
                Self::Sqlite => text.push('?'),
                // Writing to memory cannot fail.
                Self::Postgres => drop(write!(text, "${number}")),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_part_and_lengths_are_powers_of_two() {
        for length in [0, 1, 2, 3, 7, 63, 64, 65, 200] {
            let rows: Vec<usize> = (0..length).collect();
            let divided: Vec<&[usize]> = parts(&rows).collect();
            assert_eq!(divided.concat(), rows);
            assert!(
                divided
                    .iter()
                    .all(|part| part.len().is_power_of_two() && part.len() <= AT_ONCE)
            );
            let filled: Vec<Vec<&usize>> = filled_parts(&rows).collect();
            assert!(
                filled
                    .iter()
                    .all(|part| part.len().is_power_of_two() && part.len() <= AT_ONCE)
            );
            let mut seen: Vec<usize> = filled.concat().into_iter().copied().collect();
            seen.dedup();
            assert_eq!(seen, rows, "only the last row of a part is repeated");
        }
    }

    #[test]
    fn placeholders_are_numbered_row_by_row() {
        assert_eq!(Dialect::Postgres.rows(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(Dialect::Postgres.placeholders(3, 2), "$3, $4");
        assert_eq!(Dialect::Sqlite.rows(2, 3), "(?, ?, ?), (?, ?, ?)");
    }
}

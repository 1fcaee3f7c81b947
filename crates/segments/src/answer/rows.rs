//! Reads the rows of a page.

use std::collections::BTreeMap;

use model::LogRow;

use super::loader::Loader;
use super::tally::{Origin, PageRow};
use crate::{Head, ReadError, RowReader, SegmentId};

/// The rows in the same order.
pub(super) fn read(
    page: Vec<PageRow<'_>>,
    callers: bool,
    loader: Loader<'_>,
) -> Result<Vec<LogRow>, ReadError> {
    let mut rows: Vec<Option<LogRow>> = Vec::with_capacity(page.len());
    let mut by_segment: BTreeMap<SegmentId, (&Head, Vec<u16>, Vec<usize>)> = BTreeMap::new();
    for (index, row) in page.into_iter().enumerate() {
        rows.push(match row.origin {
            Origin::Open(row) => Some(*row),
            Origin::Closed(head, row) => {
                let (_, numbers, indexes) = by_segment
                    .entry(head.id())
                    .or_insert_with(|| (head, Vec::new(), Vec::new()));
                numbers.push(row);
                indexes.push(index);
                None
            }
        });
    }
    let (mut readers, indexes): (Vec<RowReader<'_>>, Vec<Vec<usize>>) = by_segment
        .into_values()
        .map(|(head, numbers, indexes)| (RowReader::of_rows(head, &numbers, callers), indexes))
        .unzip();
    supply(&mut readers, loader)?;
    for (reader, indexes) in readers.into_iter().zip(indexes) {
        for (index, row) in indexes.into_iter().zip(reader.into_rows()?) {
            rows[index] = Some(row);
        }
    }
    Ok(rows.into_iter().flatten().collect())
}

/// Gives the readers all they want, with one call for each of their steps.
pub(super) fn supply(readers: &mut [RowReader<'_>], loader: Loader<'_>) -> Result<(), ReadError> {
    loop {
        let wanted: Vec<_> = readers
            .iter()
            .flat_map(|reader| reader.wanted().iter().cloned())
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut bytes = loader.bytes(&wanted)?.into_iter();
        for reader in readers.iter_mut() {
            let wanted = reader.wanted().len();
            if wanted > 0 {
                let bytes: Vec<_> = bytes.by_ref().take(wanted).collect();
                reader.supply(&bytes)?;
            }
        }
    }
}

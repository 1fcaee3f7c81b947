//! Sets of rows of one segment, and how the conditions of a question narrow them.

use std::ops::{Deref, Range};
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::Field;

/// A set of rows, shared with the cache or made for this question.
#[derive(Clone, Debug)]
pub(super) enum Rows {
    Shared(Arc<RoaringBitmap>),
    Own(RoaringBitmap),
}

impl Deref for Rows {
    type Target = RoaringBitmap;

    fn deref(&self) -> &RoaringBitmap {
        match self {
            Self::Shared(rows) => rows,
            Self::Own(rows) => rows,
        }
    }
}

/// What one condition does to a set of rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// Only these rows match. `None`: all.
    pub(super) only: Option<Rows>,
    /// None of these rows match.
    pub(super) not: Option<Rows>,
}

impl Filter {
    /// Nothing matches.
    pub(super) fn nothing() -> Self {
        Self::only(RoaringBitmap::new())
    }

    pub(super) fn only(rows: RoaringBitmap) -> Self {
        Self {
            only: Some(Rows::Own(rows)),
            not: None,
        }
    }

    fn apply(&self, rows: &mut RoaringBitmap) {
        if let Some(only) = &self.only {
            *rows &= &**only;
        }
        if let Some(not) = &self.not {
            *rows -= &**not;
        }
    }

    fn applied(&self, rows: &RoaringBitmap) -> RoaringBitmap {
        let mut rows = match &self.only {
            Some(only) => rows & &**only,
            None => rows.clone(),
        };
        if let Some(not) = &self.not {
            rows -= &**not;
        }
        rows
    }

    fn is_everything(&self) -> bool {
        self.only.is_none() && self.not.is_none()
    }

    /// Filters that leave few rows come first.
    fn cost(&self) -> u64 {
        self.only.as_ref().map_or(u64::MAX, |only| only.len())
    }
}

/// The rows of a segment that a question is about.
#[derive(Debug)]
pub(super) struct Selection {
    /// The rows of the scope, in the range of time, up to `as_of`.
    fixed: RoaringBitmap,
    /// One for each clause, with the field whose facet ignores it.
    filters: Vec<(Option<Field>, Filter)>,
    /// Whether facets will be counted.
    facets: bool,
    /// What [`Self::candidates`] returned, kept up to date.
    candidates: Option<RoaringBitmap>,
}

impl Selection {
    pub(super) const fn new(fixed: RoaringBitmap, facets: bool) -> Self {
        Self {
            fixed,
            filters: Vec::new(),
            facets,
            candidates: None,
        }
    }

    /// Adds what the condition on `field` does. The filters stay in the order of what they leave.
    pub(super) fn narrow(&mut self, field: Option<Field>, filter: Filter) {
        if filter.is_everything() {
            return;
        }
        match &mut self.candidates {
            Some(candidates) if !self.facets => filter.apply(candidates),
            _ => self.candidates = None,
        }
        let place = (self.filters).partition_point(|(_, other)| other.cost() <= filter.cost());
        self.filters.insert(place, (field, filter));
    }

    /// Removes rows that are not in the range of time.
    pub(super) fn exclude(&mut self, rows: &RoaringBitmap) {
        self.fixed -= rows;
        if let Some(candidates) = &mut self.candidates {
            *candidates -= rows;
        }
    }

    /// The rows that match everything.
    pub(super) fn matching(&mut self) -> RoaringBitmap {
        if self.facets {
            return self.narrowed(None);
        }
        self.candidates().clone()
    }

    /// The rows that the facet of `field` counts: those that match everything but the condition on it. `None` if there
    /// is no such condition, so that they are the matching rows.
    pub(super) fn ignoring(&self, field: Field) -> Option<RoaringBitmap> {
        let narrowed = self.filters.iter().any(|(of, _)| *of == Some(field));
        narrowed.then(|| self.narrowed(Some(field)))
    }

    /// The rows that a further condition must be checked for: those that match, and those that a facet may count.
    pub(super) fn candidates(&mut self) -> &RoaringBitmap {
        if self.candidates.is_none() {
            let mut candidates = self.narrowed(None);
            if self.facets {
                for (field, _) in self.filters.iter().filter(|(field, _)| field.is_some()) {
                    candidates |= self.narrowed(*field);
                }
            }
            self.candidates = Some(candidates);
        }
        self.candidates.get_or_insert_default()
    }

    fn narrowed(&self, except: Option<Field>) -> RoaringBitmap {
        let mut filters = (self.filters.iter())
            .filter(|(field, _)| except.is_none() || *field != except)
            .map(|(_, filter)| filter);
        // The first one leaves fewest rows, so nothing larger is ever copied.
        let mut rows = match filters.next() {
            Some(first) => first.applied(&self.fixed),
            None => self.fixed.clone(),
        };
        for filter in filters {
            if rows.is_empty() {
                break;
            }
            filter.apply(&mut rows);
        }
        rows
    }
}

/// Where so few rows are candidates, they are looked at one by one.
const FEW: u64 = 512;

/// A bit for each row of a segment.
pub(super) struct Bits(Vec<u8>);

impl Bits {
    pub(super) fn new(rows: u32) -> Self {
        Self(vec![0; (rows as usize).div_ceil(64) * 8])
    }

    /// Marks those of `rows` whose values are accepted: at least those of the candidates. Where there may be none among
    /// 64 values, `may_have` saves a look at each. `rows` begins with a block.
    pub(super) fn mark<T: Copy>(
        &mut self,
        values: &[T],
        rows: Range<u32>,
        candidates: &RoaringBitmap,
        accepts: impl Fn(T) -> bool,
        may_have: impl Fn(&[T]) -> bool,
    ) {
        if candidates.range_cardinality(rows.clone()) <= FEW {
            for row in candidates.range(rows.clone()) {
                if accepts(values[(row - rows.start) as usize]) {
                    self.0[row as usize / 8] |= 1 << (row % 8);
                }
            }
            return;
        }
        let words = self.0[rows.start as usize / 8..].chunks_exact_mut(8);
        for (word, values) in words.zip(values.chunks(64)) {
            if may_have(values) {
                pack(values, &accepts, word);
            }
        }
    }

    pub(super) fn into_rows(self) -> RoaringBitmap {
        RoaringBitmap::from_lsb0_bytes(0, &self.0)
    }
}

/// Sets a bit for each of up to 64 values that is accepted. The comparisons come first, so that the compiler can make
/// several at a time.
fn pack<T: Copy>(values: &[T], accepts: impl Fn(T) -> bool, bits: &mut [u8]) {
    let mut accepted = [0_u8; 64];
    for (accepted, value) in accepted.iter_mut().zip(values) {
        *accepted = u8::from(accepts(*value));
    }
    for (bits, accepted) in bits.iter_mut().zip(accepted.as_chunks::<8>().0) {
        // The product moves the lowest bit of each byte into the highest byte.
        *bits = (u64::from_le_bytes(*accepted).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8;
    }
}

/// All rows before this one.
pub(super) fn rows_below(end: u32) -> RoaringBitmap {
    let mut rows = RoaringBitmap::new();
    rows.insert_range(0..end);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_rows_are_those_whose_values_are_accepted() {
        let values: Vec<u16> = (0..1500).map(|number| number * 7 % 64).collect();
        let candidates: RoaringBitmap = (1024..2000).collect();
        for accepted in 0..64 {
            let mut bits = Bits::new(2524);
            bits.mark(
                &values,
                1024..2524,
                &candidates,
                |value| value == accepted,
                |_| true,
            );
            let rows = (1024..)
                .zip(&values)
                .filter(|(_, value)| **value == accepted)
                .map(|(row, _)| row);
            assert_eq!(bits.into_rows(), rows.collect(), "{accepted}");
        }
    }
}

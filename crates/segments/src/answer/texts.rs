//! Conditions on texts (a part of the path, an address): first which texts of the dictionary match, then which rows
//! have one of these.

use roaring::RoaringBitmap;

use super::closed::Part;
use super::facets::blocks_with;
use super::loader::{Ask, Batch, Loader};
use super::plan::{Accepted, Clause, Plan, TextClause};
use super::selection::Filter;
use crate::ReadError;

/// Dictionaries are read in portions of this size, because they are the largest pieces of a segment, and none is
/// needed once its matching texts are known.
const PORTION: u64 = 4 * 1024 * 1024;

/// Narrows the selections to the rows with matching texts.
pub(super) fn narrow(plan: &Plan, parts: &mut Vec<Part<'_>>, loader: Loader<'_>) -> Result<(), ReadError> {
    for clause in &plan.clauses {
        if let Clause::Texts(clause) = clause {
            let accepted = accepted(clause, parts, loader)?;
            narrow_rows(clause, parts, accepted, loader)?;
            parts.retain_mut(|part| part.keep());
        }
    }
    Ok(())
}

/// For each segment, which texts of its dictionary match.
fn accepted(clause: &TextClause, parts: &[Part<'_>], loader: Loader<'_>) -> Result<Vec<Accepted>, ReadError> {
    let mut accepted = Vec::with_capacity(parts.len());
    while accepted.len() < parts.len() {
        let mut batch = Batch::default();
        let mut tickets = Vec::new();
        let mut bytes = 0;
        for part in &parts[accepted.len()..] {
            let range = part.head.dictionary(clause.dictionary).range;
            bytes += range.end - range.start;
            if bytes > PORTION && !tickets.is_empty() {
                break;
            }
            tickets.push(batch.add(part.head, Ask::Texts(clause.dictionary)));
        }
        let pieces = loader.load(batch)?;
        accepted.extend(
            tickets
                .into_iter()
                .map(|ticket| clause.accepted(&pieces.texts(ticket))),
        );
    }
    Ok(accepted)
}

fn narrow_rows(
    clause: &TextClause,
    parts: &mut [Part<'_>],
    accepted: Vec<Accepted>,
    loader: Loader<'_>,
) -> Result<(), ReadError> {
    let mut batch = Batch::default();
    let mut asked = Vec::new();
    for (part, accepted) in parts.iter_mut().zip(accepted) {
        match accepted {
            Accepted::Everything => {}
            Accepted::Nothing => part.selection.narrow(clause.field, Filter::nothing()),
            Accepted::These(accepted) => {
                let candidates = part.selection.candidates();
                let blocks: Vec<_> = blocks_with(part.head, candidates)
                    .map(|block| (block, batch.add(part.head, Ask::Numbers(clause.column, block))))
                    .collect();
                asked.push((part, accepted, blocks));
            }
        }
    }
    let pieces = loader.load(batch)?;
    for (part, accepted, blocks) in asked {
        let mut bits = Bits::new(part.head.rows());
        let search = Search::new(&accepted);
        for (block, ticket) in blocks {
            let first = part.head.rows_of_block(block).start;
            search.mark(&pieces.numbers(ticket), first, &mut bits);
        }
        // Rows that are no candidates may be among them; the other filters leave them out.
        part.selection
            .narrow(clause.field, Filter::only(bits.into_rows()));
    }
    Ok(())
}

/// Finds the rows with accepted numbers.
enum Search<'a> {
    /// Only this one.
    One(u16),
    Many(&'a [bool]),
}

impl<'a> Search<'a> {
    fn new(accepted: &'a [bool]) -> Self {
        let mut numbers = (0_u16..=u16::MAX).zip(accepted).filter(|(_, yes)| **yes);
        match (numbers.next(), numbers.next()) {
            (Some((number, _)), None) => Self::One(number),
            _ => Self::Many(accepted),
        }
    }

    /// `first` is the number of the first row.
    fn mark(&self, numbers: &[u16], first: u32, bits: &mut Bits) {
        match self {
            Self::One(one) => bits.mark(numbers, first, |number| number == *one),
            Self::Many(accepted) => bits.mark(numbers, first, |number| {
                accepted.get(usize::from(number)).copied().unwrap_or(false)
            }),
        }
    }
}

/// A bit for each row. Blocks begin at multiples of 64.
struct Bits(Vec<u64>);

impl Bits {
    fn new(rows: u32) -> Self {
        Self(vec![0; (rows as usize).div_ceil(64)])
    }

    fn mark(&mut self, numbers: &[u16], first: u32, accepts: impl Fn(u16) -> bool) {
        let words = &mut self.0[first as usize / 64..];
        for (word, numbers) in words.iter_mut().zip(numbers.chunks(64)) {
            for (bit, number) in numbers.iter().enumerate() {
                *word |= u64::from(accepts(*number)) << bit;
            }
        }
    }

    fn into_rows(self) -> RoaringBitmap {
        let bytes: Vec<u8> = self.0.into_iter().flat_map(u64::to_le_bytes).collect();
        RoaringBitmap::from_lsb0_bytes(0, &bytes)
    }
}

/// The rows of an open segment, among `candidates`, with matching texts; `None` if all match.
pub(super) fn rows_in_memory(
    accepted: &Accepted,
    numbers: &[u16],
    candidates: &RoaringBitmap,
) -> Option<RoaringBitmap> {
    match accepted {
        Accepted::Everything => None,
        Accepted::Nothing => Some(RoaringBitmap::new()),
        Accepted::These(accepted) => Some(
            candidates
                .iter()
                .filter(|row| {
                    let number = usize::from(numbers[*row as usize]);
                    accepted.get(number).copied().unwrap_or(false)
                })
                .collect(),
        ),
    }
}

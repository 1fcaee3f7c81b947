//! Conditions on texts (a part of the path, an address): first which texts of the dictionary match, then which rows
//! have one of these.

use std::ops::Range;

use roaring::RoaringBitmap;

use super::loader::{Ask, Batch, Loader, Ticket, stretches};
use super::part::Part;
use super::plan::{Accepted, Clause, Plan, TextClause};
use super::selection::{Bits, Filter};
use crate::{Dictionary, Head, ReadError, Wanted};

/// Dictionaries are read in portions of this size, because they are the largest pieces of a segment, and none is
/// needed once its matching texts are known.
const PORTION: u64 = 4 * 1024 * 1024;

/// A dictionary with more compressed bytes is not kept in the cache: decoding it again takes a millisecond or two, and
/// all of them would drive out everything else.
pub(super) const LARGE: u64 = 128 * 1024;

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
        let mut heads = Vec::new();
        let mut bytes = 0;
        for part in &parts[accepted.len()..] {
            bytes += dictionary_bytes(clause.dictionary, part.head);
            if bytes > PORTION && !heads.is_empty() {
                break;
            }
            heads.push(part.head);
        }
        accepted.extend(accepted_of_portion(clause, &heads, loader)?);
    }
    Ok(accepted)
}

pub(super) fn dictionary_bytes(dictionary: Dictionary, head: &Head) -> u64 {
    let range = head.dictionary(dictionary).range;
    range.end - range.start
}

fn accepted_of_portion<'a>(
    clause: &TextClause,
    heads: &[&'a Head],
    loader: Loader<'_>,
) -> Result<Vec<Accepted>, ReadError> {
    let is_large = |head: &Head| dictionary_bytes(clause.dictionary, head) > LARGE;
    let (large, small): (Vec<&'a Head>, Vec<&'a Head>) = (heads.iter())
        .filter(|head| head.has(clause.column))
        .partition(|head| is_large(head));
    let mut batch = Batch::default();
    let tickets: Vec<Ticket> = small
        .iter()
        .map(|head| batch.add(head, Ask::Texts(clause.dictionary)))
        .collect();
    let pieces = loader.load(batch)?;
    let wanted: Vec<Wanted> = large
        .iter()
        .map(|head| head.dictionary(clause.dictionary))
        .collect();
    let mut bytes = loader.uncached(&wanted)?.into_iter();
    let mut tickets = tickets.into_iter();
    let accepted = heads.iter().map(|head| {
        if !head.has(clause.column) {
            return Ok(clause.accepted_without_column());
        }
        if is_large(head) {
            return accepted_of_large(clause, head, &bytes.next().unwrap_or_default());
        }
        let texts = tickets
            .next()
            .map(|ticket| pieces.texts(ticket))
            .unwrap_or_default();
        Ok(clause.accepted(&texts))
    });
    accepted.collect()
}

/// Decodes and searches one chunk after the other, each while it is in the processor's cache.
fn accepted_of_large(clause: &TextClause, head: &Head, bytes: &[u8]) -> Result<Accepted, ReadError> {
    let start = head.dictionary(clause.dictionary).range.start;
    let mut accepted = vec![false; head.dictionary_len(clause.dictionary)];
    for (chunk, (numbers, wanted)) in head.dictionary_chunks(clause.dictionary).enumerate() {
        let range = (wanted.range.start - start) as usize..(wanted.range.end - start) as usize;
        let texts = head.texts_of_chunk(clause.dictionary, chunk, &bytes[range])?;
        clause.accept(
            &texts,
            &mut accepted[numbers.start as usize..numbers.end as usize],
        );
    }
    Ok(Accepted::of(accepted))
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
                let stretches: Vec<_> = stretches(part.head, candidates)
                    .into_iter()
                    .map(|(blocks, rows)| (rows, batch.add(part.head, Ask::Numbers(clause.column, blocks))))
                    .collect();
                asked.push((part, accepted, stretches));
            }
        }
    }
    let pieces = loader.load(batch)?;
    for (part, accepted, stretches) in asked {
        let mut bits = Bits::new(part.head.rows());
        let search = Search::new(&accepted);
        for (rows, ticket) in stretches {
            search.mark(
                &pieces.numbers(ticket),
                rows,
                part.selection.candidates(),
                &mut bits,
            );
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

    /// Marks rows among `rows`, whose numbers these are: at least those of the candidates that have accepted numbers.
    fn mark(&self, numbers: &[u16], rows: Range<u32>, candidates: &RoaringBitmap, bits: &mut Bits) {
        match self {
            Self::One(one) => bits.mark(
                numbers,
                rows,
                candidates,
                |number| number == *one,
                |numbers| {
                    // Most have none of it, and this is the faster look.
                    numbers.contains(one)
                },
            ),
            Self::Many(accepted) => bits.mark(
                numbers,
                rows,
                candidates,
                |number| accepted.get(usize::from(number)).copied().unwrap_or(false),
                |_| true,
            ),
        }
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

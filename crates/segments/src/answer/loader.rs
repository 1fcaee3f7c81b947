//! Gets pieces of closed segments: from the cache, or by reading all that is missing in one call and decoding it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use logs::KeyTrace;
use model::{ClientId, RequestId};
use roaring::RoaringBitmap;

use crate::cache::{Durations, Form, Piece, PieceId, Summary};
use crate::summaries::{EndpointSums, Failures, LARGEST};
use crate::{
    Cache, Column, Container, Dictionary, Field, Head, Kind, Located, ReadError, Texts, ValueKey, Wanted,
};

/// Ranges of one blob that are this close are read as one, in bytes.
const GAP: u64 = 4 * 1024;

/// Bytes read in one call at most, unless a single range is larger.
const CALL: u64 = 16 * 1024 * 1024;

/// Reads and decodes.
#[derive(Clone, Copy)]
pub(super) struct Loader<'a> {
    pub(super) container: &'a dyn Container,
    pub(super) cache: &'a Cache,
    /// Whether what is read is kept in the cache.
    pub(super) keeps: bool,
}

/// Blocks of a column that are one piece: fewer and larger pieces cost less, where most blocks are needed.
const STRETCH: usize = 16;

/// Stretches of blocks that contain one of these rows, with their rows.
pub(super) fn stretches(head: &Head, rows: &RoaringBitmap) -> Vec<(Range<usize>, Range<u32>)> {
    let all = (0..head.blocks()).step_by(STRETCH).map(|first| {
        let last = (first + STRETCH).min(head.blocks()) - 1;
        (
            first..last + 1,
            head.rows_of_block(first).start..head.rows_of_block(last).end,
        )
    });
    all.filter(|(_, numbers)| rows.range_cardinality(numbers.clone()) > 0)
        .collect()
}

/// What to get.
#[derive(Debug)]
pub(super) enum Ask {
    /// The rows with this value. `located` must want something.
    Rows {
        located: Located,
        key: ValueKey,
    },
    /// Arrivals of a block.
    Times(usize),
    /// Ids of a block.
    Ids(usize),
    /// Durations of some blocks.
    Durations(Range<usize>),
    /// Any narrow column of some blocks.
    Numbers(Column, Range<usize>),
    Texts(Dictionary),
    Clients,
    Keys,
    /// All values of a grouped field.
    Values(Field, Wanted),
}

/// The number of an ask in its batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket(usize);

/// What one stage of an answer needs of all its segments.
#[derive(Debug, Default)]
pub(super) struct Batch<'a> {
    asks: Vec<(&'a Head, Ask)>,
}

impl<'a> Batch<'a> {
    pub(super) fn add(&mut self, head: &'a Head, ask: Ask) -> Ticket {
        self.asks.push((head, ask));
        Ticket(self.asks.len() - 1)
    }
}

/// What was asked for.
#[derive(Debug)]
pub(super) struct Pieces(Vec<Piece>);

macro_rules! pieces {
    ($($name:ident: $variant:ident -> $type:ty;)+) => {
        impl Pieces {
            $(pub(super) fn $name(&self, ticket: Ticket) -> $type {
                match &self.0[ticket.0] {
                    Piece::$variant(piece) => Arc::clone(piece),
                    other => unreachable!("asked for {}, got {other:?}", stringify!($variant)),
                }
            })+
        }
    };
}

pieces! {
    rows: Rows -> Arc<RoaringBitmap>;
    times: Times -> Arc<Vec<i64>>;
    ids: Ids -> Arc<Vec<RequestId>>;
    durations: Durations -> Arc<Durations>;
    numbers: Numbers -> Arc<Vec<u16>>;
    texts: Texts -> Arc<Texts>;
    clients: Clients -> Arc<Vec<ClientId>>;
    keys: Keys -> Arc<Vec<Option<KeyTrace>>>;
    values: Values -> Arc<Vec<(ValueKey, RoaringBitmap)>>;
}

impl Piece {
    pub(super) fn endpoints(&self) -> &EndpointSums {
        match self {
            Self::Endpoints(sums) => sums,
            other => unreachable!("asked for endpoints, got {other:?}"),
        }
    }

    pub(super) fn failures(&self) -> &Failures {
        match self {
            Self::Failures(failures) => failures,
            other => unreachable!("asked for failures, got {other:?}"),
        }
    }
}

impl Loader<'_> {
    /// For columns of which only a summary will be kept.
    pub(super) const fn keeping_nothing(self) -> Self {
        Self { keeps: false, ..self }
    }

    /// The summaries of these segments that are kept.
    pub(super) fn summaries<'a>(
        self,
        heads: impl Iterator<Item = &'a Head>,
        summary: Summary,
    ) -> Vec<Option<Piece>> {
        let ids: Vec<PieceId> = heads.map(|head| summary_id(head, summary)).collect();
        self.cache.get(&ids)
    }

    /// Keeps a summary of a segment, unless it is very large.
    pub(super) fn keep_summary(self, head: &Head, summary: Summary, piece: &Piece) {
        if piece.weight() <= LARGEST {
            self.cache.keep([(summary_id(head, summary), piece.clone())]);
        }
    }

    /// Everything that the batch asks for.
    pub(super) fn load(self, batch: Batch<'_>) -> Result<Pieces, ReadError> {
        let wanted: Vec<Wanted> = batch.asks.iter().map(|(head, ask)| ask.wanted(head)).collect();
        // The rows of one value of a group are decoded each time, from the group as it is stored.
        let ids: Vec<PieceId> = (wanted.iter().zip(&batch.asks))
            .map(|(wanted, (_, ask))| piece_id(wanted, ask.is_in_group()))
            .collect();
        let found = self.get(&ids, &wanted, |index, bytes| {
            let (head, ask) = &batch.asks[index];
            if ask.is_in_group() {
                return Ok(Piece::Raw(Bytes::copy_from_slice(&bytes)));
            }
            ask.decode(head, &bytes)
        })?;
        let decoded = found
            .into_iter()
            .zip(&batch.asks)
            .map(|(piece, (head, ask))| match piece {
                Piece::Raw(bytes) => ask.decode(head, &bytes),
                decoded => Ok(decoded),
            });
        Ok(Pieces(decoded.collect::<Result<_, _>>()?))
    }

    /// These bytes, as they are stored.
    pub(super) fn bytes(self, wanted: &[Wanted]) -> Result<Vec<Bytes>, ReadError> {
        let ids: Vec<PieceId> = wanted.iter().map(|wanted| piece_id(wanted, true)).collect();
        // A copy, because a slice would keep the whole range that it was read with.
        let found = self.get(&ids, wanted, |_, bytes| {
            Ok(Piece::Raw(Bytes::copy_from_slice(&bytes)))
        })?;
        Ok(found
            .into_iter()
            .map(|piece| match piece {
                Piece::Raw(bytes) => bytes,
                other => unreachable!("asked for bytes, got {other:?}"),
            })
            .collect())
    }

    /// These bytes, as they are stored, without a look into the cache.
    pub(super) fn uncached(self, wanted: &[Wanted]) -> Result<Vec<Bytes>, ReadError> {
        self.read(&wanted.iter().collect::<Vec<_>>())
    }

    fn get(
        self,
        ids: &[PieceId],
        wanted: &[Wanted],
        decode: impl Fn(usize, Bytes) -> Result<Piece, ReadError>,
    ) -> Result<Vec<Piece>, ReadError> {
        let mut found = self.cache.get(ids);
        let missing: Vec<usize> = (0..ids.len()).filter(|index| found[*index].is_none()).collect();
        let ranges: Vec<&Wanted> = missing.iter().map(|index| &wanted[*index]).collect();
        for (index, bytes) in missing.iter().zip(self.read(&ranges)?) {
            found[*index] = Some(decode(*index, bytes)?);
        }
        let new = missing
            .iter()
            .filter_map(|index| Some((ids[*index], found[*index].clone()?)));
        if self.keeps {
            self.cache.keep(new);
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Reads neighbouring ranges as one, and all of them in one call, unless they are very large.
    fn read(self, wanted: &[&Wanted]) -> Result<Vec<Bytes>, ReadError> {
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_by_key(|index| {
            let wanted = wanted[*index];
            (wanted.segment, wanted.kind == Kind::Bodies, wanted.range.start)
        });
        let mut merged: Vec<Wanted> = Vec::new();
        let mut place = vec![0; wanted.len()];
        for index in order {
            match merged.last_mut() {
                Some(last) if near(last, wanted[index]) => {
                    last.range.end = last.range.end.max(wanted[index].range.end);
                }
                _ => merged.push(wanted[index].clone()),
            }
            place[index] = merged.len() - 1;
        }
        let mut read: Vec<Bytes> = Vec::with_capacity(merged.len());
        for call in calls(&merged) {
            let bytes = self.container.read(&merged[call.clone()])?;
            for (wanted, bytes) in merged[call].iter().zip(&bytes) {
                if bytes.len() as u64 != wanted.range.end - wanted.range.start {
                    return Err(too_short(wanted));
                }
            }
            read.extend(bytes);
        }
        Ok((wanted.iter().zip(place))
            .map(|(wanted, place)| {
                let begin = merged[place].range.start;
                let range = wanted.range.start - begin..wanted.range.end - begin;
                read[place].slice(range.start as usize..range.end as usize)
            })
            .collect())
    }
}

fn near(last: &Wanted, next: &Wanted) -> bool {
    last.segment == next.segment && last.kind == next.kind && next.range.start <= last.range.end + GAP
}

/// Divides the ranges so that each call reads a bounded number of bytes.
fn calls(wanted: &[Wanted]) -> Vec<Range<usize>> {
    let mut calls = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (index, wanted) in wanted.iter().enumerate() {
        let more = wanted.range.end - wanted.range.start;
        if bytes + more > CALL && index > begin {
            calls.push(begin..index);
            (begin, bytes) = (index, 0);
        }
        bytes += more;
    }
    if begin < wanted.len() {
        calls.push(begin..wanted.len());
    }
    calls
}

fn too_short(wanted: &Wanted) -> ReadError {
    ReadError::Damaged {
        segment: wanted.segment,
        why: "the blob is too short",
    }
}

fn piece_id(wanted: &Wanted, raw: bool) -> PieceId {
    PieceId {
        segment: wanted.segment,
        kind: wanted.kind,
        start: wanted.range.start,
        form: if raw { Form::Raw } else { Form::Decoded },
    }
}

const fn summary_id(head: &Head, summary: Summary) -> PieceId {
    PieceId {
        segment: head.meta().id,
        kind: Kind::Rows,
        start: 0,
        form: Form::Summary(summary),
    }
}

impl Ask {
    const fn is_in_group(&self) -> bool {
        matches!(
            self,
            Self::Rows {
                located: Located::Group { .. },
                ..
            }
        )
    }

    fn wanted(&self, head: &Head) -> Wanted {
        match self {
            Self::Rows { located, key } => match located.wanted() {
                Some(wanted) => wanted.clone(),
                None => unreachable!("the rows of {key:?} need not be read"),
            },
            Self::Times(block) => head.column(Column::At, *block..block + 1),
            Self::Ids(block) => head.column(Column::RequestId, *block..block + 1),
            Self::Durations(blocks) => head.column(Column::Duration, blocks.clone()),
            Self::Numbers(column, blocks) => head.column(*column, blocks.clone()),
            Self::Texts(dictionary) => head.dictionary(*dictionary),
            Self::Clients => head.dictionary(Dictionary::Places),
            Self::Keys => head.dictionary(Dictionary::Keys),
            Self::Values(_, wanted) => wanted.clone(),
        }
    }

    fn decode(&self, head: &Head, bytes: &[u8]) -> Result<Piece, ReadError> {
        Ok(match self {
            Self::Rows { located, key } => Piece::Rows(Arc::new(head.decode_rows(located, key, bytes)?)),
            Self::Times(block) => Piece::Times(Arc::new(head.times(*block..block + 1, bytes)?)),
            Self::Ids(block) => Piece::Ids(Arc::new(head.ids(*block..block + 1, bytes)?)),
            Self::Durations(blocks) => {
                let durations = head.microseconds(Column::Duration, blocks.clone(), bytes)?;
                Piece::Durations(Arc::new(Durations::of(durations)))
            }
            Self::Numbers(column, blocks) => {
                Piece::Numbers(Arc::new(head.numbers(*column, blocks.clone(), bytes)?))
            }
            Self::Texts(dictionary) => Piece::Texts(Arc::new(head.texts(*dictionary, bytes)?)),
            Self::Clients => Piece::Clients(Arc::new(head.clients(bytes)?)),
            Self::Keys => Piece::Keys(Arc::new(head.keys(bytes)?)),
            Self::Values(field, _) => Piece::Values(Arc::new(head.decode_values(*field, bytes)?)),
        })
    }
}

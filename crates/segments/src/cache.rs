//! What was read of closed segments and decoded, kept for the next questions. Bounded in bytes, shared by all questions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use logs::KeyTrace;
use model::{ClientId, RequestId};
use roaring::RoaringBitmap;

use crate::summaries::{EndpointSums, Failures};
use crate::{Kind, SegmentId, Texts, ValueKey};

/// A piece of a closed segment, decoded.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Rows(Arc<RoaringBitmap>),
    Times(Arc<Vec<i64>>),
    Ids(Arc<Vec<RequestId>>),
    Durations(Arc<Durations>),
    Numbers(Arc<Vec<u16>>),
    Texts(Arc<Texts>),
    /// The Client IDs of the places.
    Clients(Arc<Vec<ClientId>>),
    Keys(Arc<Vec<Option<KeyTrace>>>),
    Values(Arc<Vec<(ValueKey, RoaringBitmap)>>),
    /// As it is stored.
    Raw(Bytes),
    Endpoints(Arc<EndpointSums>),
    Failures(Arc<Failures>),
}

impl Piece {
    /// Bytes of memory, roughly.
    pub(crate) fn weight(&self) -> usize {
        let content = match self {
            Self::Rows(rows) => weight_of_rows(rows),
            Self::Times(times) => times.capacity() * 8,
            Self::Ids(ids) => ids.capacity() * 16,
            Self::Durations(durations) => durations.weight(),
            Self::Numbers(numbers) => numbers.capacity() * 2,
            Self::Texts(texts) => texts.weight(),
            Self::Clients(clients) => clients.capacity() * 16,
            Self::Keys(keys) => keys.capacity() * (size_of::<KeyTrace>() + 16),
            Self::Values(values) => values.iter().map(|(_, rows)| 96 + weight_of_rows(rows)).sum(),
            Self::Raw(bytes) => bytes.len(),
            Self::Endpoints(sums) => sums.weight(),
            Self::Failures(failures) => failures.weight(),
        };
        content + OVERHEAD
    }
}

/// Microseconds, in half the memory if none is longer than 71 minutes.
#[derive(Clone, Debug)]
pub(crate) enum Durations {
    Short(Vec<u32>),
    Long(Vec<u64>),
}

impl Durations {
    pub(crate) fn of(durations: Vec<u64>) -> Self {
        let short: Result<Vec<u32>, _> = durations.iter().map(|one| u32::try_from(*one)).collect();
        short.map_or(Self::Long(durations), Self::Short)
    }

    fn weight(&self) -> usize {
        match self {
            Self::Short(durations) => durations.capacity() * 4,
            Self::Long(durations) => durations.capacity() * 8,
        }
    }
}

/// What an entry costs beside its content.
const OVERHEAD: usize = 160;

fn weight_of_rows(rows: &RoaringBitmap) -> usize {
    (rows.len() as usize * 2).min(8192) + 64
}

/// Which piece. A segment's bytes never change, and its number is never used for other bytes, so nothing here ever
/// becomes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PieceId {
    pub(crate) segment: SegmentId,
    pub(crate) kind: Kind,
    /// Where its bytes begin in the blob.
    pub(crate) start: u64,
    pub(crate) form: Form,
}

/// How a piece is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Decoded,
    /// As it is stored.
    Raw,
    /// Made of several columns of all rows.
    Summary(Summary),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Summary {
    Endpoints,
    Failures,
}

/// A cache of decoded pieces. When it is full, pieces that were not used again since the last round leave first, so one
/// search through everything does not drive out what other questions use.
#[derive(Debug)]
pub struct Cache {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    places: HashMap<PieceId, usize>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// The slot that is looked at next when room is needed.
    hand: usize,
    stats: CacheStats,
}

#[derive(Debug)]
struct Slot {
    id: PieceId,
    weight: usize,
    /// `None` if the slot is free.
    piece: Option<Piece>,
    used: bool,
}

/// Numbers about a [`Cache`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Pieces that were there.
    pub hits: u64,
    /// Pieces that had to be read and decoded.
    pub misses: u64,
    /// Bytes of memory in use.
    pub bytes: usize,
    /// Pieces in the cache.
    pub pieces: usize,
}

impl Cache {
    /// Keeps up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            state: Mutex::default(),
        }
    }

    pub fn stats(&self) -> CacheStats {
        let state = self.lock();
        CacheStats {
            pieces: state.places.len(),
            ..state.stats
        }
    }

    /// Each of these pieces that is here.
    pub(crate) fn get(&self, ids: &[PieceId]) -> Vec<Option<Piece>> {
        let mut state = self.lock();
        let state = &mut *state;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let slot = state.places.get(id).map(|place| &mut state.slots[*place]);
            found.push(slot.and_then(|slot| {
                slot.used = true;
                slot.piece.clone()
            }));
        }
        let hits = found.iter().flatten().count() as u64;
        state.stats.hits += hits;
        state.stats.misses += ids.len() as u64 - hits;
        found
    }

    /// Keeps these pieces, unless one is so large that too many others would have to leave.
    pub(crate) fn keep(&self, pieces: impl IntoIterator<Item = (PieceId, Piece)>) {
        let mut state = self.lock();
        for (id, piece) in pieces {
            let weight = piece.weight();
            if weight > self.limit / 8 || state.places.contains_key(&id) {
                continue;
            }
            state.make_room(weight, self.limit);
            state.put(id, piece, weight);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn make_room(&mut self, weight: usize, limit: usize) {
        while self.stats.bytes + weight > limit && !self.places.is_empty() {
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = &mut self.slots[self.hand];
            if slot.piece.is_none() {
                continue;
            }
            if slot.used {
                slot.used = false;
                continue;
            }
            slot.piece = None;
            self.stats.bytes -= slot.weight;
            self.places.remove(&slot.id);
            self.free.push(self.hand);
        }
    }

    fn put(&mut self, id: PieceId, piece: Piece, weight: usize) {
        let slot = Slot {
            id,
            weight,
            piece: Some(piece),
            used: false,
        };
        let place = match self.free.pop() {
            Some(place) => {
                self.slots[place] = slot;
                place
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.places.insert(id, place);
        self.stats.bytes += weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> PieceId {
        PieceId {
            segment: SegmentId(1),
            kind: Kind::Rows,
            start: number,
            form: Form::Decoded,
        }
    }

    fn numbers(count: usize) -> Piece {
        Piece::Numbers(Arc::new(vec![7; count]))
    }

    fn has(cache: &Cache, number: u64) -> bool {
        cache.get(&[id(number)])[0].is_some()
    }

    #[test]
    fn the_bytes_stay_below_the_limit_and_what_was_used_stays_longest() {
        let cache = Cache::new(100_000);
        cache.keep([(id(0), numbers(1000))]);
        for number in 1..1000 {
            assert!(has(&cache, 0), "used all the time, and gone after {number}");
            cache.keep([(id(number), numbers(1000))]);
            assert!(cache.stats().bytes <= 100_000);
        }
        assert!(has(&cache, 999));
        assert!(!has(&cache, 500));
        assert_eq!(cache.stats().pieces, 100_000 / (2000 + OVERHEAD));
    }

    #[test]
    fn a_piece_that_would_drive_out_many_others_is_not_kept() {
        let cache = Cache::new(100_000);
        cache.keep([(id(1), numbers(1000)), (id(2), numbers(20_000))]);
        assert!(has(&cache, 1));
        assert!(!has(&cache, 2));
    }

    #[test]
    fn hits_and_misses_are_counted() {
        let cache = Cache::new(100_000);
        cache.keep([(id(1), numbers(10)), (id(1), numbers(10))]);
        let found = cache.get(&[id(1), id(2), id(1)]);
        assert_eq!(found.iter().flatten().count(), 2);
        let stats = cache.stats();
        assert_eq!((stats.hits, stats.misses, stats.pieces), (2, 1, 1));
        assert_eq!(stats.bytes, 20 + OVERHEAD);
    }
}

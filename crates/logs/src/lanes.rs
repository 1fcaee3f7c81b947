//! Entries waiting for the next batch, in one lane for each company. Batches are filled from the lanes in turn, by size:
//! if a company's entries take long to redact, only its own later entries wait, and another company's entry is in the
//! next batch. When there is no room, the company with most waiting bytes loses a row first.

use std::collections::{BTreeSet, HashMap, VecDeque};

use model::CompanyId;

use crate::Entry;

/// In each turn a company contributes entries until they reach this many bytes.
const TURN_BYTES: usize = 32 * 1024;

/// How many patient entries may wait.
pub(crate) const PATIENT: usize = 1_024;

/// On the heap, because an entry moves several times on its way to redaction.
pub(crate) type Held = Box<Entry>;

/// How much may wait, or how much is in a batch: whichever is reached first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
}

/// Whether an entry may lose its place to another company's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Ordinary,
    /// Its sender waited for a place of its own, so it is outside the bound and is never lost.
    Patient,
}

/// A stretch of time that ends when a batch is taken.
pub(crate) type Epoch = u64;

struct Waiting {
    entry: Held,
    since: Epoch,
}

/// By the company that owns the key.
type LaneOf = (CompanyId, Kind);

#[derive(Default)]
struct Lane {
    entries: VecDeque<Waiting>,
    bytes: usize,
}

/// All lanes.
pub(crate) struct Lanes {
    bound: Amount,
    lanes: HashMap<LaneOf, Lane>,
    /// The lanes that have entries, the next one first.
    turns: VecDeque<LaneOf>,
    /// The lanes that hold at least one step, by the number of whole steps, so that the largest is found at once. With
    /// steps, most entries leave the set as it is.
    by_size: BTreeSet<(usize, CompanyId)>,
    step: usize,
    /// Of all ordinary entries.
    waiting: Amount,
    patient: usize,
    epoch: Epoch,
    closed: bool,
}

/// What became of an entry, and of others.
pub(crate) struct Pushed {
    pub(crate) accepted: bool,
    /// Entries that lost their place, possibly including the new one. Dropping them takes a while, so it is left to the
    /// caller, who has unlocked the lanes by then.
    pub(crate) lost: Vec<Held>,
}

/// The next batch.
pub(crate) struct Taken {
    pub(crate) entries: Vec<Held>,
    pub(crate) patient: usize,
    pub(crate) bytes: usize,
}

impl Lanes {
    pub(crate) fn new(bound: Amount) -> Self {
        Self {
            bound,
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            by_size: BTreeSet::new(),
            // Fine enough to compare companies that matter, coarse enough that a company crosses few steps.
            step: (bound.bytes / 16_384).max(1),
            waiting: Amount { rows: 0, bytes: 0 },
            patient: 0,
            epoch: 0,
            closed: false,
        }
    }

    /// Accepts an entry if there is room, or if there is room once companies with more waiting bytes have lost some.
    pub(crate) fn push(&mut self, entry: Held, kind: Kind) -> Pushed {
        let (company, weight) = (entry.place.root, entry.weight());
        let mut lost = Vec::new();
        if self.closed || (kind == Kind::Ordinary && !self.make_room(company, weight, &mut lost)) {
            lost.push(entry);
            let accepted = false;
            return Pushed { accepted, lost };
        }
        match kind {
            Kind::Patient => self.patient += 1,
            Kind::Ordinary => {
                self.waiting.rows += 1;
                self.waiting.bytes += weight;
            }
        }
        let of = (company, kind);
        let since = self.epoch;
        let lane = self.lanes.entry(of).or_default();
        if lane.entries.is_empty() {
            self.turns.push_back(of);
        }
        lane.entries.push_back(Waiting { entry, since });
        lane.bytes += weight;
        let after = lane.bytes;
        self.resized(of, after - weight, after);
        Pushed { accepted: true, lost }
    }

    fn make_room(&mut self, company: CompanyId, weight: usize, lost: &mut Vec<Held>) -> bool {
        if weight > self.bound.bytes {
            return false;
        }
        while self.waiting.rows >= self.bound.rows || self.waiting.bytes + weight > self.bound.bytes {
            let own = self.bytes_of(company) + weight;
            let Some(&(_, largest)) = self.by_size.last() else {
                return false;
            };
            if largest == company || self.bytes_of(largest) <= own {
                return false;
            }
            lost.extend(self.lose_newest(largest));
        }
        true
    }

    fn bytes_of(&self, company: CompanyId) -> usize {
        self.lanes
            .get(&(company, Kind::Ordinary))
            .map_or(0, |lane| lane.bytes)
    }

    fn lose_newest(&mut self, company: CompanyId) -> Option<Held> {
        let of = (company, Kind::Ordinary);
        let lane = self.lanes.get_mut(&of)?;
        let entry = lane.entries.pop_back()?.entry;
        let weight = entry.weight();
        lane.bytes -= weight;
        let (after, is_empty) = (lane.bytes, lane.entries.is_empty());
        self.waiting.rows -= 1;
        self.waiting.bytes -= weight;
        self.resized(of, after + weight, after);
        if is_empty {
            self.lanes.remove(&of);
            self.turns.retain(|turn| *turn != of);
        }
        Some(entry)
    }

    /// Keeps `by_size` up to date.
    fn resized(&mut self, (company, kind): LaneOf, before: usize, after: usize) {
        let (before, after) = (before / self.step, after / self.step);
        if kind == Kind::Patient || before == after {
            return;
        }
        if before > 0 {
            self.by_size.remove(&(before, company));
        }
        if after > 0 {
            self.by_size.insert((after, company));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Whether there is enough for a batch of this size, or senders of patient entries have to wait for it.
    pub(crate) const fn fill(&self, batch: Amount) -> bool {
        self.waiting.rows + self.patient >= batch.rows
            || self.waiting.bytes >= batch.bytes
            || self.patient >= PATIENT
    }

    /// Whether three quarters of the places are taken.
    pub(crate) const fn are_nearly_full(&self) -> bool {
        self.waiting.rows >= self.bound.rows / 4 * 3 || self.waiting.bytes >= self.bound.bytes / 4 * 3
    }

    /// Adds the next entries to the batch: those of each company in turn, oldest first. Returns after `rows` entries,
    /// or when the batch has its bytes.
    pub(crate) fn take(&mut self, taken: &mut Taken, rows: usize, bytes: usize) {
        let full = taken.entries.len() + rows;
        while taken.entries.len() < full
            && taken.bytes < bytes
            && let Some(of) = self.turns.pop_front()
        {
            self.take_turn(of, taken, full);
        }
    }

    fn take_turn(&mut self, of: LaneOf, taken: &mut Taken, full: usize) {
        let Some(lane) = self.lanes.get_mut(&of) else {
            return;
        };
        let (before, mut turn) = (lane.bytes, Amount { rows: 0, bytes: 0 });
        while taken.entries.len() < full
            && turn.bytes < TURN_BYTES
            && let Some(waiting) = lane.entries.pop_front()
        {
            turn.rows += 1;
            turn.bytes += waiting.entry.weight();
            taken.entries.push(waiting.entry);
        }
        lane.bytes -= turn.bytes;
        let after = lane.bytes;
        if lane.entries.is_empty() {
            self.lanes.remove(&of);
        } else {
            self.turns.push_back(of);
        }
        taken.bytes += turn.bytes;
        match of.1 {
            Kind::Patient => {
                self.patient -= turn.rows;
                taken.patient += turn.rows;
            }
            Kind::Ordinary => {
                self.waiting.rows -= turn.rows;
                self.waiting.bytes -= turn.bytes;
            }
        }
        self.resized(of, before, after);
    }

    /// Ends the epoch, and returns the one that begins.
    pub(crate) const fn next_epoch(&mut self) -> Epoch {
        self.epoch += 1;
        self.epoch
    }

    /// Accepts no more entries.
    pub(crate) const fn close(&mut self) {
        self.closed = true;
    }

    /// When the oldest entry arrived.
    pub(crate) fn oldest(&self) -> Option<Epoch> {
        let fronts = self.lanes.values().filter_map(|lane| lane.entries.front());
        fronts.map(|waiting| waiting.since).min()
    }
}

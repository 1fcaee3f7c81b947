//! Entries waiting for the next batch, in one lane per company. Batches are filled from the lanes in turn, by size.
//! If a company's entries take long to redact, only its own later entries wait; another company's entry is in the
//! next batch.

use std::collections::{HashMap, VecDeque};

use model::CompanyId;

use crate::Entry;

/// In each turn a company contributes entries until they reach this many bytes.
const TURN_BYTES: usize = 32 * 1024;

/// An entry, and whether it counts against its company's share until it is taken.
pub(crate) struct Waiting {
    pub(crate) entry: Box<Entry>,
    pub(crate) has_share: bool,
}

/// By the company that owns the key.
#[derive(Default)]
pub(crate) struct Lanes {
    lanes: HashMap<CompanyId, VecDeque<Waiting>>,
    /// The companies that have entries, the next one first.
    turns: VecDeque<CompanyId>,
    rows: usize,
    bytes: usize,
}

impl Lanes {
    pub(crate) fn push(&mut self, waiting: Waiting) {
        let company = waiting.entry.place.root;
        self.rows += 1;
        self.bytes += waiting.entry.weight();
        let lane = self.lanes.entry(company).or_default();
        if lane.is_empty() {
            self.turns.push_back(company);
        }
        lane.push_back(waiting);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// Whether there is enough for a batch of this size.
    pub(crate) const fn fill(&self, rows: usize, bytes: usize) -> bool {
        self.rows >= rows || self.bytes >= bytes
    }

    /// The next batch: entries of each company in turn, oldest first, until it has `rows` or `bytes`.
    pub(crate) fn take(&mut self, rows: usize, bytes: usize) -> Vec<Waiting> {
        let (mut batch, mut taken) = (Vec::new(), 0);
        while batch.len() < rows
            && taken < bytes
            && let Some(company) = self.turns.pop_front()
        {
            let Some(lane) = self.lanes.get_mut(&company) else {
                continue;
            };
            let turn_ends = taken + TURN_BYTES;
            while batch.len() < rows
                && taken < turn_ends
                && let Some(waiting) = lane.pop_front()
            {
                taken += waiting.entry.weight();
                batch.push(waiting);
            }
            if lane.is_empty() {
                self.lanes.remove(&company);
            } else {
                self.turns.push_back(company);
            }
        }
        self.rows -= batch.len();
        self.bytes = self.bytes.saturating_sub(taken);
        batch
    }
}

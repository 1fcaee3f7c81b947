//! The entries that wait. In parts, each with a lock of its own, so that the threads that answer `/verify` seldom wait for each
//! other; a line finds its part by the id. A part for each thread would be cheaper to fill, but then a line, which arrives on
//! another thread, would have to be looked for in all of them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logs::Entry;
use model::{CompanyId, RequestId};

/// With fewer entries than this for each part there is only one, so that the oldest of all makes room.
const PARTS: usize = 16;
const LEAST_OF_A_PART: usize = 256;

/// A large thing that changes hands.
pub(super) type Owned = Box<Entry>;

pub(super) struct Held {
    parts: Box<[Mutex<Part>]>,
    /// Of each part.
    entries: usize,
    bytes: usize,
}

#[derive(Default)]
struct Part {
    /// Ids begin with the time, so the first is the oldest.
    waiting: BTreeMap<RequestId, Waiting>,
    bytes: usize,
    is_closed: bool,
}

struct Waiting {
    since: Duration,
    bytes: usize,
    entry: Box<Entry>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

impl Held {
    pub(super) fn new(entries: usize, bytes: usize) -> Self {
        let parts = if entries < PARTS * LEAST_OF_A_PART {
            1
        } else {
            PARTS
        };
        Self {
            parts: (0..parts).map(|_| Mutex::default()).collect(),
            entries: (entries / parts).max(1),
            bytes: bytes / parts,
        }
    }

    /// By the last bits, which are random.
    fn part(&self, id: RequestId) -> MutexGuard<'_, Part> {
        let [.., last] = id.to_bytes();
        lock(&self.parts[usize::from(last) % self.parts.len()])
    }

    /// Returns those that no longer have room.
    pub(super) fn hold(&self, entry: Box<Entry>, now: Duration) -> Vec<Owned> {
        let mut part = self.part(entry.request_id);
        if part.is_closed {
            return vec![entry];
        }
        let bytes = entry.weight();
        part.bytes += bytes;
        let waiting = Waiting {
            since: now,
            bytes,
            entry,
        };
        part.waiting.insert(waiting.entry.request_id, waiting);
        let mut crowded = Vec::new();
        while part.waiting.len() > self.entries || part.bytes > self.bytes {
            let Some(crowding) = part.crowding() else {
                break;
            };
            crowded.push(crowding);
        }
        crowded
    }

    pub(super) fn take(&self, id: RequestId) -> Option<Owned> {
        let mut part = self.part(id);
        let waiting = part.waiting.remove(&id)?;
        part.bytes -= waiting.bytes;
        Some(waiting.entry)
    }

    /// Those that have waited since this moment or longer.
    pub(super) fn waiting_since(&self, moment: Duration) -> Vec<Owned> {
        let mut taken = Vec::new();
        for part in &self.parts {
            let mut part = lock(part);
            // If the clock was set back, a younger entry may come first, and then the others wait with it.
            taken.extend(std::iter::from_fn(|| {
                part.oldest(|oldest| oldest.since <= moment)
            }));
        }
        taken
    }

    /// All of them. Nothing waits from here on.
    pub(super) fn close(&self) -> Vec<Owned> {
        let mut taken = Vec::new();
        for part in &self.parts {
            let mut part = lock(part);
            part.is_closed = true;
            taken.extend(std::iter::from_fn(|| part.oldest(|_| true)));
        }
        taken
    }

    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| lock(part).waiting.len()).sum()
    }
}

impl Part {
    /// Takes the oldest entry of the company that fills most of this part, so that it takes none of another's.
    fn crowding(&mut self) -> Option<Owned> {
        let mut companies: HashMap<CompanyId, (usize, RequestId)> = HashMap::new();
        for (id, waiting) in &self.waiting {
            let root = waiting.entry.place.root;
            companies.entry(root).or_insert((0, *id)).0 += waiting.bytes;
        }
        let (_, oldest) = companies.into_values().max_by_key(|(bytes, _)| *bytes)?;
        let waiting = self.waiting.remove(&oldest)?;
        self.bytes -= waiting.bytes;
        Some(waiting.entry)
    }

    fn oldest(&mut self, if_it: impl Fn(&Waiting) -> bool) -> Option<Owned> {
        let oldest = self.waiting.first_entry().filter(|oldest| if_it(oldest.get()))?;
        let waiting = oldest.remove();
        self.bytes -= waiting.bytes;
        Some(waiting.entry)
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use logs::{Message, Place};
    use model::{BodyAbsence, ClientId, CompanyId, Recorded, Timestamp, Verdict};

    use super::*;

    fn entry(at: i64, random: u8) -> Box<Entry> {
        let at = Timestamp::from_millis(at);
        Box::new(Entry {
            request_id: RequestId::time_ordered(at, [random; 10]),
            at,
            place: Place {
                root: CompanyId::from_random([1; 16]),
                company: CompanyId::from_random([1; 16]),
                client_id: ClientId::from_random([1; 16]),
                brand: None,
            },
            environment: None,
            key: None,
            recorded: Recorded::Verify,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            status: 0,
            verdict: Verdict::Accepted,
            verdict_detail: String::new(),
            duration_us: 1,
            upstream_us: None,
            address: String::new(),
            user_agent: None,
            presented: Vec::new(),
            request: Message::absent(BodyAbsence::NotSeen),
            response: Message::absent(BodyAbsence::NotSeen),
        })
    }

    fn ids(entries: &[Owned]) -> Vec<RequestId> {
        entries.iter().map(|entry| entry.request_id).collect()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_entry_is_taken_once_and_by_its_id_only() {
        let held = Held::new(10, 1 << 20);
        let (one, two) = (entry(1, 1), entry(1, 2));
        let (first, second) = (one.request_id, two.request_id);
        assert!(held.hold(one, SECOND).is_empty() && held.hold(two, SECOND).is_empty());
        assert!(held.take(entry(1, 3).request_id).is_none());
        assert_eq!(held.take(first).map(|entry| entry.request_id), Some(first));
        assert!(held.take(first).is_none());
        assert_eq!(held.len(), 1);
        assert_eq!(ids(&held.close()), [second]);
        let late = entry(9, 9);
        assert_eq!(held.hold(late, SECOND).len(), 1, "nothing waits any more");
    }

    #[test]
    fn the_oldest_makes_room_by_number_and_by_size() {
        let held = Held::new(2, 1 << 20);
        let all: Vec<_> = (1..=3).map(|at| entry(at, 1)).collect();
        let oldest = all[0].request_id;
        let crowded: Vec<_> = all.into_iter().flat_map(|one| held.hold(one, SECOND)).collect();
        assert_eq!((ids(&crowded), held.len()), (vec![oldest], 2));

        let weight = entry(1, 1).weight();
        let held = Held::new(1000, 2 * weight);
        let crowded = (1..=5).flat_map(|at| held.hold(entry(at, 1), SECOND)).count();
        assert_eq!((crowded, held.len()), (3, 2));
        for at in 4..=5 {
            assert!(held.take(entry(at, 1).request_id).is_some());
        }
        assert!(
            held.hold(entry(6, 1), SECOND).is_empty(),
            "what was taken counts no more"
        );
    }

    #[test]
    fn a_company_that_fills_the_room_makes_room_itself() {
        let weight = entry(1, 1).weight();
        let held = Held::new(1000, 10 * weight);
        let other = CompanyId::from_random([2; 16]);
        for at in 1..=3 {
            let mut one = entry(at, 1);
            one.place.root = other;
            held.hold(one, SECOND);
        }
        let crowded: Vec<_> = (4..100).flat_map(|at| held.hold(entry(at, 1), SECOND)).collect();
        assert!(crowded.iter().all(|one| one.place.root != other));
        for at in 1..=3 {
            assert!(held.take(entry(at, 1).request_id).is_some(), "{at}");
        }
    }

    #[test]
    fn many_parts_hold_no_more_than_the_bound_and_find_every_id() {
        let bound = PARTS * LEAST_OF_A_PART;
        let held = Held::new(bound, 1 << 30);
        assert_eq!(held.parts.len(), PARTS);
        let random = |number: u32| (number % 251) as u8;
        let all: Vec<_> = (0..2 * bound as u32)
            .map(|number| entry(i64::from(number), random(number)))
            .collect();
        let ids: Vec<_> = ids(&all);
        let crowded: usize = all.into_iter().map(|one| held.hold(one, SECOND).len()).sum();
        assert!(held.len() <= bound);
        assert_eq!(held.len() + crowded, 2 * bound);
        let found = ids.into_iter().filter(|id| held.take(*id).is_some()).count();
        assert_eq!((found + crowded, held.len()), (2 * bound, 0));
    }

    #[test]
    fn those_that_waited_long_enough_go_and_a_clock_that_was_set_back_loses_none() {
        let held = Held::new(10, 1 << 20);
        for (at, since) in [(50, 1), (60, 2), (10, 3)] {
            held.hold(entry(at, 1), SECOND * since);
        }
        assert!(
            held.waiting_since(SECOND * 2).is_empty(),
            "behind the younger one"
        );
        assert_eq!(held.waiting_since(SECOND * 3).len(), 3);
        assert_eq!(held.len(), 0);
    }
}

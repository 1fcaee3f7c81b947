//! What a handle on the log has in memory: the heads of closed segments, the rows of open ones, and how much of the catalogue
//! it has seen. Readers take it as one immutable [`View`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use arc_swap::ArcSwap;
use logs::{Damaged, StoredEntry};
use model::Timestamp;
use segments::{Closed, Day, Erased, Head, Open, SegmentId, View, delta};

use super::catalogue::{Delta, Known, News, Segment};

/// All segments, and what has been read of them.
#[derive(Debug)]
pub(super) struct State {
    segments: Mutex<Segments>,
    view: ArcSwap<View>,
    /// Every row up to this `seq` is in `view`.
    as_of: AtomicI64,
}

#[derive(Debug)]
struct Segments {
    known: Known,
    closed: BTreeMap<SegmentId, Readable>,
    set_aside: BTreeMap<SegmentId, SetAside>,
    tails: BTreeMap<SegmentId, Tail>,
    erased: Arc<Erased>,
    /// The latest day of any segment.
    day: Day,
}

#[derive(Debug)]
struct Readable {
    closed: Closed,
    change: i64,
}

#[derive(Clone, Copy, Debug)]
struct SetAside {
    rows: Damaged,
    change: i64,
}

/// A segment whose rows are still deltas: it is being filled, or closed.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    pub(super) run: i64,
    pub(super) open: Arc<RwLock<Open>>,
    /// The smallest and the largest `seq` it has seen, of rows or of a torn delta.
    first_seq: i64,
    last_seq: i64,
    pub(super) torn: Option<Torn>,
}

/// What cannot be read of a segment's deltas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Torn {
    pub(super) rows: i64,
    /// Stored from this time
    pub(super) from: Timestamp,
    /// to this time.
    pub(super) to: Timestamp,
}

/// Numbers for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub closed_segments: usize,
    pub open_segments: usize,
    pub damaged_segments: usize,
    /// Rows in segments that are set aside.
    pub damaged_rows: u64,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            segments: Mutex::new(Segments {
                known: Known::NOTHING,
                closed: BTreeMap::new(),
                set_aside: BTreeMap::new(),
                tails: BTreeMap::new(),
                erased: Arc::default(),
                day: Day(0),
            }),
            view: ArcSwap::default(),
            as_of: AtomicI64::new(0),
        }
    }

    pub(super) fn known(&self) -> Known {
        self.lock().known
    }

    /// The latest day of any segment. Days of storing never go back, even if the clock does.
    pub(super) fn day(&self) -> Day {
        self.lock().day
    }

    pub(super) fn tail(&self, segment: SegmentId) -> Option<Tail> {
        self.lock().tails.get(&segment).cloned()
    }

    /// The open segments of a run.
    pub(super) fn tails_of(&self, run: i64) -> Vec<SegmentId> {
        let segments = self.lock();
        let tails = segments.tails.iter().filter(|(_, tail)| tail.run == run);
        tails.map(|(&segment, _)| segment).collect()
    }

    /// Whether an open segment has erased rows.
    pub(super) fn open_have(&self, erased: &Erased) -> bool {
        let segments = self.lock();
        segments.tails.values().any(|tail| tail.has(erased))
    }

    pub(super) fn erased(&self) -> Arc<Erased> {
        Arc::clone(&self.lock().erased)
    }

    pub(super) fn held(&self) -> Held {
        let segments = self.lock();
        Held {
            closed_segments: segments.closed.len(),
            open_segments: segments.tails.len(),
            damaged_segments: segments.set_aside.len(),
            damaged_rows: segments.set_aside.values().map(|aside| aside.rows.rows).sum(),
        }
    }

    /// A view with every row up to the returned `seq`, and perhaps more.
    pub(super) fn view(&self) -> (i64, Arc<View>) {
        // In this order: a row is in the view before its number is announced.
        let as_of = self.as_of.load(Ordering::SeqCst);
        (as_of, self.view.load_full())
    }

    /// Takes in what others committed, and what this handle committed without noticing. Takes as long as decoding the
    /// deltas does.
    pub(super) fn apply(&self, news: News) {
        let mut segments = self.lock();
        for segment in news.segments {
            segments.close(segment);
        }
        for (client_id, root, until) in news.erased {
            Arc::make_mut(&mut segments.erased).add(client_id, root, until);
        }
        if let Some(ids) = news.ids {
            // What is newer than the news is not in it.
            let Known { next_seq, change } = news.known;
            segments
                .closed
                .retain(|segment, closed| closed.change > change || ids.contains(segment));
            segments
                .set_aside
                .retain(|segment, aside| aside.change > change || ids.contains(segment));
            segments
                .tails
                .retain(|segment, tail| tail.first_seq >= next_seq || ids.contains(segment));
        }
        for delta in news.deltas {
            if !segments.closed.contains_key(&delta.segment)
                && !segments.set_aside.contains_key(&delta.segment)
            {
                segments.add(delta);
            }
        }
        segments.known.next_seq = segments.known.next_seq.max(news.known.next_seq);
        segments.known.change = segments.known.change.max(news.known.change);
        self.publish(&segments);
    }

    /// Adds rows that this handle has committed. `delta` without its data.
    pub(super) fn add_own(&self, delta: Delta, entries: &[StoredEntry]) {
        let mut segments = self.lock();
        // If others wrote in between, `apply` will see their rows and pass over these.
        if segments.known.next_seq == delta.first_seq {
            segments.known.next_seq += delta.rows;
        }
        let known = segments.tails.contains_key(&delta.segment);
        segments.add_with(delta, |_| Ok(entries));
        if known {
            // The view has this segment, and so its new rows.
            self.announce(&segments);
        } else {
            self.publish(&segments);
        }
    }

    /// Replaces an open segment by the closed one, which this handle has committed.
    pub(super) fn close(&self, segment: Segment) {
        let mut segments = self.lock();
        if segments.known.change + 1 == segment.change {
            segments.known.change = segment.change;
        }
        segments.close(segment);
        self.publish(&segments);
    }

    /// Removes an open segment whose deltas were all torn.
    pub(super) fn forget(&self, segment: SegmentId) {
        let mut segments = self.lock();
        segments.tails.remove(&segment);
        self.publish(&segments);
    }

    /// Replaces what is known of an open segment by its deltas.
    pub(super) fn reload(&self, segment: SegmentId, deltas: Vec<Delta>) {
        let mut segments = self.lock();
        segments.tails.remove(&segment);
        for delta in deltas {
            segments.add(delta);
        }
        self.publish(&segments);
    }

    fn lock(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, segments: &Segments) {
        let closed = segments.closed.values().map(|readable| readable.closed.clone());
        let open = segments.tails.values().map(|tail| Arc::clone(&tail.open));
        self.view.store(Arc::new(View {
            closed: closed.collect(),
            open: open.collect(),
            set_aside: segments.set_aside.values().map(|aside| aside.rows).collect(),
            erased: Arc::clone(&segments.erased),
        }));
        self.announce(segments);
    }

    fn announce(&self, segments: &Segments) {
        self.as_of
            .fetch_max(segments.known.next_seq - 1, Ordering::SeqCst);
    }
}

impl Segments {
    fn close(&mut self, segment: Segment) {
        let Segment {
            id,
            change,
            rows,
            from,
            to,
            damaged,
            bodies_kept,
            head,
        } = segment;
        if self.closed.get(&id).is_some_and(|closed| closed.change >= change) {
            return;
        }
        self.tails.remove(&id);
        self.closed.remove(&id);
        self.set_aside.remove(&id);
        let head = if damaged { None } else { readable(id, &head) };
        match head {
            Some(head) => {
                self.day = self.day.max(head.day());
                let closed = Closed {
                    head: Arc::new(head),
                    bodies_kept,
                };
                self.closed.insert(id, Readable { closed, change });
            }
            None => {
                let rows = Damaged { from, to, rows };
                self.set_aside.insert(id, SetAside { rows, change });
            }
        }
    }

    fn add(&mut self, mut delta: Delta) {
        let data = std::mem::take(&mut delta.data);
        self.add_with(delta, |rows| match delta::decode(&data) {
            Ok(entries) if entries.len() as i64 == rows => Ok(entries),
            Ok(entries) => Err(format!("it has {} rows", entries.len())),
            Err(torn) => Err(torn.to_string()),
        });
    }

    /// Adds a batch to its segment, unless it is there already.
    fn add_with<Entries: AsRef<[StoredEntry]>>(
        &mut self,
        delta: Delta,
        entries: impl FnOnce(i64) -> Result<Entries, String>,
    ) {
        self.day = self.day.max(delta.day);
        let tail = self.tails.entry(delta.segment).or_insert_with(|| Tail {
            run: delta.run,
            open: Arc::new(RwLock::new(Open::new(delta.segment, delta.day))),
            first_seq: delta.first_seq,
            last_seq: delta.first_seq - 1,
            torn: None,
        });
        if delta.first_seq <= tail.last_seq {
            return;
        }
        tail.last_seq = delta.first_seq + delta.rows - 1;
        match entries(delta.rows) {
            Ok(entries) => {
                let mut open = tail.open.write().unwrap_or_else(PoisonError::into_inner);
                open.append(delta.first_seq, entries.as_ref());
            }
            Err(why) => {
                tracing::warn!(
                    segment = delta.segment.0,
                    rows = delta.rows,
                    why,
                    "a batch of log rows cannot be read and is left out"
                );
                tail.tear(&delta);
            }
        }
    }
}

impl Tail {
    /// Whether a batch that is stored on this day fits, if the segment may have `most` rows.
    pub(super) fn takes(&self, day: Day, entries: &[StoredEntry], most: usize) -> bool {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.day() == day && open.rows() as usize + entries.len() <= most && open.room_for(entries)
    }

    /// How many rows the segment's deltas have.
    pub(super) fn rows(&self) -> i64 {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        i64::from(open.rows()) + self.torn.map_or(0, |torn| torn.rows)
    }

    /// Whether it has erased rows.
    pub(super) fn has(&self, erased: &Erased) -> bool {
        erased.is_in_open(&self.open.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn day(&self) -> Day {
        self.open.read().unwrap_or_else(PoisonError::into_inner).day()
    }

    fn tear(&mut self, delta: &Delta) {
        let torn = self.torn.get_or_insert(Torn {
            rows: 0,
            from: delta.stored_at,
            to: delta.stored_at,
        });
        torn.rows += delta.rows;
        torn.from = torn.from.min(delta.stored_at);
        torn.to = torn.to.max(delta.stored_at);
    }
}

fn readable(segment: SegmentId, head: &[u8]) -> Option<Head> {
    Head::parse(segment, head)
        .inspect_err(|error| tracing::error!(%error, "a segment of the log cannot be read and is set aside"))
        .ok()
}

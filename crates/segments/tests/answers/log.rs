//! A log of segments in memory, with several writers.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};

use bytes::Bytes;
use logs::{Found, Question, Scope, StoredEntry};
use model::{LogEntry, RequestId};
use segments::{Cache, Closed, Container, Day, Head, Kind, Open, ReadError, SegmentId, Source, View, Wanted};

/// Blobs in memory, and what was read of them.
#[derive(Debug, Default)]
pub(crate) struct Blobs {
    blobs: Mutex<HashMap<(SegmentId, Kind), Bytes>>,
    read: Mutex<Read>,
}

/// What was read of the blobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) calls: u64,
    pub(crate) ranges: u64,
    pub(crate) bytes: u64,
}

impl Blobs {
    pub(crate) fn put(&self, segment: SegmentId, kind: Kind, bytes: Vec<u8>) {
        self.blobs
            .lock()
            .expect("no thread panicked")
            .insert((segment, kind), bytes.into());
    }

    pub(crate) fn remove(&self, segment: SegmentId, kind: Kind) -> Option<Bytes> {
        self.blobs
            .lock()
            .expect("no thread panicked")
            .remove(&(segment, kind))
    }

    /// What was read since the last call.
    pub(crate) fn take_read(&self) -> Read {
        std::mem::take(&mut *self.read.lock().expect("no thread panicked"))
    }
}

impl Container for Blobs {
    fn read(&self, wanted: &[Wanted]) -> Result<Vec<Bytes>, ReadError> {
        let mut read = self.read.lock().expect("no thread panicked");
        read.calls += 1;
        let blobs = self.blobs.lock().expect("no thread panicked");
        let mut found = Vec::new();
        for wanted in wanted {
            assert!(!wanted.range.is_empty(), "{wanted:?}");
            read.ranges += 1;
            read.bytes += wanted.range.end - wanted.range.start;
            let missing = ReadError::Missing {
                segment: wanted.segment,
            };
            let blob = blobs.get(&(wanted.segment, wanted.kind)).ok_or(missing)?;
            let end = wanted.range.end.min(blob.len() as u64) as usize;
            found.push(blob.slice((wanted.range.start as usize).min(end)..end));
        }
        Ok(found)
    }
}

/// Says that it is late, or not, in a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lateness {
    Never,
    Always,
    /// The second time it is asked, and so on.
    After(u32),
}

/// The log.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) view: View,
    pub(crate) blobs: Blobs,
    pub(crate) cache: Cache,
    pub(crate) lateness: Cell<Lateness>,
    next_seq: i64,
    next_segment: i64,
}

impl Log {
    pub(crate) fn new(writers: usize, cache: usize) -> Self {
        let mut log = Self {
            view: View::default(),
            blobs: Blobs::default(),
            cache: Cache::new(cache),
            lateness: Cell::new(Lateness::Never),
            next_seq: 1,
            next_segment: 1,
        };
        for _ in 0..writers {
            let open = log.open();
            log.view.open.push(open);
        }
        log
    }

    fn open(&mut self) -> Arc<RwLock<Open>> {
        let id = SegmentId(self.next_segment);
        self.next_segment += 1;
        Arc::new(RwLock::new(Open::new(id, Day(20_000))))
    }

    /// Skips some numbers, as if other writers had taken them.
    pub(crate) fn skip(&mut self, numbers: i64) {
        self.next_seq += numbers;
    }

    pub(crate) fn store(&mut self, writer: usize, rows: &[StoredEntry]) {
        if !self.view.open[writer]
            .read()
            .expect("no thread panicked")
            .room_for(rows)
        {
            self.finish(writer);
        }
        self.view.open[writer]
            .write()
            .expect("no thread panicked")
            .append(self.next_seq, rows);
        self.next_seq += rows.len() as i64;
    }

    /// Closes what a writer has open.
    pub(crate) fn finish(&mut self, writer: usize) {
        let new = self.open();
        let open = std::mem::replace(&mut self.view.open[writer], new);
        let open = open.read().expect("no thread panicked");
        let Some(encoded) = open.encode() else { return };
        let head = Head::parse(open.id(), &encoded.head).expect("a head");
        self.blobs.put(open.id(), Kind::Rows, encoded.rows);
        if let Some(bodies) = encoded.bodies {
            self.blobs.put(open.id(), Kind::Bodies, bodies);
        }
        self.view.closed.push(Closed {
            head: Arc::new(head),
            bodies_kept: true,
        });
    }

    pub(crate) fn source(&self) -> Source<'_> {
        Source {
            view: &self.view,
            container: &self.blobs,
            cache: &self.cache,
        }
    }

    pub(crate) fn ask(&self, scope: Scope, question: &Question) -> Result<Found, ReadError> {
        let asked = Cell::new(0);
        let is_late = || {
            asked.set(asked.get() + 1);
            match self.lateness.get() {
                Lateness::Never => false,
                Lateness::Always => true,
                Lateness::After(times) => asked.get() > times,
            }
        };
        self.source().answer(scope, question, &is_late)
    }
}

impl test_logs::Store for Log {
    fn writers(&self) -> usize {
        self.view.open.len()
    }

    async fn append(&mut self, writer: usize, rows: Vec<StoredEntry>) {
        if self.next_seq % 5 == 0 {
            self.skip(3);
        }
        self.store(writer, &rows);
    }

    async fn close(&mut self, writer: usize) {
        self.finish(writer);
    }

    async fn find(&self, scope: Scope, question: &Question) -> Found {
        self.ask(scope, question).expect("an answer")
    }

    async fn entry(&self, scope: Scope, request: RequestId) -> Option<LogEntry> {
        self.source().entry(scope, request).expect("an answer")
    }
}

//! The starting point of the log tests: companies, entries, a store with a run, and dice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use live::Bus;
use logs::{
    Batch, Entry, KeyTrace, Ledger, Message, Names, Origin, Place, Reader, Reading, Recorder,
    RecorderOptions, Run, RunReport, Scope, Sink, StoredEntry, redact,
};
use model::{
    BodyAbsence, ClientId, CompanyId, Environment, KeyId, LogEntry, LogFilter, LogPage, LogParts, Recorded,
    RequestId, Timestamp, Verdict,
};
use store::Db;
use store::logs::{Container, Logs, LogsOptions};

use crate::test_db::TestDb;

/// The default path of an entry.
pub(crate) const PATH: &str = "/v1/orders/";

/// A time in the middle of a minute, so that rounding errors show.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_767_614_430_000);

pub(crate) fn company(number: u8) -> CompanyId {
    CompanyId::from_random([number; 16])
}

pub(crate) fn client(number: u8) -> ClientId {
    ClientId::from_random([number; 16])
}

pub(crate) fn key(number: u8) -> KeyId {
    KeyId::from_random([number; 16])
}

/// Company 1 has the brands 2 and 3. Company 9 is unrelated.
pub(crate) fn place(number: u8) -> Place {
    let brand = matches!(number, 2 | 3);
    Place {
        root: company(if brand { 1 } else { number }),
        company: company(number),
        client_id: client(number),
        brand: brand.then(|| format!("Brand {number}")),
    }
}

pub(crate) fn request(number: u64) -> RequestId {
    RequestId::from_random(u128::from(number).to_be_bytes())
}

pub(crate) fn raw(number: u64, place: Place, at: Timestamp) -> Entry {
    Entry {
        request_id: request(number),
        at,
        place,
        environment: Some(Environment::Sandbox),
        key: Some(KeyTrace {
            id: key(1),
            last_four: "00ff".to_owned(),
        }),
        recorded: Recorded::Gateway,
        method: "GET".to_owned(),
        path: PATH.to_owned(),
        status: 200,
        verdict: Verdict::Accepted,
        verdict_detail: String::new(),
        duration_us: 1234,
        upstream_us: Some(1000),
        address: "192.0.2.7".to_owned(),
        user_agent: Some("curl/8".to_owned()),
        presented: Vec::new(),
        request: Message::absent(BodyAbsence::Empty),
        response: Message::absent(BodyAbsence::Empty),
    }
}

pub(crate) fn entry(number: u64, of: u8, at: Timestamp) -> StoredEntry {
    redact(raw(number, place(of), at), &Names::default())
}

pub(crate) fn report(run: Run, at: Timestamp) -> RunReport {
    RunReport {
        run,
        at,
        stored: 0,
        dropped: 0,
        suppressed: 0,
        losses: Vec::new(),
    }
}

/// A parent with its brands.
pub(crate) fn with_brands(number: u8) -> Scope {
    Scope::WithBrands {
        company: company(number),
        client_id: client(number),
    }
}

pub(crate) fn brand(number: u8) -> Scope {
    Scope::Brand {
        company: company(number),
        client_id: client(number),
    }
}

/// Opens the log of `db` on this handle, like one more node, or the next start.
pub(crate) async fn open(db: &TestDb, handle: &Db, change: impl FnOnce(&mut LogsOptions)) -> Logs {
    let mut options = LogsOptions::new(match db.folder() {
        Some(folder) => Container::Folder(folder.to_owned()),
        None => Container::Tables,
    });
    change(&mut options);
    Logs::open(handle.clone(), options).await.expect("the log opens")
}

/// A log, known only by its traits: nothing in these tests depends on which store it is.
pub(crate) struct World {
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) reading: Reading,
    pub(crate) run: Run,
    next: AtomicU64,
}

impl World {
    /// With a run that has begun.
    pub(crate) async fn new(db: &TestDb) -> Self {
        Self::of(Arc::new(open(db, &db.db, |_| {}).await)).await
    }

    /// On this store, with a run that has begun.
    pub(crate) async fn of<Store: Sink + Ledger + Reader + 'static>(store: Arc<Store>) -> Self {
        let run = store.start_run(NOW).await.expect("a run starts");
        Self {
            sink: store.clone(),
            ledger: store.clone(),
            reading: Reading::new(store.clone(), store, 4),
            run,
            next: AtomicU64::new(0),
        }
    }

    /// Begins a run of its own.
    pub(crate) async fn recorder(&self, bus: Bus, options: RecorderOptions) -> Recorder {
        Recorder::start(Arc::clone(&self.sink), Arc::clone(&self.ledger), bus, options)
            .await
            .expect("the recorder starts")
    }

    /// The next batch of the world's run.
    pub(crate) fn batch(&self, entries: Vec<StoredEntry>) -> Batch {
        let report = report(self.run, NOW);
        Batch {
            first: self.next.fetch_add(entries.len() as u64, Ordering::Relaxed),
            entries: Arc::new(entries),
            report,
            origin: Origin::Recorded,
        }
    }

    pub(crate) async fn append(&self, entries: Vec<StoredEntry>) {
        let batch = self.batch(entries);
        self.sink.append(batch).await.expect("the batch is stored");
    }

    pub(crate) async fn page(&self, scope: Scope, filter: &LogFilter) -> LogPage {
        self.page_at(scope, filter, NOW).await
    }

    pub(crate) async fn page_at(&self, scope: Scope, filter: &LogFilter, now: Timestamp) -> LogPage {
        self.reading.page(scope, filter, now).await.expect("a page")
    }

    pub(crate) async fn parts(&self, scope: Scope, filter: &LogFilter, parts: LogParts) -> LogPage {
        let page = self.reading.parts(scope, filter, parts, logs::PAGE, NOW).await;
        page.expect("a page")
    }

    pub(crate) async fn entry(&self, scope: Scope, request: RequestId) -> Option<LogEntry> {
        self.reading.entry(scope, request, NOW).await.expect("a look")
    }

    pub(crate) async fn count_by_key(&self, scope: Scope, key: KeyId, since: Timestamp) -> u64 {
        let counted = self.reading.count_by_key(scope, key, since, NOW).await;
        counted.expect("a count")
    }

    /// All pages of a filter, newest first.
    pub(crate) async fn all(&self, scope: Scope, filter: &LogFilter) -> Vec<RequestId> {
        let mut filter = filter.clone();
        let mut found = Vec::new();
        loop {
            let page = self.page(scope, &filter).await;
            assert!(page.rows.len() <= 50 && page.rows.is_sorted_by(|newer, older| newer.seq > older.seq));
            found.extend(page.rows.iter().map(|row| row.request_id));
            match page.older {
                Some(older) => filter.before = Some(older),
                None => return found,
            }
        }
    }
}

/// Numbers without a pattern that are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    pub(crate) fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len() as u64) as usize].clone()
    }
}

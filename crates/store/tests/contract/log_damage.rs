//! What is damaged hides nothing but itself, and comes back once it is whole again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use logs::{Batch, Ledger, Origin, Reader, Sink, StoredEntry};
use model::{Body, BodyAbsence, HeaderField, LogEntry};
use sqlx::AssertSqlSafe;
use store::Columns;
use store::logs::{Erasure, LOG_MIGRATIONS, Logs};

use crate::log_trouble::{execute, find};
use crate::log_world::{NOW, entry, open, place, report, request, with_brands};
use crate::test_db::TestDb;

contract!(
    LOG_MIGRATIONS,
    [
        damaged_headers_and_bodies_hide_only_themselves,
        missing_headers_and_bodies_hide_only_themselves,
        rows_that_are_whole_again_are_taken_back_by_the_next_start,
        an_erasure_is_not_finished_while_its_rows_are_in_a_damaged_segment,
    ]
);

/// One closed segment of ten rows with headers and bodies.
async fn stored(db: &TestDb) -> Logs {
    let logs = open(db, &db.db, |_| {}).await;
    let run = logs.start_run(NOW).await.expect("a run");
    let entries = (0..10).map(|number| StoredEntry {
        request_headers: vec![HeaderField {
            name: "accept".to_owned(),
            value: "*/*".to_owned(),
            redacted: false,
        }],
        request_body: Body::Text {
            text: r#"{"amount":1}"#.to_owned(),
            total_bytes: 12,
            truncated: false,
            redactions: 0,
        },
        ..entry(number, 1, NOW)
    });
    let batch = Batch {
        first: 0,
        entries: Arc::new(entries.collect()),
        report: report(run, NOW),
        origin: Origin::Recorded,
    };
    logs.append(batch).await.expect("stored");
    logs.end_run(report(run, NOW)).await.expect("it ends");
    logs
}

/// A blob of the segment: its file, or its row of the day's table.
#[derive(Clone, Copy)]
enum Blob {
    Rows,
    Bodies,
}

impl Blob {
    const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Bodies => "bodies",
        }
    }

    /// As `tables.rs` numbers them.
    const fn kind(self) -> i64 {
        match self {
            Self::Rows => 0,
            Self::Bodies => 1,
        }
    }

    fn file(self, folder: &Path) -> PathBuf {
        folder.join("2026-01-05").join(format!("1.{}", self.name()))
    }

    fn is_it(self) -> String {
        format!("segment = 1 AND kind = {}", self.kind())
    }

    async fn read(self, db: &TestDb) -> Vec<u8> {
        if let Some(folder) = db.folder() {
            return std::fs::read(self.file(folder)).expect("read");
        }
        let sql = format!("SELECT data FROM log_blobs_20260105 WHERE {}", self.is_it());
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(db.db.reader()).await;
        row.expect("a row").blob("data").expect("bytes")
    }

    async fn replace(self, db: &TestDb, bytes: &[u8]) {
        if let Some(folder) = db.folder() {
            return std::fs::write(self.file(folder), bytes).expect("written");
        }
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let is_it = self.is_it();
        execute(
            db,
            format!("UPDATE log_blobs_20260105 SET data = decode('{hex}', 'hex') WHERE {is_it}"),
        )
        .await;
    }

    async fn remove(self, db: &TestDb) {
        if let Some(folder) = db.folder() {
            return std::fs::remove_file(self.file(folder)).expect("removed");
        }
        execute(
            db,
            format!("DELETE FROM log_blobs_20260105 WHERE {}", self.is_it()),
        )
        .await;
    }
}

async fn look(logs: &Logs) -> Option<LogEntry> {
    logs.entry(with_brands(1), request(3)).await.expect("a look")
}

async fn count(logs: &Logs) -> usize {
    find(logs).await.rows.len()
}

/// The rows are all there, and the one that is opened says that its messages are damaged.
async fn assert_only_messages_are_hidden(db: &TestDb) {
    let logs = open(db, &db.db, |_| {}).await;
    for _ in 0..2 {
        let entry = look(&logs).await.expect("its row is there");
        let damaged = Body::Absent {
            why: BodyAbsence::Damaged,
            total_bytes: 0,
        };
        assert_eq!((&entry.request_body, &entry.response_body), (&damaged, &damaged));
        assert_eq!(entry.request_headers, []);
        assert_eq!(count(&logs).await, 10);
        assert_eq!(logs.held().damaged_segments, 0);
    }
}

async fn damaged_headers_and_bodies_hide_only_themselves(db: &TestDb) {
    let _ = stored(db).await;
    let length = Blob::Bodies.read(db).await.len();
    Blob::Bodies.replace(db, &vec![b'x'; length]).await;
    assert_only_messages_are_hidden(db).await;
}

async fn missing_headers_and_bodies_hide_only_themselves(db: &TestDb) {
    let _ = stored(db).await;
    Blob::Bodies.remove(db).await;
    assert_only_messages_are_hidden(db).await;
}

async fn rows_that_are_whole_again_are_taken_back_by_the_next_start(db: &TestDb) {
    let logs = stored(db).await;
    let whole = Blob::Rows.read(db).await;
    Blob::Rows.replace(db, &vec![b'x'; whole.len()]).await;
    let first = open(db, &db.db, |_| {}).await;
    assert_eq!(count(&first).await, 0);
    assert_eq!(first.held().damaged_segments, 1);

    Blob::Rows.replace(db, &whole).await;
    let second = open(db, &db.db, |_| {}).await;
    assert_eq!(count(&second).await, 0, "nothing is taken back but at a start");
    second.start_run(NOW.plus_seconds(60)).await.expect("a run");
    test_wait::until("the rows are back", async || count(&second).await == 10).await;
    assert_eq!(second.held().damaged_segments, 0);
    assert!(look(&second).await.is_some());
    // Another node follows.
    assert_eq!(count(&logs).await, 10);
}

async fn an_erasure_is_not_finished_while_its_rows_are_in_a_damaged_segment(db: &TestDb) {
    let logs = stored(db).await;
    let whole = Blob::Rows.read(db).await;
    Blob::Rows.replace(db, &vec![b'x'; whole.len()]).await;
    let place = place(1);
    let erasure = Erasure {
        client_id: place.client_id,
        name: "Acme".to_owned(),
        root: place.root,
        brands: Vec::new(),
        until: NOW,
        asked_by: "operator".to_owned(),
    };
    store::logs::erase(&db.db, erasure).await.expect("erased");
    let receipt = async || store::logs::receipts(&db.db).await.expect("receipts").remove(0);
    let later = NOW.plus_seconds(60);
    for _ in 0..2 {
        // The first look finds the damage.
        logs.remove_erased(move || later).await.expect("it works");
        assert_eq!(logs.held().damaged_segments, 1);
        assert_eq!(
            (receipt().await.finished_at, receipt().await.rows_removed),
            (None, 0)
        );
    }
    Blob::Rows.replace(db, &whole).await;
    logs.start_run(later).await.expect("a run");
    test_wait::until("the segment is back", async || {
        count(&logs).await == 0 && logs.held().damaged_segments == 0
    })
    .await;
    logs.remove_erased(move || later).await.expect("it works");
    assert_eq!(
        (receipt().await.finished_at, receipt().await.rows_removed),
        (Some(later), 10)
    );
}

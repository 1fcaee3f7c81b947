//! The tables of the log as the version before segments filled them, by its own statements.

use std::time::Duration;

use logs::{Conditions, Question, Reader, Scope, StoredEntry};
use model::{Body, BodyAbsence, HeaderField, LogRow, Timestamp};
use store::logs::Logs;
use store::{Db, DbConnection, StoreError, Urgency};

use crate::log_world::{NOW, company, entry, with_brands};

/// Rows that use every column, and leave out each that may be left out. The last one is the newest.
pub(crate) fn rows(numbers: std::ops::Range<u64>) -> Vec<StoredEntry> {
    numbers.map(row).collect()
}

fn row(number: u64) -> StoredEntry {
    let of = [1, 2, 3, 9][number as usize % 4];
    let mut row = entry(number, of, at(number));
    row.status = [200, 404, 503][number as usize % 3];
    row.path = format!("/v1/orders/{number}?page=1");
    if number.is_multiple_of(5) {
        row.user_agent = None;
        row.upstream_us = None;
    }
    match number % 7 {
        0 => {
            row.environment = None;
            row.key = None;
            row.verdict = model::Verdict::UnknownSecret;
            row.verdict_detail = "No key has this secret.".to_owned();
            let absent = Body::Absent {
                why: BodyAbsence::KeyNotRecognised,
                total_bytes: 0,
            };
            (row.request_headers, row.response_headers) = (Vec::new(), Vec::new());
            (row.request_body, row.response_body) = (absent.clone(), absent);
        }
        1 => {
            row.request_headers = vec![HeaderField {
                name: "authorization".to_owned(),
                value: "[redacted]".to_owned(),
                redacted: true,
            }];
            row.request_body = Body::Text {
                text: format!("{{\"number\":{number},\"name\":\"Zoë\"}}"),
                total_bytes: 40_000,
                truncated: true,
                redactions: 2,
            };
        }
        _ => {}
    }
    row
}

/// One row every ten minutes, up to [`NOW`] for number 10,000.
pub(crate) fn at(number: u64) -> Timestamp {
    NOW.plus_seconds((number as i64 - 10_000) * 600)
}

/// Stores these rows in the former tables, in this order.
pub(crate) async fn leave(db: &Db, rows: &[StoredEntry]) {
    let rows = rows.to_vec();
    let written = db.write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            for row in &rows {
                insert(connection, row).await?;
            }
            Ok(())
        })
    });
    written.await.expect("the rows are stored");
}

async fn insert(connection: &mut DbConnection, row: &StoredEntry) -> Result<(), StoreError> {
    use store::Columns;
    let stored = sqlx::query(
        "INSERT INTO log_entries (request_id, root_id, company_id, client_id, brand, environment, key_id, key_last_four, \
         at, recorded, method, path, status, verdict, verdict_detail, duration_us, upstream_us, address, user_agent) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) RETURNING seq",
    )
    .bind(row.request_id.to_string())
    .bind(row.place.root.to_string())
    .bind(row.place.company.to_string())
    .bind(row.place.client_id.to_string())
    .bind(row.place.brand.clone())
    .bind(row.environment.map(|environment| environment.as_str().to_owned()))
    .bind(row.key.as_ref().map(|key| key.id.to_string()))
    .bind(row.key.as_ref().map(|key| key.last_four.clone()))
    .bind(row.at.as_millis())
    .bind(row.recorded.as_str())
    .bind(row.method.clone())
    .bind(row.path.clone())
    .bind(i64::from(row.status))
    .bind(row.verdict.as_str())
    .bind(row.verdict_detail.clone())
    .bind(row.duration_us as i64)
    .bind(row.upstream_us.map(|micros| micros as i64))
    .bind(row.address.clone())
    .bind(row.user_agent.clone())
    .fetch_one(&mut *connection)
    .await?;
    if row.verdict.key_was_recognised() {
        let json = |value: serde_json::Result<String>| value.expect("JSON");
        sqlx::query(
            "INSERT INTO log_bodies (seq, request_headers, request_body, response_headers, response_body) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(stored.int("seq")?)
        .bind(json(serde_json::to_string(&row.request_headers)))
        .bind(json(serde_json::to_string(&row.request_body)))
        .bind(json(serde_json::to_string(&row.response_headers)))
        .bind(json(serde_json::to_string(&row.response_body)))
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Runs this statement, as nothing but a test would.
pub(crate) async fn run(db: &Db, sql: &'static str) {
    let ran = db.write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            sqlx::raw_sql(sql).execute(connection).await?;
            Ok(())
        })
    });
    ran.await.expect("it runs");
}

/// Who may read this row.
pub(crate) fn scope_of(row: &StoredEntry) -> Scope {
    with_brands(if row.place.root == company(9) { 9 } else { 1 })
}

/// All rows of a company, newest first.
pub(crate) async fn everything(logs: &Logs, root: u8) -> Vec<LogRow> {
    let question = Question {
        from: Timestamp::from_millis(0),
        to: NOW.plus_seconds(1_000_000),
        conditions: Conditions::default(),
        before: None,
        as_of: None,
        after: None,
        rows: 100_000,
        count: false,
        histogram: None,
        callers: false,
        facets: false,
        groups: None,
        budget: Duration::from_secs(60),
    };
    let found = logs.find(with_brands(root), &question).await.expect("an answer");
    assert!(found.damaged.is_empty() && !found.more);
    found.rows
}

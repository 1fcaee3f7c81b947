//! Writes a batch: rows, bodies, minute roll-ups and the run's counters, in one transaction.

use std::collections::HashMap;

use logs::{Batch, LogStoreError, Place, StoredEntry};
use model::{RequestId, Timestamp};
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use super::runs;
use crate::{Columns, Db, DbConnection, Dialect, StoreError, Urgency};

type AnyQuery<'query> = Query<'query, Any, AnyArguments>;

/// Rows in one INSERT. Only two lengths occur, this one and 1, which keeps it to two prepared statements.
const ROWS_AT_ONCE: usize = 32;

/// The length of a roll-up in milliseconds.
pub(super) const MINUTE: i64 = 60_000;

const COLUMNS: [&str; 19] = [
    "request_id",
    "root_id",
    "company_id",
    "client_id",
    "brand",
    "environment",
    "key_id",
    "key_last_four",
    "at",
    "recorded",
    "method",
    "path",
    "status",
    "verdict",
    "verdict_detail",
    "duration_us",
    "upstream_us",
    "address",
    "user_agent",
];

pub(super) async fn append(db: &Db, batch: Batch) -> Result<(), LogStoreError> {
    let dialect = db.dialect();
    db.write(Urgency::Background, move |connection| {
        Box::pin(async move {
            write(connection, dialect, &batch)
                .await
                .map_err(LogStoreError::from)
        })
    })
    .await
}

async fn write(connection: &mut DbConnection, dialect: Dialect, batch: &Batch) -> Result<(), StoreError> {
    if let Some(lock) = dialect.hold_log_order() {
        sqlx::query(lock).execute(&mut *connection).await?;
        runs::notice_dead_nodes(connection, batch.report.at).await?;
    }
    let mut minutes = HashMap::new();
    let (many, rest) = batch.entries.as_chunks::<ROWS_AT_ONCE>();
    for entries in many {
        insert(connection, entries, &mut minutes).await?;
    }
    for entry in rest {
        insert(connection, std::slice::from_ref(entry), &mut minutes).await?;
    }
    for (key, count) in minutes {
        add_to_minute(connection, &key, count).await?;
    }
    runs::update(connection, &batch.report).await
}

/// The groups in which a minute's requests are counted.
#[derive(PartialEq, Eq, Hash)]
struct MinuteKey {
    root: String,
    company: String,
    minute: i64,
    environment: &'static str,
    key: String,
    status: u16,
}

#[derive(Clone, Copy)]
struct MinuteCount {
    requests: i64,
    first_seq: i64,
    last_seq: i64,
}

async fn insert(
    connection: &mut DbConnection,
    entries: &[StoredEntry],
    minutes: &mut HashMap<MinuteKey, MinuteCount>,
) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO log_entries ({}) VALUES {} ON CONFLICT (request_id) DO NOTHING RETURNING seq, request_id",
        COLUMNS.join(", "),
        placeholders(entries.len(), COLUMNS.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for entry in entries {
        query = bind_columns(query, entry);
    }
    let mut stored: HashMap<RequestId, i64> = HashMap::with_capacity(entries.len());
    for row in query.fetch_all(&mut *connection).await? {
        stored.insert(row.parsed("request_id")?, row.int("seq")?);
    }
    // An entry missing from `stored` was written by an earlier try of this batch, together with its body and its count.
    for entry in entries {
        let Some(&seq) = stored.get(&entry.request_id) else {
            continue;
        };
        count(minutes, entry, seq);
        if entry.verdict.key_was_recognised() {
            insert_bodies(connection, entry, seq).await?;
        }
    }
    Ok(())
}

/// One row's values, in the order of [`COLUMNS`].
fn bind_columns<'query>(query: AnyQuery<'query>, entry: &StoredEntry) -> AnyQuery<'query> {
    // Names every field, so that a new one does not compile until it has a column.
    let StoredEntry {
        request_id,
        at,
        place:
            Place {
                root,
                company,
                client_id,
                brand,
            },
        environment,
        key,
        recorded,
        method,
        path,
        status,
        verdict,
        verdict_detail,
        duration_us,
        upstream_us,
        address,
        user_agent,
        // In a table of their own: `insert_bodies`.
        request_headers: _,
        request_body: _,
        response_headers: _,
        response_body: _,
    } = entry;
    query
        .bind(request_id.to_string())
        .bind(root.to_string())
        .bind(company.to_string())
        .bind(client_id.to_string())
        .bind(brand.clone())
        .bind(environment.map(|environment| environment.as_str().to_owned()))
        .bind(key.as_ref().map(|key| key.id.to_string()))
        .bind(key.as_ref().map(|key| key.last_four.clone()))
        .bind(at.as_millis())
        .bind(recorded.as_str())
        .bind(method.clone())
        .bind(path.clone())
        .bind(i64::from(*status))
        .bind(verdict.as_str())
        .bind(verdict_detail.clone())
        .bind(*duration_us as i64)
        .bind(upstream_us.map(|micros| micros as i64))
        .bind(address.clone())
        .bind(user_agent.clone())
}

async fn insert_bodies(
    connection: &mut DbConnection,
    entry: &StoredEntry,
    seq: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO log_bodies (seq, request_headers, request_body, response_headers, response_body) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(seq)
    .bind(json(&entry.request_headers)?)
    .bind(json(&entry.request_body)?)
    .bind(json(&entry.response_headers)?)
    .bind(json(&entry.response_body)?)
    .execute(connection)
    .await?;
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::corrupt(format!("a body as JSON: {error}")))
}

/// The minute a timestamp falls in, counted from the epoch.
pub(super) const fn minute(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(MINUTE)
}

fn count(minutes: &mut HashMap<MinuteKey, MinuteCount>, entry: &StoredEntry, seq: i64) {
    let key = MinuteKey {
        root: entry.place.root.to_string(),
        company: entry.place.company.to_string(),
        minute: minute(entry.at),
        environment: entry.environment.map_or("", |environment| environment.as_str()),
        key: entry
            .key
            .as_ref()
            .map(|key| key.id.to_string())
            .unwrap_or_default(),
        status: entry.status,
    };
    let count = minutes.entry(key).or_insert(MinuteCount {
        requests: 0,
        first_seq: seq,
        last_seq: seq,
    });
    count.requests += 1;
    count.first_seq = count.first_seq.min(seq);
    count.last_seq = count.last_seq.max(seq);
}

async fn add_to_minute(
    connection: &mut DbConnection,
    key: &MinuteKey,
    count: MinuteCount,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO log_minutes \
         (root_id, minute, company_id, environment, key_id, status, requests, first_seq, last_seq) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (root_id, minute, company_id, environment, key_id, status) DO UPDATE SET \
         requests = log_minutes.requests + excluded.requests, last_seq = excluded.last_seq",
    )
    .bind(key.root.clone())
    .bind(key.minute)
    .bind(key.company.clone())
    .bind(key.environment)
    .bind(key.key.clone())
    .bind(i64::from(key.status))
    .bind(count.requests)
    .bind(count.first_seq)
    .bind(count.last_seq)
    .execute(connection)
    .await?;
    Ok(())
}

/// `($1, $2), ($3, $4)` for two rows of two.
fn placeholders(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let numbers: Vec<String> = (1..=columns)
            .map(|column| format!("${}", row * columns + column))
            .collect();
        format!("({})", numbers.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

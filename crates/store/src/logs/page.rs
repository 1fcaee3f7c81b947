//! Reads the log: rows, one entry, and counts. Every query starts with the company whose rows it may see.

use logs::{Choice, Conditions, Count, Found, LogStoreError, Question, Scope};
use model::{Body, BodyAbsence, KeyId, LogEntry, LogRow, LogTotals, Recorded, RequestId, Timestamp, Verdict};
use serde::de::DeserializeOwned;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};

use super::append::minute;
use crate::{Columns, Db, Dialect, StoreError};

/// Counting stops here. If more rows match, the count is [`Count::AtLeast`].
const COUNTED: u64 = 10_000;

const ROW: &str = "seq, request_id, at, method, path, status, verdict, environment, client_id, brand, \
                   key_id, key_last_four, duration_us";

/// Answers the questions of today's pages: rows and counts.
pub(super) async fn find(db: &Db, scope: Scope, question: &Question) -> Result<Found, LogStoreError> {
    let conditions = &question.conditions;
    let key = conditions.key.any_of.first().copied();
    if question.rows == 0 && key.is_some_and(|key| *conditions == Conditions::of_key(key)) {
        return Ok(counted(requests(db, scope, question, key).await?));
    }
    let Some(span) = span(db, scope, question).await? else {
        return Ok(counted(0));
    };
    let matches = Where::of(db.dialect(), scope, question, span).ok_or_else(unsupported)?;
    let (rows, more) = match question.rows {
        0 => (Vec::new(), false),
        wanted => rows(db, matches.clone(), question.before, wanted).await?,
    };
    let count = match count(db, matches).await? {
        rows @ ..=COUNTED => Count::Exactly(rows),
        _ if conditions.is_everything() => Count::Exactly(requests(db, scope, question, None).await?),
        rows => Count::AtLeast(rows),
    };
    Ok(Found {
        rows,
        more,
        count,
        as_of: span.1,
        ..Found::default()
    })
}

fn counted(rows: u64) -> Found {
    Found {
        count: Count::Exactly(rows),
        ..Found::default()
    }
}

fn unsupported() -> LogStoreError {
    LogStoreError::Unavailable("the tables of log rows cannot answer this question".into())
}

/// One entry with its bodies. Uses the unique index on `request_id`.
pub(super) async fn entry(db: &Db, scope: Scope, request: RequestId) -> Result<Option<LogEntry>, StoreError> {
    let mut conditions = Where::scope(scope);
    conditions.and("request_id = ?", [Value::Text(request.to_string())]);
    let sql = format!(
        "SELECT {ROW}, recorded, address, user_agent, verdict_detail, upstream_us FROM log_entries WHERE {}",
        conditions.sql
    );
    let Some(row) = conditions.query(&sql).fetch_optional(db.reader()).await? else {
        return Ok(None);
    };
    let head = log_row(&row)?;
    let bodies = sqlx::query(
        "SELECT request_headers, request_body, response_headers, response_body FROM log_bodies WHERE seq = $1",
    )
    .bind(head.seq)
    .fetch_optional(db.reader())
    .await?;
    let absent = || Body::Absent {
        why: BodyAbsence::KeyNotRecognised,
        total_bytes: 0,
    };
    let (request_headers, request_body, response_headers, response_body) = match bodies {
        Some(bodies) => (
            json(&bodies, "request_headers")?,
            json(&bodies, "request_body")?,
            json(&bodies, "response_headers")?,
            json(&bodies, "response_body")?,
        ),
        None => (Vec::new(), absent(), Vec::new(), absent()),
    };
    let recorded = row.text("recorded")?;
    Ok(Some(LogEntry {
        row: head,
        recorded: Recorded::from_name(&recorded)
            .ok_or_else(|| StoreError::corrupt(format!("recorded is {recorded:?}")))?,
        address: row.text("address")?,
        user_agent: row.maybe_text("user_agent")?,
        verdict_detail: row.text("verdict_detail")?,
        upstream_us: row.maybe_int("upstream_us")?.map(i64::unsigned_abs),
        request_headers,
        request_body,
        response_headers,
        response_body,
        events: Vec::new(),
    }))
}

/// The newest rows, and whether there are more. Uses `log_by_root`, `log_by_root_environment` or `log_by_company`, which
/// are all in this order.
async fn rows(
    db: &Db,
    mut conditions: Where,
    before: Option<i64>,
    wanted: usize,
) -> Result<(Vec<LogRow>, bool), StoreError> {
    if let Some(before) = before {
        conditions.and("seq < ?", [Value::Int(before)]);
    }
    let sql = format!(
        "SELECT {ROW} FROM log_entries WHERE {} ORDER BY seq DESC LIMIT {}",
        conditions.sql,
        wanted + 1
    );
    let rows = conditions.query(&sql).fetch_all(db.reader()).await?;
    let more = rows.len() > wanted;
    let rows: Result<_, _> = rows.iter().take(wanted).map(log_row).collect();
    Ok((rows?, more))
}

/// How many rows match. Stops at one more than [`COUNTED`].
async fn count(db: &Db, conditions: Where) -> Result<u64, StoreError> {
    let sql = format!(
        "SELECT CAST(COUNT(*) AS BIGINT) AS matching FROM (SELECT 1 FROM log_entries WHERE {} LIMIT {}) AS matches",
        conditions.sql,
        COUNTED + 1
    );
    let row = conditions.query(&sql).fetch_one(db.reader()).await?;
    Ok(row.int("matching")?.unsigned_abs())
}

/// The number of requests in the range, to the minute, or of one key's requests. Uses the primary key of `log_minutes`, or
/// its index `log_minutes_by_company` or `log_minutes_by_key`.
async fn requests(db: &Db, scope: Scope, question: &Question, key: Option<KeyId>) -> Result<u64, StoreError> {
    let mut conditions = Where::minutes(scope, question.from, question.to);
    if let Some(key) = key {
        conditions.and("key_id = ?", [Value::Text(key.to_string())]);
    }
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) AS requests FROM log_minutes WHERE {}",
        conditions.sql
    );
    let row = conditions.query(&sql).fetch_one(db.reader()).await?;
    Ok(row.int("requests")?.unsigned_abs())
}

/// The first and last `seq` the range can contain, so the scan skips older and newer rows. `None` if the range is
/// empty.
async fn span(db: &Db, scope: Scope, question: &Question) -> Result<Option<(i64, i64)>, StoreError> {
    let conditions = Where::minutes(scope, question.from, question.to);
    let sql = format!(
        "SELECT MIN(first_seq) AS first_seq, MAX(last_seq) AS last_seq FROM log_minutes WHERE {}",
        conditions.sql
    );
    let row = conditions.query(&sql).fetch_one(db.reader()).await?;
    let span = row.maybe_int("first_seq")?.zip(row.maybe_int("last_seq")?);
    Ok(span.map(|(first, last)| (first, question.as_of.map_or(last, |as_of| last.min(as_of)))))
}

/// What the current runs have lost of this company's requests, and the latest gap in the range.
pub(super) async fn totals(
    db: &Db,
    scope: Scope,
    from: Timestamp,
    to: Timestamp,
) -> Result<LogTotals, StoreError> {
    let conditions = Where::scope(scope);
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(dropped), 0) AS BIGINT) AS dropped, \
         CAST(COALESCE(SUM(suppressed), 0) AS BIGINT) AS suppressed FROM log_losses \
         WHERE {} AND run_id IN (SELECT id FROM log_runs WHERE ended_at IS NULL)",
        conditions.sql
    );
    let losses = conditions.query(&sql).fetch_one(db.reader()).await?;
    let gap = sqlx::query(
        "SELECT gap_from, gap_to FROM log_gaps WHERE gap_to >= $1 AND gap_from < $2 ORDER BY gap_to DESC LIMIT 1",
    )
    .bind(from.as_millis())
    .bind(to.as_millis())
    .fetch_optional(db.reader())
    .await?;
    Ok(LogTotals {
        dropped: losses.int("dropped")?.unsigned_abs(),
        suppressed: losses.int("suppressed")?.unsigned_abs(),
        gap_from: gap.as_ref().map(|gap| gap.time("gap_from")).transpose()?,
        gap_to: gap.as_ref().map(|gap| gap.time("gap_to")).transpose()?,
    })
}

/// The text after WHERE, and its values in order.
#[derive(Clone)]
struct Where {
    sql: String,
    values: Vec<Value>,
}

#[derive(Clone)]
enum Value {
    Int(i64),
    Text(String),
}

impl Where {
    fn scope(scope: Scope) -> Self {
        let mut conditions = Self {
            sql: String::new(),
            values: Vec::new(),
        };
        let clause = match scope {
            Scope::WithBrands { .. } => "root_id = ?",
            Scope::Brand { .. } => "company_id = ?",
        };
        conditions.and(clause, [Value::Text(scope.company().to_string())]);
        conditions
    }

    fn minutes(scope: Scope, from: Timestamp, to: Timestamp) -> Self {
        let mut conditions = Self::scope(scope);
        let last = minute(to.plus_millis(-1));
        conditions.and(
            "minute >= ? AND minute <= ?",
            [Value::Int(minute(from)), Value::Int(last)],
        );
        conditions
    }

    /// `None` if the tables cannot answer the question.
    fn of(
        dialect: Dialect,
        scope: Scope,
        question: &Question,
        (first_seq, last_seq): (i64, i64),
    ) -> Option<Self> {
        // Names every field, so that a new condition does not compile until it is handled here.
        let Conditions {
            status,
            client,
            environment,
            key,
            method,
            verdict,
            recorded,
            path,
            address,
            duration_us,
        } = &question.conditions;
        let can_answer = verdict.is_everything()
            && recorded.is_everything()
            && address.is_everything()
            && duration_us.is_none()
            && question.histogram.is_none()
            && !question.facets;
        if !can_answer {
            return None;
        }
        let (from, to) = (question.from.as_millis(), question.to.as_millis());
        let mut conditions = Self::scope(scope);
        conditions.and(
            "seq >= ? AND seq <= ?",
            [Value::Int(first_seq), Value::Int(last_seq)],
        );
        conditions.and("at >= ? AND at < ?", [Value::Int(from), Value::Int(to)]);
        if let Some(status) = one(status)? {
            let (from, to) = status.bounds();
            conditions.and(
                "status >= ? AND status < ?",
                [Value::Int(from.into()), Value::Int(to.into())],
            );
        }
        if let Some(client_id) = one(client)? {
            conditions.and("client_id = ?", [Value::Text(client_id.to_string())]);
        }
        if let Some(environment) = one(environment)? {
            conditions.and("environment = ?", [Value::Text(environment.as_str().to_owned())]);
        }
        if let Some(key) = one(key)? {
            conditions.and("key_id = ?", [Value::Text(key.to_string())]);
        }
        if let Some(method) = one(method)? {
            conditions.and("method = ?", [Value::Text(method.clone())]);
        }
        if let Some(path) = one(path)? {
            conditions.and(dialect.path_contains(), [Value::Text(path.clone())]);
        }
        Some(conditions)
    }

    /// `clause` contains one `?` for each value.
    fn and(&mut self, clause: &'static str, values: impl IntoIterator<Item = Value>) {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        let mut parts = clause.split('?');
        self.sql.push_str(parts.next().unwrap_or_default());
        for (part, value) in parts.zip(values) {
            self.values.push(value);
            self.sql.push_str(&format!("${}{part}", self.values.len()));
        }
    }

    /// `sql` must be made of constants in this file and [`Self::sql`], so it contains no user input.
    fn query(self, sql: &str) -> Query<'static, Any, AnyArguments> {
        let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
        for value in self.values {
            query = match value {
                Value::Int(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
            };
        }
        query
    }
}

/// The one value that matches, or `None` for every value. The outer `None` is for a choice that today's pages do not offer.
fn one<T>(choice: &Choice<T>) -> Option<Option<&T>> {
    match (&choice.any_of[..], &choice.none_of[..]) {
        ([], []) => Some(None),
        ([value], []) => Some(Some(value)),
        _ => None,
    }
}

fn log_row(row: &AnyRow) -> Result<LogRow, StoreError> {
    Ok(LogRow {
        seq: row.int("seq")?,
        request_id: row.parsed("request_id")?,
        at: row.time("at")?,
        method: row.text("method")?,
        path: row.text("path")?,
        status: u16::try_from(row.int("status")?)
            .map_err(|_| StoreError::corrupt("status is not an HTTP status"))?,
        verdict: row.parsed::<Verdict>("verdict")?,
        environment: row.maybe_parsed("environment")?,
        client_id: row.parsed("client_id")?,
        brand: row.maybe_text("brand")?,
        key_id: row.maybe_parsed("key_id")?,
        key_last_four: row.maybe_text("key_last_four")?,
        duration_us: row.int("duration_us")?.unsigned_abs(),
    })
}

fn json<T: DeserializeOwned>(row: &AnyRow, name: &str) -> Result<T, StoreError> {
    let text: String = row.try_get(name)?;
    serde_json::from_str(&text).map_err(|error| StoreError::corrupt(format!("{name}: {error}")))
}

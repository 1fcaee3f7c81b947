//! Reads the log: a page of rows, one entry, and counts. Every query starts with the company whose rows it may see.

use logs::Scope;
use model::{
    Body, BodyAbsence, BrandFilter, CompanyId, KeyId, LogEntry, LogFilter, LogPage, LogRow, LogTotals,
    Recorded, RequestId, Timestamp, Verdict,
};
use serde::de::DeserializeOwned;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};

use super::append::minute;
use crate::{Columns, Db, Dialect, StoreError};

/// Rows on a page.
const PAGE: usize = 50;

/// Counting stops here. If more rows match a filter, `matching` is `None`.
const COUNTED: u64 = 10_000;

/// An allowance for other nodes whose clocks are ahead.
const A_DAY: i64 = 24 * 3600;

const ROW: &str = "seq, request_id, at, method, path, status, verdict, environment, company_id, client_id, brand, \
                   key_id, key_last_four, duration_us";

pub(super) async fn page(
    db: &Db,
    scope: Scope,
    filter: &LogFilter,
    now: Timestamp,
) -> Result<LogPage, StoreError> {
    let mut page = page_of_range(db, scope, filter, now).await?;
    if let Some(others @ 1..) = page.without_filters {
        page.ever = Some(others);
    } else if page.rows.is_empty() {
        let (begin, end) = (Timestamp::from_millis(0), now.plus_seconds(A_DAY));
        page.ever = Some(requests(db, scope, begin, end).await?);
    }
    Ok(page)
}

async fn page_of_range(
    db: &Db,
    scope: Scope,
    filter: &LogFilter,
    now: Timestamp,
) -> Result<LogPage, StoreError> {
    let (from, to) = filter.range.bounds(now);
    let mut page = LogPage {
        rows: Vec::new(),
        older: None,
        matching: Some(0),
        without_filters: None,
        ever: None,
        totals: totals(db, scope, from, to).await?,
        from,
        to,
    };
    let Some(span) = span(db, scope, from, to).await? else {
        page.without_filters = filter.narrows().then_some(0);
        return Ok(page);
    };
    let matches = Conditions::of(db.dialect(), scope, filter, from, to, span);
    page.rows = rows(db, scope, matches.clone(), filter.before).await?;
    if page.rows.len() > PAGE {
        page.rows.truncate(PAGE);
        page.older = page.rows.last().map(|row| row.seq);
    }
    let counted = count(db, matches).await?;
    page.matching = match counted {
        ..=COUNTED => Some(counted),
        // Count the same way as for an empty list, so that both show the same number.
        _ if !filter.narrows() => Some(requests(db, scope, from, to).await?),
        _ => None,
    };
    if counted == 0 && filter.narrows() {
        let all = filter.without_narrowing();
        let counted = count(db, Conditions::of(db.dialect(), scope, &all, from, to, span)).await?;
        page.without_filters = Some(if counted <= COUNTED {
            counted
        } else {
            requests(db, scope, from, to).await?
        });
    }
    Ok(page)
}

/// One entry with its bodies. Uses the unique index on `request_id`.
pub(super) async fn entry(db: &Db, scope: Scope, request: RequestId) -> Result<Option<LogEntry>, StoreError> {
    let mut conditions = Conditions::scope(scope);
    conditions.and("request_id = ?", [Value::Text(request.to_string())]);
    let sql = format!(
        "SELECT {ROW}, recorded, address, user_agent, verdict_detail, upstream_us FROM log_entries WHERE {}",
        conditions.sql
    );
    let Some(row) = conditions.query(&sql).fetch_optional(db.reader()).await? else {
        return Ok(None);
    };
    let head = log_row(&row, scope)?;
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

/// Counts from the roll-ups, so a busy key costs at most 1,440 rows per day and status. Uses the index
/// `log_minutes_by_key`.
pub(super) async fn count_by_key(
    db: &Db,
    company: CompanyId,
    key: KeyId,
    since: Timestamp,
) -> Result<u64, StoreError> {
    let row = sqlx::query(
        "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) AS requests FROM log_minutes \
         WHERE key_id = $1 AND minute >= $2 AND (root_id = $3 OR company_id = $3)",
    )
    .bind(key.to_string())
    .bind(minute(since))
    .bind(company.to_string())
    .fetch_one(db.reader())
    .await?;
    Ok(row.int("requests")?.unsigned_abs())
}

/// The rows of the page plus one, newest first. Uses `log_by_root`, `log_by_root_environment` or `log_by_company`,
/// which are all in this order.
async fn rows(
    db: &Db,
    scope: Scope,
    mut conditions: Conditions,
    before: Option<i64>,
) -> Result<Vec<LogRow>, StoreError> {
    if let Some(before) = before {
        conditions.and("seq < ?", [Value::Int(before)]);
    }
    let sql = format!(
        "SELECT {ROW} FROM log_entries WHERE {} ORDER BY seq DESC LIMIT {}",
        conditions.sql,
        PAGE + 1
    );
    let rows = conditions.query(&sql).fetch_all(db.reader()).await?;
    rows.iter().map(|row| log_row(row, scope)).collect()
}

/// How many rows match. Stops at one more than [`COUNTED`].
async fn count(db: &Db, conditions: Conditions) -> Result<u64, StoreError> {
    let sql = format!(
        "SELECT CAST(COUNT(*) AS BIGINT) AS matching FROM (SELECT 1 FROM log_entries WHERE {} LIMIT {}) AS matches",
        conditions.sql,
        COUNTED + 1
    );
    let row = conditions.query(&sql).fetch_one(db.reader()).await?;
    Ok(row.int("matching")?.unsigned_abs())
}

/// The number of requests in the range, to the minute. Uses the primary key of `log_minutes` or the index
/// `log_minutes_by_company`.
async fn requests(db: &Db, scope: Scope, from: Timestamp, to: Timestamp) -> Result<u64, StoreError> {
    let conditions = Conditions::minutes(scope, from, to);
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) AS requests FROM log_minutes WHERE {}",
        conditions.sql
    );
    let row = conditions.query(&sql).fetch_one(db.reader()).await?;
    Ok(row.int("requests")?.unsigned_abs())
}

/// The first and last `seq` the range can contain, so the scan skips older and newer rows. `None` if the range is
/// empty.
async fn span(
    db: &Db,
    scope: Scope,
    from: Timestamp,
    to: Timestamp,
) -> Result<Option<(i64, i64)>, StoreError> {
    let conditions = Conditions::minutes(scope, from, to);
    let sql = format!(
        "SELECT MIN(first_seq) AS first_seq, MAX(last_seq) AS last_seq FROM log_minutes WHERE {}",
        conditions.sql
    );
    let row = conditions.query(&sql).fetch_one(db.reader()).await?;
    Ok(row.maybe_int("first_seq")?.zip(row.maybe_int("last_seq")?))
}

/// What the current runs have lost of this company's requests, and the latest gap in the range.
async fn totals(db: &Db, scope: Scope, from: Timestamp, to: Timestamp) -> Result<LogTotals, StoreError> {
    let conditions = Conditions::scope(scope);
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
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

#[derive(Clone)]
enum Value {
    Int(i64),
    Text(String),
}

impl Conditions {
    fn scope(scope: Scope) -> Self {
        let mut conditions = Self {
            sql: String::new(),
            values: Vec::new(),
        };
        let clause = match scope {
            Scope::WithBrands(_) => "root_id = ?",
            Scope::Brand(_) => "company_id = ?",
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

    fn of(
        dialect: Dialect,
        scope: Scope,
        filter: &LogFilter,
        from: Timestamp,
        to: Timestamp,
        (first_seq, last_seq): (i64, i64),
    ) -> Self {
        // List every field, so that a new filter does not compile until it is handled here.
        let LogFilter {
            range: _,
            status,
            brand,
            environment,
            key,
            method,
            path,
            before: _,
        } = filter;
        let mut conditions = Self::scope(scope);
        conditions.and(
            "seq >= ? AND seq <= ?",
            [Value::Int(first_seq), Value::Int(last_seq)],
        );
        conditions.and(
            "at >= ? AND at < ?",
            [Value::Int(from.as_millis()), Value::Int(to.as_millis())],
        );
        if let Some(status) = status {
            let (from, to) = status.bounds();
            conditions.and(
                "status >= ? AND status < ?",
                [Value::Int(from.into()), Value::Int(to.into())],
            );
        }
        match brand {
            Some(BrandFilter::Own) => {
                conditions.and("company_id = ?", [Value::Text(scope.company().to_string())])
            }
            Some(BrandFilter::Brand(client_id)) => {
                conditions.and("client_id = ?", [Value::Text(client_id.to_string())])
            }
            None => {}
        }
        if let Some(environment) = environment {
            conditions.and("environment = ?", [Value::Text(environment.as_str().to_owned())]);
        }
        if let Some(key) = key {
            conditions.and("key_id = ?", [Value::Text(key.to_string())]);
        }
        if let Some(method) = method {
            conditions.and("method = ?", [Value::Text(method.clone())]);
        }
        if !path.is_empty() {
            // PostgreSQL rejects NUL in text. Stored paths contain U+2400 in its place.
            conditions.and(
                dialect.path_contains(),
                [Value::Text(path.replace('\0', "\u{2400}"))],
            );
        }
        conditions
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

fn log_row(row: &AnyRow, scope: Scope) -> Result<LogRow, StoreError> {
    let own = row.parsed::<CompanyId>("company_id")? == scope.company();
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
        // A brand that looks at its own rows does not need its name on them.
        brand: if own { None } else { row.maybe_text("brand")? },
        key_id: row.maybe_parsed("key_id")?,
        key_last_four: row.maybe_text("key_last_four")?,
        duration_us: row.int("duration_us")?.unsigned_abs(),
    })
}

fn json<T: DeserializeOwned>(row: &AnyRow, name: &str) -> Result<T, StoreError> {
    let text: String = row.try_get(name)?;
    serde_json::from_str(&text).map_err(|error| StoreError::corrupt(format!("{name}: {error}")))
}

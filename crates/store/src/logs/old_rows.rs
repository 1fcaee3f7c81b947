//! Reads the rows that a version before segments has left in `log_entries` and `log_bodies`. They are read to be moved into
//! segments, and to be checked.

use logs::{KeyTrace, Place, StoredEntry};
use model::{Body, BodyAbsence, HeaderField, Recorded};
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::{Columns, Db, StoreError};

/// One of these rows. An `entry` that cannot be read does not keep the others from being moved.
#[derive(Debug)]
pub struct OldRow {
    pub seq: i64,
    pub entry: Result<StoredEntry, StoreError>,
}

/// Whether their tables still exist.
pub async fn are_there(db: &Db) -> Result<bool, StoreError> {
    let sql = db.dialect().find_old_rows();
    Ok(sqlx::query(sql).fetch_optional(db.reader()).await?.is_some())
}

/// The largest `seq`. `None` if there is no row.
pub async fn newest(db: &Db) -> Result<Option<i64>, StoreError> {
    let row = sqlx::query("SELECT MAX(seq) AS seq FROM log_entries")
        .fetch_one(db.reader())
        .await?;
    row.maybe_int("seq")
}

/// How many rows have a `seq` above `above`. Reads an index from there to its end.
pub async fn count(db: &Db, above: i64) -> Result<u64, StoreError> {
    let row = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS found FROM log_entries WHERE seq > $1")
        .bind(above)
        .fetch_one(db.reader())
        .await?;
    Ok(row.int("found")?.unsigned_abs())
}

/// Up to `limit` rows between `above` and `below` (both excluded), newest first. Uses the primary keys of both tables.
pub async fn between(db: &Db, above: i64, below: i64, limit: i64) -> Result<Vec<OldRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT entries.*, bodies.request_headers, bodies.request_body, bodies.response_headers, bodies.response_body \
         FROM (SELECT * FROM log_entries WHERE seq > $1 AND seq < $2 ORDER BY seq DESC LIMIT $3) AS entries \
         LEFT JOIN log_bodies AS bodies ON bodies.seq = entries.seq ORDER BY entries.seq DESC",
    )
    .bind(above)
    .bind(below)
    .bind(limit)
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(OldRow {
                seq: row.int("seq")?,
                entry: entry(row),
            })
        })
        .collect()
}

fn entry(row: &AnyRow) -> Result<StoredEntry, StoreError> {
    let absent = || Body::Absent {
        why: BodyAbsence::KeyNotRecognised,
        total_bytes: 0,
    };
    let key_id = row.maybe_parsed("key_id")?;
    let key_last_four = row.maybe_text("key_last_four")?;
    let headers = |name| Ok::<Vec<HeaderField>, StoreError>(json(row, name)?.unwrap_or_default());
    let body = |name| Ok::<Body, StoreError>(json(row, name)?.unwrap_or_else(absent));
    let recorded = row.text("recorded")?;
    Ok(StoredEntry {
        request_id: row.parsed("request_id")?,
        at: row.time("at")?,
        place: Place {
            root: row.parsed("root_id")?,
            company: row.parsed("company_id")?,
            client_id: row.parsed("client_id")?,
            brand: row.maybe_text("brand")?,
        },
        environment: row.maybe_parsed("environment")?,
        key: key_id
            .zip(key_last_four)
            .map(|(id, last_four)| KeyTrace { id, last_four }),
        recorded: Recorded::from_name(&recorded)
            .ok_or_else(|| StoreError::corrupt(format!("recorded is {recorded:?}")))?,
        method: row.text("method")?,
        path: row.text("path")?,
        status: u16::try_from(row.int("status")?)
            .map_err(|_| StoreError::corrupt("status is not an HTTP status"))?,
        verdict: row.parsed("verdict")?,
        verdict_detail: row.text("verdict_detail")?,
        // Was not looked for.
        error_code: None,
        duration_us: row.int("duration_us")?.unsigned_abs(),
        upstream_us: row.maybe_int("upstream_us")?.map(i64::unsigned_abs),
        address: row.text("address")?,
        user_agent: row.maybe_text("user_agent")?,
        request_headers: headers("request_headers")?,
        request_body: body("request_body")?,
        response_headers: headers("response_headers")?,
        response_body: body("response_body")?,
    })
}

/// A column of `log_bodies`. `None` if the row has none there.
fn json<T: DeserializeOwned>(row: &AnyRow, name: &str) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.try_get(name)?;
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|error| StoreError::corrupt(format!("{name}: {error}")))
}

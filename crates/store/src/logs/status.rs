//! What the operator sees of the stored log.

use model::Timestamp;

use crate::{Columns, Db, StoreError};

/// Numbers of the stored log, of all companies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Closed segments.
    pub segments: u64,
    /// All rows, those that wait for their segment to be closed included.
    pub rows: u64,
    /// The size of closed segments without bodies, in bytes.
    pub rows_bytes: u64,
    /// The size of stored headers and bodies, in bytes.
    pub bodies_bytes: u64,
    /// When the oldest request arrived.
    pub oldest: Option<Timestamp>,
    /// Segments that cannot be read.
    pub damaged_segments: u64,
    pub damaged_rows: u64,
    /// Erasures that are not finished.
    pub erasures: u64,
    /// How often a server ended without saying so. Each time, requests of the last moments may be missing.
    pub gaps: u64,
    /// The latest of these: from and to.
    pub last_gap: Option<(Timestamp, Timestamp)>,
}

/// Reads the catalogue; needs no open log.
pub async fn status(db: &Db) -> Result<Status, StoreError> {
    let row = sqlx::query(
        "SELECT CAST(COUNT(*) AS BIGINT) AS segments, CAST(COALESCE(SUM(row_count), 0) AS BIGINT) AS row_count, \
         CAST(COALESCE(SUM(rows_bytes), 0) AS BIGINT) AS rows_bytes, \
         CAST(COALESCE(SUM(CASE WHEN bodies_removed = 1 THEN 0 ELSE bodies_bytes END), 0) AS BIGINT) AS bodies_bytes, \
         COALESCE(MIN(at_from), (SELECT MIN(stored_at) FROM log_tail)) AS oldest, CAST(COALESCE(SUM(damaged), 0) AS BIGINT) AS damaged_segments, \
         CAST(COALESCE(SUM(CASE WHEN damaged = 1 THEN row_count ELSE 0 END), 0) AS BIGINT) AS damaged_rows, \
         (SELECT CAST(COALESCE(SUM(row_count), 0) AS BIGINT) FROM log_tail) AS waiting, \
         (SELECT CAST(COUNT(*) AS BIGINT) FROM log_erasures WHERE finished_at IS NULL) AS erasures \
         FROM log_segments",
    )
    .fetch_one(db.reader())
    .await?;
    let gaps = sqlx::query(
        "SELECT gap_from, gap_to, (SELECT CAST(COUNT(*) AS BIGINT) FROM log_gaps) AS gaps FROM log_gaps \
         ORDER BY gap_to DESC LIMIT 1",
    )
    .fetch_optional(db.reader())
    .await?;
    let number = |name: &str| row.int(name).map(i64::unsigned_abs);
    Ok(Status {
        segments: number("segments")?,
        rows: number("row_count")? + number("waiting")?,
        rows_bytes: number("rows_bytes")?,
        bodies_bytes: number("bodies_bytes")?,
        oldest: row.maybe_time("oldest")?,
        damaged_segments: number("damaged_segments")?,
        damaged_rows: number("damaged_rows")?,
        erasures: number("erasures")?,
        gaps: gaps
            .as_ref()
            .map_or(Ok(0), |gaps| gaps.int("gaps"))?
            .unsigned_abs(),
        last_gap: gaps
            .map(|gap| Ok::<_, StoreError>((gap.time("gap_from")?, gap.time("gap_to")?)))
            .transpose()?,
    })
}

//! The statements about segments and their deltas. Those that change something run inside a transaction of the caller, and
//! count it in `log_order.change`, so that other nodes see it.

use std::collections::{HashMap, HashSet};

use model::{ClientId, CompanyId, Timestamp};
use segments::{Day, Meta, SegmentId};
use sqlx::any::AnyRow;

use crate::{Columns, Db, DbConnection, Dialect, StoreError, Urgency};

/// What a handle knows: every row below `next_seq`, and every change of segments up to `change`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) next_seq: i64,
    pub(super) change: i64,
}

impl Known {
    pub(super) const NOTHING: Self = Self {
        next_seq: 0,
        change: -1,
    };
}

/// Everything that was committed since, as of one moment.
#[derive(Debug)]
pub(super) struct News {
    pub(super) known: Known,
    /// By ascending `first_seq`.
    pub(super) deltas: Vec<Delta>,
    pub(super) segments: Vec<Segment>,
    /// All segments there are, open or closed, if a closed one has changed.
    pub(super) ids: Option<HashSet<SegmentId>>,
    /// Client IDs with their root, and until when their requests are erased.
    pub(super) erased: Vec<(ClientId, CompanyId, Timestamp)>,
}

/// One batch of an open segment.
#[derive(Debug)]
pub(super) struct Delta {
    pub(super) segment: SegmentId,
    pub(super) day: Day,
    pub(super) run: i64,
    pub(super) first_seq: i64,
    pub(super) rows: i64,
    pub(super) stored_at: Timestamp,
    pub(super) data: Vec<u8>,
}

/// A closed segment.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) id: SegmentId,
    pub(super) change: i64,
    pub(super) rows: u64,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) damaged: bool,
    /// Whether its blob of bodies still exists, if there ever was one.
    pub(super) bodies_kept: bool,
    pub(super) head: Vec<u8>,
}

/// Everything newer than `known`, in one statement, because a segment that is closed between two statements would be in
/// neither answer or in both. Uses `log_tail_by_seq`, `log_segments_by_change` and `log_erased_by_change`.
pub(super) async fn news(db: &Db, known: Known) -> Result<News, StoreError> {
    let rows = sqlx::query(
        "SELECT 0 AS kind, 0 AS id, 0 AS day, 0 AS run_id, next_seq AS first_seq, 0 AS row_count, 0 AS time_from, \
         0 AS time_to, 0 AS damaged, 0 AS bodies_removed, change, NULL AS data, '' AS client_id, '' AS root_id \
         FROM log_order \
         UNION ALL SELECT 1, segment, day, run_id, first_seq, row_count, stored_at, stored_at, 0, 0, 0, data, '', '' \
         FROM log_tail WHERE first_seq >= $1 \
         UNION ALL SELECT 2, id, day, run_id, first_seq, row_count, at_from, at_to, damaged, bodies_removed, change, head, \
         '', '' FROM log_segments WHERE change > $2 \
         UNION ALL SELECT 3, id, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, '', '' \
         FROM (SELECT id FROM log_segments UNION SELECT segment FROM log_tail) AS every \
         WHERE (SELECT change FROM log_order) > $2 \
         UNION ALL SELECT 4, erasure, 0, 0, 0, 0, erased_until, 0, 0, 0, change, NULL, client_id, root_id \
         FROM log_erased WHERE change > $2",
    )
    .bind(known.next_seq)
    .bind(known.change)
    .fetch_all(db.reader())
    .await?;
    let mut news = News {
        known,
        deltas: Vec::new(),
        segments: Vec::new(),
        ids: None,
        erased: Vec::new(),
    };
    let mut ids = HashSet::new();
    for row in rows {
        match row.int("kind")? {
            0 => {
                news.known = Known {
                    next_seq: row.int("first_seq")?,
                    change: row.int("change")?,
                }
            }
            1 => news.deltas.push(delta(&row)?),
            2 => news.segments.push(segment(&row)?),
            4 => news.erased.push((
                row.parsed("client_id")?,
                row.parsed("root_id")?,
                row.time("time_from")?,
            )),
            _ => {
                ids.insert(SegmentId(row.int("id")?));
            }
        }
    }
    news.deltas.sort_unstable_by_key(|delta| delta.first_seq);
    news.ids = (news.known.change != known.change).then_some(ids);
    Ok(news)
}

/// All deltas of one segment, by ascending `first_seq`.
pub(super) async fn deltas_of(db: &Db, segment: SegmentId) -> Result<Vec<Delta>, StoreError> {
    sqlx::query(
        "SELECT segment AS id, day, run_id, first_seq, row_count, stored_at AS time_from, data \
         FROM log_tail WHERE segment = $1 ORDER BY first_seq",
    )
    .bind(segment.0)
    .fetch_all(db.reader())
    .await?
    .iter()
    .map(delta)
    .collect()
}

/// The open segments whose run has ended: nothing will be added to them.
pub(super) async fn abandoned(db: &Db) -> Result<Vec<SegmentId>, StoreError> {
    let rows = sqlx::query(
        "SELECT DISTINCT log_tail.segment FROM log_tail JOIN log_runs ON log_runs.id = log_tail.run_id \
         WHERE log_runs.ended_at IS NOT NULL ORDER BY log_tail.segment",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| Ok(SegmentId(row.int("segment")?)))
        .collect()
}

/// Every segment there is, open or closed, and whether it may have bodies.
pub(super) async fn all(db: &Db) -> Result<HashMap<SegmentId, bool>, StoreError> {
    let sql = "SELECT id, bodies_removed FROM log_segments UNION SELECT segment, 0 FROM log_tail";
    let rows = sqlx::query(sql).fetch_all(db.reader()).await?;
    rows.iter()
        .map(|row| Ok((SegmentId(row.int("id")?), !row.flag("bodies_removed")?)))
        .collect()
}

fn delta(row: &AnyRow) -> Result<Delta, StoreError> {
    Ok(Delta {
        segment: SegmentId(row.int("id")?),
        day: day(row)?,
        run: row.int("run_id")?,
        first_seq: row.int("first_seq")?,
        rows: row.int("row_count")?,
        stored_at: row.time("time_from")?,
        data: row.blob("data")?,
    })
}

fn segment(row: &AnyRow) -> Result<Segment, StoreError> {
    Ok(Segment {
        id: SegmentId(row.int("id")?),
        change: row.int("change")?,
        rows: row.int("row_count")?.unsigned_abs(),
        from: row.time("time_from")?,
        to: row.time("time_to")?,
        damaged: row.flag("damaged")?,
        bodies_kept: !row.flag("bodies_removed")?,
        head: row.blob("data")?,
    })
}

pub(super) fn day(row: &AnyRow) -> Result<Day, StoreError> {
    let day = row.int("day")?;
    i32::try_from(day)
        .map(Day)
        .map_err(|_| StoreError::corrupt(format!("day is {day}")))
}

/// Makes transactions that write the log commit one after another. The first statement of each.
pub(super) async fn hold_order(connection: &mut DbConnection, dialect: Dialect) -> Result<(), StoreError> {
    if let Some(lock) = dialect.hold_log_order() {
        sqlx::query(lock).execute(connection).await?;
    }
    Ok(())
}

/// The number that the next row gets.
pub(super) async fn next_seq(connection: &mut DbConnection) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT next_seq FROM log_order WHERE id = 1")
        .fetch_one(connection)
        .await?;
    row.int("next_seq")
}

/// Numbers for a batch of this many rows, and for its segment if it begins one.
pub(super) async fn take_numbers(
    connection: &mut DbConnection,
    rows: i64,
    new_segment: bool,
) -> Result<(i64, SegmentId), StoreError> {
    let row = sqlx::query(
        "UPDATE log_order SET next_seq = next_seq + $1, next_segment = next_segment + $2 WHERE id = 1 \
         RETURNING next_seq, next_segment",
    )
    .bind(rows)
    .bind(i64::from(new_segment))
    .fetch_one(connection)
    .await?;
    Ok((
        row.int("next_seq")? - rows,
        SegmentId(row.int("next_segment")? - 1),
    ))
}

/// A number for a segment that is not begun by a batch.
pub(super) async fn take_segment(db: &Db) -> Result<SegmentId, StoreError> {
    let dialect = db.dialect();
    db.write(Urgency::Background, move |connection| {
        Box::pin(async move {
            hold_order(connection, dialect).await?;
            let (_, segment) = take_numbers(connection, 0, true).await?;
            Ok(segment)
        })
    })
    .await
}

/// Adds a batch to the tail. `first_row` is the number of its first row within the run.
pub(super) async fn insert_delta(
    connection: &mut DbConnection,
    delta: Delta,
    first_row: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO log_tail (run_id, first_row, segment, day, first_seq, row_count, stored_at, data) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(delta.run)
    .bind(first_row)
    .bind(delta.segment.0)
    .bind(i64::from(delta.day.0))
    .bind(delta.first_seq)
    .bind(delta.rows)
    .bind(delta.stored_at.as_millis())
    .bind(delta.data)
    .execute(connection)
    .await?;
    Ok(())
}

/// The segment of a batch that is stored. `None` if that segment is closed.
pub(super) async fn segment_of_batch(
    connection: &mut DbConnection,
    run: i64,
    first_row: i64,
) -> Result<Option<SegmentId>, StoreError> {
    let row = sqlx::query("SELECT segment FROM log_tail WHERE run_id = $1 AND first_row = $2")
        .bind(run)
        .bind(first_row)
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(SegmentId(row.int("segment")?))).transpose()
}

/// How many rows the deltas of a segment have. 0 if it is closed.
pub(super) async fn rows_in_tail(
    connection: &mut DbConnection,
    segment: SegmentId,
) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "SELECT CAST(COALESCE(SUM(row_count), 0) AS BIGINT) AS row_count FROM log_tail WHERE segment = $1",
    )
    .bind(segment.0)
    .fetch_one(connection)
    .await?;
    row.int("row_count")
}

/// Deletes the deltas of a segment that is closed in the same transaction.
pub(super) async fn delete_deltas(
    connection: &mut DbConnection,
    segment: SegmentId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM log_tail WHERE segment = $1")
        .bind(segment.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Adds a closed segment. `change` is from [`next_change`].
pub(super) async fn insert_segment(
    connection: &mut DbConnection,
    run: i64,
    meta: &Meta,
    head: Vec<u8>,
    change: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO log_segments (id, run_id, day, row_count, first_seq, last_seq, at_from, at_to, rows_bytes, \
         bodies_bytes, bodies_removed, damaged, change, head) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, $11, $12)",
    )
    .bind(meta.id.0)
    .bind(run)
    .bind(i64::from(meta.day.0))
    .bind(i64::from(meta.rows))
    .bind(meta.first_seq)
    .bind(meta.last_seq)
    .bind(meta.min_at.as_millis())
    .bind(meta.max_at.as_millis())
    .bind(meta.rows_bytes as i64)
    .bind(meta.bodies_bytes as i64)
    .bind(change)
    .bind(head)
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks a segment as one that cannot be read, unless it has changed since the change `seen`, which the reader knew: what
/// was missing may have been removed on purpose. Returns whether it exists and was not marked before.
pub(super) async fn mark_damaged(
    connection: &mut DbConnection,
    segment: SegmentId,
    seen: i64,
    change: i64,
) -> Result<Option<Day>, StoreError> {
    let marked = sqlx::query(
        "UPDATE log_segments SET damaged = 1, change = $2 WHERE id = $1 AND damaged = 0 AND change <= $3 RETURNING day",
    )
    .bind(segment.0)
    .bind(change)
    .bind(seen)
    .fetch_optional(connection)
    .await?;
    marked.as_ref().map(day).transpose()
}

/// The number of the change that this transaction makes to the list of segments.
pub(super) async fn next_change(connection: &mut DbConnection) -> Result<i64, StoreError> {
    let row = sqlx::query("UPDATE log_order SET change = change + 1 WHERE id = 1 RETURNING change")
        .fetch_one(connection)
        .await?;
    row.int("change")
}

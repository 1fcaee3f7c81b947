//! What happens once every row is moved: the counts and the segments are checked, and then the former tables are removed.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use segments::{Head, SegmentId};
use sqlx::{AnyConnection, Connection};
use tokio::time::sleep;

use super::progress::{self, Progress, Stage};
use crate::logs::{Inner, blocking, old_rows};
use crate::{Columns, Db, Dialect, StoreError, Urgency};

/// Rows that are removed at once. Removing all at once would keep the writer of SQLite busy for seconds.
const REMOVED_AT_ONCE: i64 = 2_000;

/// Whether the former tables can go. `Err` says why not.
pub(super) async fn all_is_there(
    inner: &Arc<Inner>,
    progress: &Progress,
) -> Result<Result<(), String>, StoreError> {
    let (left, read) = (
        old_rows::count(&inner.db, 0).await?,
        progress.moved + progress.unreadable,
    );
    if left != read.unsigned_abs() {
        return Ok(Err(format!("there are {left} rows, but {read} were read")));
    }
    if progress.unreadable > 0 {
        return Ok(Err(format!("{} rows cannot be read", progress.unreadable)));
    }
    for id in moved_segments(&inner.db).await? {
        if let Err(why) = verify(inner, id).await? {
            return Ok(Err(format!("segment {}: {why}", id.0)));
        }
    }
    Ok(Ok(()))
}

/// The segments of moved rows: they have no run.
async fn moved_segments(db: &Db) -> Result<Vec<SegmentId>, StoreError> {
    let rows = sqlx::query("SELECT id FROM log_segments WHERE run_id = 0 ORDER BY id")
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(|row| Ok(SegmentId(row.int("id")?))).collect()
}

/// Reads all of a segment. It may have been removed in the meantime, because it became too old.
async fn verify(inner: &Arc<Inner>, id: SegmentId) -> Result<Result<(), String>, StoreError> {
    let row = sqlx::query("SELECT head, bodies_removed FROM log_segments WHERE id = $1")
        .bind(id.0)
        .fetch_optional(inner.db.reader())
        .await?;
    let Some(row) = row else { return Ok(Ok(())) };
    let (head, bodies_kept) = (row.blob("head")?, !row.flag("bodies_removed")?);
    let reading = Arc::clone(inner);
    let verified = blocking(move || {
        let head = Head::parse(id, &head)?;
        segments::verify(&head, &reading.blobs, bodies_kept)
    })
    .await?;
    match verified {
        Ok(()) => Ok(Ok(())),
        Err(segments::ReadError::Unavailable(error)) => Err(StoreError::Unusable(error.to_string())),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// Removes the former tables and gives their space back. Can be interrupted and begun again at any time.
pub(super) async fn remove(db: &Db, progress: Progress, rest: u32) -> Result<(), StoreError> {
    if db.dialect() == Dialect::Sqlite {
        for table in ["log_bodies", "log_entries", "log_minutes"] {
            empty(db, table, rest).await?;
        }
    }
    db.write(Urgency::Background, |connection| {
        Box::pin(async move {
            let drop = "DROP TABLE IF EXISTS log_bodies; DROP TABLE IF EXISTS log_entries; \
                        DROP TABLE IF EXISTS log_minutes";
            sqlx::raw_sql(drop)
                .execute(connection)
                .await
                .map_err(StoreError::from)?;
            Ok::<(), StoreError>(())
        })
    })
    .await?;
    if db.dialect() == Dialect::Sqlite && progress.moved > 0 {
        give_space_back(db).await?;
    }
    let removed = Progress {
        stage: Stage::Removed,
        ..progress
    };
    progress::change(db, progress, removed).await?;
    Ok(())
}

/// Deletes the rows of a table of SQLite a few at a time, and rests in between.
async fn empty(db: &Db, table: &'static str, rest: u32) -> Result<(), StoreError> {
    let exists = sqlx::query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1")
        .bind(table)
        .fetch_optional(db.reader())
        .await?;
    if exists.is_none() {
        return Ok(());
    }
    loop {
        let began = Instant::now();
        let deleted = db
            .write(Urgency::Background, move |connection| {
                Box::pin(async move {
                    let sql = format!(
                        "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid LIMIT {REMOVED_AT_ONCE})"
                    );
                    let deleted = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(connection).await;
                    Ok::<u64, StoreError>(deleted.map_err(StoreError::from)?.rows_affected())
                })
            })
            .await?;
        if deleted == 0 {
            return Ok(());
        }
        sleep(began.elapsed() * rest).await;
    }
}

/// Rewrites the file of SQLite without what was deleted. Takes as long as copying what is left, which is the catalogue. It
/// has a connection of its own, and the writer waits for it in the meantime.
async fn give_space_back(db: &Db) -> Result<(), StoreError> {
    let file: String = sqlx::query_scalar("SELECT file FROM pragma_database_list WHERE name = 'main'")
        .fetch_one(db.reader())
        .await?;
    let url = crate::db::sqlite_url(Path::new(&file))?;
    let mut connection = AnyConnection::connect(&format!("{url}?mode=rw")).await?;
    let done = async {
        sqlx::raw_sql("PRAGMA busy_timeout = 30000")
            .execute(&mut connection)
            .await?;
        sqlx::raw_sql("VACUUM").execute(&mut connection).await?;
        // Until this, the file keeps its size. It is no fault if a reader is in the way: a later one does the same.
        sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut connection)
            .await?;
        Ok::<(), sqlx::Error>(())
    };
    let done = done.await;
    connection.close().await?;
    Ok(done?)
}

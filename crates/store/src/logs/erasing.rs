//! Erases the requests of a company. An erasure is a row of the catalogue: from then on no answer has these requests. After
//! that the segments with such rows are written again without them, one after another, and the row counts what was done.

use std::collections::HashSet;
use std::sync::Arc;

use model::{ClientId, CompanyId, Timestamp};
use segments::{Closed, Encoded, Erased, Head, ReadError, SegmentId, rewrite};
use sqlx::any::AnyRow;

use super::catalogue;
use super::container::Blobs;
use super::read::set_aside;
use super::removing::{Gone, What};
use super::{Inner, blocking, moving, tables};
use crate::{Columns, Db, DbConnection, Dialect, StoreError, Urgency};

/// Whose requests to erase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The company that was named.
    pub client_id: ClientId,
    pub name: String,
    /// For a brand its parent, otherwise the company itself.
    pub root: CompanyId,
    /// The Client IDs of its brands.
    pub brands: Vec<ClientId>,
    /// Requests that arrived until this moment (included).
    pub until: Timestamp,
    pub asked_by: String,
}

/// What an erasure has done so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub id: i64,
    pub client_id: ClientId,
    pub name: String,
    /// How many brands were erased with it.
    pub brands: u64,
    pub asked_by: String,
    pub erased_until: Timestamp,
    pub rows_removed: u64,
    pub segments_rewritten: u64,
    /// When no segment had such rows any more, also none that is set aside because it cannot be read.
    pub finished_at: Option<Timestamp>,
}

/// Hides the requests before the next answer of every node. They are removed by [`super::Logs::remove_erased`], which a
/// running server calls.
pub async fn erase(db: &Db, erasure: Erasure) -> Result<Receipt, StoreError> {
    let dialect = db.dialect();
    let id = db
        .write::<_, StoreError, _>(Urgency::Interactive, {
            let erasure = erasure.clone();
            move |connection| Box::pin(async move { insert(connection, dialect, &erasure).await })
        })
        .await?;
    Ok(Receipt {
        id,
        client_id: erasure.client_id,
        name: erasure.name,
        brands: erasure.brands.len() as u64,
        asked_by: erasure.asked_by,
        erased_until: erasure.until,
        rows_removed: 0,
        segments_rewritten: 0,
        finished_at: None,
    })
}

async fn insert(
    connection: &mut DbConnection,
    dialect: Dialect,
    erasure: &Erasure,
) -> Result<i64, StoreError> {
    catalogue::hold_order(connection, dialect).await?;
    let change = catalogue::next_change(connection).await?;
    sqlx::query(
        "INSERT INTO log_erasures (id, client_id, name, brands, asked_by, erased_until, rows_removed, segments_rewritten) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, 0)",
    )
    .bind(change)
    .bind(erasure.client_id.to_string())
    .bind(erasure.name.clone())
    .bind(erasure.brands.len() as i64)
    .bind(erasure.asked_by.clone())
    .bind(erasure.until.as_millis())
    .execute(&mut *connection)
    .await?;
    for client_id in erasure.brands.iter().chain([&erasure.client_id]) {
        sqlx::query(
            "INSERT INTO log_erased (erasure, client_id, root_id, erased_until, change) VALUES ($1, $2, $3, $4, $1)",
        )
        .bind(change)
        .bind(client_id.to_string())
        .bind(erasure.root.to_string())
        .bind(erasure.until.as_millis())
        .execute(&mut *connection)
        .await?;
    }
    Ok(change)
}

/// All erasures, the latest first.
pub async fn receipts(db: &Db) -> Result<Vec<Receipt>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, client_id, name, brands, asked_by, erased_until, rows_removed, segments_rewritten, finished_at \
         FROM log_erasures ORDER BY id DESC",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(receipt).collect()
}

fn receipt(row: &AnyRow) -> Result<Receipt, StoreError> {
    Ok(Receipt {
        id: row.int("id")?,
        client_id: row.parsed("client_id")?,
        name: row.text("name")?,
        brands: row.int("brands")?.unsigned_abs(),
        asked_by: row.text("asked_by")?,
        erased_until: row.time("erased_until")?,
        rows_removed: row.int("rows_removed")?.unsigned_abs(),
        segments_rewritten: row.int("segments_rewritten")?.unsigned_abs(),
        finished_at: row.maybe_time("finished_at")?,
    })
}

/// One erasure, as it is being carried out.
struct Known {
    id: i64,
    is_finished: bool,
    erased: Erased,
}

/// All erasures, the oldest first. Finished ones too: rows that waited elsewhere may have been stored since.
async fn erasures(db: &Db) -> Result<Vec<Known>, StoreError> {
    let rows = sqlx::query(
        "SELECT erasure, log_erased.client_id, root_id, log_erased.erased_until, finished_at FROM log_erased \
         JOIN log_erasures ON log_erasures.id = erasure ORDER BY erasure",
    )
    .fetch_all(db.reader())
    .await?;
    let mut all: Vec<Known> = Vec::new();
    for row in &rows {
        let id = row.int("erasure")?;
        if all.last().is_none_or(|last| last.id != id) {
            all.push(Known {
                id,
                is_finished: row.maybe_int("finished_at")?.is_some(),
                erased: Erased::default(),
            });
        }
        if let Some(last) = all.last_mut() {
            last.erased.add(
                row.parsed("client_id")?,
                row.parsed("root_id")?,
                row.time("erased_until")?,
            );
        }
    }
    Ok(all)
}

impl Inner {
    /// Works on all erasures, as long as this node may. A segment that fails does not keep the others.
    pub(super) async fn remove_erased(
        self: &Arc<Self>,
        clock: &(dyn Fn() -> Timestamp + Send + Sync),
    ) -> Result<(), StoreError> {
        let mut failed = None;
        for erasure in erasures(&self.db).await? {
            for closed in self.candidates(&erasure).await? {
                if !self.is_keeper(clock()).await? {
                    return Ok(());
                }
                if let Err(error) = self.rewrite_without(&closed, &erasure).await {
                    failed.get_or_insert(error);
                }
            }
            if !erasure.is_finished {
                self.finish(&erasure, clock()).await?;
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The segments that may have rows of the erasure and have not been looked at since.
    async fn candidates(self: &Arc<Self>, erasure: &Known) -> Result<Vec<Closed>, StoreError> {
        self.follow().await?;
        let rows = sqlx::query("SELECT id FROM log_segments WHERE erased < $1 AND damaged = 0")
            .bind(erasure.id)
            .fetch_all(self.db.reader())
            .await?;
        let ids = rows.iter().map(|row| Ok(SegmentId(row.int("id")?)));
        let ids: HashSet<SegmentId> = ids.collect::<Result<_, StoreError>>()?;
        let (_, view) = self.state.view();
        let may_have =
            |closed: &&Closed| ids.contains(&closed.head.meta().id) && erasure.erased.may_be_in(&closed.head);
        Ok(view.closed.iter().filter(may_have).cloned().collect())
    }

    /// Whether a segment that is set aside may have such rows. They are in no answer, but on the disk, until the segment is
    /// whole again or its time is over.
    async fn are_in_damaged(&self, erasure: &Known) -> Result<bool, StoreError> {
        let rows = sqlx::query("SELECT id, head FROM log_segments WHERE erased < $1 AND damaged = 1")
            .bind(erasure.id)
            .fetch_all(self.db.reader())
            .await?;
        for row in &rows {
            let head = Head::parse(SegmentId(row.int("id")?), &row.blob("head")?);
            // Without a head it cannot be told, so it may.
            if head.map_or(true, |head| erasure.erased.may_be_in(&head)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Headers and bodies that cannot be read are left out. A segment whose rows cannot be read is set aside, and it goes
    /// when its time is over.
    async fn rewrite_without(self: &Arc<Self>, closed: &Closed, erasure: &Known) -> Result<(), StoreError> {
        let (new, seen) = (
            catalogue::take_segment(&self.db).await?,
            self.state.known().change,
        );
        let (inner, erased, old) = (Arc::clone(self), erasure.erased.clone(), closed.clone());
        let rewritten = blocking(move || {
            let without = |bodies_kept| {
                rewrite(&old.head, &inner.blobs, bodies_kept, new, |entry| {
                    erased.covers(entry.place.client_id, entry.at)
                })
            };
            match without(old.bodies_kept) {
                Err(ReadError::Damaged { .. } | ReadError::Missing { .. }) => without(false),
                rewritten => rewritten,
            }
        })
        .await?;
        let encoded = match rewritten {
            Ok(encoded) => encoded,
            Err(error @ (ReadError::Damaged { segment, .. } | ReadError::Missing { segment })) => {
                set_aside(self, segment, seen, &error).await?;
                return Ok(());
            }
            Err(ReadError::Unavailable(error)) => {
                return Err(StoreError::Unusable(format!("reading the log failed: {error}")));
            }
        };
        let old = closed.head.meta();
        if encoded
            .as_ref()
            .is_some_and(|encoded| encoded.meta.rows == old.rows)
        {
            return mark(&self.db, old.id, erasure.id).await;
        }
        self.replace(closed, encoded, erasure.id).await
    }

    /// Puts the new blobs in place, replaces the segment in the catalogue, and removes the old blobs.
    async fn replace(
        self: &Arc<Self>,
        closed: &Closed,
        mut encoded: Option<Encoded>,
        erasure: i64,
    ) -> Result<(), StoreError> {
        let old = closed.head.meta().clone();
        let mut blobs = None;
        if let Some(encoded) = &mut encoded {
            let (rows, bodies) = (std::mem::take(&mut encoded.rows), encoded.bodies.take());
            match &self.blobs {
                Blobs::Files(files) => {
                    let (files, watcher) = (files.clone(), self.watcher.clone());
                    let place = (encoded.meta.day, encoded.meta.id);
                    blocking(move || files.put(place, &rows, bodies.as_deref(), &watcher))
                        .await?
                        .map_err(StoreError::Files)?;
                }
                Blobs::Tables(tables) => {
                    tables.prepare(encoded.meta.day).await?;
                    blobs = Some((rows, bodies));
                }
            }
        }
        let replace = Replace {
            old: old.id,
            old_rows: u64::from(old.rows),
            bodies_kept: closed.bodies_kept,
            encoded,
            blobs,
            erasure,
        };
        let (dialect, tables) = (self.db.dialect(), matches!(self.blobs, Blobs::Tables(_)));
        let gone = Gone {
            segment: old.id,
            day: old.day,
            what: What::Everything,
        };
        let replaced = self
            .db
            .write::<_, StoreError, _>(Urgency::Background, move |connection| {
                Box::pin(async move {
                    let replaced = replace.commit(connection, dialect).await?;
                    if replaced && tables {
                        tables::remove(connection, gone).await?;
                    }
                    Ok(replaced)
                })
            })
            .await?;
        self.follow().await?;
        if replaced {
            self.remove_blobs(vec![gone]).await;
        }
        Ok(())
    }

    /// Notes that no segment has such rows, if that is so.
    async fn finish(self: &Arc<Self>, erasure: &Known, now: Timestamp) -> Result<(), StoreError> {
        // Rows of a version before are hidden once they are moved, and then removed. Its tables still have them.
        let is_moving = moving::has_former_rows(&self.db).await?;
        let closed = self.candidates(erasure).await?;
        if is_moving
            || !closed.is_empty()
            || self.state.open_have(&erasure.erased)
            || self.are_in_damaged(erasure).await?
        {
            return Ok(());
        }
        let id = erasure.id;
        self.db
            .write::<(), StoreError, _>(Urgency::Background, move |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "UPDATE log_erasures SET finished_at = $2 WHERE id = $1 AND finished_at IS NULL",
                    )
                    .bind(id)
                    .bind(now.as_millis())
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }
}

/// Notes that a segment has no rows of this erasure.
async fn mark(db: &Db, segment: SegmentId, erasure: i64) -> Result<(), StoreError> {
    db.write::<(), StoreError, _>(Urgency::Background, move |connection| {
        Box::pin(async move { mark_in(connection, segment, erasure).await })
    })
    .await
}

async fn mark_in(connection: &mut DbConnection, segment: SegmentId, erasure: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE log_segments SET erased = $2 WHERE id = $1")
        .bind(segment.0)
        .bind(erasure)
        .execute(connection)
        .await?;
    Ok(())
}

/// One transaction.
struct Replace {
    old: SegmentId,
    old_rows: u64,
    bodies_kept: bool,
    /// `None` if no row is left.
    encoded: Option<Encoded>,
    blobs: Option<(Vec<u8>, Option<Vec<u8>>)>,
    erasure: i64,
}

impl Replace {
    /// Returns false, and changes nothing that counts, if the segment is no longer as it was read.
    async fn commit(self, connection: &mut DbConnection, dialect: Dialect) -> Result<bool, StoreError> {
        if let (Some((rows, bodies)), Some(encoded)) = (self.blobs, &self.encoded) {
            tables::put(connection, (encoded.meta.day, encoded.meta.id), rows, bodies).await?;
        }
        catalogue::hold_order(connection, dialect).await?;
        let deleted = sqlx::query(
            "DELETE FROM log_segments WHERE id = $1 AND damaged = 0 AND bodies_removed = $2 RETURNING run_id",
        )
        .bind(self.old.0)
        .bind(i64::from(!self.bodies_kept))
        .fetch_optional(&mut *connection)
        .await?;
        let Some(deleted) = deleted else {
            if let Some(encoded) = &self.encoded
                && dialect == Dialect::Postgres
            {
                let gone = Gone {
                    segment: encoded.meta.id,
                    day: encoded.meta.day,
                    what: What::Everything,
                };
                tables::remove(connection, gone).await?;
            }
            return Ok(false);
        };
        let run = deleted.int("run_id")?;
        let change = catalogue::next_change(connection).await?;
        let left = self
            .encoded
            .as_ref()
            .map_or(0, |encoded| u64::from(encoded.meta.rows));
        if let Some(encoded) = self.encoded {
            catalogue::insert_segment(connection, run, &encoded.meta, encoded.head, change).await?;
            mark_in(connection, encoded.meta.id, self.erasure).await?;
        }
        sqlx::query(
            "UPDATE log_erasures SET rows_removed = rows_removed + $2, segments_rewritten = segments_rewritten + 1 \
             WHERE id = $1",
        )
        .bind(self.erasure)
        .bind((self.old_rows - left) as i64)
        .execute(connection)
        .await?;
        Ok(true)
    }
}

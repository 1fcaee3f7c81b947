//! Removes what is no longer kept: whole days of segments, bodies before that, and the oldest segments where there is a
//! bound in bytes. Nothing is deleted row by row.

use std::sync::Arc;

use logs::{LogStoreError, Retention, Scope};
use model::{Kept, KeptBecause, Timestamp};
use segments::{Day, SegmentId};

use super::catalogue;
use super::container::Blobs;
use super::removing::{Gone, What};
use super::{Inner, tables};
use crate::{Columns, Db, DbConnection, Dialect, StoreError, Urgency};

/// How long a node may work before another may think that it died.
const KEEPER_MILLIS: i64 = 60_000;

/// What one sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Segments whose time is over.
    pub segments: u64,
    pub rows: u64,
    /// Segments whose bodies were removed.
    pub bodies: u64,
    /// Segments that made room for newer ones.
    pub for_room: u64,
}

impl Inner {
    /// Whether this node may remove and erase now. On SQLite there is no other.
    pub(super) async fn is_keeper(&self, now: Timestamp) -> Result<bool, StoreError> {
        if self.db.dialect() == Dialect::Sqlite {
            return Ok(true);
        }
        let keeper = self.keeper;
        self.db
            .write::<_, StoreError, _>(Urgency::Background, move |connection| {
                Box::pin(async move {
                    let claimed = sqlx::query(
                        "UPDATE log_order SET keeper = $1, keeper_until = $3 \
                         WHERE keeper IS NULL OR keeper = $1 OR keeper_until < $2",
                    )
                    .bind(keeper)
                    .bind(now.as_millis())
                    .bind(now.plus_millis(KEEPER_MILLIS).as_millis())
                    .execute(connection)
                    .await?;
                    Ok(claimed.rows_affected() > 0)
                })
            })
            .await
    }

    pub(super) async fn sweep(
        self: &Arc<Self>,
        retention: Retention,
        now: Timestamp,
    ) -> Result<Swept, StoreError> {
        let in_tables = matches!(self.blobs, Blobs::Tables(_));
        let (dialect, today) = (self.db.dialect(), Day::of(now));
        let removed = self
            .db
            .write::<_, StoreError, _>(Urgency::Background, move |connection| {
                Box::pin(async move {
                    catalogue::hold_order(connection, dialect).await?;
                    let removed = remove(connection, retention, now).await?;
                    if in_tables {
                        // Of days that are over, the whole table goes.
                        let kept_days = removed
                            .for_room
                            .iter()
                            .map(|(gone, _)| gone)
                            .chain(&removed.bodies);
                        for &gone in kept_days {
                            tables::remove(connection, gone).await?;
                        }
                    }
                    Ok(removed)
                })
            })
            .await?;
        if !removed.is_nothing() {
            self.follow().await?;
            self.remove_blobs(removed.blobs().collect()).await;
        }
        if in_tables {
            tables::drop_unused(&self.db, today).await?;
        }
        Ok(removed.swept())
    }
}

/// What a transaction took out of the catalogue.
#[derive(Debug, Default)]
struct Removed {
    expired: Vec<(Gone, u64)>,
    bodies: Vec<Gone>,
    for_room: Vec<(Gone, u64)>,
}

impl Removed {
    fn is_nothing(&self) -> bool {
        self.expired.is_empty() && self.bodies.is_empty() && self.for_room.is_empty()
    }

    fn blobs(&self) -> impl Iterator<Item = Gone> {
        let segments = self.expired.iter().chain(&self.for_room).map(|(gone, _)| *gone);
        segments.chain(self.bodies.iter().copied())
    }

    fn swept(&self) -> Swept {
        let segments = self.expired.iter().chain(&self.for_room);
        Swept {
            segments: self.expired.len() as u64,
            rows: segments.map(|(_, rows)| rows).sum(),
            bodies: self.bodies.len() as u64,
            for_room: self.for_room.len() as u64,
        }
    }
}

async fn remove(
    connection: &mut DbConnection,
    retention: Retention,
    now: Timestamp,
) -> Result<Removed, StoreError> {
    let mut removed = Removed::default();
    let change = catalogue::next_change(connection).await?;
    if let Some(day) = retention.first_day(now) {
        removed.expired = remove_days_before(connection, day).await?;
    }
    if let Some(day) = retention.first_day_of_bodies(now) {
        removed.bodies = remove_bodies_before(connection, day, change).await?;
    }
    if let Some(bytes) = retention.log_bytes {
        removed.for_room = make_room(connection, bytes).await?;
    }
    Ok(removed)
}

/// Uses `log_segments_by_day`.
async fn remove_days_before(connection: &mut DbConnection, day: i64) -> Result<Vec<(Gone, u64)>, StoreError> {
    let rows = sqlx::query("DELETE FROM log_segments WHERE day < $1 RETURNING id, day, row_count")
        .bind(day)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok((gone(row, What::Everything)?, row.int("row_count")?.unsigned_abs())))
        .collect()
}

async fn remove_bodies_before(
    connection: &mut DbConnection,
    day: i64,
    change: i64,
) -> Result<Vec<Gone>, StoreError> {
    let rows = sqlx::query(
        "UPDATE log_segments SET bodies_removed = 1, change = $2 \
         WHERE day < $1 AND bodies_removed = 0 AND bodies_bytes > 0 RETURNING id, day",
    )
    .bind(day)
    .bind(change)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| gone(row, What::Bodies)).collect()
}

/// Removes the oldest segments until the others have at most this many bytes. Notes how far back the log goes then.
async fn make_room(connection: &mut DbConnection, most: u64) -> Result<Vec<(Gone, u64)>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, day, row_count, at_to, rows_bytes + CASE WHEN bodies_removed = 1 THEN 0 ELSE bodies_bytes END AS bytes \
         FROM log_segments ORDER BY day DESC, id DESC",
    )
    .fetch_all(&mut *connection)
    .await?;
    let (mut bytes, mut removed, mut until) = (0, Vec::new(), None);
    for row in &rows {
        bytes += row.int("bytes")?.unsigned_abs();
        if bytes > most {
            removed.push((gone(row, What::Everything)?, row.int("row_count")?.unsigned_abs()));
            until = until.max(Some(row.int("at_to")?));
        }
    }
    for (gone, _) in &removed {
        sqlx::query("DELETE FROM log_segments WHERE id = $1")
            .bind(gone.segment.0)
            .execute(&mut *connection)
            .await?;
    }
    if let Some(until) = until {
        sqlx::query("UPDATE log_order SET room_until = $1 WHERE room_until IS NULL OR room_until < $1")
            .bind(until)
            .execute(connection)
            .await?;
    }
    Ok(removed)
}

fn gone(row: &sqlx::any::AnyRow, what: What) -> Result<Gone, StoreError> {
    Ok(Gone {
        segment: SegmentId(row.int("id")?),
        day: catalogue::day(row)?,
        what,
    })
}

/// See [`logs::Ledger::begins`].
pub(super) async fn begins(inner: Arc<Inner>, scope: Scope) -> Result<Option<Kept>, LogStoreError> {
    inner.follow().await?;
    let erased = inner.state.erased().until(scope.client_id());
    let room = room_until(&inner.db).await?;
    let after = |until: Option<Timestamp>, because| {
        until.map(|until| Kept {
            since: until.plus_millis(1),
            because,
        })
    };
    let kept = [after(erased, KeptBecause::Erased), after(room, KeptBecause::Room)];
    Ok(kept.into_iter().flatten().max_by_key(|kept| kept.since))
}

/// The arrival of the newest request that was removed to make room.
async fn room_until(db: &Db) -> Result<Option<Timestamp>, StoreError> {
    let row = sqlx::query("SELECT room_until FROM log_order")
        .fetch_one(db.reader())
        .await?;
    row.maybe_time("room_until")
}

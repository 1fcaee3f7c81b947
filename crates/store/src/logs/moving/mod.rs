//! Moves the rows that a version before segments has left in `log_entries` into segments, while the server serves. The newest
//! rows come first, because people look at those. Each keeps its `seq`, so it has the place among the others that it had.
//!
//! A step reads a chunk of rows, makes segments of it, and adds them to the catalogue in the transaction that notes the
//! progress. A kill at any moment therefore loses no row and moves none twice. Once all rows are moved, they are counted,
//! the segments are read back, and only then are the former tables removed.

mod chunk;
mod farewell;
mod progress;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use model::{Moving, Timestamp};
use segments::{Day, Encoded, ROWS, SegmentId};
use sqlx::AnyConnection;
use tokio::time::sleep;

use self::chunk::Chunk;
use self::progress::{Progress, Stage};
use super::catalogue::{self, Segment};
use super::container::Blobs;
use super::steps::{Step, Watcher};
use super::{Inner, Logs, blocking, old_rows, tables};
use crate::{Columns, Db, DbConnection, Dialect, StoreError, Urgency};

/// How rows are moved.
#[derive(Clone, Debug)]
pub struct MoveOptions {
    /// Rows that are moved at once, at most [`ROWS`].
    pub rows_at_once: usize,
    /// After each step comes a pause of this many times its length, so that requests and pages have the machine.
    pub rest: u32,
    /// The pause after a step that failed. It doubles up to a minute.
    pub retry: Duration,
    /// On PostgreSQL, how long no node of the version before may have added a row before the former tables are removed.
    pub quiet: Duration,
    /// On PostgreSQL, how often to look whether the node that moves rows has died.
    pub look: Duration,
}

impl Default for MoveOptions {
    /// The values a server uses.
    fn default() -> Self {
        Self {
            rows_at_once: ROWS,
            rest: 2,
            retry: Duration::from_secs(1),
            quiet: Duration::from_secs(600),
            look: Duration::from_secs(30),
        }
    }
}

/// Segments of moved rows belong to no run, and no run has this number.
const NO_RUN: i64 = 0;

const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// What comes after a step.
enum Next {
    Step,
    /// All rows are moved. Others may come until the version before is gone.
    AllMoved(Progress),
    End,
}

impl Logs {
    /// Moves all rows, and returns when there is nothing left to do. Can be dropped at any time; the next call goes on from
    /// there.
    pub async fn move_old_rows(&self, options: &MoveOptions) {
        let mut pause = options.retry;
        loop {
            match self.inner.move_all(options).await {
                Ok(()) => return,
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, cause = ?error, "could not move log rows of the version before; trying again");
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_RETRY);
        }
    }

    /// How far the move has come. `None` if no row is waiting to be moved.
    pub(super) async fn how_far_moved(&self) -> Result<Option<Moving>, StoreError> {
        if self.inner.all_moved.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let progress = progress::read(&self.inner.db).await?;
        if progress.stage != Stage::Moving {
            self.inner.all_moved.store(true, Ordering::Relaxed);
        }
        Ok(progress.shown())
    }
}

/// Whether the tables of the version before have rows.
pub(super) async fn has_former_rows(db: &Db) -> Result<bool, StoreError> {
    let progress = progress::read(db).await?;
    Ok(match progress.stage {
        Stage::Moving => progress.shown().is_some(),
        Stage::Removing | Stage::Kept => true,
        Stage::Removed => false,
    })
}

/// Rows of the version before with a smaller `seq` than this are not in segments. None, once its tables are to be removed.
pub(super) async fn below(db: &Db) -> Result<i64, StoreError> {
    let progress = progress::read(db).await?;
    Ok(match progress.stage {
        Stage::Moving | Stage::Kept => progress.below,
        Stage::Removing | Stage::Removed => 0,
    })
}

impl Inner {
    async fn move_all(self: &Arc<Self>, options: &MoveOptions) -> Result<(), StoreError> {
        if matches!(
            progress::read(&self.db).await?.stage,
            Stage::Removed | Stage::Kept
        ) {
            return Ok(());
        }
        let _turn = turn(&self.db, options.look).await?;
        self.count_rows().await?;
        loop {
            let began = Instant::now();
            match self.step(options).await? {
                Next::Step => sleep(began.elapsed() * options.rest).await,
                Next::AllMoved(progress) => {
                    if self.db.dialect() == Dialect::Postgres && progress.ceiling > 0 {
                        sleep(options.quiet).await;
                    }
                    self.end_or_go_on(progress).await?;
                }
                Next::End => return Ok(()),
            }
        }
    }

    /// Counts the rows, which takes a moment if there are millions.
    async fn count_rows(&self) -> Result<(), StoreError> {
        let progress = progress::read(&self.db).await?;
        if progress.stage != Stage::Moving || progress.total.is_some() {
            return Ok(());
        }
        let total = old_rows::count(&self.db, 0).await? as i64;
        tracing::info!(
            rows = total,
            "moving the log rows of the version before into segments"
        );
        let counted = Progress {
            total: Some(total),
            ..progress
        };
        progress::change(&self.db, progress, counted).await?;
        Ok(())
    }

    async fn step(self: &Arc<Self>, options: &MoveOptions) -> Result<Next, StoreError> {
        let progress = progress::read(&self.db).await?;
        match progress.stage {
            Stage::Moving => {}
            Stage::Removing => {
                farewell::remove(&self.db, progress, options.rest).await?;
                // A new installation has such tables too, without rows.
                if progress.moved > 0 {
                    tracing::info!(
                        rows = progress.moved,
                        "all log rows of the version before are moved, and its tables are removed"
                    );
                }
                return Ok(Next::End);
            }
            Stage::Removed | Stage::Kept => return Ok(Next::End),
        }
        let today = today(&self.db).await?;
        let Some(chunk) = chunk::next(&self.db, &progress, options.rows_at_once, today).await? else {
            return Ok(Next::AllMoved(progress));
        };
        self.move_chunk(progress, chunk).await?;
        Ok(Next::Step)
    }

    /// Begins another pass if rows were added above those that are moved. Otherwise decides about the former tables.
    async fn end_or_go_on(self: &Arc<Self>, progress: Progress) -> Result<(), StoreError> {
        let newest = old_rows::newest(&self.db).await?.unwrap_or(0);
        let next = if newest > progress.ceiling {
            Progress {
                floor: progress.ceiling,
                ceiling: newest,
                below: newest + 1,
                total: Some(old_rows::count(&self.db, 0).await? as i64),
                ..progress
            }
        } else {
            let stage = match farewell::all_is_there(self, &progress).await? {
                Ok(()) => Stage::Removing,
                Err(why) => {
                    tracing::error!(
                        why,
                        "the tables log_entries, log_bodies and log_minutes of the version before are kept"
                    );
                    Stage::Kept
                }
            };
            Progress { stage, ..progress }
        };
        progress::change(&self.db, progress, next).await?;
        Ok(())
    }

    async fn move_chunk(self: &Arc<Self>, from: Progress, chunk: Chunk) -> Result<(), StoreError> {
        let to = Progress {
            below: chunk.below,
            moved: from.moved + chunk.moved,
            unreadable: from.unreadable + chunk.unreadable,
            ..from
        };
        let first = take_segments(&self.db, chunk.parts.len()).await?;
        let segments = blocking(move || {
            let numbered = chunk.parts.into_iter().zip(first..);
            let encoded = numbered.map(|(part, id)| part.encode(SegmentId(id)));
            encoded.flatten().collect::<Vec<_>>()
        })
        .await?;
        let ids: Vec<(Day, SegmentId)> = segments.iter().map(|one| (one.meta.day, one.meta.id)).collect();
        let added = match self.add(from, to, segments).await {
            Ok(added) => added,
            Err(error) => {
                self.remove_unknown(&ids).await?;
                return Err(error);
            }
        };
        self.watcher.at(Step::SegmentCommitted);
        let state = Arc::clone(self);
        blocking(move || added.into_iter().for_each(|segment| state.state.close(segment))).await
    }

    /// Stores the blobs, and adds the segments to the catalogue together with the progress.
    async fn add(
        self: &Arc<Self>,
        from: Progress,
        to: Progress,
        mut segments: Vec<Encoded>,
    ) -> Result<Vec<Segment>, StoreError> {
        let tables = match &self.blobs {
            Blobs::Files(files) => {
                let (files, watcher) = (files.clone(), self.watcher.clone());
                segments = blocking(move || {
                    for one in &mut segments {
                        let (rows, bodies) = (std::mem::take(&mut one.rows), one.bodies.take());
                        files.put((one.meta.day, one.meta.id), &rows, bodies.as_deref(), &watcher)?;
                    }
                    Ok(segments)
                })
                .await?
                .map_err(StoreError::Files)?;
                false
            }
            Blobs::Tables(tables) => {
                for one in &segments {
                    tables.prepare(one.meta.day).await?;
                }
                true
            }
        };
        let (dialect, watcher) = (self.db.dialect(), self.watcher.clone());
        self.db
            .write(Urgency::Background, move |connection| {
                Box::pin(async move {
                    if tables {
                        put(connection, &mut segments, &watcher).await?;
                    }
                    catalogue::hold_order(connection, dialect).await?;
                    if !progress::advance(connection, from, to).await? {
                        // The error undoes the blobs, and the next step reads how far the other node has come.
                        return Err(StoreError::Unusable(
                            "another node has moved these rows".to_owned(),
                        ));
                    }
                    let mut added = Vec::with_capacity(segments.len());
                    for one in segments {
                        added.push(insert(connection, one).await?);
                    }
                    watcher.at(Step::DeltasDeleted);
                    Ok(added)
                })
            })
            .await
    }

    /// Removes the files of those segments that did not get into the catalogue.
    async fn remove_unknown(&self, ids: &[(Day, SegmentId)]) -> Result<(), StoreError> {
        let Blobs::Files(files) = &self.blobs else {
            return Ok(());
        };
        let known = catalogue::all(&self.db).await?;
        for (day, id) in ids.iter().filter(|(_, id)| !known.contains_key(id)) {
            for kind in [segments::Kind::Rows, segments::Kind::Bodies] {
                files.remove(*day, *id, kind).map_err(StoreError::Files)?;
            }
        }
        Ok(())
    }
}

/// Waits for the turn to move rows. On PostgreSQL one node has it, for as long as the returned connection exists. If the
/// connection breaks, two may have it; then [`progress::advance`] refuses the second one.
async fn turn(db: &Db, look: Duration) -> Result<Option<AnyConnection>, StoreError> {
    let Some(try_to_lock) = db.dialect().try_to_hold_log_move() else {
        return Ok(None);
    };
    // Detached, because the lock would stay with a connection that goes back to the pool.
    let mut connection = db.reader().acquire().await?.detach();
    loop {
        let row = sqlx::query(try_to_lock).fetch_one(&mut connection).await?;
        if row.flag("held")? {
            return Ok(Some(connection));
        }
        sleep(look).await;
        if progress::read(db).await?.stage == Stage::Removed {
            return Ok(Some(connection));
        }
    }
}

/// By the clock of the database. A row from the future must not make the writer's days begin there.
async fn today(db: &Db) -> Result<Day, StoreError> {
    let sql = format!("SELECT {} AS now", db.dialect().clock_millis());
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .fetch_one(db.reader())
        .await?;
    Ok(Day::of(Timestamp::from_millis(row.int("now")?)))
}

/// Numbers for this many segments; returns the first one.
async fn take_segments(db: &Db, segments: usize) -> Result<i64, StoreError> {
    let segments = segments as i64;
    db.write(Urgency::Background, move |connection| {
        Box::pin(async move {
            let row = sqlx::query(
                "UPDATE log_order SET next_segment = next_segment + $1 WHERE id = 1 RETURNING next_segment",
            )
            .bind(segments)
            .fetch_one(connection)
            .await?;
            Ok(row.int("next_segment")? - segments)
        })
    })
    .await
}

/// Moves the blobs into tables of the same database.
async fn put(
    connection: &mut DbConnection,
    segments: &mut [Encoded],
    watcher: &Watcher,
) -> Result<(), StoreError> {
    for one in segments {
        let (rows, bodies) = (std::mem::take(&mut one.rows), one.bodies.take());
        tables::put(connection, (one.meta.day, one.meta.id), rows, bodies).await?;
    }
    watcher.at(Step::BlobsWritten);
    watcher.at(Step::BlobsNamed);
    Ok(())
}

async fn insert(connection: &mut DbConnection, one: Encoded) -> Result<Segment, StoreError> {
    let change = catalogue::next_change(connection).await?;
    let meta = one.meta;
    catalogue::insert_segment(connection, NO_RUN, &meta, one.head.clone(), change).await?;
    Ok(Segment {
        id: meta.id,
        change,
        rows: u64::from(meta.rows),
        from: meta.min_at,
        to: meta.max_at,
        damaged: false,
        bodies_kept: true,
        head: one.head,
    })
}

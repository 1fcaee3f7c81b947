//! Appends a batch: numbers, its delta and the run's counters in one transaction, then its rows in memory.

use std::collections::HashMap;
use std::sync::Arc;

use logs::{Batch, LogStoreError, Origin, RunReport, StoredEntry};
use model::Timestamp;
use segments::{Day, ROWS, SegmentId, delta};

use super::catalogue::{self, Delta};
use super::runs::{self, Standing};
use super::steps::Step;
use super::{Inner, blocking};
use crate::{Db, DbConnection, Dialect, StoreError, Urgency};

/// How often to look for nodes that died, in milliseconds.
const LOOK_FOR_DEAD_EVERY: i64 = 5_000;

/// Which segments this handle fills. Appends take turns.
#[derive(Debug, Default)]
pub(super) struct Writing {
    /// The segment that takes the next batch of a stream.
    filling: HashMap<Stream, SegmentId>,
    /// A transaction may have been committed whose rows are not in memory.
    uncertain: bool,
    looked_for_dead: Option<Timestamp>,
}

/// What fills segments of its own. Rows that a program sent may be hours old. Among those that a run has recorded, they would
/// widen the range of times of every segment, and each question about the past would have to look at all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Stream {
    run: i64,
    is_sent: bool,
}

impl Stream {
    fn of(batch: &Batch) -> Self {
        Self {
            run: batch.report.run.0,
            is_sent: batch.origin != Origin::Recorded,
        }
    }
}

impl Writing {
    /// Forgets a run, which gets no more rows.
    pub(super) fn end(&mut self, run: i64) {
        self.filling.retain(|stream, _| stream.run != run);
    }
}

impl Inner {
    /// Closes the segments that this handle fills if their day is over, or they have erased rows. Returns when they are
    /// closed, or cannot be.
    pub(super) async fn close_due(self: &Arc<Self>, today: Day) {
        let erased = self.state.erased();
        let mut writing = self.writing.lock().await;
        let filling: Vec<(Stream, SegmentId)> = writing
            .filling
            .iter()
            .map(|(stream, segment)| (*stream, *segment))
            .collect();
        for (stream, segment) in filling {
            let tail = self.state.tail(segment);
            if tail.is_some_and(|tail| tail.day() < today || tail.has(&erased)) {
                writing.filling.remove(&stream);
                self.close_soon(segment);
            }
        }
        drop(writing);
        self.closing.settled().await;
    }
}

/// What the transaction did.
enum Outcome {
    /// The rows have the numbers from this one on, in this segment.
    Stored {
        first_seq: i64,
        segment: SegmentId,
    },
    /// The batch was stored by an earlier try. Its segment, unless that is closed.
    Repeated(Option<SegmentId>),
    Heartbeat,
    Fenced,
    Overtaken,
}

/// A batch on its way into the tail.
struct Writes {
    first_row: i64,
    rows: i64,
    report: RunReport,
    /// `None` to begin a segment.
    segment: Option<SegmentId>,
    day: Day,
    data: Vec<u8>,
    origin: Origin,
    /// Whether to end the runs of nodes that are silent.
    notice_dead: bool,
}

/// See [`logs::Sink::append`].
pub(super) async fn append(inner: &Arc<Inner>, batch: Batch) -> Result<(), LogStoreError> {
    let mut writing = inner.writing.lock().await;
    if writing.uncertain {
        inner.follow().await?;
        writing.uncertain = false;
    }
    let (stream, at) = (Stream::of(&batch), batch.report.at);
    let day = inner.state.day().max(Day::of(at));
    let segment = segment_with_room(inner, &mut writing, stream, day, &batch.entries).await?;
    let notice_dead = inner.db.dialect() == Dialect::Postgres
        && writing
            .looked_for_dead
            .is_none_or(|looked| at.millis_since(looked) >= LOOK_FOR_DEAD_EVERY);
    if notice_dead {
        writing.looked_for_dead = Some(at);
    }
    let writes = Writes {
        first_row: batch.first as i64,
        rows: batch.entries.len() as i64,
        origin: batch.origin,
        report: batch.report,
        segment,
        day,
        data: encode(Arc::clone(&batch.entries)).await?,
        notice_dead,
    };
    // Also if this call is cancelled before it has taken in the outcome.
    writing.uncertain = true;
    let outcome = commit(&inner.db, writes).await?;
    inner.watcher.at(Step::BatchCommitted);
    take_in(inner, &mut writing, outcome, batch.entries, (stream, day, at)).await?;
    writing.uncertain = false;
    close_if_full(inner, &mut writing, stream);
    if notice_dead && let Err(error) = inner.close_abandoned().await {
        // The batch is stored all the same. The next look is soon.
        tracing::warn!(%error, cause = ?error, "could not look for segments of dead nodes");
    }
    Ok(())
}

/// Brings memory up to what the transaction did.
async fn take_in(
    inner: &Arc<Inner>,
    writing: &mut Writing,
    outcome: Outcome,
    entries: Arc<Vec<StoredEntry>>,
    (stream, day, at): (Stream, Day, Timestamp),
) -> Result<(), LogStoreError> {
    match outcome {
        Outcome::Heartbeat => {}
        Outcome::Fenced => {
            writing.end(stream.run);
            return Err(LogStoreError::Fenced);
        }
        Outcome::Overtaken => return Err(LogStoreError::Overtaken),
        Outcome::Repeated(segment) => {
            inner.follow().await?;
            if let Some(segment) = segment {
                fill(inner, writing, stream, segment);
            }
        }
        Outcome::Stored { first_seq, segment } => {
            let delta = Delta {
                segment,
                day,
                run: stream.run,
                first_seq,
                rows: entries.len() as i64,
                stored_at: at,
                data: Vec::new(),
            };
            let state = Arc::clone(inner);
            blocking(move || state.state.add_own(delta, &entries)).await?;
            fill(inner, writing, stream, segment);
        }
    }
    Ok(())
}

/// The segment that takes the batch, or `None` to begin one. Closes the former one if the batch does not fit or its day is
/// over.
async fn segment_with_room(
    inner: &Arc<Inner>,
    writing: &mut Writing,
    stream: Stream,
    day: Day,
    entries: &[StoredEntry],
) -> Result<Option<SegmentId>, LogStoreError> {
    if entries.len() > ROWS {
        let why = format!("a batch of {} rows is larger than a segment", entries.len());
        return Err(LogStoreError::Refused(why.into()));
    }
    if let Some(&segment) = writing.filling.get(&stream) {
        let tail = inner.state.tail(segment);
        if tail.is_some_and(|tail| tail.takes(day, entries, inner.options.rows_per_segment)) {
            return Ok(Some(segment));
        }
        writing.filling.remove(&stream);
        inner.close_soon(segment);
    }
    if !entries.is_empty() {
        inner.closing.room().await?;
    }
    Ok(None)
}

/// Notes which segment takes the stream's next batch. A former one is closed.
fn fill(inner: &Arc<Inner>, writing: &mut Writing, stream: Stream, segment: SegmentId) {
    if let Some(former) = writing.filling.insert(stream, segment)
        && former != segment
    {
        inner.close_soon(former);
    }
}

/// Closes a segment as soon as nothing more fits, and not only when the next batch comes.
fn close_if_full(inner: &Arc<Inner>, writing: &mut Writing, stream: Stream) {
    if let Some(&segment) = writing.filling.get(&stream)
        && inner
            .state
            .tail(segment)
            .is_none_or(|tail| tail.rows() as usize >= inner.options.rows_per_segment)
    {
        writing.filling.remove(&stream);
        inner.close_soon(segment);
    }
}

async fn encode(entries: Arc<Vec<StoredEntry>>) -> Result<Vec<u8>, LogStoreError> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    Ok(blocking(move || delta::encode(&entries)).await?)
}

async fn commit(db: &Db, writes: Writes) -> Result<Outcome, LogStoreError> {
    let dialect = db.dialect();
    db.write(Urgency::Background, move |connection| {
        Box::pin(async move {
            write(connection, dialect, writes)
                .await
                .map_err(LogStoreError::from)
        })
    })
    .await
}

async fn write(
    connection: &mut DbConnection,
    dialect: Dialect,
    writes: Writes,
) -> Result<Outcome, StoreError> {
    catalogue::hold_order(connection, dialect).await?;
    let run = writes.report.run;
    let standing = runs::standing(connection, run).await?;
    let repeated = writes.rows > 0 && writes.first_row < standing.next_row();
    let outcome = match standing {
        Standing::Ended { .. } if repeated => return Ok(Outcome::Repeated(None)),
        Standing::Ended { .. } => return Ok(Outcome::Fenced),
        Standing::Running { .. } if repeated => {
            Outcome::Repeated(catalogue::segment_of_batch(connection, run.0, writes.first_row).await?)
        }
        Standing::Running { .. } if writes.rows == 0 => Outcome::Heartbeat,
        Standing::Running { .. } if is_overtaken(connection, writes.origin).await? => {
            return Ok(Outcome::Overtaken);
        }
        Standing::Running { .. } => {
            let (first_seq, newest) =
                catalogue::take_numbers(connection, writes.rows, writes.segment.is_none()).await?;
            let segment = writes.segment.unwrap_or(newest);
            let delta = Delta {
                segment,
                day: writes.day,
                run: run.0,
                first_seq,
                rows: writes.rows,
                stored_at: writes.report.at,
                data: writes.data,
            };
            catalogue::insert_delta(connection, delta, writes.first_row).await?;
            runs::set_next_row(connection, run, writes.first_row + writes.rows).await?;
            Outcome::Stored { first_seq, segment }
        }
    };
    runs::update(connection, &writes.report).await?;
    if writes.notice_dead {
        runs::notice_dead_nodes(connection, run, writes.report.at).await?;
    }
    Ok(outcome)
}

/// Whether rows were stored that those of the batch were not compared with. Call it after [`catalogue::hold_order`].
async fn is_overtaken(connection: &mut DbConnection, origin: Origin) -> Result<bool, StoreError> {
    match origin {
        Origin::Recorded => Ok(false),
        Origin::Sent { looked_to } => Ok(catalogue::next_seq(connection).await? != looked_to + 1),
    }
}

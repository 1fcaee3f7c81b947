//! Reads everything of the log, for a check: each closed segment with all its checksums, each batch of the open ones, and
//! the rows of a version before that have not been moved.

use std::path::Path;

use segments::{Container, Head, SegmentId, delta};

use super::files::Files;
use super::{blocking, moving, old_rows};
use crate::check::Findings;
use crate::{Columns, Db, StoreError};

/// Heads and batches that are read at once.
const READ: i64 = 16;

/// Old rows that are read at once. Each may have two bodies of 16 KiB.
const OLD_ROWS: i64 = 1_000;

/// Checks the rows of all closed segments, whose files are in `folder`, against the catalogue.
pub async fn segments(db: &Db, folder: &Path) -> Result<Findings, StoreError> {
    let files = Files::new(folder.to_owned());
    let (mut findings, mut after) = (Findings::default(), 0);
    loop {
        let rows = sqlx::query(
            "SELECT id, day, row_count, first_seq, last_seq, rows_bytes, bodies_bytes, bodies_removed, damaged, head \
             FROM log_segments WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(READ)
        .fetch_all(db.reader())
        .await?;
        let Some(last) = rows.last() else {
            return Ok(findings);
        };
        after = last.int("id")?;
        for row in &rows {
            let listed = Listed {
                id: SegmentId(row.int("id")?),
                facts: [
                    row.int("day")?,
                    row.int("row_count")?,
                    row.int("first_seq")?,
                    row.int("last_seq")?,
                    row.int("rows_bytes")?,
                    row.int("bodies_bytes")?,
                ],
                bodies_kept: !row.flag("bodies_removed")?,
                head: row.blob("head")?,
            };
            let (id, count) = (listed.id, listed.facts[1]);
            if row.flag("damaged")? {
                findings.fault(format!("segment {} was found damaged before and set aside", id.0));
            }
            let files = files.clone();
            match blocking(move || listed.verify(&files)).await? {
                Ok(()) => findings.checked += count.unsigned_abs(),
                Err(why) => findings.fault(format!("segment {}, {count} rows: {why}", id.0)),
            }
        }
    }
}

struct Listed {
    id: SegmentId,
    /// Day, rows, first and last `seq`, bytes of both blobs.
    facts: [i64; 6],
    bodies_kept: bool,
    head: Vec<u8>,
}

impl Listed {
    fn verify(&self, container: &dyn Container) -> Result<(), String> {
        let head = Head::parse(self.id, &self.head).map_err(|error| error.to_string())?;
        let meta = head.meta();
        let facts = [
            i64::from(meta.day.0),
            i64::from(meta.rows),
            meta.first_seq,
            meta.last_seq,
            meta.rows_bytes as i64,
            meta.bodies_bytes as i64,
        ];
        if facts != self.facts {
            return Err("the catalogue and the segment's head differ".to_owned());
        }
        segments::verify(&head, container, self.bodies_kept).map_err(|error| error.to_string())
    }
}

/// Checks the batches of segments that are not closed.
pub async fn open_segments(db: &Db) -> Result<Findings, StoreError> {
    let (mut findings, mut after) = (Findings::default(), -1);
    loop {
        let rows = sqlx::query(
            "SELECT first_seq, row_count, data FROM log_tail WHERE first_seq > $1 ORDER BY first_seq LIMIT $2",
        )
        .bind(after)
        .bind(READ)
        .fetch_all(db.reader())
        .await?;
        let Some(last) = rows.last() else {
            return Ok(findings);
        };
        after = last.int("first_seq")?;
        for row in &rows {
            let (first, count) = (row.int("first_seq")?, row.int("row_count")?);
            match delta::decode(&row.blob("data")?) {
                Ok(entries) if entries.len() as i64 == count => findings.checked += count.unsigned_abs(),
                Ok(entries) => findings.fault(format!(
                    "the batch of {count} rows from row {first} has {} rows",
                    entries.len()
                )),
                Err(torn) => findings.fault(format!("the batch of {count} rows from row {first}: {torn}")),
            }
        }
    }
}

/// Reads every row that has not been moved into a segment.
pub async fn old_rows(db: &Db) -> Result<Findings, StoreError> {
    let mut findings = Findings::default();
    if !old_rows::are_there(db).await? {
        return Ok(findings);
    }
    let mut below = moving::below(db).await?;
    loop {
        let rows = old_rows::between(db, 0, below, OLD_ROWS).await?;
        let Some(last) = rows.last() else {
            return Ok(findings);
        };
        below = last.seq;
        for row in &rows {
            match &row.entry {
                Ok(_) => findings.checked += 1,
                Err(error) => findings.fault(format!("row {}: {error}", row.seq)),
            }
        }
    }
}

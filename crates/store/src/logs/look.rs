//! Reads everything of the log, for a check: each closed segment with all its checksums, each batch of the open ones, and
//! the rows of a version before that have not been moved.

use std::path::Path;

use segments::{Container, Head, ReadError, SegmentId, delta};

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
            let (count, was_damaged) = (listed.facts[1], row.flag("damaged")?);
            let name = format!("{}/{}", super::catalogue::day(row)?, listed.id.0);
            let files = files.clone();
            match blocking(move || listed.verify(&files)).await? {
                Ok(()) if was_damaged => findings.fault(format!(
                    "{name}.rows was damaged and its {count} rows are set aside; it can be read now, and the next start of \
                     the server takes them back"
                )),
                Ok(()) => findings.checked += count.unsigned_abs(),
                Err(Fault::Rows(why)) => findings.fault(format!("{name}.rows, {count} rows: {why}")),
                Err(Fault::Bodies(why)) => findings.fault(format!(
                    "{name}.bodies, headers and bodies of {count} rows, which are readable themselves: {why}"
                )),
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
    fn verify(&self, container: &dyn Container) -> Result<(), Fault> {
        let rows = |error: ReadError| Fault::Rows(error.to_string());
        let head = Head::parse(self.id, &self.head).map_err(rows)?;
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
            return Err(Fault::Rows(
                "the catalogue and the segment's head differ".to_owned(),
            ));
        }
        segments::verify(&head, container, false).map_err(rows)?;
        if self.bodies_kept && meta.bodies_bytes > 0 {
            segments::verify(&head, container, true).map_err(|error| Fault::Bodies(error.to_string()))?;
        }
        Ok(())
    }
}

/// Which of a segment's two blobs is at fault.
enum Fault {
    Rows(String),
    Bodies(String),
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

//! The next rows to move: read from the former tables, divided into days, and encoded as segments.

use logs::StoredEntry;
use segments::{Day, Encoded, Open, SegmentId};

use super::progress::Progress;
use crate::logs::old_rows::{self, OldRow};
use crate::{Db, StoreError};

/// Rows that are read at once. Each may have two bodies of 16 KiB.
const READ: i64 = 256;

/// A chunk ends once its texts, headers and bodies have this many bytes, so that it fits into memory and into a segment.
const BYTES: usize = 16 * 1024 * 1024;

/// Rows of one segment, by ascending `seq`.
pub(super) struct Part {
    pub(super) day: Day,
    seqs: Vec<i64>,
    entries: Vec<StoredEntry>,
}

/// What is moved in one step.
pub(super) struct Chunk {
    /// By ascending `seq`.
    pub(super) parts: Vec<Part>,
    /// The smallest `seq` that was read.
    pub(super) below: i64,
    pub(super) moved: i64,
    pub(super) unreadable: i64,
}

/// The newest rows that are not moved, up to `rows`. `None` if there are none. `today` is the latest day a segment may have.
pub(super) async fn next(
    db: &Db,
    progress: &Progress,
    rows: usize,
    today: Day,
) -> Result<Option<Chunk>, StoreError> {
    let (mut read, mut bytes, mut below) = (Vec::new(), 0, progress.below);
    while read.len() < rows && bytes < BYTES {
        let limit = READ.min((rows - read.len()) as i64);
        let found = old_rows::between(db, progress.floor, below, limit).await?;
        let Some(last) = found.last() else { break };
        below = last.seq;
        bytes += found.iter().map(weight).sum::<usize>();
        read.extend(found);
    }
    if read.is_empty() {
        return Ok(None);
    }
    let all = read.len() as i64;
    let parts = by_day(read, today);
    let moved = parts.iter().map(|part| part.seqs.len() as i64).sum();
    Ok(Some(Chunk {
        parts,
        below,
        moved,
        unreadable: all - moved,
    }))
}

fn weight(row: &OldRow) -> usize {
    let Ok(entry) = &row.entry else { return 0 };
    let headers = entry.request_headers.iter().chain(&entry.response_headers);
    let bodies = [&entry.request_body, &entry.response_body].map(|body| match body {
        model::Body::Text { text, .. } => text.len(),
        model::Body::Absent { .. } => 0,
    });
    entry.path.len()
        + entry.user_agent.as_ref().map_or(0, String::len)
        + headers
            .map(|field| field.name.len() + field.value.len())
            .sum::<usize>()
        + bodies.iter().sum::<usize>()
}

/// Divides rows, which come newest first, into days of storing, so that old ones can be removed by day. When they were
/// stored is not known, but they arrived shortly before, and days never go back.
fn by_day(newest_first: Vec<OldRow>, today: Day) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for row in newest_first.into_iter().rev() {
        let entry = match row.entry {
            Ok(entry) => entry,
            Err(error) => {
                tracing::error!(seq = row.seq, %error, "a log row of the version before cannot be read and is not moved");
                continue;
            }
        };
        let day = Day::of(entry.at).min(today);
        match parts.last_mut() {
            Some(part) if day <= part.day => part.push(row.seq, entry),
            _ => {
                let mut part = Part {
                    day,
                    seqs: Vec::new(),
                    entries: Vec::new(),
                };
                part.push(row.seq, entry);
                parts.push(part);
            }
        }
    }
    parts
}

impl Part {
    fn push(&mut self, seq: i64, entry: StoredEntry) {
        self.seqs.push(seq);
        self.entries.push(entry);
    }

    /// The rows as a segment. They keep their `seq`.
    pub(super) fn encode(self, id: SegmentId) -> Option<Encoded> {
        let mut open = Open::new(id, self.day);
        let mut from = 0;
        for to in 1..=self.seqs.len() {
            // A batch has consecutive numbers.
            if self
                .seqs
                .get(to)
                .is_none_or(|next| *next != self.seqs[to - 1] + 1)
            {
                open.append(self.seqs[from], &self.entries[from..to]);
                from = to;
            }
        }
        open.encode()
    }
}

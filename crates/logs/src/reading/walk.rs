//! Everything that a filter finds, newest first, a page at a time. An export reads this way.

use std::fmt;

use model::{DamagedPart, LogFilter, LogParts, LogRow, Timestamp};

use super::{Asked, Reading, damaged_parts, not_before, older, seen_by};
use crate::{Conditions, Damaged, LogStoreError, Question, Scope};

/// How far a reader has come. What the filter names and its range are those of the first moment, and rows that are stored
/// later are left out, so that no page shifts another.
pub struct Walk {
    reading: Reading,
    scope: Scope,
    conditions: Conditions,
    from: Timestamp,
    to: Timestamp,
    as_of: Option<i64>,
    before: Option<i64>,
    damaged: Vec<Damaged>,
    is_moving: bool,
    is_over: bool,
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("scope", &self.scope)
            .field("before", &self.before)
            .finish_non_exhaustive()
    }
}

impl Reading {
    /// Begins at the newest request, whatever the filter's cursor is.
    pub async fn walk(
        &self,
        scope: Scope,
        filter: &LogFilter,
        now: Timestamp,
    ) -> Result<Walk, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        let known = self.known(scope, filter, LogParts::ROWS).await?;
        let Asked {
            conditions, from, to, ..
        } = Asked::new(filter, scope, &known, self.kept(now), now);
        Ok(Walk {
            reading: self.clone(),
            scope,
            conditions,
            from,
            to,
            as_of: None,
            before: None,
            damaged: Vec::new(),
            is_moving: self.ledger.moving().await?.is_some(),
            is_over: false,
        })
    }
}

impl Walk {
    /// Whether rows of a version before were still being moved when this began. Those that were not moved may be missing.
    pub const fn is_moving(&self) -> bool {
        self.is_moving
    }

    /// From (included) and to (excluded).
    pub const fn range(&self) -> (Timestamp, Timestamp) {
        (self.from, self.to)
    }

    /// The next rows, at most this many; `None` after the last. They may be empty before that: one call asks one question,
    /// and holds a place among the company's reads only as long as that takes.
    pub async fn next(&mut self, rows: usize, now: Timestamp) -> Result<Option<Vec<LogRow>>, LogStoreError> {
        if self.is_over {
            return Ok(None);
        }
        let question = Question {
            // What is no longer kept is not read any more either.
            from: not_before(self.from, self.reading.kept(now)).min(self.to),
            before: self.before,
            as_of: self.as_of,
            rows,
            callers: true,
            count: false,
            ..super::counting(self.from, self.to, self.conditions.clone())
        };
        let found = {
            let _place = self.reading.reads.take(self.scope.company()).await;
            self.reading.reader.find(self.scope, &question).await?
        };
        self.as_of.get_or_insert(found.as_of);
        self.before = older(&found);
        self.is_over = self.before.is_none();
        // Every page names the same ones.
        let new = found.damaged.iter().filter(|part| !self.damaged.contains(part));
        let new: Vec<_> = new.copied().collect();
        self.damaged.extend(new);
        let rows = found.rows.into_iter();
        Ok(Some(rows.map(|row| seen_by(row, self.scope)).collect()))
    }

    /// Parts of the range in which requests may be missing, as far as is known by now, oldest first. A few at most.
    pub fn damaged(&self) -> Vec<DamagedPart> {
        damaged_parts(self.damaged.clone())
    }
}

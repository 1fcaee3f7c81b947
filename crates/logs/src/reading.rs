//! The home of reading: which questions a page asks, what it counts, where it stops, and whose rows they are. Shares the
//! reads fairly, so that no company's long searches keep the others waiting.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Body, BodyAbsence, CompanyId, DamagedPart, Kept, KeyId, LogEntry, LogFilter, LogPage, LogRow, RequestId,
    Timestamp,
};
use shares::FairShare;

use crate::{Conditions, Count, Damaged, Found, Ledger, LogStoreError, Question, Reader, Retention, Scope};

/// Rows on a page.
const PAGE: usize = 50;

/// How many damaged parts a page names.
const MOST_DAMAGED_PARTS: usize = 3;

/// How long one question may take. A page that needs longer shows what it has, and how far back it looked.
const BUDGET: Duration = Duration::from_secs(2);

/// An allowance for other nodes whose clocks are ahead.
const A_DAY: i64 = 24 * 3600;

/// Reads the log. Cheap to clone; all clones share the same places for reads.
#[derive(Clone)]
pub struct Reading {
    reader: Arc<dyn Reader>,
    ledger: Arc<dyn Ledger>,
    reads: FairShare<CompanyId>,
    retention: Retention,
    own_days: Option<u16>,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("reads", &self.reads)
            .finish_non_exhaustive()
    }
}

impl Reading {
    /// `at_once` is the number of reads that may run at the same time. Companies share it fairly. Reads everything that is
    /// stored, until [`Self::within`] says how much of it.
    pub fn new(reader: Arc<dyn Reader>, ledger: Arc<dyn Ledger>, at_once: usize) -> Self {
        Self {
            reader,
            ledger,
            reads: FairShare::new(at_once),
            retention: Retention::UNLIMITED,
            own_days: None,
        }
    }

    /// Reads no further back than the installation keeps requests, and than the company does if it has `own_days`.
    #[must_use]
    pub fn within(self, retention: Retention, own_days: Option<u16>) -> Self {
        Self {
            retention,
            own_days,
            ..self
        }
    }

    /// At most 50 rows, newest first by `seq`, with what the page says about them.
    pub async fn page(
        &self,
        scope: Scope,
        filter: &LogFilter,
        now: Timestamp,
    ) -> Result<LogPage, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        let kept = self.kept(now);
        let (asked, to) = filter.range.bounds(now);
        let from = not_before(asked, kept).min(to);
        let found = self
            .reader
            .find(
                scope,
                &Question {
                    before: filter.before,
                    rows: PAGE,
                    ..counting(from, to, Conditions::of(filter, scope))
                },
            )
            .await?;
        let mut page = LogPage {
            older: older(&found),
            matching: match found.count {
                Count::Exactly(rows) => Some(rows),
                Count::AtLeast(_) | Count::NotAsked => None,
            },
            at_least: found.count.at_least(),
            looked_back_to: found
                .looked_back_to
                .filter(|_| !found.more)
                .map(|looked_back| looked_back.at),
            damaged: damaged_parts(found.damaged),
            without_filters: None,
            ever: None,
            totals: self.ledger.totals(scope, from, to).await?,
            moving: self.ledger.moving().await?,
            from,
            to,
            kept: latest(kept, self.ledger.begins(scope).await?).filter(|kept| asked < kept.since),
            rows: found.rows.into_iter().map(|row| seen_by(row, scope)).collect(),
        };
        if page.matching == Some(0) && filter.narrows() {
            page.without_filters = Some(self.count(scope, from, to, Conditions::default()).await?);
        }
        if let Some(others @ 1..) = page.without_filters {
            page.ever = Some(others);
        } else if page.rows.is_empty() {
            let begin = not_before(Timestamp::from_millis(0), kept);
            let end = now.plus_seconds(A_DAY);
            page.ever = Some(self.count(scope, begin, end, Conditions::default()).await?);
        }
        Ok(page)
    }

    /// One entry, or `None` if this scope has no such request, or it is no longer kept. Its list of events is empty,
    /// because events are not known here.
    pub async fn entry(
        &self,
        scope: Scope,
        request: RequestId,
        now: Timestamp,
    ) -> Result<Option<LogEntry>, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        let entry = self.reader.entry(scope, request).await?;
        let kept = self.kept(now);
        let entry = entry.filter(|entry| kept.is_none_or(|kept| entry.row.at >= kept.since));
        Ok(entry.map(|mut entry| {
            if self
                .retention
                .bodies_since(now)
                .is_some_and(|since| entry.row.at < since)
            {
                entry = without_bodies(entry);
            }
            LogEntry {
                row: seen_by(entry.row, scope),
                ..entry
            }
        }))
    }

    /// How many requests used this key since then. For a company with brands, this includes requests that named a brand
    /// in `X-Brand-Id`. A number too large to count in time is a lower bound.
    pub async fn count_by_key(
        &self,
        scope: Scope,
        key: KeyId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        let conditions = Conditions::of_key(key);
        self.count(scope, since, now.plus_seconds(A_DAY), conditions)
            .await
    }

    fn kept(&self, now: Timestamp) -> Option<Kept> {
        self.retention.kept(self.own_days, now)
    }

    async fn count(
        &self,
        scope: Scope,
        from: Timestamp,
        to: Timestamp,
        conditions: Conditions,
    ) -> Result<u64, LogStoreError> {
        let found = self.reader.find(scope, &counting(from, to, conditions)).await?;
        Ok(found.count.at_least())
    }
}

/// Asks only for the number of matching rows.
const fn counting(from: Timestamp, to: Timestamp, conditions: Conditions) -> Question {
    Question {
        from,
        to,
        conditions,
        before: None,
        as_of: None,
        rows: 0,
        count: true,
        histogram: None,
        facets: false,
        budget: BUDGET,
    }
}

/// Joins parts that overlap. If there are many, joins the latest into one, so that a broken disk does not fill the page.
fn damaged_parts(mut all: Vec<Damaged>) -> Vec<DamagedPart> {
    all.sort_by_key(|part| part.from);
    let mut parts: Vec<DamagedPart> = Vec::new();
    for Damaged { from, to, .. } in all {
        let is_last = parts.len() == MOST_DAMAGED_PARTS;
        match parts.last_mut() {
            Some(last) if is_last || from <= last.to => last.to = last.to.max(to),
            _ => parts.push(DamagedPart { from, to }),
        }
    }
    parts
}

/// The cursor of the next page: below the last row, or where the reader stopped looking.
fn older(found: &Found) -> Option<i64> {
    if found.more {
        return found.rows.last().map(|row| row.seq);
    }
    found.looked_back_to.map(|looked_back| looked_back.seq)
}

fn latest(one: Option<Kept>, other: Option<Kept>) -> Option<Kept> {
    one.into_iter().chain(other).max_by_key(|kept| kept.since)
}

fn not_before(from: Timestamp, kept: Option<Kept>) -> Timestamp {
    kept.map_or(from, |kept| from.max(kept.since))
}

/// The entry as it is once its headers and bodies have been removed, which may happen an hour later.
fn without_bodies(entry: LogEntry) -> LogEntry {
    let is_text = |body: &Body| matches!(body, Body::Text { .. });
    let nothing_to_remove = entry.request_headers.is_empty()
        && entry.response_headers.is_empty()
        && !is_text(&entry.request_body)
        && !is_text(&entry.response_body);
    if nothing_to_remove {
        return entry;
    }
    let gone = Body::Absent {
        why: BodyAbsence::NoLongerKept,
        total_bytes: 0,
    };
    LogEntry {
        request_headers: Vec::new(),
        request_body: gone.clone(),
        response_headers: Vec::new(),
        response_body: gone,
        ..entry
    }
}

/// A company that looks at its own rows does not need its name on them.
fn seen_by(mut row: LogRow, scope: Scope) -> LogRow {
    if row.client_id == scope.client_id() {
        row.brand = None;
    }
    row
}

//! The home of reading: which questions a page asks, what it counts, where it stops, and whose rows they are. Shares the
//! reads fairly, so that no company's long searches keep the others waiting.

mod grouped;
mod of_key;
mod pauses;
mod sources;
mod walk;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Body, BodyAbsence, CompanyId, DamagedPart, Kept, KeyId, KeyName, LogEntry, LogFilter, LogHistogram,
    LogPage, LogParts, LogRow, NewRows, RequestId, Timestamp,
};
use shares::FairShare;

use crate::directory::Empty;
use crate::histogram::{Buckets, beginning, first_part};
use crate::{
    Conditions, Count, Damaged, Directory, Found, Known, Ledger, LogStoreError, Needs, Question, Reader,
    Retention, Scope, facets,
};

pub use walk::Walk;

/// Rows on a page of the Logs tab.
pub const PAGE: usize = LogPage::ROWS;

/// How many damaged parts a page names.
const MOST_DAMAGED_PARTS: usize = 3;

/// How long one question may take. A page that needs longer shows what it has, and how far back it looked.
const BUDGET: Duration = Duration::from_secs(2);

/// How long it may take to count all rows of a list that is followed, which is asked for again and again. A list that
/// takes longer adds what is new to the number that it has.
const CHEAP: Duration = Duration::from_millis(50);

/// An allowance for other nodes whose clocks are ahead.
const A_DAY: i64 = 24 * 3600;

/// Reads the log. Cheap to clone; all clones share the same places for reads.
#[derive(Clone)]
pub struct Reading {
    reader: Arc<dyn Reader>,
    ledger: Arc<dyn Ledger>,
    directory: Arc<dyn Directory>,
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
            directory: Arc::new(Empty),
            reads: FairShare::new(at_once),
            retention: Retention::UNLIMITED,
            own_days: None,
        }
    }

    /// Finds brands and keys by their names.
    #[must_use]
    pub fn naming(self, directory: Arc<dyn Directory>) -> Self {
        Self { directory, ..self }
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
        self.parts(scope, filter, LogParts::ROWS, PAGE, now).await
    }

    /// The parts of a page that are asked for, with at most `rows` rows.
    pub async fn parts(
        &self,
        scope: Scope,
        filter: &LogFilter,
        parts: LogParts,
        rows: usize,
        now: Timestamp,
    ) -> Result<LogPage, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        let known = self.known(scope, filter, parts).await?;
        let asked = Asked::new(filter, scope, &known, self.kept(now), now);
        let mut page = if parts.rows {
            self.rows(scope, filter, &asked, rows, parts.callers, now).await?
        } else {
            asked.empty_page()
        };
        if parts.histogram {
            page.histogram = Some(self.histogram(scope, &asked, now).await?);
        }
        if parts.facets {
            page.facets = Some(self.facets(scope, &asked, &known).await?);
        }
        if parts.errors {
            let (errors, damaged) = self.errors(scope, &asked, &known).await?;
            page.errors = Some(errors);
            self.say_what_is_missing(&mut page, scope, &asked, damaged)
                .await?;
        }
        if parts.endpoints {
            let (endpoints, damaged) = self.endpoints(scope, &asked, filter.sort).await?;
            page.endpoints = Some(endpoints);
            self.say_what_is_missing(&mut page, scope, &asked, damaged)
                .await?;
        }
        if parts.addresses {
            let (addresses, damaged) = self.addresses_of(scope, &asked).await?;
            page.addresses = Some(addresses);
            self.say_what_is_missing(&mut page, scope, &asked, damaged)
                .await?;
        }
        Ok(page)
    }

    /// What matches the first page of the filter and has been stored since an answer with this `as_of`: the number, and at
    /// most `rows` rows. On every node rows become visible in the order of their `seq`, so none is passed over.
    pub async fn new_rows(
        &self,
        scope: Scope,
        filter: &LogFilter,
        after: i64,
        rows: usize,
        now: Timestamp,
    ) -> Result<NewRows, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        let known = self.known(scope, filter, LogParts::ROWS).await?;
        let asked = Asked::new(filter, scope, &known, self.kept(now), now);
        let question = Question {
            after: Some(after),
            rows: rows.min(PAGE),
            count: true,
            ..asked.question()
        };
        let mut found = self.reader.find(scope, &question).await?;
        let (count, as_of) = (found.count, found.as_of);
        let mut page = asked.empty_page();
        if rows > 0 {
            let all = Question {
                count: true,
                as_of: Some(as_of),
                budget: CHEAP,
                ..asked.question()
            };
            let all = self.reader.find(scope, &all).await?;
            page = self
                .about(scope, &asked, std::mem::take(&mut found.damaged))
                .await?;
            page.rows = found.rows.into_iter().map(|row| seen_by(row, scope)).collect();
            page.matching = exactly(all.count);
            page.at_least = all.count.at_least();
        }
        page.as_of = as_of;
        Ok(NewRows {
            count: count.at_least(),
            and_more: exactly(count).is_none(),
            page,
        })
    }

    /// What the filter names, and what the parts need names for.
    async fn known(&self, scope: Scope, filter: &LogFilter, parts: LogParts) -> Result<Known, LogStoreError> {
        let Needs { brands, keys } = Known::needs(filter);
        let mut known = Known::default();
        if brands || parts.facets || parts.errors {
            known.brands = self.directory.brands(scope).await?;
        }
        if keys || parts.facets || parts.errors {
            known.keys = self.directory.keys(scope).await?;
        }
        for request in filter.request.any_of.iter().chain(&filter.request.none_of) {
            let entry = self.reader.entry(scope, *request).await?;
            known.requests.extend(entry.map(|entry| entry.row));
        }
        Ok(known)
    }

    /// What the keys are called that requests of this scope can have, active ones first.
    pub async fn key_names(&self, scope: Scope) -> Result<Vec<KeyName>, LogStoreError> {
        let known = Known {
            brands: self.directory.brands(scope).await?,
            keys: self.directory.keys(scope).await?,
            requests: Vec::new(),
        };
        Ok(facets::key_names(scope, &known))
    }

    async fn rows(
        &self,
        scope: Scope,
        filter: &LogFilter,
        asked: &Asked,
        rows: usize,
        callers: bool,
        now: Timestamp,
    ) -> Result<LogPage, LogStoreError> {
        let found = self
            .reader
            .find(
                scope,
                &Question {
                    before: filter.before,
                    rows,
                    callers,
                    count: true,
                    ..asked.question()
                },
            )
            .await?;
        let mut page = LogPage {
            older: older(&found),
            matching: exactly(found.count),
            at_least: found.count.at_least(),
            looked_back_to: found
                .looked_back_to
                .filter(|_| !found.more)
                .map(|looked_back| looked_back.at),
            rows: found.rows.into_iter().map(|row| seen_by(row, scope)).collect(),
            as_of: found.as_of,
            ..self.about(scope, asked, found.damaged).await?
        };
        if page.matching == Some(0) && filter.narrows() {
            let all = Conditions::default();
            page.without_filters = Some(self.count(scope, asked.from, asked.to, all).await?);
        }
        if let Some(others @ 1..) = page.without_filters {
            page.ever = Some(others);
        } else if page.rows.is_empty() {
            let begin = not_before(Timestamp::from_millis(0), asked.kept);
            let end = now.plus_seconds(A_DAY);
            page.ever = Some(self.count(scope, begin, end, Conditions::default()).await?);
        }
        Ok(page)
    }

    /// What a page says besides its rows and their number.
    async fn about(
        &self,
        scope: Scope,
        asked: &Asked,
        damaged: Vec<Damaged>,
    ) -> Result<LogPage, LogStoreError> {
        Ok(LogPage {
            damaged: damaged_parts(damaged),
            totals: self.ledger.totals(scope, asked.from, asked.to).await?,
            moving: self.ledger.moving().await?,
            kept: latest(asked.kept, self.ledger.begins(scope).await?)
                .filter(|kept| asked.wanted_from < kept.since),
            ..asked.empty_page()
        })
    }

    /// Of groups, as of rows.
    async fn say_what_is_missing(
        &self,
        page: &mut LogPage,
        scope: Scope,
        asked: &Asked,
        damaged: Vec<Damaged>,
    ) -> Result<(), LogStoreError> {
        let LogPage {
            damaged,
            totals,
            moving,
            kept,
            ..
        } = self.about(scope, asked, damaged).await?;
        (page.damaged, page.totals, page.moving, page.kept) = (damaged, totals, moving, kept);
        Ok(())
    }

    /// Over the range of the page or, if that has no beginning, from where the log has rows.
    async fn histogram(
        &self,
        scope: Scope,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<LogHistogram, LogStoreError> {
        let from = self.axis(scope, asked).await?;
        let buckets = Buckets::over(from, asked.to.max(from.plus_millis(1)));
        let questions = buckets.questions(|from, to, parts| Question {
            from,
            to,
            histogram: Some(parts),
            ..asked.question()
        });
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            answers.push(self.reader.find(scope, &question).await?);
        }
        Ok(buckets.histogram(answers, now))
    }

    /// Where an axis of time begins.
    async fn axis(&self, scope: Scope, asked: &Asked) -> Result<Timestamp, LogStoreError> {
        if asked.wanted_from == Timestamp::default() {
            return self.beginning(scope, asked).await;
        }
        Ok(asked.from)
    }

    /// Somewhat before the oldest row in the range, whatever the filter: the axis stays when the filter changes.
    async fn beginning(&self, scope: Scope, asked: &Asked) -> Result<Timestamp, LogStoreError> {
        let (mut from, mut to) = (asked.from, asked.to);
        for _ in 0..2 {
            let question = beginning(Question {
                from,
                to,
                ..asked.question()
            });
            let found = self.reader.find(scope, &question).await?;
            match first_part(from, to, &found) {
                Some(part) => (from, to) = part,
                None => break,
            }
        }
        Ok(from)
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
        Ok(entry.and_then(|entry| self.as_kept(entry, scope, now)))
    }

    /// The entries with these ids, in this order, as [`Self::entry`] has them. Leaves out those that are not there.
    pub async fn entries(
        &self,
        scope: Scope,
        requests: &[RequestId],
        now: Timestamp,
    ) -> Result<Vec<LogEntry>, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        let entries = self.reader.entries(scope, requests).await?;
        let kept = entries.into_iter();
        Ok(kept.filter_map(|entry| self.as_kept(entry, scope, now)).collect())
    }

    /// What this scope may still see of an entry.
    fn as_kept(&self, mut entry: LogEntry, scope: Scope, now: Timestamp) -> Option<LogEntry> {
        if self.kept(now).is_some_and(|kept| entry.row.at < kept.since) {
            return None;
        }
        let bodies_since = self.retention.bodies_since(now);
        if bodies_since.is_some_and(|since| entry.row.at < since) {
            entry = without_bodies(entry);
        }
        Some(LogEntry {
            row: seen_by(entry.row, scope),
            ..entry
        })
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

/// A filter at this moment.
struct Asked {
    conditions: Conditions,
    /// Where the filter's range begins.
    wanted_from: Timestamp,
    /// The range that is read.
    from: Timestamp,
    to: Timestamp,
    kept: Option<Kept>,
}

impl Asked {
    fn new(filter: &LogFilter, scope: Scope, known: &Known, kept: Option<Kept>, now: Timestamp) -> Self {
        let (mut wanted_from, mut to) = filter.range.bounds(now);
        // Ids find their requests whatever the range is.
        let sought = known
            .requests
            .iter()
            .filter(|row| filter.request.any_of.contains(&row.request_id));
        for row in sought {
            wanted_from = wanted_from.min(row.at);
            to = to.max(row.at.plus_millis(1));
        }
        Self {
            conditions: Conditions::of(filter, scope, known),
            wanted_from,
            from: not_before(wanted_from, kept).min(to),
            to,
            kept,
        }
    }

    /// Asks for nothing yet.
    fn question(&self) -> Question {
        Question {
            count: false,
            ..counting(self.from, self.to, self.conditions.clone())
        }
    }

    /// A page without anything that has to be looked for.
    fn empty_page(&self) -> LogPage {
        LogPage {
            from: self.from,
            to: self.to,
            ..LogPage::default()
        }
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
        after: None,
        rows: 0,
        count: true,
        histogram: None,
        callers: false,
        facets: false,
        groups: None,
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

/// The number if it is the whole.
const fn exactly(count: Count) -> Option<u64> {
    match count {
        Count::Exactly(rows) => Some(rows),
        Count::AtLeast(_) | Count::NotAsked => None,
    }
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

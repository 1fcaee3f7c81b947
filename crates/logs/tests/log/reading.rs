//! Tests what a page asks of a reader, and what it makes of the answer.

mod new_rows;
mod walk;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use logs::{
    Choice, Conditions, Count, Damaged, Found, Known, Ledger, LogStoreError, LookedBack, NamedKey, Question,
    Reader, Reading, Retention, Run, RunReport, Scope,
};
use model::{
    Body, BodyAbsence, Brand, BrandFilter, ClientId, CompanyId, DateRange, Environment, HeaderField, Kept,
    KeptBecause, KeyId, LogEntry, LogFilter, LogParts, LogRow, LogTotals, Moving, Recorded, RequestId,
    StatusFilter, Timestamp, Verdict,
};
use tokio::sync::Semaphore;

const NOW: Timestamp = Timestamp::from_millis(1_767_614_400_000);

fn with_brands(number: u8) -> Scope {
    Scope::WithBrands {
        company: CompanyId::from_random([number; 16]),
        client_id: client(number),
    }
}

fn client(number: u8) -> ClientId {
    ClientId::from_random([number; 16])
}

/// Gives prepared answers in turn, and keeps the questions.
#[derive(Default)]
struct Prepared {
    answers: Mutex<VecDeque<Found>>,
    asked: Mutex<Vec<Question>>,
    entry: Option<LogEntry>,
}

impl Prepared {
    fn new(answers: impl IntoIterator<Item = Found>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            ..Self::default()
        })
    }

    fn asked(&self) -> Vec<Question> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

#[async_trait]
impl Reader for Prepared {
    async fn find(&self, _: Scope, question: &Question) -> Result<Found, LogStoreError> {
        self.asked.lock().expect("not poisoned").push(question.clone());
        let next = self.answers.lock().expect("not poisoned").pop_front();
        next.ok_or_else(|| LogStoreError::Unavailable("no answer is left".into()))
    }

    async fn entry(&self, _: Scope, _: RequestId) -> Result<Option<LogEntry>, LogStoreError> {
        Ok(self.entry.clone())
    }
}

/// Has lost nothing, and is moving rows.
struct NoLosses;

#[async_trait]
impl Ledger for NoLosses {
    async fn start_run(&self, _: Timestamp) -> Result<Run, LogStoreError> {
        Ok(Run(1))
    }

    async fn end_run(&self, _: RunReport) -> Result<(), LogStoreError> {
        Ok(())
    }

    async fn totals(&self, _: Scope, _: Timestamp, _: Timestamp) -> Result<LogTotals, LogStoreError> {
        Ok(LogTotals::default())
    }

    async fn moving(&self) -> Result<Option<Moving>, LogStoreError> {
        Ok(Some(MOVING))
    }
}

const MOVING: Moving = Moving {
    moved: 3,
    total: Some(7),
};

fn reading(reader: &Arc<Prepared>) -> Reading {
    Reading::new(reader.clone(), Arc::new(NoLosses), 4)
}

fn counted(rows: u64) -> Found {
    Found {
        count: Count::Exactly(rows),
        ..Found::default()
    }
}

fn row(seq: i64, of: u8, brand: Option<&str>) -> LogRow {
    LogRow {
        seq,
        request_id: RequestId::from_random([7; 16]),
        at: NOW,
        method: "GET".to_owned(),
        path: "/".to_owned(),
        status: Some(200),
        verdict: Verdict::Accepted,
        error_code: None,
        environment: None,
        client_id: client(of),
        brand: brand.map(str::to_owned),
        key_id: None,
        key_last_four: None,
        duration_us: 1,
        caller: None,
    }
}

#[tokio::test]
async fn the_cursor_is_the_last_row_while_there_are_more() {
    let rows = vec![row(9, 1, None), row(4, 1, None)];
    let found = |more| Found {
        rows: rows.clone(),
        more,
        ..counted(3)
    };
    let reader = Prepared::new([found(true), found(false)]);
    let filter = LogFilter {
        before: Some(20),
        ..LogFilter::default()
    };
    for older in [Some(4), None] {
        let page = reading(&reader).page(with_brands(1), &filter, NOW).await;
        let page = page.expect("a page");
        assert_eq!((page.older, page.matching), (older, Some(3)));
    }
    let asked = &reader.asked()[0];
    assert_eq!((asked.before, asked.rows, asked.count), (Some(20), 50, true));
}

#[tokio::test]
async fn a_brand_is_not_told_its_own_name() {
    let rows = vec![row(2, 2, Some("Cards")), row(1, 1, None)];
    let found = || Found {
        rows: rows.clone(),
        ..counted(2)
    };
    let reader = Prepared::new([found(), found()]);
    let brand = Scope::Brand {
        company: CompanyId::from_random([2; 16]),
        client_id: client(2),
    };
    for (scope, name) in [(with_brands(1), Some("Cards")), (brand, None)] {
        let page = reading(&reader).page(scope, &LogFilter::default(), NOW).await;
        assert_eq!(page.expect("a page").rows[0].brand.as_deref(), name);
    }
}

#[tokio::test]
async fn if_nothing_matches_the_page_says_how_many_there_are_without_filters() {
    let reader = Prepared::new([counted(0), counted(7)]);
    let filter: LogFilter = "status=4xx".parse().expect("a filter");
    let page = reading(&reader).page(with_brands(1), &filter, NOW).await;
    let page = page.expect("a page");
    assert_eq!(
        (page.matching, page.without_filters, page.ever),
        (Some(0), Some(7), Some(7))
    );
    assert_eq!(reader.asked()[1].conditions, Conditions::default());
    assert_eq!(reader.asked()[1].rows, 0);
}

#[tokio::test]
async fn if_the_range_is_empty_the_page_says_how_many_there_ever_were() {
    let reader = Prepared::new([counted(0), counted(0), counted(12)]);
    let filter: LogFilter = "status=4xx".parse().expect("a filter");
    let page = reading(&reader).page(with_brands(1), &filter, NOW).await;
    let page = page.expect("a page");
    assert_eq!((page.without_filters, page.ever), (Some(0), Some(12)));
    let ever = &reader.asked()[2];
    assert!(ever.from == Timestamp::from_millis(0) && ever.to > NOW);
}

#[tokio::test]
async fn a_lower_bound_is_not_shown_as_the_number_of_matches() {
    let found = Found {
        rows: vec![row(1, 1, None)],
        count: Count::AtLeast(10_000),
        ..Found::default()
    };
    let reader = Prepared::new([found]);
    let page = reading(&reader)
        .page(with_brands(1), &LogFilter::default(), NOW)
        .await;
    assert_eq!(page.expect("a page").matching, None);
}

#[test]
fn a_company_that_filters_by_its_own_requests_names_its_own_client_id() {
    let own = LogFilter {
        brand: Choice::only(Some(BrandFilter::Own)),
        path: Choice::only(Some("a\0b".to_owned())),
        ..LogFilter::default()
    };
    let conditions = Conditions::of(&own, with_brands(3), &Known::default());
    assert_eq!(conditions.client.any_of, [client(3)]);
    assert_eq!(conditions.path.any_of, ["a\u{2400}b"], "as it is stored");
    assert!(Conditions::of(&LogFilter::default(), with_brands(3), &Known::default()).is_everything());
}

fn named_key(number: u8, last_four: &str) -> NamedKey {
    NamedKey {
        id: KeyId::from_random([number; 16]),
        last_four: last_four.to_owned(),
        environment: Environment::Prod,
        client_id: client(number),
        is_deleted: number == 2,
    }
}

#[test]
fn names_stand_for_every_brand_and_key_that_has_them_and_unknown_names_for_none() {
    let known = Known {
        brands: [(5, "Acme East"), (6, "acme east"), (7, "Other")]
            .map(|(number, name)| Brand {
                client_id: client(number),
                name: name.to_owned(),
            })
            .to_vec(),
        keys: vec![named_key(1, "ab6d"), named_key(2, "ab6d"), named_key(3, "0000")],
        requests: vec![row(9, 1, None)],
    };
    let of = |query: &str| {
        let filter: LogFilter = query.parse().expect("a filter");
        Conditions::of(&filter, with_brands(1), &known)
    };
    assert_eq!(
        of("brand=ACME%20east&brand=own").client.any_of,
        [client(5), client(6), client(1)]
    );
    assert_eq!(
        of("key=ab6d").key.any_of,
        [1, 2].map(|number| KeyId::from_random([number; 16]))
    );
    let id = RequestId::from_random([7; 16]);
    assert_eq!(of(&format!("id={id}")).row.any_of, [9]);
    assert_eq!(
        of("ip=2001:DB8:0::7").address.any_of,
        ["2001:db8::7"],
        "as the gateway writes it"
    );
    for nothing in ["brand=Nobody", "key=ffff", "id=0123456789abcdef0123456789abcdef"] {
        let (included, excluded) = (of(nothing), of(&format!("-{nothing}")));
        assert!(
            !included.is_everything(),
            "{nothing} matches nothing, and not everything"
        );
        assert!(excluded.is_everything(), "{nothing} excludes nothing");
    }
}

#[tokio::test]
async fn each_part_of_a_page_is_answered_alone_and_asks_for_no_other() {
    let histogram = |question: &Question| question.histogram.is_some();
    for (parts, questions) in [
        (LogParts::ROWS, 1),
        (LogParts::HISTOGRAM, 2),
        (LogParts::FACETS, 1),
        (LogParts::ERRORS, 1),
        (LogParts::ENDPOINTS, 2),
        (LogParts::ADDRESSES, 2),
    ] {
        let found = Found {
            rows: vec![row(9, 1, None)],
            ..counted(1)
        };
        let reader = Prepared::new(vec![found; questions]);
        let page = reading(&reader)
            .parts(with_brands(1), &LogFilter::default(), parts, 50, NOW)
            .await
            .expect("a page");
        assert_eq!(page.histogram.is_some(), parts.histogram);
        assert_eq!(page.facets.is_some(), parts.facets);
        assert_eq!(page.errors.is_some(), parts.errors);
        assert_eq!(page.endpoints.is_some(), parts.endpoints);
        assert_eq!(page.addresses.is_some(), parts.addresses);
        // What else two of them need to know, they ask first or last.
        let mut asked = reader.asked();
        if parts.endpoints {
            assert!(asked.remove(0).count, "requests without a status");
        }
        if parts.addresses {
            assert!(
                asked.pop().is_some_and(|last| last.callers),
                "the latest requests"
            );
        }
        for question in asked {
            assert_eq!((question.rows > 0, question.count), (parts.rows, parts.rows));
            assert_eq!(
                (histogram(&question), question.facets),
                (parts.histogram, parts.facets)
            );
            assert_eq!(
                question.groups.is_some(),
                parts.errors || parts.endpoints || parts.addresses
            );
        }
        assert_eq!(reader.asked().len(), questions);
    }
}

/// A reader in which the questions of the first company hang.
struct HangsForOne {
    gate: Semaphore,
}

#[async_trait]
impl Reader for HangsForOne {
    async fn find(&self, scope: Scope, _: &Question) -> Result<Found, LogStoreError> {
        if scope == with_brands(1) {
            self.gate.acquire().await.expect("it is never closed").forget();
        }
        Ok(counted(7))
    }

    async fn entry(&self, _: Scope, _: RequestId) -> Result<Option<LogEntry>, LogStoreError> {
        Ok(None)
    }
}

#[tokio::test]
async fn a_search_that_hangs_does_not_stop_another_company_from_reading_its_log() {
    let reader = Arc::new(HangsForOne {
        gate: Semaphore::new(0),
    });
    let reading = Reading::new(reader.clone(), Arc::new(NoLosses), 4);
    let count = |scope: Scope| {
        let reading = reading.clone();
        tokio::spawn(async move {
            let key = KeyId::from_random([1; 16]);
            reading.count_by_key(scope, key, NOW, NOW).await
        })
    };
    let hanging: Vec<_> = (0..20).map(|_| count(with_brands(1))).collect();
    tokio::task::yield_now().await;
    let other = count(with_brands(2)).await.expect("no panic");
    assert_eq!(other.expect("it does not wait"), 7);
    reader.gate.add_permits(Semaphore::MAX_PERMITS);
    for one in hanging {
        one.await.expect("no panic").expect("counted in the end");
    }
}

const A_DAY: i64 = 24 * 3600;

/// 5 January 2026, 12:00 UTC, like [`NOW`]; rows are kept for 3 days, and bodies for 1.
const LIMITS: Retention = Retention {
    log_days: Some(3),
    body_days: Some(1),
    log_bytes: None,
};

fn midnight(days_ago: i64) -> Timestamp {
    let day = NOW.as_millis().div_euclid(A_DAY * 1000);
    Timestamp::from_millis((day - days_ago) * A_DAY * 1000)
}

#[tokio::test]
async fn a_page_asks_no_further_back_than_the_log_is_kept_and_says_where_it_begins() {
    let week = LogFilter {
        range: DateRange::Last7Days,
        ..LogFilter::default()
    };
    for (own_days, filter, begins) in [
        (None, &week, Some((3, 3))),
        (Some(2), &week, Some((2, 2))),
        (Some(300), &week, Some((3, 3))),
        (None, &LogFilter::default(), None),
    ] {
        let reader = Prepared::new([counted(0), counted(0)]);
        let reading = reading(&reader).within(LIMITS, own_days);
        let page = reading.page(with_brands(1), filter, NOW).await.expect("a page");
        let kept = begins.map(|(days_ago, days)| Kept {
            since: midnight(days_ago),
            because: KeptBecause::Days(days),
        });
        assert_eq!(page.kept, kept, "{own_days:?}");
        let asked = reader.asked();
        let from = kept.map_or(filter.range.bounds(NOW).0, |kept| kept.since);
        assert_eq!((asked[0].from, page.from), (from, from));
        let days = u16::min(own_days.unwrap_or(3), 3);
        assert_eq!(asked[1].from, midnight(days.into()), "what there is in total");
    }
}

#[tokio::test]
async fn a_range_before_the_log_begins_asks_for_nothing() {
    let filter = LogFilter {
        range: DateRange::Between {
            from: Some(midnight(20)),
            to: Some(midnight(10)),
        },
        ..LogFilter::default()
    };
    let reader = Prepared::new([counted(0), counted(5)]);
    let reading = reading(&reader).within(LIMITS, None);
    let page = reading.page(with_brands(1), &filter, NOW).await.expect("a page");
    let asked = reader.asked();
    assert_eq!(asked[0].from, asked[0].to);
    assert_eq!(
        (page.ever, page.kept.map(|kept| kept.since)),
        (Some(5), Some(midnight(3)))
    );
}

fn entry_at(at: Timestamp, request_body: Body) -> LogEntry {
    LogEntry {
        row: LogRow {
            at,
            ..row(1, 1, None)
        },
        recorded: Recorded::Gateway,
        address: String::new(),
        user_agent: None,
        verdict_detail: String::new(),
        upstream_us: None,
        request_headers: vec![HeaderField {
            name: "accept".to_owned(),
            value: "*/*".to_owned(),
            redacted: false,
        }],
        request_body,
        response_headers: Vec::new(),
        response_body: absent(BodyAbsence::Empty),
        events: Vec::new(),
    }
}

const fn absent(why: BodyAbsence) -> Body {
    Body::Absent { why, total_bytes: 0 }
}

async fn read(entry: LogEntry, own_days: Option<u16>) -> Option<LogEntry> {
    let reader = Arc::new(Prepared {
        entry: Some(entry),
        ..Prepared::default()
    });
    let reading = reading(&reader).within(LIMITS, own_days);
    let read = reading
        .entry(with_brands(1), RequestId::from_random([7; 16]), NOW)
        .await;
    read.expect("an answer")
}

#[tokio::test]
async fn an_entry_that_is_no_longer_kept_is_not_found_by_its_id() {
    let at = |at: Timestamp| entry_at(at, absent(BodyAbsence::Empty));
    for (begin, own_days) in [(midnight(3), None), (midnight(2), Some(2))] {
        assert!(read(at(begin), own_days).await.is_some());
        assert_eq!(read(at(begin.plus_millis(-1)), own_days).await, None);
    }
}

#[tokio::test]
async fn headers_and_bodies_go_before_their_entry() {
    let text = Body::Text {
        text: "{}".to_owned(),
        total_bytes: 2,
        truncated: false,
        redactions: 0,
    };
    let kept = entry_at(midnight(1), text.clone());
    assert_eq!(read(kept.clone(), None).await, Some(kept));
    let gone = absent(BodyAbsence::NoLongerKept);
    for body in [text, absent(BodyAbsence::Empty)] {
        let entry = entry_at(midnight(1).plus_millis(-1), body);
        let read = read(entry, None).await.expect("the entry");
        assert!(read.request_headers.is_empty());
        assert_eq!((&read.request_body, &read.response_body), (&gone, &gone));
    }
    let never_had_any = LogEntry {
        request_headers: Vec::new(),
        ..entry_at(midnight(2), absent(BodyAbsence::KeyNotRecognised))
    };
    assert_eq!(read(never_had_any.clone(), None).await, Some(never_had_any));
}

#[tokio::test]
async fn a_page_says_how_many_rows_of_a_version_before_are_moved() {
    let reader = Prepared::new([counted(1), counted(1)]);
    let page = reading(&reader)
        .page(with_brands(1), &LogFilter::default(), NOW)
        .await;
    assert_eq!(page.expect("a page").moving, Some(MOVING));
}

#[tokio::test]
async fn if_time_ran_out_the_page_says_how_far_back_it_looked_and_goes_on_from_there() {
    let looked_back = LookedBack {
        seq: 77,
        at: NOW.minus_seconds(60),
    };
    let found = |rows: Vec<LogRow>, more| Found {
        rows,
        more,
        count: Count::AtLeast(1),
        looked_back_to: Some(looked_back),
        ..Found::default()
    };
    let full = (vec![row(90, 1, None)], true);
    for ((rows, more), older, to) in [
        (full, 90, None),
        ((vec![row(90, 1, None)], false), 77, Some(looked_back.at)),
        ((Vec::new(), false), 77, Some(looked_back.at)),
    ] {
        let reader = Prepared::new([found(rows, more), counted(9)]);
        let page = reading(&reader)
            .page(with_brands(1), &LogFilter::default(), NOW)
            .await;
        let page = page.expect("a page");
        assert_eq!((page.older, page.looked_back_to), (Some(older), to));
        assert_eq!((page.matching, page.at_least), (None, 1));
    }
}

#[tokio::test]
async fn damaged_parts_are_joined_and_a_few_at_most() {
    let part = |from: i64, to: i64| Damaged {
        from: NOW.plus_seconds(from),
        to: NOW.plus_seconds(to),
        rows: 9,
    };
    let found = Found {
        damaged: vec![
            part(50, 60),
            part(0, 10),
            part(5, 12),
            part(90, 95),
            part(70, 71),
            part(20, 25),
        ],
        ..counted(9)
    };
    let reader = Prepared::new([found, counted(9)]);
    let page = reading(&reader)
        .page(with_brands(1), &LogFilter::default(), NOW)
        .await;
    let seconds = |at: Timestamp| (at.as_millis() - NOW.as_millis()) / 1000;
    let damaged = page.expect("a page").damaged;
    let parts: Vec<_> = damaged
        .iter()
        .map(|part| (seconds(part.from), seconds(part.to)))
        .collect();
    assert_eq!(parts, [(0, 12), (20, 25), (50, 95)]);
}

#[tokio::test]
async fn endpoints_leave_out_requests_of_which_no_status_is_known() {
    for (filter, unknown, asks) in [
        ("", 1, true),
        ("-status=404", 1, true),
        ("status=4xx", 0, false),
        ("-status=unknown", 0, false),
    ] {
        let reader = Prepared::new(vec![counted(1); 2]);
        let filter: LogFilter = filter.parse().expect("a filter");
        let page = reading(&reader)
            .parts(with_brands(1), &filter, LogParts::ENDPOINTS, 50, NOW)
            .await
            .expect("a page");
        assert_eq!(page.endpoints.map(|endpoints| endpoints.unknown), Some(unknown));
        let grouped = reader.asked().pop().expect("asked");
        assert_eq!(reader.asked().len(), 1 + usize::from(asks));
        let leaves_out = grouped.conditions.status.none_of.contains(&StatusFilter::Unknown);
        assert_eq!(leaves_out, filter.to_string() != "status=4xx", "{filter}");
    }
}

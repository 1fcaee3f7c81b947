//! Tests what a page asks of a reader, and what it makes of the answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use logs::{
    Conditions, Count, Found, Ledger, LogStoreError, Question, Reader, Reading, Run, RunReport, Scope,
};
use model::{
    BrandFilter, ClientId, CompanyId, KeyId, LogEntry, LogFilter, LogRow, LogTotals, RequestId, Timestamp,
    Verdict,
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
}

impl Prepared {
    fn new(answers: impl IntoIterator<Item = Found>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<Question> {
        self.asked.lock().expect("nobody panicked").clone()
    }
}

#[async_trait]
impl Reader for Prepared {
    async fn find(&self, _: Scope, question: &Question) -> Result<Found, LogStoreError> {
        self.asked.lock().expect("nobody panicked").push(question.clone());
        let next = self.answers.lock().expect("nobody panicked").pop_front();
        next.ok_or_else(|| LogStoreError::Unavailable("no answer is left".into()))
    }

    async fn entry(&self, _: Scope, _: RequestId) -> Result<Option<LogEntry>, LogStoreError> {
        Ok(None)
    }
}

/// Has lost nothing.
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
}

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
        status: 200,
        verdict: Verdict::Accepted,
        environment: None,
        client_id: client(of),
        brand: brand.map(str::to_owned),
        key_id: None,
        key_last_four: None,
        duration_us: 1,
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
        brand: Some(BrandFilter::Own),
        path: "a\0b".to_owned(),
        ..LogFilter::default()
    };
    let conditions = Conditions::of(&own, with_brands(3));
    assert_eq!(conditions.client.any_of, [client(3)]);
    assert_eq!(conditions.path.any_of, ["a\u{2400}b"], "as it is stored");
    assert!(Conditions::of(&LogFilter::default(), with_brands(3)).is_everything());
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

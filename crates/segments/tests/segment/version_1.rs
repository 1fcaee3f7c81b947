//! What the first version of the format wrote is still read. That version wrote `version_1/`, from [`rows`].

use std::sync::Arc;
use std::time::Duration;

use logs::{Choice, Conditions, Groups, KeyTrace, Place, Question, Scope, StoredEntry};
use model::{
    Body, BodyAbsence, Environment, ErrorCode, HeaderField, KeyId, Recorded, RequestId, Timestamp, Verdict,
};
use segments::{
    Cache, Closed, Column, Container, Dictionary, Encoded, Head, RowReader, SegmentId, Source, View, delta,
    rewrite, verify,
};
use test_logs::{List, compare};

use crate::support::{InMemory, NOON, client, company};
use crate::{ID, read_all};

/// More than a block, with headers and bodies in some.
fn rows() -> Vec<StoredEntry> {
    (0..1030_u64).map(row).collect()
}

fn row(number: u64) -> StoredEntry {
    let at = Timestamp::from_millis(NOON + number as i64 * 250);
    let failed = number.is_multiple_of(10);
    let brand = number % 3;
    let absent = |why| Body::Absent { why, total_bytes: 0 };
    StoredEntry {
        request_id: RequestId::time_ordered(at, [number as u8; 10]),
        at,
        place: Place {
            root: company(0),
            company: company(brand),
            client_id: client(brand),
            brand: (brand > 0).then(|| format!("Brand {brand}")),
        },
        environment: Some(Environment::Prod),
        key: Some(KeyTrace {
            id: KeyId::from_random([(number % 2) as u8; 16]),
            last_four: format!("{:04x}", number % 2),
        }),
        recorded: Recorded::Gateway,
        method: if failed { "POST" } else { "GET" }.to_owned(),
        path: format!("/v1/users/{}?page=1", number % 40),
        status: if failed { 503 } else { 200 },
        verdict: Verdict::Accepted,
        verdict_detail: String::new(),
        error_code: None,
        duration_us: 1500 + number,
        upstream_us: Some(1200),
        address: "192.0.2.7".to_owned(),
        user_agent: (!failed).then(|| "curl/8".to_owned()),
        request_headers: Vec::new(),
        request_body: absent(BodyAbsence::Empty),
        response_headers: if failed {
            vec![HeaderField {
                name: "content-type".to_owned(),
                value: "application/json".to_owned(),
                redacted: false,
            }]
        } else {
            Vec::new()
        },
        response_body: if failed {
            Body::Text {
                text: r#"{"error":{"code":"out_of_order"}}"#.to_owned(),
                total_bytes: 33,
                truncated: false,
                redactions: 0,
            }
        } else {
            absent(BodyAbsence::Empty)
        },
    }
}

fn file(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/segment/version_1");
    std::fs::read(format!("{folder}/{name}")).expect("a file of version 1")
}

fn segment() -> (Head, InMemory) {
    let head = Head::parse(ID, &file("head")).expect("the head is whole");
    let encoded = Encoded {
        meta: head.meta().clone(),
        head: file("head"),
        rows: file("rows"),
        bodies: Some(file("bodies")),
    };
    (head, InMemory::of(&encoded))
}

#[test]
fn a_segment_of_version_1_is_whole_and_has_its_rows() {
    let (head, container) = segment();
    verify(&head, &container, true).unwrap();
    assert!(!head.has(Column::Error) && head.has(Column::Messages));
    assert_eq!(head.dictionary_len(Dictionary::Errors), 0);
    let all: Vec<u16> = (0..1030).collect();
    let expected: Vec<_> = (100..).zip(rows()).collect();
    assert!(read_all(&head, &container, &all) == expected);
    let mut reader = RowReader::of_rows(&head, &all, false);
    while !reader.wanted().is_empty() {
        let bytes = container.read(reader.wanted()).unwrap();
        reader.supply(&bytes).unwrap();
    }
    let listed = reader.into_rows().unwrap();
    assert_eq!(listed.len(), 1030);
    assert!(listed.iter().all(|row| row.error_code.is_none()));
}

#[test]
fn a_segment_of_version_1_that_is_rewritten_is_of_the_new_version() {
    let (head, container) = segment();
    let new = SegmentId(8);
    let rewritten = rewrite(&head, &container, true, new, |row| row.status == 200);
    let rewritten = rewritten.unwrap().unwrap();
    let head = Head::parse(new, &rewritten.head).unwrap();
    assert!(head.has(Column::Error));
    verify(&head, &InMemory::of(&rewritten), true).unwrap();
    assert_eq!(head.rows(), 103);
}

#[test]
fn a_delta_of_version_1_has_its_rows() {
    assert!(delta::decode(&file("delta")).unwrap() == rows()[..50]);
}

#[test]
fn questions_about_codes_and_endpoints_are_answered_for_version_1() {
    let (head, container) = segment();
    let view = View {
        closed: vec![Closed {
            head: Arc::new(head),
            bodies_kept: true,
        }],
        ..View::default()
    };
    let (container, cache) = (&container as &dyn Container, &Cache::new(1 << 20));
    let source = Source {
        view: &view,
        container,
        cache,
    };
    let scope = Scope::WithBrands {
        company: company(0),
        client_id: client(0),
    };
    let mut list = List::default();
    for (seq, row) in (100..).zip(rows()) {
        list.push(seq, row);
    }
    let code = ErrorCode::stored("out_of_order");
    let (some, none) = (Choice::only(Some(code)), Choice::only(Some(None)));
    let not = |choice: &Choice<_>| Choice {
        any_of: Vec::new(),
        none_of: choice.any_of.clone(),
    };
    for error in [Choice::default(), not(&some), not(&none), some, none] {
        for groups in [
            None,
            Some(Groups::Errors { parts: 7 }),
            Some(Groups::Endpoints(model::EndpointOrder::Requests)),
            Some(Groups::Addresses),
        ] {
            let question = Question {
                from: Timestamp::from_millis(NOON),
                to: Timestamp::from_millis(NOON + 3_600_000),
                conditions: Conditions {
                    error: error.clone(),
                    endpoint: Choice::only(Some("/v1/users/{id}".to_owned())),
                    ..Conditions::default()
                },
                after: None,
                before: None,
                as_of: None,
                rows: 50,
                callers: false,
                count: true,
                histogram: None,
                facets: false,
                groups,
                budget: Duration::from_secs(3600),
            };
            let found = source.answer(scope, &question, &|| false).unwrap();
            compare(&list, scope, &question, &found);
        }
    }
}

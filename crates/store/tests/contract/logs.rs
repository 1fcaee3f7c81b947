//! The contract of reading from the log store: order, filters, scopes and counts.

use http::{HeaderMap, HeaderValue};
use logs::{CapturedBody, KeyTrace, Message, Names, Scope, StoredEntry, redact};
use model::{
    BodyAbsence, BrandFilter, DateRange, Environment, LogFilter, Recorded, RequestId, StatusFilter, Verdict,
};
use store::logs::LOG_MIGRATIONS;

use crate::log_world::{Dice, NOW, PATH, World, brand, client, entry, key, place, raw, request, with_brands};
use crate::test_db::TestDb;

contract!(
    LOG_MIGRATIONS,
    [
        paging_returns_every_row_once_while_others_are_written,
        filters_select_the_same_rows_as_a_plain_check_of_each_entry,
        a_parent_sees_its_brands_and_a_brand_only_itself,
        an_entry_is_returned_whole_and_only_to_its_company,
        a_batch_that_is_tried_again_is_stored_once,
        requests_of_a_key_are_counted,
        more_than_ten_thousand_matches_are_counted_exactly,
    ]
);

const PATHS: [&str; 4] = [PATH, "/v1/orders/?page=2", "/v1/users/%41_b/", "/v1/Orders/x"];

async fn paging_returns_every_row_once_while_others_are_written(db: &TestDb) {
    let world = World::new(db).await;
    let mut dice = Dice(1);
    // Entries are stored in a different order from their arrival: some requests are long, and some are reported late.
    let at = |dice: &mut Dice| NOW.plus_millis(-(dice.roll(3_600_000) as i64));
    world
        .append((0..230).map(|number| entry(number, 1, at(&mut dice))).collect())
        .await;

    let mut filter = LogFilter::default();
    let mut seen = Vec::new();
    let mut next = 1000;
    loop {
        let page = world.page(with_brands(1), &filter).await;
        seen.extend(page.rows.iter().map(|row| row.request_id));
        world
            .append(
                (next..next + 7)
                    .map(|number| entry(number, 1, at(&mut dice)))
                    .collect(),
            )
            .await;
        next += 7;
        match page.older {
            Some(older) => filter.before = Some(older),
            None => break,
        }
    }
    let expected: Vec<RequestId> = (0..230).rev().map(request).collect();
    assert_eq!(
        seen, expected,
        "no row twice, none missing, and none that was written in the meantime"
    );
}

fn random_entry(number: u64, dice: &mut Dice) -> StoredEntry {
    let of = dice.one_of(&[1, 1, 2, 3, 9]);
    let mut raw = raw(
        number,
        place(of),
        NOW.plus_millis(-(dice.roll(40 * 86_400_000) as i64)),
    );
    raw.environment = dice.one_of(&[
        None,
        Some(Environment::Sandbox),
        Some(Environment::Dev),
        Some(Environment::Prod),
    ]);
    raw.key = dice.one_of(&[None, Some(1), Some(2)]).map(|number| KeyTrace {
        id: key(number),
        last_four: "00ff".to_owned(),
    });
    raw.method = dice.one_of(&["GET", "POST", "DELETE"]).to_owned();
    raw.path = dice.one_of(&PATHS).to_owned();
    raw.status = dice.one_of(&[200, 201, 204, 301, 400, 401, 404, 429, 500, 503]);
    if raw.status == 401 {
        raw.verdict = Verdict::UnknownSecret;
    }
    redact(raw, &Names::default())
}

fn random_filter(dice: &mut Dice) -> LogFilter {
    let hours = |dice: &mut Dice| NOW.minus_seconds(dice.roll(40 * 24) as i64 * 3600);
    let range = match dice.roll(6) {
        0 => DateRange::LastHour,
        1 => DateRange::Last24Hours,
        2 => DateRange::Last7Days,
        3 => DateRange::Last30Days,
        4 => DateRange::Between {
            from: Some(hours(dice)),
            to: Some(hours(dice)),
        },
        _ => DateRange::Between { from: None, to: None },
    };
    let path = ["", "orders", "Orders", "%41", "_b", "'; --", "é", "page=2"];
    LogFilter {
        range,
        status: dice.one_of(&[
            None,
            None,
            Some(StatusFilter::Class(4)),
            Some(StatusFilter::Exactly(503)),
        ]),
        brand: dice.one_of(&[
            None,
            None,
            Some(BrandFilter::Own),
            Some(BrandFilter::Brand(client(2))),
            Some(BrandFilter::Brand(client(9))),
        ]),
        environment: dice.one_of(&[None, None, Some(Environment::Dev), Some(Environment::Prod)]),
        key: dice.one_of(&[None, None, Some(key(2)), Some(key(7))]),
        method: dice.one_of(&[None, None, Some("POST".to_owned())]),
        path: dice.one_of(&path).to_owned(),
        before: None,
    }
}

fn in_scope(entry: &StoredEntry, scope: Scope) -> bool {
    match scope {
        Scope::WithBrands { company, .. } => entry.place.root == company,
        Scope::Brand { company, .. } => entry.place.company == company,
    }
}

fn matches(entry: &StoredEntry, scope: Scope, filter: &LogFilter) -> bool {
    let (from, to) = filter.range.bounds(NOW);
    let status = filter.status.map(StatusFilter::bounds);
    in_scope(entry, scope)
        && entry.at >= from
        && entry.at < to
        && status.is_none_or(|(from, to)| (from..to).contains(&entry.status))
        && filter.brand.is_none_or(|brand| match brand {
            BrandFilter::Own => entry.place.company == scope.company(),
            BrandFilter::Brand(client) => entry.place.client_id == client,
        })
        && filter
            .environment
            .is_none_or(|environment| entry.environment == Some(environment))
        && filter
            .key
            .is_none_or(|key| entry.key.as_ref().is_some_and(|tried| tried.id == key))
        && filter
            .method
            .as_ref()
            .is_none_or(|method| entry.method == *method)
        && entry.path.contains(&filter.path)
}

async fn filters_select_the_same_rows_as_a_plain_check_of_each_entry(db: &TestDb) {
    let world = World::new(db).await;
    let mut dice = Dice(2);
    let entries: Vec<StoredEntry> = (0..600).map(|number| random_entry(number, &mut dice)).collect();
    for batch in entries.chunks(170) {
        world.append(batch.to_vec()).await;
    }
    let mut found_some = 0;
    for _ in 0..150 {
        let filter = random_filter(&mut dice);
        let scope = dice.one_of(&[with_brands(1), brand(2), with_brands(9)]);
        let plain = |filter: &LogFilter| -> Vec<RequestId> {
            let matching = entries.iter().rev().filter(|entry| matches(entry, scope, filter));
            matching.map(|entry| entry.request_id).collect()
        };
        let expected = plain(&filter);
        assert_eq!(world.all(scope, &filter).await, expected, "{scope:?} {filter}");
        let page = world.page(scope, &filter).await;
        assert_eq!(page.matching, Some(expected.len() as u64), "{scope:?} {filter}");
        let without = plain(&filter.without_narrowing()).len() as u64;
        let nothing_found = expected.is_empty() && filter.narrows();
        assert_eq!(
            page.without_filters,
            nothing_found.then_some(without),
            "{scope:?} {filter}"
        );
        found_some += usize::from(!expected.is_empty());
    }
    assert!(found_some > 30, "only {found_some} of the filters found anything");
}

async fn a_parent_sees_its_brands_and_a_brand_only_itself(db: &TestDb) {
    let world = World::new(db).await;
    world
        .append(
            (0..4)
                .map(|number| entry(number, [1, 2, 3, 9][number as usize], NOW))
                .collect(),
        )
        .await;
    let all = LogFilter::default();
    let parent = world.page(with_brands(1), &all).await;
    let brands: Vec<Option<&str>> = parent.rows.iter().map(|row| row.brand.as_deref()).collect();
    assert_eq!(brands, [Some("Brand 3"), Some("Brand 2"), None]);
    let of_brand = world.page(brand(2), &all).await;
    assert_eq!(
        of_brand
            .rows
            .iter()
            .map(|row| (row.client_id, row.brand.clone()))
            .collect::<Vec<_>>(),
        [(client(2), None)]
    );
    assert!(
        world.page(with_brands(2), &all).await.rows.is_empty(),
        "a brand is not a parent"
    );
    assert!(world.page(with_brands(7), &all).await.rows.is_empty());
}

async fn an_entry_is_returned_whole_and_only_to_its_company(db: &TestDb) {
    let world = World::new(db).await;
    let mut sent = raw(1, place(2), NOW);
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("cookie", HeaderValue::from_static("a=b"));
    let body = br#"{"name":"Zo\u00eb \u2713","password":"hunter2"}"#;
    sent.request = Message {
        headers,
        body: CapturedBody::Bytes {
            first: body.to_vec(),
            total_bytes: body.len() as u64,
        },
    };
    sent.verdict_detail = "Detail.".to_owned();
    let stored = redact(sent, &Names::default());
    let mut refused = raw(2, place(1), NOW);
    refused.verdict = Verdict::DeletedKey;
    refused.key = None;
    refused.environment = None;
    let refused = redact(refused, &Names::default());
    world.append(vec![stored.clone(), refused]).await;

    for scope in [with_brands(1), brand(2)] {
        let found = world.entry(scope, request(1)).await.expect("the entry exists");
        assert_eq!(found.row.request_id, stored.request_id);
        assert_eq!(
            (found.row.at, found.row.status, found.row.verdict),
            (NOW, 200, Verdict::Accepted)
        );
        assert_eq!((found.row.duration_us, found.upstream_us), (1234, Some(1000)));
        assert_eq!(
            (found.address.as_str(), found.user_agent.as_deref()),
            ("192.0.2.7", Some("curl/8"))
        );
        assert_eq!(
            (found.recorded, found.verdict_detail.as_str()),
            (Recorded::Gateway, "Detail.")
        );
        assert_eq!(
            (&found.request_headers, &found.request_body),
            (&stored.request_headers, &stored.request_body)
        );
        assert_eq!(
            (&found.response_headers, &found.response_body),
            (&stored.response_headers, &stored.response_body)
        );
    }
    for scope in [with_brands(9), brand(3), with_brands(2)] {
        assert_eq!(world.entry(scope, request(1)).await, None);
    }
    let found = world
        .entry(with_brands(1), request(2))
        .await
        .expect("the entry exists");
    let absent = model::Body::Absent {
        why: BodyAbsence::KeyNotRecognised,
        total_bytes: 0,
    };
    assert_eq!(
        (found.request_body, found.response_body),
        (absent.clone(), absent)
    );
    assert_eq!((found.row.environment, found.row.key_id), (None, None));
}

async fn a_batch_that_is_tried_again_is_stored_once(db: &TestDb) {
    let world = World::new(db).await;
    let batch = world.batch((0..40).map(|number| entry(number, 1, NOW)).collect());
    for _ in 0..2 {
        world.sink.append(batch.clone()).await.expect("stored");
    }
    world.append(vec![entry(40, 1, NOW)]).await;
    world.sink.append(batch).await.expect("stored");
    let expected: Vec<RequestId> = (0..41).rev().map(request).collect();
    assert_eq!(world.all(with_brands(1), &LogFilter::default()).await, expected);
    assert_eq!(
        world
            .count_by_key(with_brands(1), key(1), NOW.minus_seconds(60))
            .await,
        41
    );
}

async fn requests_of_a_key_are_counted(db: &TestDb) {
    let world = World::new(db).await;
    let mut entries: Vec<StoredEntry> = (0..30).map(|number| entry(number, 1, NOW)).collect();
    entries.extend((30..40).map(|number| entry(number, 2, NOW.minus_seconds(3600))));
    entries.extend((40..45).map(|number| entry(number, 1, NOW.minus_seconds(86_400 * 2))));
    entries.push({
        let mut other = raw(50, place(1), NOW);
        other.key = Some(KeyTrace {
            id: key(2),
            last_four: "1111".to_owned(),
        });
        redact(other, &Names::default())
    });
    world.append(entries).await;
    let count = async |scope, key| world.count_by_key(scope, key, NOW.minus_seconds(86_400)).await;
    assert_eq!(
        count(with_brands(1), key(1)).await,
        40,
        "includes the brand's requests, but not those from the day before yesterday"
    );
    assert_eq!(count(brand(2), key(1)).await, 10);
    assert_eq!(count(with_brands(1), key(2)).await, 1);
    assert_eq!(count(with_brands(9), key(1)).await, 0, "not for another company");
}

async fn more_than_ten_thousand_matches_are_counted_exactly(db: &TestDb) {
    let world = World::new(db).await;
    for batch in 0..21 {
        world
            .append(
                (batch * 500..(batch + 1) * 500)
                    .map(|number| entry(number, 1, NOW))
                    .collect(),
            )
            .await;
    }
    let scope = with_brands(1);
    for filter in ["", "method=GET", "status=2xx&environment=sandbox"] {
        let filter: LogFilter = filter.parse().expect("a filter");
        assert_eq!(
            world.page(scope, &filter).await.matching,
            Some(10_500),
            "{filter}"
        );
    }
    let nothing: LogFilter = "method=PURGE".parse().expect("a filter");
    assert_eq!(world.page(scope, &nothing).await.without_filters, Some(10_500));
}

//! The contract of reading from the log store: order, filters, scopes and counts.

use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue};
use logs::{
    CapturedBody, Directory, KeyTrace, LogStoreError, Message, NamedKey, Names, Scope, StoredEntry, redact,
};
use model::{
    BodyAbsence, Brand, BrandFilter, Choice, DateRange, Environment, ErrorCode, FilterField, KeyFilter,
    LogFilter, LogParts, NO_ERROR_CODE, Recorded, RequestId, Verdict, path_template,
};
use store::logs::LOG_MIGRATIONS;

use crate::log_groups::check_groups;
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
    raw.key = dice
        .one_of(&[None, Some(1), Some(2), Some(3)])
        .map(|number| KeyTrace {
            id: key(number),
            last_four: if number == 2 { "0aff" } else { "00ff" }.to_owned(),
        });
    raw.duration_us = dice.one_of(&[0, 999, 1_000, 1_001, 1_234, 1_300, 5_000_000]);
    raw.address = dice.one_of(&["192.0.2.7", "192.0.2.9", "2001:db8::7"]).to_owned();
    raw.method = dice.one_of(&["GET", "POST", "DELETE"]).to_owned();
    raw.path = dice.one_of(&PATHS).to_owned();
    raw.status = dice.one_of(&[200, 201, 204, 301, 400, 401, 404, 429, 500, 503]);
    if raw.status == 401 {
        raw.verdict = Verdict::UnknownSecret;
    }
    let mut stored = redact(raw, &Names::default());
    if stored.status >= 400 && stored.verdict == Verdict::Accepted {
        stored.error_code = ErrorCode::stored(dice.one_of(&["", "card_declined", "E1001"]));
    }
    stored
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
    let mut filter = LogFilter {
        range,
        ..LogFilter::default()
    };
    let values = [
        (FilterField::Status, ["4xx", "503", ">=400", "401..404"]),
        (FilterField::Brand, ["own", "Brand 2", "brand 3", "Nobody"]),
        (FilterField::Environment, ["dev", "prod", "sandbox", "dev"]),
        (FilterField::Key, ["00ff", "0aff", "ffff", "00ff"]),
        (FilterField::Method, ["POST", "GET", "PURGE", "DELETE"]),
        (
            FilterField::Verdict,
            ["unknown_secret", "accepted", "deleted_key", "accepted"],
        ),
        (
            FilterField::Recorded,
            ["gateway", "verify", "gateway", "public_api"],
        ),
        (FilterField::Error, ["none", "card_declined", "E1", "none"]),
        (
            FilterField::Endpoint,
            ["/v1/orders/{id}/", "/v1/orders/17/", "/v1/users/", "/absent"],
        ),
        (FilterField::Path, ["orders", "%41", "'; --", "page=2"]),
        (
            FilterField::Address,
            ["192.0.2.7", "2001:DB8:0::7", "192.0.2.8", "2001:db8::7"],
        ),
        (FilterField::Duration, [">1ms", "<1s", "1ms..1300us", "<=1234us"]),
    ];
    for _ in 0..dice.one_of(&[0, 1, 1, 2, 3]) {
        let (field, texts) = dice.one_of(&values);
        for _ in 0..dice.one_of(&[1, 1, 2]) {
            let exclude = dice.one_of(&[false, false, false, true]);
            filter.add(field, exclude, dice.one_of(&texts)).expect("a value");
        }
    }
    if dice.roll(10) == 0 {
        for id in [client(2), client(9)] {
            filter
                .add(FilterField::Brand, false, &id.to_string())
                .expect("an id");
        }
    }
    if dice.roll(10) == 0 {
        for number in [dice.roll(600), 7_000] {
            let exclude = dice.one_of(&[false, true]);
            let id = request(number).to_string();
            filter.add(FilterField::Request, exclude, &id).expect("an id");
        }
    }
    filter
}

fn in_scope(entry: &StoredEntry, scope: Scope) -> bool {
    match scope {
        Scope::WithBrands { company, .. } => entry.place.root == company,
        Scope::Brand { company, .. } => entry.place.company == company,
    }
}

fn chosen<T>(choice: &Choice<T>, is: impl Fn(&T) -> bool) -> bool {
    (choice.any_of.is_empty() || choice.any_of.iter().any(&is)) && !choice.none_of.iter().any(&is)
}

pub(crate) fn matches(entry: &StoredEntry, scope: Scope, filter: &LogFilter) -> bool {
    let LogFilter {
        range,
        status,
        brand,
        environment,
        key,
        method,
        verdict,
        error,
        recorded,
        path,
        endpoint,
        address,
        duration,
        request,
        view: _,
        sort: _,
        before: _,
    } = filter;
    let (from, to) = range.bounds(NOW);
    let is_brand = |brand: &BrandFilter| match brand {
        BrandFilter::Own => entry.place.company == scope.company(),
        BrandFilter::Brand(client) => entry.place.client_id == *client,
        BrandFilter::Named(name) => {
            let is_parent = matches!(scope, Scope::WithBrands { .. });
            let own = entry.place.brand.as_deref();
            is_parent && own.is_some_and(|own| own.eq_ignore_ascii_case(name))
        }
    };
    let is_key = |filter: &KeyFilter| {
        entry.key.as_ref().is_some_and(|tried| match filter {
            KeyFilter::Id(id) => tried.id == *id,
            KeyFilter::LastFour(last_four) => tried.last_four == last_four.as_str(),
        })
    };
    in_scope(entry, scope)
        && (!request.any_of.is_empty() || entry.at >= from && entry.at < to)
        && chosen(status, |status| {
            let (from, to) = status.bounds();
            (from..to).contains(&entry.status)
        })
        && chosen(brand, is_brand)
        && chosen(environment, |environment| entry.environment == Some(*environment))
        && chosen(key, is_key)
        && chosen(method, |method| entry.method == *method)
        && chosen(verdict, |verdict| entry.verdict == *verdict)
        && chosen(recorded, |recorded| entry.recorded == *recorded)
        && chosen(error, |code| {
            entry.error_code.as_ref().map_or(NO_ERROR_CODE, ErrorCode::as_str) == code
        })
        && chosen(endpoint, |endpoint| {
            path_template(&entry.path) == path_template(endpoint)
        })
        && chosen(path, |part| entry.path.contains(part.as_str()))
        && chosen(address, |address| {
            entry.address.parse::<std::net::IpAddr>().ok() == address.parse().ok()
        })
        && chosen(duration, |duration| {
            let (from, to) = duration.bounds();
            (from..to).contains(&entry.duration_us)
        })
        && chosen(request, |id| entry.request_id == *id)
}

/// The brands and keys of [`place`] and [`random_entry`].
#[derive(Debug)]
struct Called;

#[async_trait]
impl Directory for Called {
    async fn brands(&self, scope: Scope) -> Result<Vec<Brand>, LogStoreError> {
        let of_one = scope == with_brands(1);
        let brands = [2, 3].into_iter().filter(|_| of_one);
        Ok(brands
            .map(|number| Brand {
                client_id: client(number),
                name: format!("Brand {number}"),
            })
            .collect())
    }

    async fn keys(&self, _: Scope) -> Result<Vec<NamedKey>, LogStoreError> {
        let keys = [(1, "00ff"), (2, "0aff"), (3, "00ff")];
        Ok(keys
            .map(|(number, last_four)| NamedKey {
                id: key(number),
                last_four: last_four.to_owned(),
                environment: Environment::Sandbox,
                client_id: client(1),
                is_deleted: number == 3,
            })
            .to_vec())
    }
}

async fn filters_select_the_same_rows_as_a_plain_check_of_each_entry(db: &TestDb) {
    let mut world = World::new(db).await;
    world.reading = world.reading.naming(Arc::new(Called));
    let mut dice = Dice(2);
    let entries: Vec<StoredEntry> = (0..600).map(|number| random_entry(number, &mut dice)).collect();
    for batch in entries.chunks(170) {
        world.append(batch.to_vec()).await;
    }
    let mut found_some = 0;
    for _ in 0..250 {
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
        let all_of_range = LogFilter {
            range: DateRange::Between {
                from: Some(page.from),
                to: Some(page.to),
            },
            ..LogFilter::default()
        };
        let without = plain(&all_of_range).len() as u64;
        let nothing_found = expected.is_empty() && filter.narrows();
        assert_eq!(
            page.without_filters,
            nothing_found.then_some(without),
            "{scope:?} {filter}"
        );
        found_some += usize::from(!expected.is_empty());
        let chosen = expected.iter().map(|id| {
            entries
                .iter()
                .find(|entry| entry.request_id == *id)
                .expect("an entry")
        });
        check_histogram(&world, scope, &filter, chosen.collect()).await;
        check_facets(&world, scope, &filter, &entries).await;
        check_groups(&world, scope, &filter, &entries).await;
    }
    assert!(found_some > 30, "only {found_some} of the filters found anything");
}

async fn check_histogram(world: &World, scope: Scope, filter: &LogFilter, chosen: Vec<&StoredEntry>) {
    let page = world.parts(scope, filter, LogParts::HISTOGRAM).await;
    assert!(page.rows.is_empty() && page.facets.is_none());
    let histogram = page.histogram.expect("a histogram");
    let mut expected = vec![[0; 6]; histogram.buckets.len()];
    for entry in chosen {
        let bucket = entry.at.millis_since(histogram.from) / histogram.width;
        expected[bucket as usize][usize::from(entry.status / 100)] += 1;
    }
    assert_eq!(histogram.buckets, expected, "{scope:?} {filter}");
    let (first, _) = histogram.bounds_of(0);
    let (_, last) = histogram.bounds_of(expected.len() - 1);
    assert!(expected.len() <= 100 && last >= page.to, "{filter}");
    let begins_where_rows_do = matches!(filter.range, DateRange::Between { from: None, .. });
    assert!(begins_where_rows_do || first <= page.from, "{filter}");
}

/// Choosing a value of a facet instead of what is chosen finds as many requests as the facet says.
async fn check_facets(world: &World, scope: Scope, filter: &LogFilter, entries: &[StoredEntry]) {
    let page = world.parts(scope, filter, LogParts::FACETS).await;
    let range = (page.from, page.to);
    for facet in page.facets.expect("facets").all {
        for value in &facet.values {
            let mut other = filter.clone();
            other.clear(facet.field);
            other.add(facet.field, false, &value.text).expect("a value");
            if !filter.request.any_of.is_empty() {
                other.range = DateRange::Between {
                    from: Some(range.0),
                    to: Some(range.1),
                };
            }
            let found = entries
                .iter()
                .filter(|entry| matches(entry, scope, &other))
                .count();
            assert_eq!(
                found as u64, value.requests,
                "{scope:?} {filter} {:?} {value:?}",
                facet.field
            );
        }
        if facet.field == FilterField::Key && scope == with_brands(1) {
            let named = facet
                .values
                .iter()
                .map(|value| (value.label.as_str(), value.note.as_str()));
            for named in named {
                assert!(
                    [
                        ("…00ff", "Sandbox"),
                        ("…0aff", "Sandbox"),
                        ("…00ff", "Sandbox, deleted")
                    ]
                    .contains(&named),
                    "{named:?}"
                );
            }
        }
    }
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
        headers: headers.into(),
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
            (NOW, Some(200), Verdict::Accepted)
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

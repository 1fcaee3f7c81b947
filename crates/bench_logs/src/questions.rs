//! The named questions: each filter alone, in pairs and in threes, with common, rare and absent values; pages; one
//! request by its id; histograms and facets.

use std::time::Duration;

use logs::{Choice, Conditions, Question, Scope};
use model::{ClientId, Environment, Recorded, RequestId, StatusFilter, Verdict};

use crate::rows::RARE_ADDRESS;
use crate::world::{World, id, key};

/// Rows of one page.
pub(crate) const PAGE: usize = 50;

/// Parts of a histogram.
pub(crate) const BUCKETS: u32 = 60;

/// More than a server allows, so that every answer is complete and comparable, however slow it is.
const BUDGET: Duration = Duration::from_secs(60);

/// What a question may take in the issue. The limits are in `table.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Filter,
    Path,
    Histogram,
    Facets,
    Id,
}

/// A question and what to call it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) scope: Scope,
    pub(crate) ask: Ask,
}

#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// The page with this number, counted from 1.
    Page {
        question: Box<Question>,
        number: usize,
    },
    Entry(RequestId),
}

impl Named {
    /// Whether other pages come before the one that is asked for.
    pub(crate) const fn begins_later(&self) -> bool {
        matches!(self.ask, Ask::Page { number: 2.., .. })
    }
}

const CLASS_5: StatusFilter = StatusFilter::Class(5);

/// A condition to combine.
type Part<'a> = &'a dyn Fn(&mut Conditions);

/// All questions about this log.
pub(crate) fn all(world: &World) -> Vec<Named> {
    let makers = [
        status_and_places,
        other_fields,
        pairs,
        threes,
        pages,
        ids,
        histograms_and_facets,
        small_company,
    ];
    makers.iter().flat_map(|make| make(world)).collect()
}

fn status(filter: StatusFilter) -> impl Fn(&mut Conditions) {
    move |conditions| conditions.status = Choice::only(Some(filter))
}

const fn exactly(status: u16) -> StatusFilter {
    StatusFilter::Exactly(status)
}

fn brand(world: &World, member: usize) -> impl Fn(&mut Conditions) + use<> {
    let client = world.family[member].client_id;
    move |conditions| conditions.client = Choice::only(Some(client))
}

fn with_key(number: u64) -> impl Fn(&mut Conditions) {
    move |conditions| conditions.key = Choice::only(Some(key(number).id))
}

fn environment(environment: Environment) -> impl Fn(&mut Conditions) {
    move |conditions| conditions.environment = Choice::only(Some(environment))
}

fn method(method: &'static str) -> impl Fn(&mut Conditions) {
    move |conditions| conditions.method = Choice::only(Some(method.to_owned()))
}

fn verdict(verdict: Verdict) -> impl Fn(&mut Conditions) {
    move |conditions| conditions.verdict = Choice::only(Some(verdict))
}

fn recorded(recorded: Recorded) -> impl Fn(&mut Conditions) {
    move |conditions| conditions.recorded = Choice::only(Some(recorded))
}

fn address(address: &'static str) -> impl Fn(&mut Conditions) {
    move |conditions| conditions.address = Choice::only(Some(address.to_owned()))
}

fn path(part: &str) -> impl Fn(&mut Conditions) + use<> {
    let part = part.to_owned();
    move |conditions| conditions.path = Choice::only(Some(part.clone()))
}

/// Milliseconds: from (included), to (excluded).
fn took(from: u64, to: u64) -> impl Fn(&mut Conditions) {
    move |conditions| conditions.duration_us = Choice::only(Some((from * 1_000, to.saturating_mul(1_000))))
}

/// The first page of the last 30 days with its count.
fn first_page(world: &World, parts: &[Part<'_>]) -> Question {
    let mut conditions = Conditions::default();
    parts.iter().for_each(|part| part(&mut conditions));
    Question {
        from: world.start(),
        to: world.end,
        conditions,
        before: None,
        as_of: None,
        after: None,
        rows: PAGE,
        count: true,
        histogram: None,
        callers: false,
        facets: false,
        groups: None,
        budget: BUDGET,
    }
}

fn page(world: &World, name: &'static str, question: Question, number: usize) -> Named {
    let kind = if question.facets {
        Kind::Facets
    } else if !question.conditions.path.is_everything() {
        Kind::Path
    } else if question.histogram.is_some() {
        Kind::Histogram
    } else {
        Kind::Filter
    };
    Named {
        name,
        kind,
        scope: world.scope(),
        ask: Ask::Page {
            question: Box::new(question),
            number,
        },
    }
}

fn ask(world: &World, name: &'static str, parts: &[Part<'_>]) -> Named {
    page(world, name, first_page(world, parts), 1)
}

fn status_and_places(world: &World) -> Vec<Named> {
    let absent = ClientId::from_random(id(9, 1));
    let absent = move |conditions: &mut Conditions| conditions.client = Choice::only(Some(absent));
    let not_200 = |conditions: &mut Conditions| conditions.status.none_of = vec![exactly(200)];
    let some = |conditions: &mut Conditions| {
        conditions.status.any_of = [404, 429, 503].map(exactly).to_vec();
    };
    vec![
        ask(world, "newest, 30 days", &[]),
        ask(world, "status 200", &[&status(exactly(200))]),
        ask(world, "status 503", &[&status(exactly(503))]),
        ask(world, "status 5xx", &[&status(CLASS_5)]),
        ask(world, "status 418: none", &[&status(exactly(418))]),
        ask(world, "status 404, 429 or 503", &[&some]),
        ask(world, "status other than 200", &[&not_200]),
        ask(world, "brand, the company itself", &[&brand(world, 0)]),
        ask(world, "brand, common", &[&brand(world, 1)]),
        ask(world, "brand, rare", &[&brand(world, 20)]),
        ask(world, "brand: none", &[&absent]),
        ask(world, "production", &[&environment(Environment::Prod)]),
        ask(world, "development", &[&environment(Environment::Dev)]),
        ask(world, "key, common", &[&with_key(2)]),
        ask(world, "key, rare", &[&with_key(11)]),
        ask(world, "key: none", &[&with_key(12)]),
    ]
}

fn other_fields(world: &World) -> Vec<Named> {
    let rare = world.report(0x0abc % world.reports());
    vec![
        ask(world, "method GET", &[&method("GET")]),
        ask(world, "method PATCH, rare", &[&method("PATCH")]),
        ask(world, "method DELETE: none", &[&method("DELETE")]),
        ask(world, "verdict, common", &[&verdict(Verdict::Accepted)]),
        ask(world, "verdict, rare", &[&verdict(Verdict::MissingCredentials)]),
        ask(world, "verdict: none", &[&verdict(Verdict::ExpiredKey)]),
        ask(world, "recorded by the gateway", &[&recorded(Recorded::Gateway)]),
        ask(
            world,
            "recorded by the API, rare",
            &[&recorded(Recorded::PublicApi)],
        ),
        ask(world, "path, common", &[&path("/v1/links/")]),
        ask(world, "path, rare", &[&path(&rare)]),
        ask(world, "path, in the middle", &[&path("abc/rep")]),
        ask(world, "path: none", &[&path("/nothing")]),
        ask(world, "address, one in 250", &[&address("198.51.103.8")]),
        ask(world, "address, rare", &[&address(RARE_ADDRESS)]),
        ask(world, "address: none", &[&address("192.0.2.200")]),
        ask(world, "under 10 ms", &[&took(0, 10)]),
        ask(world, "200 ms and more", &[&took(200, u64::MAX)]),
        ask(world, "5 s and more, rare", &[&took(5_000, u64::MAX)]),
        ask(world, "an hour and more: none", &[&took(3_600_000, u64::MAX)]),
    ]
}

fn pairs(world: &World) -> Vec<Named> {
    let s503 = status(exactly(503));
    let common = brand(world, 1);
    let rare_path = path(&world.report(7));
    let slow = took(200, u64::MAX);
    let prod = environment(Environment::Prod);
    vec![
        ask(world, "brand and 503", &[&common, &s503]),
        ask(world, "brand and 200", &[&common, &status(exactly(200))]),
        ask(world, "rare brand and 503", &[&brand(world, 20), &s503]),
        ask(world, "production and 5xx", &[&prod, &status(CLASS_5)]),
        ask(
            world,
            "key of development and production: none",
            &[&with_key(5), &prod],
        ),
        ask(world, "key and 404", &[&with_key(2), &status(exactly(404))]),
        ask(world, "method and brand", &[&method("POST"), &common]),
        ask(world, "path, rare, and 503", &[&rare_path, &s503]),
        ask(world, "path, common, and brand", &[&path("/v1/links/"), &common]),
        ask(world, "address and 503", &[&address("198.51.103.8"), &s503]),
        ask(world, "200 ms and more, and brand", &[&slow, &common]),
        ask(
            world,
            "verdict and key",
            &[&verdict(Verdict::RateLimited), &with_key(2)],
        ),
    ]
}

fn threes(world: &World) -> Vec<Named> {
    let common = brand(world, 1);
    let prod = environment(Environment::Prod);
    let s404 = status(exactly(404));
    let slow = took(200, u64::MAX);
    let rare_path = path(&world.report(7));
    vec![
        ask(world, "key, brand and 404", &[&with_key(2), &common, &s404]),
        ask(
            world,
            "production, brand and 5xx",
            &[&prod, &common, &status(CLASS_5)],
        ),
        ask(
            world,
            "path, common, 503 and production",
            &[&path("/v1/links/"), &status(exactly(503)), &prod],
        ),
        ask(
            world,
            "address, key and production",
            &[&address("198.51.103.8"), &with_key(2), &prod],
        ),
        ask(
            world,
            "POST, 201 and 200 ms",
            &[&method("POST"), &status(exactly(201)), &slow],
        ),
        ask(
            world,
            "brand, path, rare, and 200 ms",
            &[&common, &rare_path, &slow],
        ),
        ask(
            world,
            "418, DELETE and path: none",
            &[&status(exactly(418)), &method("DELETE"), &path("/nothing")],
        ),
    ]
}

fn pages(world: &World) -> Vec<Named> {
    let narrow = |hours: i64, parts: &[Part<'_>]| {
        let mut question = first_page(world, parts);
        question.from = world.end.plus_millis(-hours * 3_600_000);
        question
    };
    let mut week = first_page(world, &[&status(CLASS_5)]);
    week.from = world.end.plus_millis(-14 * 86_400_000 - 1_234_567);
    week.to = world.end.plus_millis(-7 * 86_400_000 - 7_654_321);
    let common = brand(world, 1);
    let s503 = status(exactly(503));
    let links = first_page(world, &[&path("/v1/links/")]);
    vec![
        page(world, "newest, one hour", narrow(1, &[]), 1),
        page(world, "503, one hour", narrow(1, &[&s503]), 1),
        page(world, "5xx, a week, two weeks ago", week, 1),
        page(world, "newest, page 20", first_page(world, &[]), 20),
        page(world, "brand, page 20", first_page(world, &[&common]), 20),
        page(
            world,
            "brand and 503, page 20",
            first_page(world, &[&common, &s503]),
            20,
        ),
        page(world, "path, common, page 20", links, 20),
    ]
}

fn ids(world: &World) -> Vec<Named> {
    let entry = |name, request| Named {
        name,
        kind: Kind::Id,
        scope: world.scope(),
        ask: Ask::Entry(request),
    };
    let halfway = world.end.plus_millis(-15 * 86_400_000);
    let absent = entry(
        "one request by id: none",
        RequestId::time_ordered(halfway, [7; 10]),
    );
    [
        ("one request by id, new", world.rows - 2),
        ("one request by id, old", world.rows / 20),
    ]
    .into_iter()
    .filter_map(|(name, row)| Some(entry(name, world.request_id(row)?)))
    .chain([absent])
    .collect()
}

fn histograms_and_facets(world: &World) -> Vec<Named> {
    let histogram = |parts: &[Part<'_>]| Question {
        histogram: Some(BUCKETS),
        ..first_page(world, parts)
    };
    let facets = |parts: &[Part<'_>]| Question {
        facets: true,
        groups: None,
        ..first_page(world, parts)
    };
    let common = brand(world, 1);
    let s5xx = status(CLASS_5);
    let prod = environment(Environment::Prod);
    let ask = |name, question| page(world, name, question, 1);
    vec![
        ask("histogram, newest", histogram(&[])),
        ask("histogram, 5xx", histogram(&[&s5xx])),
        ask("histogram, brand and 5xx", histogram(&[&common, &s5xx])),
        ask("histogram, slow", histogram(&[&took(200, u64::MAX)])),
        ask("facets, newest", facets(&[])),
        ask("facets, production", facets(&[&prod])),
        ask("facets, brand and 5xx", facets(&[&common, &s5xx])),
        ask("facets, path, rare", facets(&[&path(&world.report(7))])),
    ]
}

fn small_company(world: &World) -> Vec<Named> {
    let Some(scope) = world.small_scope() else {
        return Vec::new();
    };
    let small = |mut named: Named| {
        named.scope = scope;
        named
    };
    vec![
        small(ask(world, "small company, newest", &[])),
        small(ask(world, "small company, 404", &[&status(exactly(404))])),
        small(ask(world, "small company, path, common", &[&path("/v1/links/")])),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use model::Timestamp;

    use super::*;
    use crate::world::Variant;

    #[test]
    fn every_question_has_a_name_of_its_own() {
        let end = Timestamp::from_millis(1_800_000_000_000);
        let questions = all(&World::new(Variant::Companies, 100_000, end));
        let names: HashSet<_> = questions.iter().map(|question| question.name).collect();
        assert_eq!(names.len(), questions.len());
        assert!(questions.len() > 60, "{}", questions.len());
    }
}

//! How much a question reads and decodes. Counted instead of timed, so that the bounds hold on every machine.

use std::time::Duration;

use logs::{Choice, Conditions, Groups, Question, Scope};
use model::{StatusFilter, Timestamp};
use segments::Cache;
use test_logs::{Dice, World};

use crate::log::{Log, Read};

const SEGMENTS: u64 = 20;
const ROWS: usize = 5_000;

/// A company with brands, and 20 segments with 5,000 rows each.
fn log() -> (Log, Scope) {
    log_of(ROWS)
}

/// The same with this number of rows in each segment.
pub(crate) fn log_of(rows: usize) -> (Log, Scope) {
    let mut dice = Dice(7);
    let mut world = World::random(&mut dice);
    (world.families, world.keys, world.methods) = (3, 12, 3);
    (world.paths, world.pace) = (300, 1_000);
    let mut log = Log::new(1, 100_000_000);
    for _ in 0..SEGMENTS {
        let rows: Vec<_> = (0..rows).map(|_| world.row(&mut dice)).collect();
        log.store(0, &rows);
        log.finish(0);
    }
    let place = World::place(0);
    let scope = Scope::WithBrands {
        company: place.company,
        client_id: place.client_id,
    };
    (log, scope)
}

pub(crate) fn question(conditions: Conditions) -> Question {
    Question {
        from: Timestamp::from_millis(0),
        to: Timestamp::from_millis(i64::MAX),
        conditions,
        before: None,
        as_of: None,
        after: None,
        rows: 50,
        count: true,
        histogram: None,
        callers: false,
        facets: false,
        groups: None,
        budget: Duration::from_secs(2),
    }
}

pub(crate) fn status(status: u16) -> Conditions {
    Conditions {
        status: Choice::only(Some(StatusFilter::Exactly(status))),
        ..Conditions::default()
    }
}

pub(crate) fn path(part: &str) -> Conditions {
    Conditions {
        path: Choice::only(Some(part.to_owned())),
        ..Conditions::default()
    }
}

/// What the question reads with an empty cache, and the pieces it uses when it is asked again, which must read nothing.
fn work(log: &mut Log, scope: Scope, question: &Question) -> (Read, u64) {
    log.cache = Cache::new(100_000_000);
    log.blobs.take_read();
    let found = log.ask(scope, question).expect("an answer");
    let first = log.blobs.take_read();
    let before = log.cache.stats();
    assert_eq!(log.ask(scope, question).expect("an answer"), found);
    assert_eq!(
        log.blobs.take_read(),
        Read::default(),
        "it reads again: {question:?}"
    );
    let after = log.cache.stats();
    assert_eq!(after.misses, before.misses);
    (first, after.hits - before.hits)
}

/// At most these calls, kilobytes and pieces, and not much less: a bound that is far from what is needed would not
/// notice anything.
#[track_caller]
fn bounded(work: (Read, u64), calls: u64, kilobytes: u64, pieces: u64) {
    let (read, used) = work;
    let within = |what: u64, bound: u64| what <= bound && what * 3 >= bound * 2;
    assert!(
        within(read.calls, calls) && within(read.bytes.div_ceil(1024), kilobytes) && within(used, pieces),
        "{read:?}, {used} pieces; the bounds are {calls} calls, {kilobytes} kB, {pieces} pieces"
    );
}

#[test]
fn a_page_reads_its_rows_and_nothing_else() {
    let (mut log, scope) = log();
    let all = question(Conditions::default());
    // How many rows the company has is in the heads.
    bounded(work(&mut log, scope, &all), 2, 40, 17);
    let page = Question { count: false, ..all };
    bounded(work(&mut log, scope, &page), 2, 40, 17);
}

#[test]
fn a_filter_reads_the_sets_of_its_values() {
    let (mut log, scope) = log();
    bounded(work(&mut log, scope, &question(status(503))), 4, 59, 56);
    // The heads know that no row has this status.
    bounded(work(&mut log, scope, &question(status(418))), 0, 0, 0);
}

#[test]
fn a_path_reads_dictionaries_and_then_only_segments_that_know_it() {
    let (mut log, scope) = log();
    bounded(
        work(&mut log, scope, &question(path("/v1/orders/70/"))),
        10,
        580,
        250,
    );
    bounded(work(&mut log, scope, &question(path("/v1/"))), 7, 72, 32);
    bounded(work(&mut log, scope, &question(path("/absent"))), 6, 40, 40);
}

#[test]
fn groups_read_the_columns_that_they_need() {
    let (mut log, scope) = log();
    let endpoints = Question {
        count: false,
        rows: 0,
        groups: Some(Groups::Endpoints(model::EndpointOrder::Requests)),
        ..question(Conditions::default())
    };
    bounded(work(&mut log, scope, &endpoints), 7, 680, 145);
    let errors = Question {
        groups: Some(Groups::Errors { parts: 30 }),
        ..endpoints
    };
    // Failed rows are kept by segment, for every question; endpoints only of segments that are all of one company.
    bounded(work(&mut log, scope, &errors), 11, 960, 40);
}

#[test]
fn counts_by_time_and_by_value_read_sets_and_no_columns() {
    let (mut log, scope) = log();
    let histogram = Question {
        histogram: Some(60),
        ..question(Conditions::default())
    };
    bounded(work(&mut log, scope, &histogram), 4, 140, 380);
    let facets = Question {
        facets: true,
        groups: None,
        ..question(Conditions::default())
    };
    bounded(work(&mut log, scope, &facets), 7, 700, 1620);
}

#[test]
fn what_is_new_reads_only_segments_that_have_it() {
    let (mut log, scope) = log();
    let all = log
        .ask(scope, &question(Conditions::default()))
        .expect("an answer");
    let newest = all.rows[0].seq;
    for conditions in [Conditions::default(), status(503), path("/v1/")] {
        let nothing = Question {
            after: Some(all.as_of),
            ..question(conditions)
        };
        bounded(work(&mut log, scope, &nothing), 0, 0, 0);
    }
    // The last of 20 segments, and no other.
    let new = Question {
        after: Some(newest - 100),
        rows: 0,
        ..question(path("/v1/orders/70/"))
    };
    bounded(work(&mut log, scope, &new), 3, 8, 3);
}

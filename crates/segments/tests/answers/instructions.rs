//! How many instructions a row and a question take, counted by valgrind's callgrind. Unlike times, they are the same on a
//! busy machine, so they can have bounds in a test. The `dev` profile optimises this crate, so that the counts resemble
//! those of a release.

use std::collections::HashMap;
use std::hint::black_box;
use std::process::Command;

use logs::{Conditions, Groups, Question, Scope, StoredEntry};
use model::RequestId;
use segments::{Cache, Day, Encoded, Open, SegmentId, delta};
use test_logs::{Dice, World};

use crate::log::Log;
use crate::work::{log_of, path, question, status};

/// Rows of the measured segment.
const ROWS: u64 = 2_000;

/// Rows of each of the log's 20 segments.
const LOG_ROWS: usize = 500;

/// Requests of a batch that a program sends.
const SOUGHT: u64 = 1_000;

/// Each function that is counted, the rows or questions of its one call, and how many instructions each of these may
/// take: a fifth more than was counted when the bound was written. Less than half of a bound fails too, because then
/// the bound would no longer notice anything.
const BUDGETS: [(&str, u64, u64); 11] = [
    ("append", ROWS, 5_200),
    ("encode", ROWS, 5_300),
    ("encode_delta", ROWS, 5_700),
    ("ask_newest", 1, 1_650_000),
    ("ask_status", 1, 3_400_000),
    ("ask_path", 1, 20_500_000),
    ("ask_histogram", 1, 6_900_000),
    ("ask_facets", 1, 24_000_000),
    // Most of these two is making templates of paths, which is not optimised here.
    ("ask_errors", 1, 97_000_000),
    ("ask_endpoints", 1, 95_000_000),
    // Of a batch that a program sends: once in all segments of its time.
    ("look_for_batch", SOUGHT, 1_000),
];

#[inline(never)]
fn append(open: &mut Open, rows: &[StoredEntry]) {
    for batch in rows.chunks(500) {
        open.append(1, batch);
    }
}

#[inline(never)]
fn encode(open: &Open) -> Option<Encoded> {
    open.encode()
}

#[inline(never)]
fn encode_delta(rows: &[StoredEntry]) -> usize {
    delta::encode(rows).len()
}

/// Asked once, so that it reads and decodes what it needs.
fn ask(log: &mut Log, scope: Scope, question: &Question) {
    log.cache = Cache::new(100_000_000);
    black_box(log.ask(scope, question).expect("an answer"));
}

#[inline(never)]
fn ask_newest(log: &mut Log, scope: Scope) {
    ask(log, scope, &question(Conditions::default()));
}

#[inline(never)]
fn ask_status(log: &mut Log, scope: Scope) {
    ask(log, scope, &question(status(503)));
}

#[inline(never)]
fn ask_path(log: &mut Log, scope: Scope) {
    ask(log, scope, &question(path("/v1/orders/70/")));
}

#[inline(never)]
fn ask_histogram(log: &mut Log, scope: Scope) {
    let histogram = Some(60);
    ask(
        log,
        scope,
        &Question {
            histogram,
            ..question(status(503))
        },
    );
}

#[inline(never)]
fn ask_facets(log: &mut Log, scope: Scope) {
    let facets = true;
    ask(
        log,
        scope,
        &Question {
            facets,
            ..question(status(503))
        },
    );
}

#[inline(never)]
fn ask_errors(log: &mut Log, scope: Scope) {
    let groups = Some(Groups::Errors { parts: 30 });
    ask(
        log,
        scope,
        &Question {
            groups,
            ..question(Conditions::default())
        },
    );
}

#[inline(never)]
fn ask_endpoints(log: &mut Log, scope: Scope) {
    let groups = Some(Groups::Endpoints(model::EndpointOrder::Requests));
    ask(
        log,
        scope,
        &Question {
            groups,
            ..question(Conditions::default())
        },
    );
}

#[inline(never)]
fn look_for_batch(log: &Log, sought: &[RequestId]) {
    let stored = log.source().stored(sought.iter().copied(), 0).expect("an answer");
    assert_eq!(black_box(stored).len() as u64, SOUGHT);
}

/// What is counted.
#[test]
#[ignore = "run by the other test, under valgrind"]
fn work_to_count() {
    let (mut dice, mut world) = (Dice(7), World::random(&mut Dice(7)));
    (world.families, world.keys, world.methods) = (3, 12, 3);
    (world.paths, world.pace) = (300, 1_000);
    let rows: Vec<StoredEntry> = (0..ROWS).map(|_| world.row(&mut dice)).collect();
    let mut open = Open::new(SegmentId(1), Day(20_000));
    append(&mut open, &rows);
    assert!(encode(&open).is_some());
    assert!(encode_delta(&rows) > 0);
    let (mut log, scope) = log_of(LOG_ROWS);
    ask_newest(&mut log, scope);
    ask_status(&mut log, scope);
    ask_path(&mut log, scope);
    ask_histogram(&mut log, scope);
    ask_facets(&mut log, scope);
    ask_errors(&mut log, scope);
    ask_endpoints(&mut log, scope);
    let of_the_log = rows.iter().take(SOUGHT as usize);
    let sought: Vec<RequestId> = of_the_log.map(|row| row.request_id).collect();
    let mut log = Log::new(1, 100_000_000);
    log.store(0, &rows);
    log.finish(0);
    look_for_batch(&log, &sought);
}

#[test]
fn a_row_and_a_question_take_no_more_instructions_than_they_did() {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = folder.path().join("callgrind.out");
    if !test_valgrind::count("instructions::work_to_count", &profile, &[]) {
        return;
    }
    let listing = Command::new("callgrind_annotate")
        .args(["--inclusive=yes", "--threshold=100"])
        .arg(&profile)
        .output()
        .expect("callgrind_annotate");
    let counts = inclusive(&String::from_utf8_lossy(&listing.stdout));
    let mut wrong = Vec::new();
    for (name, of, budget) in BUDGETS {
        let each = counts.get(name).map_or(0, |count| count / of);
        if each > budget || each * 2 < budget {
            wrong.push(format!("{name}: {each}, its bound is {budget}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The counts of the functions above, from lines such as `1,234 (56.78%)  ???:answers::instructions::append [/a/program]`.
fn inclusive(listing: &str) -> HashMap<String, u64> {
    listing
        .lines()
        .filter_map(|line| {
            let (_, name) = line.split_once("instructions::")?;
            let name = name.split([' ', '\'', ':']).next()?;
            let count = line.split_whitespace().next()?.replace(',', "");
            Some((name.to_owned(), count.parse().ok()?))
        })
        .collect()
}

//! Random questions. Most are about values that rows have, and some have bounds that are exactly those of a row.

use std::time::Duration;

use logs::{Choice, Conditions, Groups, Question, Scope};
use model::{EndpointOrder, Environment, Recorded, StatusFilter, Timestamp, Verdict, path_template};

use crate::rows::{self, World};
use crate::{Dice, List};

/// Parts of paths: common ones, rare ones, some that no path contains, and the empty one.
const PARTS: [&str; 14] = [
    "orders",
    "/v1/",
    "/",
    "Orders",
    "%41_b",
    "é",
    "ünïcode-✓/7",
    "page=2",
    "0012",
    "/report/%41_b/",
    "'; --",
    "\n",
    "\u{2400}",
    "",
];

/// One of the companies, as a parent with its brands or as a brand; at times one that has no row.
pub fn scope(world: &World, dice: &mut Dice) -> Scope {
    let number = dice.skewed(world.companies() + 3);
    let place = World::place(number);
    if number.is_multiple_of(3) && !dice.once_in(10) {
        return Scope::WithBrands {
            company: place.company,
            client_id: place.client_id,
        };
    }
    Scope::Brand {
        company: place.company,
        client_id: place.client_id,
    }
}

/// A question about the rows of the list.
pub fn ask(world: &World, list: &List, dice: &mut Dice) -> Question {
    let (from, to) = range(world, list, dice);
    let order = dice.one_of(&EndpointOrder::ALL);
    Question {
        from,
        to,
        conditions: conditions(world, list, dice),
        before: seq(list, dice),
        as_of: seq(list, dice),
        after: seq(list, dice),
        rows: dice.one_of(&[0, 1, 2, 50, 50, 50, 3_000]),
        count: !dice.once_in(3),
        histogram: dice.one_of(&[None, None, Some(0), Some(1), Some(7), Some(60)]),
        callers: dice.once_in(3),
        facets: dice.once_in(3),
        groups: dice.one_of(&[
            None,
            None,
            Some(Groups::Errors { parts: 1 }),
            Some(Groups::Errors { parts: 30 }),
            Some(Groups::Endpoints(EndpointOrder::Requests)),
            Some(Groups::Endpoints(order)),
            Some(Groups::Addresses),
        ]),
        budget: Duration::from_secs(3600),
    }
}

fn range(world: &World, list: &List, dice: &mut Dice) -> (Timestamp, Timestamp) {
    let (a, b) = (moment(world, list, dice), moment(world, list, dice));
    match dice.roll(6) {
        0..=2 => (Timestamp::from_millis(0), world.now().plus_seconds(86_400)),
        3 => (a, world.now().plus_seconds(1)),
        // Once in a while the range ends before it begins.
        4 if dice.once_in(4) => (a, b),
        _ => (a.min(b), a.max(b)),
    }
}

fn moment(world: &World, list: &List, dice: &mut Dice) -> Timestamp {
    if list.is_empty() || dice.once_in(8) {
        let back = dice.roll(1 + 2000 * world.pace) as i64;
        return world.now().plus_millis(-back);
    }
    let (_, row) = list.row(dice.roll(list.len() as u64) as usize);
    row.at.plus_millis(dice.one_of(&[0, 0, 1, -1]))
}

fn seq(list: &List, dice: &mut Dice) -> Option<i64> {
    if list.is_empty() || !dice.once_in(3) {
        return None;
    }
    let (seq, _) = list.row(dice.roll(list.len() as u64) as usize);
    Some(seq + dice.one_of(&[0, 0, 1, -1]))
}

fn a_seq(list: &List, dice: &mut Dice) -> i64 {
    if list.is_empty() {
        return 1;
    }
    let (seq, _) = list.row(dice.roll(list.len() as u64) as usize);
    seq + dice.one_of(&[0, 0, 0, 1, -1, 1 << 40])
}

fn conditions(world: &World, list: &List, dice: &mut Dice) -> Conditions {
    let mut conditions = Conditions::default();
    for _ in 0..dice.one_of(&[0, 1, 1, 2, 2, 3, 5]) {
        match dice.roll(13) {
            0 => conditions.status = choice(dice, status),
            1 => {
                conditions.client = choice(dice, |dice| rows::client(dice.skewed(world.companies() + 1)));
            }
            2 => conditions.environment = choice(dice, |dice| dice.one_of(&Environment::ALL)),
            3 => conditions.key = choice(dice, |dice| rows::key(dice.skewed(world.keys + 1))),
            4 => conditions.method = choice(dice, |dice| method(world, dice)),
            5 => conditions.verdict = choice(dice, |dice| dice.one_of(Verdict::ALL)),
            6 => {
                conditions.recorded = choice(dice, |dice| dice.one_of(&Recorded::ALL));
            }
            7 => conditions.path = choice(dice, |dice| part(world, list, dice)),
            8 => conditions.address = choice(dice, |dice| rows::address(dice.skewed(310))),
            10 => conditions.error = choice(dice, rows::error_code),
            11 => {
                conditions.endpoint = choice(dice, |dice| {
                    path_template(&rows::path(dice.skewed(world.paths + 1)))
                });
            }
            9 => conditions.duration_us = choice(dice, duration),
            _ => conditions.row = choice(dice, |dice| a_seq(list, dice)),
        }
    }
    conditions
}

/// Up to two values to include and up to two to exclude.
fn choice<T>(dice: &mut Dice, mut value: impl FnMut(&mut Dice) -> T) -> Choice<T> {
    let (include, exclude) = dice.one_of(&[(1, 0), (1, 0), (2, 0), (0, 1), (0, 2), (2, 1), (0, 0)]);
    Choice {
        any_of: (0..include).map(|_| value(dice)).collect(),
        none_of: (0..exclude).map(|_| value(dice)).collect(),
    }
}

fn status(dice: &mut Dice) -> StatusFilter {
    let one = dice.one_of(&[200, 201, 404, 503, 418, 101, 999]);
    match dice.roll(8) {
        0..=2 => StatusFilter::Class(dice.one_of(&[1, 2, 3, 4, 5])),
        3 => StatusFilter::AtLeast(one),
        4 => StatusFilter::AtMost(one),
        5 => StatusFilter::Between(dice.one_of(&[100, 200, 401]), one),
        6 => StatusFilter::Unknown,
        _ => StatusFilter::Exactly(one),
    }
}

fn method(world: &World, dice: &mut Dice) -> String {
    if dice.once_in(4) {
        return dice.one_of(&rows::ODD_METHODS).to_owned();
    }
    rows::method(dice.skewed(world.methods + 1))
}

fn part(world: &World, list: &List, dice: &mut Dice) -> String {
    match dice.roll(4) {
        0 => rows::path(dice.skewed(world.paths)),
        1 if !list.is_empty() => {
            let (_, row) = list.row(dice.roll(list.len() as u64) as usize);
            let characters: Vec<char> = row.path.chars().collect();
            let first = dice.roll(characters.len() as u64) as usize;
            characters[first..].iter().take(4).collect()
        }
        _ => dice.one_of(&PARTS).to_owned(),
    }
}

fn duration(dice: &mut Dice) -> (u64, u64) {
    let bounds = [
        0,
        1,
        999,
        1_000,
        1_001,
        64_000,
        100_000,
        128_000,
        500_000,
        1 << 33,
    ];
    (
        dice.one_of(&bounds),
        dice.one_of(&[1_000, 64_000, 128_001, 1_000_000, u64::MAX]),
    )
}

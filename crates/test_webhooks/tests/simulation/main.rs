//! A simulation of the scheduler: two workers on one store in memory, receivers in memory, and a time that only passes
//! when something happens. A seed decides everything that goes wrong. `checks.rs` says what must be true nevertheless.
//!
//! `GATEHOUSE_SIMULATION_SEED=7` runs that seed alone. What is simulated is what `webhooks::scheduler` and
//! `webhooks::decide` decide. SQL, sockets, signatures and tasks are not: the contract suite of `store` tests those.

mod checks;
mod disturbances;
mod node;
mod publishing;
mod random;
mod receivers;
mod run;
mod world;

use std::time::Duration;

use webhooks::{OptionsChange, OptionsStore, OptionsWritten, WorkerOptions};

use crate::checks::Checks;
use crate::receivers::Kind;
use crate::run::{Rules, START, Simulation, at_once};
use crate::world::audit;

const HOUR: i64 = 3_600_000;
const OPTIONS: WorkerOptions = WorkerOptions {
    per_webhook: 4,
    at_once: 64,
    look_every: Duration::from_secs(20),
    drain: Duration::from_secs(12),
};

/// Everything goes wrong.
const ROUGH: Rules = Rules {
    options: OPTIONS,
    events: 6_600,
    within: 2 * HOUR,
    kills: true,
    clock_steps: true,
    outages: true,
    pauses: true,
    rotations: true,
    failures: true,
};

/// Receivers fail and keys are rotated, but nothing else happens.
const QUIET: Rules = Rules {
    kills: false,
    clock_steps: false,
    outages: false,
    pauses: false,
    ..ROUGH
};

fn seeds(all: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    match std::env::var("GATEHOUSE_SIMULATION_SEED") {
        Ok(seed) => vec![seed.parse().expect("GATEHOUSE_SIMULATION_SEED is a number")],
        Err(_) => all.collect(),
    }
}

/// Ten companies with two webhooks each, of every kind.
fn of(seed: u64, rules: Rules) -> Simulation {
    let mut simulation = Simulation::of(seed, rules);
    let companies: [(usize, [Kind; 2]); 10] = [
        (40, [Kind::Good, Kind::Good]),
        (40, [Kind::Good, Kind::Slow]),
        (40, [Kind::Strict(401), Kind::Strict(500)]),
        (40, [Kind::Strict(401), Kind::Strict(500)]),
        (40, [Kind::Good, Kind::Sometimes]),
        (40, [Kind::Sometimes, Kind::Good]),
        (20, [Kind::Flaky, Kind::Good]),
        (4, [Kind::Broken, Kind::Good]),
        (4, [Kind::Hangs, Kind::Good]),
        (1, [Kind::Good, Kind::Good]),
    ];
    for (weight, receivers) in companies {
        let Simulation {
            world, store, random, ..
        } = &mut simulation;
        world.add_company(store, weight, &receivers, START, random);
    }
    limit_the_last(&mut simulation);
    simulation
}

/// The last webhook gets one attempt a second, and more events at once than that.
fn limit_the_last(simulation: &mut Simulation) {
    let Simulation {
        world, store, random, ..
    } = &mut *simulation;
    let hook = world.hooks.last().expect("a webhook");
    let company = hook.company;
    let change = OptionsChange {
        rate_limit: Some(Some(1)),
        ..OptionsChange::default()
    };
    let id = world.companies[company].id;
    let changed = at_once(store.change_options(id, hook.id, change, audit(id, START, random)));
    assert!(matches!(changed, Ok(OptionsWritten::Done(_))));
    for at in 1..6 {
        simulation.plan(company, 60, at * HOUR / 4);
    }
}

#[test]
fn a_hundred_thousand_deliveries_end_as_documented_whatever_goes_wrong() {
    let runs: Vec<Checks> = seeds(1..=8)
        .into_iter()
        .map(|seed| of(seed, ROUGH).run())
        .collect();
    let sum = |count: fn(&Checks) -> u64| runs.iter().map(count).sum::<u64>();
    if runs.len() > 1 {
        assert!(
            sum(|run| run.deliveries) >= 100_000,
            "{}",
            sum(|run| run.deliveries)
        );
        // The runs do what they are for.
        for (what, count) in [
            ("kills", sum(|run| run.kills)),
            ("clock steps", sum(|run| run.steps)),
            ("lost results", sum(|run| run.lost)),
            ("overlaps", sum(|run| run.overlaps)),
            ("attempts that lost their lease", sum(|run| run.stale)),
            ("replays", sum(|run| run.replays)),
        ] {
            assert!(count > 10, "{count} {what}");
        }
    }
}

#[test]
fn while_no_process_ends_and_no_clock_is_set_nothing_is_sent_twice_and_retries_are_in_time() {
    for seed in seeds(1..=2) {
        let run = of(seed, QUIET).run();
        let twice = (run.lost, run.overlaps, run.stale);
        assert_eq!(
            twice,
            (0, 0, 0),
            "seed {seed}: lost, overlapping and stale attempts"
        );
        assert!(
            run.latest_retry < 1_000,
            "seed {seed}: {} ms late",
            run.latest_retry
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let rules = Rules {
        events: 300,
        within: HOUR,
        ..ROUGH
    };
    let digest = |seed| of(seed, rules).run().digest();
    assert_eq!(digest(3), digest(3));
    assert_ne!(digest(3), digest(4));
}

#[test]
fn a_company_with_few_events_does_not_wait_behind_one_with_ten_thousand() {
    let rules = Rules {
        events: 0,
        rotations: false,
        failures: false,
        ..QUIET
    };
    for seed in seeds(1..=1) {
        let mut simulation = Simulation::of(seed, rules);
        let Simulation {
            world, store, random, ..
        } = &mut simulation;
        let many = world.add_company(store, 1, &[Kind::Slow; 20], START, random);
        let few = world.add_company(store, 1, &[Kind::Good], START, random);
        for _ in 0..50 {
            simulation.plan(many, 10, 0);
        }
        for at in 1..60 {
            simulation.plan(few, 1, at * 500);
        }
        let run = simulation.run();
        assert_eq!(run.deliveries, 20 * 500 + 59);
        let (few, many) = (run.first_after[&few], run.first_after[&many]);
        assert!(
            few < 100 && many > 60_000,
            "seed {seed}: {few} ms and {many} ms until the first attempt"
        );
    }
}

#[test]
fn a_webhook_that_fails_for_five_days_is_disabled_and_loses_nothing() {
    let rules = Rules {
        options: WorkerOptions {
            look_every: Duration::from_secs(120),
            ..OPTIONS
        },
        events: 0,
        within: 6 * 24 * HOUR,
        rotations: false,
        failures: false,
        ..QUIET
    };
    for seed in seeds(1..=2) {
        let mut simulation = Simulation::of(seed, rules);
        let Simulation {
            world, store, random, ..
        } = &mut simulation;
        let company = world.add_company(store, 1, &[Kind::Broken, Kind::Good], START, random);
        for at in 0..6 * 24 {
            simulation.plan(company, 1, at * HOUR);
        }
        let run = simulation.run();
        assert_eq!(run.disabled_after, [5 * 24], "seed {seed}, in hours");
    }
}

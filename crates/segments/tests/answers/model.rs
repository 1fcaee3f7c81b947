//! Every answer is equal to that of a list in memory that is looked through from end to end.
//!
//! `GATEHOUSE_MODEL_SECONDS=600` tries one seed after another for that long.

use std::time::{Duration, Instant};

use logs::Count;
use test_logs::{Trial, ask, scope, walk};

use crate::log::{Lateness, Log};

/// Tries these seeds, or as many as the time allows if it is given.
fn for_seeds(seeds: std::ops::RangeInclusive<u64>, mut trial: impl AsyncFnMut(u64)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let seconds = std::env::var("GATEHOUSE_MODEL_SECONDS").map(|text| text.parse().expect("seconds"));
    match seconds {
        Ok(seconds) => {
            let until = Instant::now() + Duration::from_secs(seconds);
            let mut seed = *seeds.end() * 1000;
            while Instant::now() < until {
                seed += 1;
                eprintln!("seed {seed}");
                runtime.block_on(trial(seed));
            }
        }
        Err(_) => seeds.for_each(|seed| runtime.block_on(trial(seed))),
    }
}

/// A log with one writer or two, and a cache that is sometimes too small for anything.
fn log(trial: &mut Trial) -> Log {
    let writers = trial.dice.one_of(&[1, 2, 2]);
    let cache = trial.dice.one_of(&[0, 50_000, 100_000_000]);
    Log::new(writers, cache)
}

#[test]
fn answers_are_equal_to_those_of_a_list() {
    for_seeds(1..=12, async |seed| {
        let mut trial = Trial::new(seed);
        let mut log = log(&mut trial);
        for _ in 0..3 {
            let rows = trial.dice.one_of(&[30, 500, 3_000]);
            trial.grow(&mut log, rows).await;
            trial.check(&log, 12).await;
        }
    });
}

#[test]
fn pages_that_end_when_time_is_over_are_together_equal_to_the_list() {
    for_seeds(101..=112, async |seed| {
        let mut trial = Trial::new(seed);
        (trial.batch, trial.batches) = (20, 6);
        let mut log = log(&mut trial);
        for _ in 0..4 {
            trial.grow(&mut log, 700).await;
            for lateness in [Lateness::Always, Lateness::After(1), Lateness::After(3)] {
                log.lateness.set(lateness);
                let scope = scope(&trial.world, &mut trial.dice);
                let question = ask(&trial.world, &trial.list, &mut trial.dice);
                walk(&trial.list, &log, scope, &question, 3).await;

                let found = log.ask(scope, &question).expect("an answer");
                let matching = trial.list.matching(scope, &question).len() as u64;
                match found.count {
                    Count::AtLeast(rows) => assert!(rows <= matching),
                    Count::Exactly(rows) => assert_eq!(rows, matching),
                    Count::NotAsked => assert!(!question.count),
                }
            }
            log.lateness.set(Lateness::Never);
        }
    });
}

#[test]
fn large_segments_answer_like_a_list() {
    for_seeds(201..=201, async |seed| {
        let mut trial = Trial::new(seed);
        let mut log = Log::new(2, 30_000_000);
        // At least one full segment for each writer.
        (trial.batch, trial.batches) = (2_000, 200);
        trial.grow(&mut log, 150_000).await;
        trial.check(&log, 8).await;
    });
}

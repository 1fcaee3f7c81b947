//! A limit on how often the page asks: data may change many times a second, but the page asks once a second.

use std::time::Duration;

use leptos::prelude::*;
use model::Timestamp;

use crate::browser::timers::Timer;
use crate::browser::{clock, visibility};

/// A slow answer delays the next question by this at most: a clock that jumps, as after sleep, looks like a slow answer.
const LONGEST: i64 = 30_000;

/// Runs something at once, or as soon as the last run is long enough ago. What is asked for in between is one run. Nothing
/// runs while the tab is hidden: when it is seen again, its stream opens anew and reports a change.
#[derive(Clone, Copy, Debug)]
pub(in crate::pages) struct Pace {
    /// Milliseconds from one run to the next.
    every: StoredValue<i64>,
    least: i64,
    last: StoredValue<Option<Timestamp>>,
    waiting: Timer,
}

impl Pace {
    /// Must be called inside a component.
    pub(in crate::pages) fn new(every: Duration) -> Self {
        let least = every.as_millis() as i64;
        Self {
            every: StoredValue::new(least),
            least,
            last: StoredValue::new(None),
            waiting: Timer::new(),
        }
    }

    /// For a server or a line that is slow: the next run is no sooner than twice the time that the last answer took.
    pub(in crate::pages) fn took(self, millis: i64) {
        self.every
            .try_set_value((millis * 2).clamp(self.least, LONGEST.max(self.least)));
    }

    pub(in crate::pages) fn run(self, run: impl FnOnce() + 'static) {
        let every = self.every.get_value();
        let since = self
            .last
            .get_value()
            .map_or(every, |last| clock::now().millis_since(last));
        let last = self.last;
        let run = move || {
            if visibility::is_visible() {
                last.try_set_value(Some(clock::now()));
                run();
            }
        };
        // A clock that was set back must not make the page wait for it to catch up.
        match every - since.max(0) {
            rest @ 1.. => self.waiting.after(Duration::from_millis(rest as u64), run),
            _ => run(),
        }
    }
}

//! A limit on how often the page asks: data may change many times a second, but the page asks once a second.

use std::time::Duration;

use leptos::prelude::*;
use model::Timestamp;

use crate::browser::clock;
use crate::browser::timers::Timer;

/// Runs something at once, or as soon as the last run is long enough ago. What is asked for in between is one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    every: Duration,
    last: StoredValue<Option<Timestamp>>,
    waiting: Timer,
}

impl Pace {
    /// Must be called inside a component.
    pub(super) fn new(every: Duration) -> Self {
        Self {
            every,
            last: StoredValue::new(None),
            waiting: Timer::new(),
        }
    }

    pub(super) fn run(self, run: impl FnOnce() + 'static) {
        let every = self.every.as_millis() as i64;
        let since = self
            .last
            .get_value()
            .map_or(every, |last| clock::now().millis_since(last));
        let last = self.last;
        let run = move || {
            last.try_set_value(Some(clock::now()));
            run();
        };
        // A clock that was set back must not make the page wait for it to catch up.
        match every - since.max(0) {
            rest @ 1.. => self.waiting.after(Duration::from_millis(rest as u64), run),
            _ => run(),
        }
    }
}

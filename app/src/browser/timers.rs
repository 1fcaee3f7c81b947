//! One-shot and repeating timers on gloo-timers. They stop when their component is removed. On the server they never fire.

use std::time::Duration;

#[cfg(feature = "hydrate")]
use gloo_timers::callback::{Interval, Timeout};
#[cfg(feature = "hydrate")]
use leptos::prelude::*;

#[cfg(feature = "hydrate")]
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// How long a page waits for a movement to end: a pointer that leaves, a focus that moves on.
pub const SETTLE: Duration = Duration::from_millis(400);

/// At most one pending call; a new one replaces it. Works as a debounce: call [`Timer::after`] on every keystroke.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    #[cfg(feature = "hydrate")]
    pending: StoredValue<Option<Timeout>, LocalStorage>,
}

impl Timer {
    /// Must be called inside a component or effect; the pending call is dropped with it.
    #[expect(
        clippy::new_without_default,
        reason = "it belongs to the reactive owner it is made in"
    )]
    pub fn new() -> Self {
        Self {
            #[cfg(feature = "hydrate")]
            pending: StoredValue::new_local(None),
        }
    }

    /// Calls `run` once after `delay`, instead of what was pending.
    pub fn after(self, delay: Duration, run: impl FnOnce() + 'static) {
        #[cfg(feature = "hydrate")]
        self.pending
            .try_update_value(|pending| *pending = Some(Timeout::new(millis(delay), run)));
        #[cfg(not(feature = "hydrate"))]
        let _ = (delay, run);
    }

    /// Forgets what was pending.
    pub fn cancel(self) {
        #[cfg(feature = "hydrate")]
        self.pending.try_update_value(|pending| *pending = None);
    }
}

/// A call that repeats until it is stopped or its component goes.
#[derive(Clone, Copy, Debug)]
pub struct Repeater {
    #[cfg(feature = "hydrate")]
    running: StoredValue<Option<Interval>, LocalStorage>,
}

impl Repeater {
    /// Must be called inside a component or effect.
    #[expect(
        clippy::new_without_default,
        reason = "it belongs to the reactive owner it is made in"
    )]
    pub fn new() -> Self {
        Self {
            #[cfg(feature = "hydrate")]
            running: StoredValue::new_local(None),
        }
    }

    /// Calls `run` every `period`, first after one period, instead of what ran before.
    pub fn every(self, period: Duration, run: impl FnMut() + 'static) {
        #[cfg(feature = "hydrate")]
        self.running
            .try_update_value(|running| *running = Some(Interval::new(millis(period), run)));
        #[cfg(not(feature = "hydrate"))]
        let _ = (period, run);
    }

    /// May be called from within `run`: the interval is let go after the current call has returned.
    pub fn stop(self) {
        #[cfg(feature = "hydrate")]
        if let Some(Some(interval)) = self.running.try_update_value(Option::take) {
            // Dropping an interval frees the closure that may be running right now.
            Timeout::new(0, move || drop(interval)).forget();
        }
    }
}

/// Calls `run` once after `delay`, even if the component is gone by then. `run` must cope with disposed signals.
pub fn later(delay: Duration, run: impl FnOnce() + 'static) {
    #[cfg(feature = "hydrate")]
    Timeout::new(millis(delay), run).forget();
    #[cfg(not(feature = "hydrate"))]
    let _ = (delay, run);
}

/// Calls `run` once what the document says now has been painted, even if the component is gone by then.
#[cfg(feature = "hydrate")]
pub fn after_paint(run: impl FnOnce() + 'static) {
    // The first frame begins before it is painted. Both fail only where there is no window.
    let _ = request_animation_frame(move || drop(request_animation_frame(run)));
}

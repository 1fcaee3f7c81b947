//! A warning that is said once a minute at most.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    said: Option<Duration>,
    since: u64,
}

impl Seldom {
    /// It has happened again. If it is time to say so: how often it has happened since it was said.
    pub(super) fn say(&self, now: Duration) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.since += 1;
        let is_due = state.said.is_none_or(|said| now.saturating_sub(said) >= PAUSE);
        is_due.then(|| {
            state.said = Some(now);
            std::mem::take(&mut state.since)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_often_is_said_once_a_minute() {
        let seldom = Seldom::default();
        let at = |second| seldom.say(Duration::from_secs(second));
        assert_eq!([at(5), at(5), at(64)], [Some(1), None, None]);
        assert_eq!([at(65), at(66)], [Some(3), None]);
    }
}

//! What follows an attempt for its delivery: another attempt and when, or its end; and who may still say so.

use model::{AttemptId, AttemptOutcome, DeliveryState, Timestamp};

use crate::schedule::{self, MAX_ATTEMPTS};
use crate::storage::{Replay, Then};

/// A delivery before the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// Attempts of the schedule that were made.
    pub attempts: u32,
    pub test: bool,
    /// This attempt was asked for by hand.
    pub replay: Option<Replay>,
}

/// Attempts that the schedule has for a delivery.
pub const fn attempts_at_most(test: bool) -> u32 {
    if test { 1 } else { MAX_ATTEMPTS }
}

/// What follows for the delivery. A test has one attempt; so has a replay, after which the delivery is what it was, or waits
/// for the same moment as before. `retry_after` is what the receiver asked for, in seconds; `random` is any byte pair.
pub fn then(
    before: Before,
    outcome: &AttemptOutcome,
    now: Timestamp,
    retry_after: Option<i64>,
    random: [u8; 2],
) -> Then {
    if matches!(outcome, AttemptOutcome::Succeeded { .. }) {
        return Then::Ended(DeliveryState::Delivered);
    }
    if let Some(Replay { from, resume_at }) = before.replay {
        return match from {
            DeliveryState::Delivered | DeliveryState::Exhausted => Then::Ended(from),
            // Something was sent now.
            DeliveryState::Skipped => Then::Ended(DeliveryState::Exhausted),
            DeliveryState::Pending | DeliveryState::Held => Then::RetryAt(resume_at.unwrap_or(now)),
        };
    }
    let made = before.attempts + 1;
    if made >= attempts_at_most(before.test) {
        return Then::Ended(DeliveryState::Exhausted);
    }
    match schedule::next_attempt(made, now, retry_after, random) {
        Some(at) => Then::RetryAt(at),
        None => Then::Ended(DeliveryState::Exhausted),
    }
}

/// What the delivery becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// What follows from the attempt.
    As(Then),
    /// The attempt leaves its evidence and no more: the delivery goes on as it is, in this state.
    Stays(DeliveryState),
}

/// Who still has the lease decides. Who has lost it, because it ran out or because the webhook was deleted, may only report a
/// success of a delivery that nobody else is working on, and that something was sent.
///
/// `state` and `lease` are the delivery's as they are when the attempt is written down; `ours` is the attempt's lease.
pub fn settled(state: DeliveryState, lease: Option<AttemptId>, ours: AttemptId, then: Then) -> Settled {
    let delivered = then == Then::Ended(DeliveryState::Delivered);
    match lease {
        Some(lease) if lease == ours => Settled::As(then),
        None if delivered => Settled::As(then),
        None | Some(_) if state == DeliveryState::Skipped => Settled::Stays(DeliveryState::Exhausted),
        None | Some(_) => Settled::Stays(state),
    }
}

#[cfg(test)]
mod tests {
    use model::FailureClass;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_607_200_000);
    const LATER: Timestamp = Timestamp::from_millis(1_767_610_800_000);
    const SUCCEEDED: AttemptOutcome = AttemptOutcome::Succeeded { status: 200 };
    const FAILED: AttemptOutcome = AttemptOutcome::Failed {
        class: FailureClass::Status,
        status: Some(500),
    };

    fn before(attempts: u32, test: bool, replay: Option<Replay>) -> Before {
        Before {
            attempts,
            test,
            replay,
        }
    }

    #[test]
    fn a_failed_attempt_is_followed_by_another_until_the_schedule_ends() {
        use DeliveryState::{Delivered, Exhausted, Held, Pending, Skipped};
        let replay = |from, resume_at| Some(Replay { from, resume_at });
        let retry = Then::RetryAt(NOW.plus_seconds(30));
        let table = [
            (before(0, false, None), retry),
            (before(2, false, None), retry),
            (before(MAX_ATTEMPTS - 1, false, None), Then::Ended(Exhausted)),
            (before(0, true, None), Then::Ended(Exhausted)),
            (
                before(1, false, replay(Pending, Some(LATER))),
                Then::RetryAt(LATER),
            ),
            (before(0, false, replay(Pending, None)), Then::RetryAt(NOW)),
            (before(1, false, replay(Held, Some(LATER))), Then::RetryAt(LATER)),
            (before(1, false, replay(Delivered, None)), Then::Ended(Delivered)),
            (
                before(MAX_ATTEMPTS, false, replay(Exhausted, None)),
                Then::Ended(Exhausted),
            ),
            (before(0, false, replay(Skipped, None)), Then::Ended(Exhausted)),
        ];
        for (before, follows) in table {
            assert_eq!(then(before, &FAILED, NOW, None, [0, 0]), follows, "{before:?}");
            assert_eq!(
                then(before, &SUCCEEDED, NOW, None, [0, 0]),
                Then::Ended(Delivered),
                "{before:?}"
            );
        }
        assert_eq!(
            then(before(0, false, None), &FAILED, NOW, Some(120), [0, 0]),
            Then::RetryAt(NOW.plus_seconds(120)),
            "the receiver asked for it"
        );
    }

    #[test]
    fn who_lost_the_lease_reports_a_success_that_nobody_works_on_and_that_something_was_sent() {
        use DeliveryState::{Delivered, Exhausted, Held, Pending, Skipped};
        let (ours, other) = (AttemptId::from_random([1; 16]), AttemptId::from_random([2; 16]));
        let (retry, success) = (Then::RetryAt(LATER), Then::Ended(Delivered));
        let table = [
            (Pending, Some(ours), retry, Settled::As(retry)),
            (Pending, Some(ours), success, Settled::As(success)),
            (Pending, Some(other), retry, Settled::Stays(Pending)),
            (Pending, Some(other), success, Settled::Stays(Pending)),
            (Pending, None, retry, Settled::Stays(Pending)),
            (Pending, None, success, Settled::As(success)),
            (Held, None, retry, Settled::Stays(Held)),
            (Delivered, None, retry, Settled::Stays(Delivered)),
            (Exhausted, None, retry, Settled::Stays(Exhausted)),
            (Exhausted, None, success, Settled::As(success)),
            (Skipped, None, retry, Settled::Stays(Exhausted)),
            (Skipped, None, success, Settled::As(success)),
        ];
        for (state, lease, then, expected) in table {
            assert_eq!(
                settled(state, lease, ours, then),
                expected,
                "{state:?} {lease:?} {then:?}"
            );
        }
    }
}

//! What happens to a delivery after an attempt: when the next attempt is, or how it ends. Also decides whether an
//! attempt that lost its lease may still change it.

use model::{AttemptId, AttemptOutcome, DeliveryState, Timestamp};

use crate::schedule::{self, MAX_ATTEMPTS};
use crate::storage::{Replay, Then};

/// A delivery before the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// Scheduled attempts made so far.
    pub attempts: u32,
    pub test: bool,
    /// Set if a person asked for this attempt.
    pub replay: Option<Replay>,
}

/// The number of attempts in the schedule.
pub const fn attempts_at_most(test: bool) -> u32 {
    if test { 1 } else { MAX_ATTEMPTS }
}

/// What happens to the delivery next. A test has one attempt. A replay has one too; if it fails, the delivery returns
/// to its earlier state or keeps waiting for the same time as before. `retry_after` is what the receiver asked for, in
/// seconds. `random` is any two bytes.
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
            DeliveryState::Delivered | DeliveryState::Exhausted | DeliveryState::Cancelled => {
                Then::Ended(from)
            }
            // It was skipped before, but now something has been sent.
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
    /// The result of this attempt applies.
    As(Then),
    /// The attempt is recorded and changes nothing else. The delivery stays in this state.
    Stays(DeliveryState),
}

/// The attempt that still holds the lease decides. An attempt may have lost its lease because it expired, because the
/// webhook was deleted or because the operator cancelled the delivery. It may then only record that something was sent and, if no one else is working on the delivery,
/// a success.
///
/// `state` and `lease` are the delivery's at the time the attempt is recorded. `ours` is the attempt's lease.
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
        use DeliveryState::{Cancelled, Delivered, Exhausted, Held, Pending, Skipped};
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
            (before(2, false, replay(Cancelled, None)), Then::Ended(Cancelled)),
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
    fn an_attempt_that_lost_its_lease_can_report_only_a_success_and_that_something_was_sent() {
        use DeliveryState::{Cancelled, Delivered, Exhausted, Held, Pending, Skipped};
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
            (Cancelled, None, retry, Settled::Stays(Cancelled)),
            (Cancelled, None, success, Settled::As(success)),
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

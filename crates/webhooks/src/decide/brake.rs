//! What the operator's brake does to a delivery. A hold lies over a delivery: its state and its times go on below it,
//! and nothing is sent until it is resumed.

use model::{AuditAction, DeliveryState};
use serde::{Deserialize, Serialize};

/// What the operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrakeAction {
    Hold,
    Resume,
    Cancel,
}

/// Where deliveries wait. Each shelf has an index, in which those of a webhook have an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shelf {
    /// For their next attempt, or one is under way.
    Due,
    /// For a key.
    NoKey,
    /// For the operator.
    OnHold,
}

impl BrakeAction {
    /// The shelves with deliveries that this may change.
    pub const fn shelves(self) -> &'static [Shelf] {
        match self {
            Self::Hold => &[Shelf::Due, Shelf::NoKey],
            Self::Resume => &[Shelf::OnHold],
            Self::Cancel => &[Shelf::Due, Shelf::NoKey, Shelf::OnHold],
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }

    pub const fn audited_as(self) -> AuditAction {
        match self {
            Self::Hold => AuditAction::DeliveriesHeld,
            Self::Resume => AuditAction::DeliveriesResumed,
            Self::Cancel => AuditAction::DeliveriesCancelled,
        }
    }
}

/// A delivery when the brake comes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrakeFacts {
    pub state: DeliveryState,
    pub on_hold: bool,
    /// The state before a replay that is due.
    pub replayed_from: Option<DeliveryState>,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Braked {
    /// It has ended, or it is already as wanted.
    Stays,
    OnHold,
    /// Its next attempt is due as it was before. If that time has passed, it is due now.
    Released,
    Ended(DeliveryState),
}

/// An attempt that is under way goes on. After a hold, a failed one is followed by no other until the delivery is
/// resumed. After a cancellation it can only still deliver ([`settled`](crate::decide::settled)).
pub const fn braked(action: BrakeAction, facts: &BrakeFacts) -> Braked {
    match (action, facts.state.waits(), facts.on_hold) {
        (BrakeAction::Hold, true, false) => Braked::OnHold,
        (BrakeAction::Resume, _, true) => Braked::Released,
        (BrakeAction::Cancel, true, _) => Braked::Ended(cancelled_as(facts.replayed_from)),
        _ => Braked::Stays,
    }
}

/// A delivery that had ended before someone replayed it returns to that state: only the replay is cancelled.
const fn cancelled_as(replayed_from: Option<DeliveryState>) -> DeliveryState {
    match replayed_from {
        Some(from) if !from.waits() => from,
        _ => DeliveryState::Cancelled,
    }
}

/// Whether the hold stays on a delivery that an attempt has brought into this state. One that has ended has none.
pub const fn keeps_hold(state: DeliveryState) -> bool {
    state.waits()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITING: BrakeFacts = BrakeFacts {
        state: DeliveryState::Pending,
        on_hold: false,
        replayed_from: None,
    };

    #[test]
    fn a_hold_takes_what_waits_and_a_resume_takes_what_is_on_hold() {
        use BrakeAction::{Cancel, Hold, Resume};
        use Braked::{Ended, OnHold, Released, Stays};
        use DeliveryState as S;
        let cancelled = Ended(S::Cancelled);
        // Columns: state, on hold, after a hold, after a resume, after a cancellation.
        let table = [
            (S::Pending, false, OnHold, Stays, cancelled),
            (S::Pending, true, Stays, Released, cancelled),
            (S::Held, false, OnHold, Stays, cancelled),
            (S::Held, true, Stays, Released, cancelled),
            (S::Delivered, false, Stays, Stays, Stays),
            (S::Exhausted, false, Stays, Stays, Stays),
            (S::Skipped, false, Stays, Stays, Stays),
            (S::Cancelled, false, Stays, Stays, Stays),
        ];
        for (state, on_hold, hold, resume, cancel) in table {
            let facts = BrakeFacts {
                state,
                on_hold,
                ..WAITING
            };
            let got = [Hold, Resume, Cancel].map(|action| braked(action, &facts));
            assert_eq!(got, [hold, resume, cancel], "{facts:?}");
        }
    }

    #[test]
    fn a_cancelled_replay_returns_to_the_state_before_it() {
        use DeliveryState as S;
        for from in S::ALL {
            let facts = BrakeFacts {
                replayed_from: Some(from),
                ..WAITING
            };
            let expected = if from.waits() { S::Cancelled } else { from };
            assert_eq!(
                braked(BrakeAction::Cancel, &facts),
                Braked::Ended(expected),
                "{from:?}"
            );
            assert_eq!(braked(BrakeAction::Hold, &facts), Braked::OnHold, "{from:?}");
        }
    }

    #[test]
    fn the_same_action_twice_changes_nothing_the_second_time() {
        for state in DeliveryState::ALL {
            for on_hold in [false, true]
                .into_iter()
                .filter(|on_hold| !on_hold || state.waits())
            {
                for action in [BrakeAction::Hold, BrakeAction::Resume, BrakeAction::Cancel] {
                    let before = BrakeFacts {
                        state,
                        on_hold,
                        replayed_from: None,
                    };
                    let after = match braked(action, &before) {
                        Braked::Stays => before,
                        Braked::OnHold => BrakeFacts {
                            on_hold: true,
                            ..before
                        },
                        Braked::Released => BrakeFacts {
                            on_hold: false,
                            ..before
                        },
                        Braked::Ended(state) => BrakeFacts {
                            state,
                            on_hold: false,
                            ..before
                        },
                    };
                    assert_eq!(braked(action, &after), Braked::Stays, "{action:?} {before:?}");
                }
            }
        }
    }

    #[test]
    fn only_a_delivery_that_waits_keeps_its_hold() {
        for state in DeliveryState::ALL {
            assert_eq!(keeps_hold(state), state.waits(), "{state:?}");
        }
    }
}

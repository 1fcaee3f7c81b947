//! Whether a delivery may be replayed, and what it returns to if that attempt fails.

use model::{DeliveryState, Timestamp};

use crate::storage::Replay;
use crate::{Fate, Standing};

/// A delivery and its webhook at the time someone asks for a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayFacts {
    /// The standing of the webhook.
    pub standing: Standing,
    /// It is a test event.
    pub test: bool,
    pub on_hold: bool,
    /// Someone holds a lease on it. An expired lease counts too, because the worker will pick up the delivery without
    /// being asked.
    pub under_way: bool,
    pub state: DeliveryState,
    pub due_at: Option<Timestamp>,
    /// Set if it was replayed before and that attempt has not been made yet.
    pub earlier: Option<Replay>,
}

/// Why a delivery cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayRefused {
    /// A test event cannot be replayed.
    Test,
    /// The operator holds it. Whatever else applies, it is not sent before it is resumed.
    OnHold,
    WebhookOff,
    /// An attempt is in progress.
    Busy,
    /// There is no key to sign with.
    Held,
}

impl ReplayRefused {
    /// Tells the caller what to do first.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Test => "Test events cannot be replayed. Send a new one.",
            Self::OnHold => {
                "Your API provider has put this delivery on hold. It is sent once they resume it."
            }
            Self::WebhookOff => "This webhook is paused or disabled. Enable it first.",
            Self::Busy => "An attempt is in progress. Wait for it to finish.",
            Self::Held => {
                "This environment has no API key that can sign: none, or only keys imported as digests. Generate one, and the delivery will be sent."
            }
        }
    }
}

/// What the delivery has to remember while the replay is due. A second request keeps what the first one remembered.
pub fn may_replay(facts: &ReplayFacts) -> Result<Replay, ReplayRefused> {
    if facts.test {
        Err(ReplayRefused::Test)
    } else if facts.on_hold {
        Err(ReplayRefused::OnHold)
    } else if facts.standing.waiting() != Fate::Sent {
        Err(ReplayRefused::WebhookOff)
    } else if facts.under_way {
        Err(ReplayRefused::Busy)
    } else if facts.state == DeliveryState::Held {
        Err(ReplayRefused::Held)
    } else {
        Ok(facts.earlier.unwrap_or(Replay {
            from: facts.state,
            resume_at: facts.due_at,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUE: Timestamp = Timestamp::from_millis(60_000);

    /// Failed, and waiting for its next attempt.
    const WAITING: ReplayFacts = ReplayFacts {
        standing: Standing::Active,
        test: false,
        on_hold: false,
        under_way: false,
        state: DeliveryState::Pending,
        due_at: Some(DUE),
        earlier: None,
    };

    #[test]
    fn a_replay_is_refused_for_the_first_reason_that_applies() {
        use ReplayRefused as R;
        let off = |standing| ReplayFacts { standing, ..WAITING };
        let busy = ReplayFacts {
            under_way: true,
            ..WAITING
        };
        let held = ReplayFacts {
            state: DeliveryState::Held,
            due_at: None,
            ..WAITING
        };
        let table = [
            (
                ReplayFacts {
                    test: true,
                    ..WAITING
                },
                R::Test,
            ),
            (off(Standing::Paused), R::WebhookOff),
            (off(Standing::Disabled), R::WebhookOff),
            (off(Standing::Deleted), R::WebhookOff),
            (busy, R::Busy),
            (held, R::Held),
            (
                ReplayFacts {
                    on_hold: true,
                    ..WAITING
                },
                R::OnHold,
            ),
            // More than one reason applies.
            (
                ReplayFacts {
                    test: true,
                    on_hold: true,
                    ..WAITING
                },
                R::Test,
            ),
            (
                ReplayFacts {
                    on_hold: true,
                    under_way: true,
                    ..off(Standing::Paused)
                },
                R::OnHold,
            ),
            (
                ReplayFacts {
                    test: true,
                    ..off(Standing::Paused)
                },
                R::Test,
            ),
            (
                ReplayFacts {
                    under_way: true,
                    ..off(Standing::Paused)
                },
                R::WebhookOff,
            ),
            (
                ReplayFacts {
                    under_way: true,
                    ..held
                },
                R::Busy,
            ),
        ];
        for (facts, reason) in table {
            assert_eq!(may_replay(&facts), Err(reason), "{facts:?}");
        }
    }

    #[test]
    fn a_replay_remembers_the_state_of_the_delivery() {
        for (state, due_at) in [
            (DeliveryState::Pending, Some(DUE)),
            (DeliveryState::Delivered, None),
            (DeliveryState::Exhausted, None),
            (DeliveryState::Skipped, None),
            (DeliveryState::Cancelled, None),
        ] {
            let facts = ReplayFacts {
                state,
                due_at,
                ..WAITING
            };
            let remembered = Replay {
                from: state,
                resume_at: due_at,
            };
            assert_eq!(may_replay(&facts), Ok(remembered));
            let again = ReplayFacts {
                state: DeliveryState::Pending,
                due_at: Some(DUE.plus_seconds(1)),
                earlier: Some(remembered),
                ..WAITING
            };
            assert_eq!(may_replay(&again), Ok(remembered), "asked for twice");
        }
    }
}

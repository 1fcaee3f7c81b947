//! What happens to deliveries, depending on the state of their webhook. This is the only table of it.
//! `docs/ARCHITECTURE.md` and the help page show the same table, and a test below compares it with the former.
//!
//! | webhook | waiting deliveries | new events |
//! | --- | --- | --- |
//! | active | sent when due | sent at once |
//! | no key | wait | wait |
//! | paused | wait | wait |
//! | disabled | wait | skipped |
//! | deleted | ended | nothing |

use model::DisabledReason;

/// The state of a webhook, as far as its deliveries are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Active,
    /// Its environment has no active key to sign with.
    NoKey,
    /// A person or a program of the company paused it.
    Paused,
    /// It failed for five days, or its receiver answered 410.
    Disabled,
    Deleted,
}

/// What happens to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent when due.
    Sent,
    /// It stays unchanged and uses up no attempt. Once its webhook is active again, it is sent, oldest first.
    Waits,
    /// It is recorded but not sent, unless someone replays it.
    Skipped,
    /// It ends, or is never created.
    Ended,
}

impl Standing {
    pub const ALL: [Self; 5] = [
        Self::Active,
        Self::NoKey,
        Self::Paused,
        Self::Disabled,
        Self::Deleted,
    ];

    /// Derived from the webhook's own state. Whether there is a key is only known when an attempt starts.
    pub const fn of(disabled: Option<DisabledReason>) -> Self {
        match disabled {
            None => Self::Active,
            Some(DisabledReason::ByHand) => Self::Paused,
            Some(DisabledReason::Gone | DisabledReason::FailedTooLong) => Self::Disabled,
        }
    }

    /// What happens to deliveries that wait for their first or next attempt. An attempt in progress always finishes,
    /// whatever happens to its webhook.
    pub const fn waiting(self) -> Fate {
        match self {
            Self::Active => Fate::Sent,
            Self::NoKey | Self::Paused | Self::Disabled => Fate::Waits,
            Self::Deleted => Fate::Ended,
        }
    }

    /// What happens to an event that arrives now.
    pub const fn arriving(self) -> Fate {
        match self {
            Self::Active => Fate::Sent,
            Self::NoKey | Self::Paused => Fate::Waits,
            Self::Disabled => Fate::Skipped,
            Self::Deleted => Fate::Ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARCHITECTURE: &str = include_str!("../../../docs/ARCHITECTURE.md");

    const fn name(standing: Standing) -> &'static str {
        match standing {
            Standing::Active => "*active*",
            Standing::NoKey => "*held: no key*",
            Standing::Paused => "*paused*",
            Standing::Disabled => "*disabled*",
            Standing::Deleted => "*deleted*",
        }
    }

    const fn words(fate: Fate, new: bool) -> &'static str {
        match (fate, new) {
            (Fate::Sent, false) => "sent when due",
            (Fate::Sent, true) => "sent at once",
            (Fate::Waits, _) => "wait",
            (Fate::Skipped, _) => "skipped",
            (Fate::Ended, false) => "ended",
            (Fate::Ended, true) => "none",
        }
    }

    #[test]
    fn the_table_in_the_documentation_matches_this_one() {
        let rows: Vec<Vec<&str>> = ARCHITECTURE
            .lines()
            .skip_while(|line| !line.starts_with("| a webhook is"))
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .map(|line| {
                line.split('|')
                    .map(str::trim)
                    .filter(|cell| !cell.is_empty())
                    .collect()
            })
            .collect();
        let expected: Vec<Vec<&str>> = Standing::ALL
            .map(|standing| {
                vec![
                    name(standing),
                    words(standing.waiting(), false),
                    words(standing.arriving(), true),
                ]
            })
            .to_vec();
        let first_three: Vec<Vec<&str>> = rows.iter().map(|row| row[..3].to_vec()).collect();
        assert_eq!(first_three, expected);
    }

    #[test]
    fn deliveries_keep_waiting_unless_their_webhook_is_deleted() {
        for standing in Standing::ALL {
            let lost = standing.waiting() == Fate::Ended || standing.arriving() == Fate::Ended;
            assert_eq!(lost, standing == Standing::Deleted, "{standing:?}");
        }
    }
}

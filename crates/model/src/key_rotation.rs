//! Replacing a key by a new one while its programs move over.

use serde::{Deserialize, Serialize};

use crate::{
    Environment, Gap, GeneratedKey, KeyId, KeySummary, LastUsed, RequestSource, Timestamp, WebhookId,
};

/// The shortest time without a call after which a key may be deleted. Nodes write when a key was last used every second,
/// and a node that cannot write refuses requests after three, so this is far above what can be missing.
pub const SHORTEST_QUIET_MILLIS: i64 = 10 * 60_000;
/// The longest time that a plan may name.
pub const LONGEST_PLAN_MILLIS: i64 = 366 * 86_400_000;

/// When the old key of a rotation is to be deleted. Never before the new key has been used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationPlan {
    /// When a person says so.
    #[default]
    Undecided,
    At(Timestamp),
    /// After this many milliseconds without a call.
    Quiet(i64),
}

/// How a rotation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationEnd {
    /// It deleted the old key.
    Rotated,
    /// The old key was deleted otherwise: by hand, by its own date, or because a new key needed its slot.
    OldKeyDeleted,
    /// The new key was deleted, so the old one stays.
    NewKeyDeleted,
}

impl RotationEnd {
    pub const ALL: [Self; 3] = [Self::Rotated, Self::OldKeyDeleted, Self::NewKeyDeleted];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rotated => "rotated",
            Self::OldKeyDeleted => "old_key_deleted",
            Self::NewKeyDeleted => "new_key_deleted",
        }
    }
}

/// Where a rotation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationStage {
    Running,
    /// Nothing is deleted until it is resumed. Both keys stay.
    Cancelled {
        at: Timestamp,
        by: String,
    },
    Ended {
        at: Timestamp,
        how: RotationEnd,
    },
}

/// One rotation. The new key identifies it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRotation {
    pub environment: Environment,
    pub old_key: KeyId,
    pub old_last_four: String,
    pub new_key: KeyId,
    pub new_last_four: String,
    pub started_at: Timestamp,
    pub started_by: String,
    pub plan: RotationPlan,
    /// Who made the plan.
    pub plan_by: String,
    pub stage: RotationStage,
}

/// What a rotation still waits for before it deletes the old key. Without any of these, it is time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationWait {
    HasEnded,
    IsCancelled,
    /// No request has used the new key.
    NewKeyUnused,
    /// The new key is no longer accepted. The old one would have been the last.
    NewKeyEnded,
    /// There is no plan.
    Decision,
    Moment(Timestamp),
    /// If no call with the old key comes, until this moment.
    Quiet(Timestamp),
}

impl RotationWait {
    /// The end of a sentence that begins with "The old key stays:" or with "It cannot be deleted:".
    pub fn reason(self) -> String {
        match self {
            Self::HasEnded => "the rotation has ended".to_owned(),
            Self::IsCancelled => "the rotation is cancelled; resume it first".to_owned(),
            Self::NewKeyUnused => "no request has used the new key yet".to_owned(),
            Self::NewKeyEnded => "the new key has ended, so no key would be left".to_owned(),
            Self::Decision => "no time has been set for its deletion".to_owned(),
            Self::Moment(at) => format!("it is deleted on {}", at.to_page_text()),
            Self::Quiet(at) => format!("without another call it is deleted on {}", at.to_page_text()),
        }
    }
}

/// What a rotation is judged by besides itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RotationFacts {
    /// `None` for a key that was never used.
    pub old_last_used: Option<Timestamp>,
    pub new_last_used: Option<Timestamp>,
    /// The earlier of the new key's dates.
    pub new_ends_at: Option<Timestamp>,
}

impl KeyRotation {
    /// Whether both keys are there.
    pub const fn is_open(&self) -> bool {
        !matches!(self.stage, RotationStage::Ended { .. })
    }

    /// What the deletion of the old key waits for at `now`; `None` when it is time.
    pub fn waits_for(&self, facts: &RotationFacts, now: Timestamp) -> Option<RotationWait> {
        if let Some(wait) = self.forbids(facts, now) {
            return Some(wait);
        }
        match self.plan {
            RotationPlan::Undecided => Some(RotationWait::Decision),
            RotationPlan::At(at) => (now < at).then_some(RotationWait::Moment(at)),
            RotationPlan::Quiet(millis) => {
                // A key that was never used has been quiet at least since the rotation began.
                let since = facts.old_last_used.unwrap_or(self.started_at);
                let until = since.plus_millis(millis);
                (now < until).then_some(RotationWait::Quiet(until))
            }
        }
    }

    /// Why the old key may not be deleted, whatever the plan says: also not at once and by hand.
    pub fn forbids(&self, facts: &RotationFacts, now: Timestamp) -> Option<RotationWait> {
        match self.stage {
            RotationStage::Ended { .. } => return Some(RotationWait::HasEnded),
            RotationStage::Cancelled { .. } => return Some(RotationWait::IsCancelled),
            RotationStage::Running => {}
        }
        if facts.new_ends_at.is_some_and(|at| at <= now) {
            return Some(RotationWait::NewKeyEnded);
        }
        facts
            .new_last_used
            .is_none()
            .then_some(RotationWait::NewKeyUnused)
    }
}

/// A rotation that has just begun: the new key with its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotatedKey {
    pub generated: GeneratedKey,
    pub rotation: KeyRotation,
}

/// How a key was used in a week, as far as the log knows: in the last one, or in the one before its rotation began. During a
/// rotation its programs go elsewhere, and its pauses say nothing of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPauses {
    /// Milliseconds that no pause between two calls was longer than. The log of a week is read in parts of five minutes, and what it
    /// no longer has counts as a pause, so the longest pause may be shorter than this and never longer.
    pub longest: i64,
    /// From when the log was read: a week ago, or when the key was made.
    pub from: Timestamp,
    /// If the log has nothing from before this moment, although the key is older.
    pub missing_before: Option<Timestamp>,
    /// Stops of the server in which calls may not have been logged. They can make a pause look longer.
    pub gaps: Vec<RotationGap>,
    /// Requests that the log dropped since the server started.
    pub dropped: u64,
}

impl KeyPauses {
    /// The shortest time without a call that a plan may name.
    pub fn shortest_quiet(&self) -> i64 {
        self.longest
            .saturating_mul(2)
            .clamp(SHORTEST_QUIET_MILLIS, LONGEST_PLAN_MILLIS)
    }
}

/// A gap of the log, as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationGap {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl From<Gap> for RotationGap {
    fn from(Gap { from, to }: Gap) -> Self {
        Self { from, to }
    }
}

/// Who used a key since a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySources {
    pub since: Timestamp,
    pub requests: u64,
    /// How many of them were refused.
    pub refused: u64,
    /// The one with the latest request first.
    pub sources: Vec<RequestSource>,
    /// How many addresses are left out.
    pub more: u64,
    /// If there was no time to look at everything: requests from before this are missing.
    pub looked_back_to: Option<Timestamp>,
}

/// A webhook whose next delivery is signed with the old key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldKeySigns {
    pub webhook: WebhookId,
    pub name: String,
    /// Whether its receiver last accepted a signature by this key. Otherwise it is the older key's turn.
    pub last_succeeded: bool,
    /// Deliveries that wait for an attempt.
    pub pending: u64,
}

/// Everything about a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationReport {
    pub rotation: KeyRotation,
    /// What the deletion of the old key waits for; nothing if it is about to be deleted.
    pub wait: Option<RotationWait>,
    /// `None` once it was deleted.
    pub old: Option<KeySummary>,
    pub new: Option<KeySummary>,
    /// When the old key was last used: never dropped, whatever the log lost.
    pub old_last_used: Option<LastUsed>,
    pub pauses: KeyPauses,
    /// Who used the old key.
    pub sources: KeySources,
    /// Who used the new one.
    pub new_sources: KeySources,
    pub signing: Vec<OldKeySigns>,
    pub now: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    fn rotation(plan: RotationPlan) -> KeyRotation {
        KeyRotation {
            environment: Environment::Sandbox,
            old_key: KeyId::from_random([1; 16]),
            old_last_four: "aaaa".to_owned(),
            new_key: KeyId::from_random([2; 16]),
            new_last_four: "bbbb".to_owned(),
            started_at: NOW,
            started_by: "Ana".to_owned(),
            plan,
            plan_by: "Ana".to_owned(),
            stage: RotationStage::Running,
        }
    }

    fn used() -> RotationFacts {
        RotationFacts {
            old_last_used: Some(NOW),
            new_last_used: Some(NOW),
            new_ends_at: None,
        }
    }

    #[test]
    fn nothing_is_deleted_before_the_new_key_was_used_whatever_the_plan() {
        let unused = RotationFacts {
            new_last_used: None,
            ..used()
        };
        for plan in [
            RotationPlan::Undecided,
            RotationPlan::At(NOW),
            RotationPlan::Quiet(1),
        ] {
            let late = NOW.plus_seconds(1_000_000);
            let rotation = rotation(plan);
            assert_eq!(
                rotation.waits_for(&unused, late),
                Some(RotationWait::NewKeyUnused)
            );
            assert_eq!(rotation.forbids(&unused, late), Some(RotationWait::NewKeyUnused));
        }
    }

    #[test]
    fn a_plan_is_due_at_its_moment_and_not_before() {
        let at = rotation(RotationPlan::At(NOW.plus_millis(5)));
        assert_eq!(
            at.waits_for(&used(), NOW.plus_millis(4)),
            Some(RotationWait::Moment(NOW.plus_millis(5)))
        );
        assert_eq!(at.waits_for(&used(), NOW.plus_millis(5)), None);
        let quiet = rotation(RotationPlan::Quiet(5));
        let called = RotationFacts {
            old_last_used: Some(NOW.plus_millis(3)),
            ..used()
        };
        assert_eq!(
            quiet.waits_for(&called, NOW.plus_millis(7)),
            Some(RotationWait::Quiet(NOW.plus_millis(8)))
        );
        assert_eq!(quiet.waits_for(&called, NOW.plus_millis(8)), None);
    }

    #[test]
    fn a_new_key_that_has_ended_keeps_the_old_one() {
        let ended = RotationFacts {
            new_ends_at: Some(NOW.plus_millis(10)),
            ..used()
        };
        let rotation = rotation(RotationPlan::At(NOW));
        assert_eq!(rotation.waits_for(&ended, NOW.plus_millis(9)), None);
        assert_eq!(
            rotation.waits_for(&ended, NOW.plus_millis(10)),
            Some(RotationWait::NewKeyEnded)
        );
    }

    #[test]
    fn a_quiet_time_is_at_least_twice_the_longest_pause() {
        let shortest = |longest| {
            KeyPauses {
                longest,
                ..KeyPauses::default()
            }
            .shortest_quiet()
        };
        assert_eq!(shortest(0), SHORTEST_QUIET_MILLIS);
        assert_eq!(shortest(6 * 3_600_000), 12 * 3_600_000);
        assert_eq!(shortest(i64::MAX), LONGEST_PLAN_MILLIS);
    }
}

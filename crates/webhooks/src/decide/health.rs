//! When a webhook counts as failing, when its company gets a warning, and when it is disabled.

use model::{
    Actor, AttemptOutcome, AuditAction, AuditEntry, AuditId, CompanyId, DisabledReason, KeyId, Timestamp,
    WebhookId,
};

use crate::Standing;
use crate::schedule::{DISABLE_AFTER_SECONDS, WARN_AFTER_SECONDS};

/// What a webhook's row says about the success of its attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthRecord {
    pub standing: Standing,
    /// When it began to fail every attempt. Enabling the webhook or changing its URL clears this.
    pub failing_since: Option<Timestamp>,
    /// The first failure after the last success. Only a success clears this.
    pub undelivered_since: Option<Timestamp>,
    /// When the company was warned about this series of failures.
    pub warned_at: Option<Timestamp>,
    /// The key that last succeeded.
    pub last_key: Option<KeyId>,
}

/// What an attempt reports about its webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// It succeeded, signed with this key.
    Succeeded(KeyId),
    Failed,
    /// 410: the endpoint is gone for good.
    Gone,
}

impl Report {
    pub const fn of(outcome: &AttemptOutcome, signed_by: KeyId) -> Self {
        match outcome {
            AttemptOutcome::Succeeded { .. } => Self::Succeeded(signed_by),
            AttemptOutcome::Failed {
                status: Some(410), ..
            } => Self::Gone,
            AttemptOutcome::Failed { .. } => Self::Failed,
        }
    }
}

/// What happens to the webhook, apart from the change to its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// It has failed for half the time after which it will be disabled. Reported once.
    Warned,
    Disabled(DisabledReason),
}

impl Consequence {
    /// The audit row for this consequence.
    pub fn audit(self, id: AuditId, at: Timestamp, company: CompanyId, webhook: WebhookId) -> AuditEntry {
        let (action, detail) = match self {
            Self::Warned => (
                AuditAction::WebhookFailing,
                "Every attempt has failed for two and a half days. After five days it will be disabled.",
            ),
            Self::Disabled(reason) => (AuditAction::WebhookDisabled, reason.sentence()),
        };
        AuditEntry {
            id,
            at,
            company: Some(company),
            actor: Actor::system(),
            action,
            subject: webhook.to_string(),
            detail: detail.to_owned(),
        }
    }
}

/// The webhook's record after an attempt that ended at `now`, and the consequence.
///
/// A success clears all failures, and its key is preferred from now on. A series of failures is measured from its first
/// one. Halfway to [`DISABLE_AFTER_SECONDS`] there is one warning, and at the end the webhook is disabled. A 410
/// disables it at once. If someone has paused, disabled or deleted the webhook while the attempt was in progress, a
/// failure has no consequence.
pub fn health_after(
    before: &HealthRecord,
    report: Report,
    now: Timestamp,
) -> (HealthRecord, Option<Consequence>) {
    if let Report::Succeeded(key) = report {
        let record = HealthRecord {
            standing: before.standing,
            failing_since: None,
            undelivered_since: None,
            warned_at: None,
            last_key: Some(key),
        };
        return (record, None);
    }
    if before.standing != Standing::Active {
        return (*before, None);
    }
    let since = before.failing_since.unwrap_or(now);
    let mut record = HealthRecord {
        failing_since: Some(since),
        undelivered_since: before.undelivered_since.or(Some(since)),
        ..*before
    };
    let consequence = if report == Report::Gone {
        Some(Consequence::Disabled(DisabledReason::Gone))
    } else if now >= since.plus_seconds(DISABLE_AFTER_SECONDS) {
        Some(Consequence::Disabled(DisabledReason::FailedTooLong))
    } else if now >= since.plus_seconds(WARN_AFTER_SECONDS) && before.warned_at.is_none() {
        Some(Consequence::Warned)
    } else {
        None
    };
    match consequence {
        Some(Consequence::Warned) => record.warned_at = Some(now),
        Some(Consequence::Disabled(reason)) => record.standing = Standing::of(Some(reason)),
        None => {}
    }
    (record, consequence)
}

#[cfg(test)]
mod tests {
    use model::FailureClass;

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_767_607_200_000);
    const KEY: KeyId = KeyId::from_random([1; 16]);

    const WORKING: HealthRecord = HealthRecord {
        standing: Standing::Active,
        failing_since: None,
        undelivered_since: None,
        warned_at: None,
        last_key: Some(KEY),
    };

    const FAILING: HealthRecord = HealthRecord {
        failing_since: Some(START),
        undelivered_since: Some(START),
        ..WORKING
    };

    fn hours(count: i64) -> Timestamp {
        START.plus_seconds(count * 3600)
    }

    #[test]
    fn a_failing_webhook_gets_one_warning_and_is_disabled_after_five_days() {
        use Consequence as C;
        let (unwarned, warned) = (None, Some(hours(61)));
        // Columns: hours since the first failure, whether there was a warning before, the consequence.
        let table = [
            (0, unwarned, None),
            (59, unwarned, None),
            (60, unwarned, Some(C::Warned)),
            (61, warned, None),
            (119, unwarned, Some(C::Warned)),
            (119, warned, None),
            (120, unwarned, Some(C::Disabled(DisabledReason::FailedTooLong))),
            (120, warned, Some(C::Disabled(DisabledReason::FailedTooLong))),
            (500, warned, Some(C::Disabled(DisabledReason::FailedTooLong))),
        ];
        for (after, warned_at, follows) in table {
            let before = HealthRecord { warned_at, ..FAILING };
            let (record, consequence) = health_after(&before, Report::Failed, hours(after));
            assert_eq!(consequence, follows, "after {after} hours, warned: {warned_at:?}");
            let expected = match follows {
                None => before,
                Some(C::Warned) => HealthRecord {
                    warned_at: Some(hours(after)),
                    ..before
                },
                Some(C::Disabled(_)) => HealthRecord {
                    standing: Standing::Disabled,
                    ..before
                },
            };
            assert_eq!(record, expected, "after {after} hours");
        }
    }

    #[test]
    fn the_first_failure_begins_a_series_and_only_a_success_clears_undelivered() {
        assert_eq!(health_after(&WORKING, Report::Failed, START), (FAILING, None));
        // Enabled again after earlier failures.
        let again = HealthRecord {
            undelivered_since: Some(START),
            ..WORKING
        };
        let failed = HealthRecord {
            failing_since: Some(hours(300)),
            ..again
        };
        assert_eq!(health_after(&again, Report::Failed, hours(300)), (failed, None));
        let other = KeyId::from_random([2; 16]);
        for before in [WORKING, FAILING, again, failed] {
            let after = HealthRecord {
                last_key: Some(other),
                ..WORKING
            };
            assert_eq!(
                health_after(&before, Report::Succeeded(other), hours(301)),
                (after, None)
            );
        }
        assert_eq!(
            health_after(&WORKING, Report::Succeeded(KEY), hours(1)),
            (WORKING, None),
            "nothing to write"
        );
    }

    #[test]
    fn gone_disables_at_once() {
        for before in [WORKING, FAILING] {
            let (record, consequence) = health_after(&before, Report::Gone, START);
            assert_eq!(consequence, Some(Consequence::Disabled(DisabledReason::Gone)));
            let expected = HealthRecord {
                standing: Standing::Disabled,
                ..FAILING
            };
            assert_eq!(record, expected);
        }
    }

    #[test]
    fn a_webhook_that_someone_else_disabled_keeps_their_reason() {
        for standing in Standing::ALL {
            let before = HealthRecord { standing, ..FAILING };
            for report in [Report::Failed, Report::Gone] {
                let (record, consequence) = health_after(&before, report, hours(500));
                let active = standing == Standing::Active;
                assert_eq!(consequence.is_some(), active, "{standing:?} {report:?}");
                assert_eq!(record == before, !active, "{standing:?} {report:?}");
            }
            let (record, consequence) = health_after(&before, Report::Succeeded(KEY), hours(500));
            assert_eq!(
                (record, consequence),
                (HealthRecord { standing, ..WORKING }, None),
                "a success still counts"
            );
        }
    }

    #[test]
    fn only_a_410_means_that_the_receiver_is_gone() {
        let failed = |class, status| AttemptOutcome::Failed { class, status };
        for (outcome, report) in [
            (AttemptOutcome::Succeeded { status: 204 }, Report::Succeeded(KEY)),
            (failed(FailureClass::Status, Some(410)), Report::Gone),
            (failed(FailureClass::Status, Some(404)), Report::Failed),
            (failed(FailureClass::TimeoutHeaders, None), Report::Failed),
        ] {
            assert_eq!(Report::of(&outcome, KEY), report, "{outcome:?}");
        }
    }
}

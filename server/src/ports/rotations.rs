//! The ports of rotations on [`crate::rotation::Rotations`].

use std::sync::Arc;

use accounts::Company;
use app::AppError;
use app::pages::rotate::PlanChoice;
use app::ports::{RotateKeys, SeeRotations, SeenRotation};
use async_trait::async_trait;
use keys::KeysError;
use logs::Reading;
use model::{Actor, KeyGroup, KeyId, KeyPauses, RotatedKey};

use super::keys::answer;
use crate::core::Core;
use crate::incident;
use crate::rotation::{AskedChange, AskedPlan, RotationError, Rotations};

/// The rotations of one company.
pub(crate) struct SeenRotations {
    pub(crate) core: Arc<Core>,
    pub(crate) reading: Reading,
    pub(crate) company: Company,
}

impl SeenRotations {
    fn rotations(&self) -> Rotations<'_> {
        Rotations::of(&self.core, self.reading.clone(), self.company.clone())
    }
}

#[async_trait]
impl SeeRotations for SeenRotations {
    async fn rotation(&self, key: KeyId) -> Result<SeenRotation, AppError> {
        let rotations = self.rotations();
        let groups = self.core.keys.list(self.company.id).await.map_err(answer)?;
        let found = |group: &KeyGroup| group.keys.iter().find(|one| one.id == key).cloned();
        let group = groups.iter().find(|group| found(group).is_some());
        let here = group.and_then(found);
        let report = match rotations.report(key).await {
            Ok(report) => Some(report),
            Err(RotationError::Keys(KeysError::NoRotation)) => None,
            Err(error) => return Err(fault(error)),
        };
        if here.is_none() && report.is_none() {
            return Err(AppError::NotFound);
        }
        let now = self.core.clock.now();
        let pauses = match &here {
            Some(key) => rotations.pauses(key, now).await.map_err(fault)?,
            None => KeyPauses::default(),
        };
        let has_expired = here.as_ref().is_some_and(|key| key.terms.has_expired(now));
        let other = group.and_then(|group| group.keys.iter().find(|one| one.id != key));
        let other = other.filter(|other| !other.terms.has_expired(now));
        let cannot = match (has_expired, other) {
            (true, _) => Some("It has expired. Generate a new key instead.".to_owned()),
            (false, Some(other)) => Some(format!(
                "Two keys are active in {}: this one and the one ending in {}. A rotation makes a second key, so delete \
                 the one that is not used first.",
                other.environment.label(),
                other.last_four
            )),
            (false, None) => None,
        };
        Ok(SeenRotation {
            key: here,
            pauses,
            cannot,
            report,
            now,
        })
    }
}

/// The rotations of one company, as one member may change them.
pub(crate) struct ManagedRotations {
    pub(crate) seen: Arc<SeenRotations>,
    pub(crate) actor: Actor,
}

impl ManagedRotations {
    async fn change(&self, key: KeyId, change: AskedChange) -> Result<(), AppError> {
        let rotations = self.seen.rotations();
        let changed = rotations.change(key, change, &self.actor).await;
        changed.map(drop).map_err(fault)
    }
}

#[async_trait]
impl RotateKeys for ManagedRotations {
    async fn begin(&self, key: KeyId, plan: PlanChoice) -> Result<RotatedKey, AppError> {
        let rotations = self.seen.rotations();
        rotations
            .begin(key, asked(plan), &self.actor)
            .await
            .map_err(fault)
    }

    async fn plan(&self, key: KeyId, plan: PlanChoice) -> Result<(), AppError> {
        self.change(key, AskedChange::Plan(asked(plan))).await
    }

    async fn resume(&self, key: KeyId, plan: PlanChoice) -> Result<(), AppError> {
        self.change(key, AskedChange::Resume(Some(asked(plan)))).await
    }

    async fn cancel(&self, key: KeyId) -> Result<(), AppError> {
        self.change(key, AskedChange::Cancel).await
    }

    async fn finish(&self, key: KeyId) -> Result<(), AppError> {
        let rotations = self.seen.rotations();
        rotations.finish(key, &self.actor).await.map(drop).map_err(fault)
    }
}

const HOUR: i64 = 3_600_000;

const fn asked(plan: PlanChoice) -> AskedPlan {
    match plan {
        PlanChoice::Later => AskedPlan::Undecided,
        PlanChoice::InAnHour => AskedPlan::In(HOUR),
        PlanChoice::InADay => AskedPlan::In(24 * HOUR),
        PlanChoice::InAWeek => AskedPlan::In(7 * 24 * HOUR),
        PlanChoice::Quiet => AskedPlan::Quiet(None),
    }
}

fn fault(error: RotationError) -> AppError {
    match error {
        RotationError::Keys(error) => answer(error),
        RotationError::TooShort(why) => AppError::Conflict(why),
        error => AppError::Internal {
            incident: incident::logged("a rotation could not be read or changed", &error),
        },
    }
}

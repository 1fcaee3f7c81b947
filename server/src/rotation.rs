//! Replacing a key, as pages, commands and the operator API do it: what the log says about the old key decides which plans are
//! allowed, and the report puts together what the keys, the log and the webhooks know.

use accounts::Company;
use keys::{KeysError, RotationChange, StoredRotation};
use logs::{LogStoreError, Reading};
use model::{
    Actor, CompanyId, DeletedKey, KeyId, KeyPauses, KeySummary, LastUsed, OldKeySigns, RotatedKey,
    RotationPlan, RotationReport, Timestamp,
};
use serde::{Deserialize, Serialize};
use store::webhooks::StoredWebhooks;
use thiserror::Error;
use webhooks::PageStore;

use crate::core::Core;
use crate::ports::logs::scope_of;

const DAY_SECONDS: i64 = 24 * 3600;

/// When the old key is to be deleted, as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedPlan {
    Undecided,
    At(Timestamp),
    /// In this many milliseconds.
    In(i64),
    /// After this many milliseconds without a call, or after twice the key's longest pause.
    Quiet(Option<i64>),
}

/// What is to become of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedChange {
    Plan(AskedPlan),
    Cancel,
    Resume(Option<AskedPlan>),
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> RotationError {
    RotationError::Unreadable(Box::new(error))
}

#[derive(Debug, Error)]
pub(crate) enum RotationError {
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A time without a call that is less than twice the key's longest pause.
    #[error("{0}")]
    TooShort(String),
    #[error("the log could not be read")]
    Log(#[from] LogStoreError),
    /// Something else could not be read.
    #[error("a rotation could not be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The rotations of one company.
pub(crate) struct Rotations<'a> {
    core: &'a Core,
    reading: Reading,
    company: Company,
}

impl<'a> Rotations<'a> {
    pub(crate) const fn of(core: &'a Core, reading: Reading, company: Company) -> Self {
        Self {
            core,
            reading,
            company,
        }
    }

    /// Of the company whose active key this is. For operators, who name a key by its id alone.
    pub(crate) async fn of_key(core: &'a Core, key: KeyId) -> Result<Self, RotationError> {
        let company = core.keys.company_of(key).await?;
        Self::of_company(core, company).await
    }

    /// Of the company whose rotation has this key, which may be deleted.
    pub(crate) async fn with_key(core: &'a Core, key: KeyId) -> Result<Self, RotationError> {
        let company = core.keys.company_of_rotation(key).await?;
        Self::of_company(core, company).await
    }

    async fn of_company(core: &'a Core, company: CompanyId) -> Result<Self, RotationError> {
        // The company may have been created on another node a moment ago.
        core.keys.catch_up().await?;
        let client_id = core
            .keys
            .snapshot()
            .company_by_id(company)
            .map(|company| company.client_id)
            .ok_or(KeysError::NotFound)?;
        let found = core.accounts.company(client_id).await.map_err(unreadable)?;
        let company = found.ok_or(KeysError::NotFound)?;
        let reading = core.reading().await.map_err(unreadable)?;
        Ok(Self::of(
            core,
            reading.within(core.retention, company.log_days),
            company,
        ))
    }

    fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    pub(crate) async fn begin(
        &self,
        key: KeyId,
        plan: AskedPlan,
        actor: &Actor,
    ) -> Result<RotatedKey, RotationError> {
        let plan = self.plan(key, plan).await?;
        Ok(self.core.keys.rotate(self.company.id, key, plan, actor).await?)
    }

    /// `key` is either key of the rotation, here and below.
    pub(crate) async fn change(
        &self,
        key: KeyId,
        change: AskedChange,
        actor: &Actor,
    ) -> Result<StoredRotation, RotationError> {
        let keys = &self.core.keys;
        let old = keys.rotation(self.company.id, key).await?.rotation.old_key;
        let change = match change {
            AskedChange::Plan(plan) => RotationChange::Plan(self.plan(old, plan).await?),
            AskedChange::Cancel => RotationChange::Cancel,
            AskedChange::Resume(None) => RotationChange::Resume(None),
            AskedChange::Resume(Some(plan)) => RotationChange::Resume(Some(self.plan(old, plan).await?)),
        };
        Ok(keys.change_rotation(self.company.id, key, change, actor).await?)
    }

    pub(crate) async fn finish(&self, key: KeyId, actor: &Actor) -> Result<DeletedKey, RotationError> {
        Ok(self
            .core
            .keys
            .finish_rotation(self.company.id, key, actor)
            .await?)
    }

    async fn plan(&self, old: KeyId, plan: AskedPlan) -> Result<RotationPlan, RotationError> {
        let wanted = match plan {
            AskedPlan::Undecided => return Ok(RotationPlan::Undecided),
            AskedPlan::At(at) => return Ok(RotationPlan::At(at)),
            AskedPlan::In(millis) => return Ok(RotationPlan::At(self.now().plus_millis(millis))),
            AskedPlan::Quiet(wanted) => wanted,
        };
        let key = self.core.keys.facts(self.company.id, old).await?.key;
        let shortest = self.pauses(&key, self.began(old).await?).await?.shortest_quiet();
        match wanted {
            Some(millis) if millis < shortest => Err(RotationError::TooShort(format!(
                "In the last week this key paused for up to {}. Name at least twice that, {}.",
                words(shortest / 2),
                words(shortest)
            ))),
            wanted => Ok(RotationPlan::Quiet(wanted.unwrap_or(shortest))),
        }
    }

    /// Its pauses in the week before `until`.
    pub(crate) async fn pauses(
        &self,
        key: &KeySummary,
        until: Timestamp,
    ) -> Result<KeyPauses, RotationError> {
        let last_used = key.last_used.as_ref().map(|used| used.at);
        let scope = scope_of(&self.company);
        Ok(self
            .reading
            .key_pauses(scope, key.id, key.created_at, last_used, until)
            .await?)
    }

    /// When the rotation of this key began, or now, when one is about to.
    async fn began(&self, old: KeyId) -> Result<Timestamp, RotationError> {
        match self.core.keys.rotation(self.company.id, old).await {
            Ok(StoredRotation { rotation, .. }) if rotation.is_open() && rotation.old_key == old => {
                Ok(rotation.started_at)
            }
            Ok(_) | Err(KeysError::NoRotation) => Ok(self.now()),
            Err(error) => Err(error.into()),
        }
    }

    /// Everything about the latest rotation that has this key.
    pub(crate) async fn report(&self, key: KeyId) -> Result<RotationReport, RotationError> {
        let company = self.company.id;
        let StoredRotation { rotation, facts } = self.core.keys.rotation(company, key).await?;
        let now = self.now();
        let old = self.key(rotation.old_key).await?;
        let pauses = match &old {
            Some(old) => self.pauses(old, rotation.started_at).await?,
            None => KeyPauses::default(),
        };
        // A program that calls once a day is seen as well.
        let since = rotation.started_at.min(now.minus_seconds(DAY_SECONDS));
        let scope = scope_of(&self.company);
        let of = |key| self.reading.key_sources(scope, key, since, now);
        let sources = of(rotation.old_key).await?;
        let new_sources = of(rotation.new_key).await?;
        let signing = match &old {
            Some(_) if rotation.is_open() => self.signing(&rotation).await?,
            _ => Vec::new(),
        };
        Ok(RotationReport {
            wait: rotation.waits_for(&facts, now),
            new: self.key(rotation.new_key).await?,
            old_last_used: old.as_ref().and_then(|old| old.last_used.clone()),
            old,
            pauses,
            sources,
            new_sources,
            signing,
            rotation,
            now,
        })
    }

    async fn key(&self, key: KeyId) -> Result<Option<KeySummary>, RotationError> {
        match self.core.keys.facts(self.company.id, key).await {
            Ok(facts) => Ok(Some(facts.key)),
            Err(KeysError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// As [`webhooks::Webhooks`] chooses: the key that last succeeded for the webhook, otherwise the older one.
    async fn signing(&self, rotation: &model::KeyRotation) -> Result<Vec<OldKeySigns>, RotationError> {
        let store = StoredWebhooks::new(self.core.db.clone());
        let since = self.now().minus_seconds(DAY_SECONDS);
        let facts = store.facts(self.company.id, None, since).await;
        let facts = facts.map_err(RotationError::Unreadable)?;
        let signs = |facts: webhooks::WebhookFacts| {
            let in_use = facts.webhook.environment == rotation.environment && facts.webhook.enabled;
            let signs = in_use && facts.last_key != Some(rotation.new_key);
            signs.then(|| OldKeySigns {
                webhook: facts.webhook.id,
                name: facts.webhook.name,
                last_succeeded: facts.last_key == Some(rotation.old_key),
                pending: facts.pending,
            })
        };
        Ok(facts.into_iter().filter_map(signs).collect())
    }
}

/// A length of time: `90s`, `30m`, `24h` or `7d`, in milliseconds.
pub(crate) fn length(text: &str) -> Option<i64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => DAY_SECONDS,
        _ => return None,
    };
    let count: u32 = digits.parse().ok()?;
    i64::from(count)
        .checked_mul(seconds * 1000)
        .filter(|millis| *millis > 0)
}

/// A length of time for people: "6 hours", "12 hours 10 minutes".
pub(crate) fn words(millis: i64) -> String {
    let minutes = (millis.max(0) + 59_999) / 60_000;
    let parts = [
        (minutes / 1440, "day"),
        (minutes / 60 % 24, "hour"),
        (minutes % 60, "minute"),
    ];
    let some: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    if some.is_empty() {
        "less than a minute".to_owned()
    } else {
        some.join(" ")
    }
}

/// How long ago it was used, for people.
pub(crate) fn ago(used: Option<&LastUsed>, now: Timestamp) -> String {
    used.map_or_else(
        || "never".to_owned(),
        |used| format!("{} ago", words(now.millis_since(used.at))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_written() {
        for (text, millis, written) in [
            ("1h", 3_600_000, "1 hour"),
            ("24h", 86_400_000, "1 day"),
            ("7d", 604_800_000, "7 days"),
            ("90m", 5_400_000, "1 hour 30 minutes"),
            ("61s", 61_000, "2 minutes"),
        ] {
            assert_eq!(length(text), Some(millis), "{text}");
            assert_eq!(words(millis), written);
        }
        for wrong in ["", "h", "1", "1w", "-1h", "0h", "1.5h", "9999999999h", "1 h", "é"] {
            assert_eq!(length(wrong), None, "{wrong:?}");
        }
        assert_eq!(words(0), "less than a minute");
    }
}

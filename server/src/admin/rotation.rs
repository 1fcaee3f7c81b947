//! `gatehouse admin` about rotations: beginning one, and what has become of it.

use keys::KeysError;
use model::{Actor, KeyId, RotationPlan, RotationReport, RotationStage, Timestamp};

use super::answer::{Answer, Object};
use super::carry_out::{refused_by_keys, sentence};
use crate::cli::PlanArgs;
use crate::config::ConfigError;
use crate::core::Core;
use crate::error::{StartError, chain};
use crate::rotation::{AskedChange, AskedPlan, RotationError, Rotations, ago, length, words};

pub(super) fn plan(args: &PlanArgs) -> Result<Option<AskedPlan>, ConfigError> {
    let PlanArgs {
        delete_in,
        delete_at,
        delete_after_quiet,
    } = args;
    let wrong = |flag: &str, text: &str, wanted: &str| {
        ConfigError::new(format!("{flag} is {text:?}, but it must be {wanted}."))
    };
    if let Some(text) = delete_in {
        let wanted = "a length of time, such as 1h, 24h or 7d";
        let millis = length(text).ok_or_else(|| wrong("--delete-in", text, wanted))?;
        return Ok(Some(AskedPlan::In(millis)));
    }
    match (delete_at.as_deref(), delete_after_quiet.as_deref()) {
        (Some("none"), _) => Ok(Some(AskedPlan::Undecided)),
        (Some(text), _) => {
            let wanted = "a moment, such as 2027-01-31T12:00:00Z, or none";
            let at = text.parse().map_err(|_| wrong("--delete-at", text, wanted))?;
            Ok(Some(AskedPlan::At(at)))
        }
        (None, Some("auto")) => Ok(Some(AskedPlan::Quiet(None))),
        (None, Some(text)) => {
            let wanted = "a length of time, such as 12h, or auto";
            let millis = length(text).ok_or_else(|| wrong("--delete-after-quiet", text, wanted))?;
            Ok(Some(AskedPlan::Quiet(Some(millis))))
        }
        (None, None) => Ok(None),
    }
}

pub(super) async fn rotate(
    core: &Core,
    key: KeyId,
    plan: AskedPlan,
    actor: &Actor,
) -> Result<Answer, StartError> {
    let rotations = Rotations::of_key(core, key).await.map_err(refused)?;
    let made = rotations.begin(key, plan, actor).await.map_err(refused)?;
    let object = Object::new()
        .with("old_key_id", made.rotation.old_key)
        .with("key_id", made.generated.key.id)
        .with_secret("secret", Some(made.generated.secret))
        .with("plan", plan_words(made.rotation.plan));
    Ok(Answer::One(object))
}

pub(super) async fn show(core: &Core, key: KeyId) -> Result<Answer, StartError> {
    let rotations = Rotations::with_key(core, key).await.map_err(refused)?;
    let report = rotations.report(key).await.map_err(refused)?;
    Ok(Answer::One(object(&report)))
}

pub(super) async fn change(
    core: &Core,
    key: KeyId,
    change: AskedChange,
    actor: &Actor,
) -> Result<Answer, StartError> {
    let rotations = Rotations::with_key(core, key).await.map_err(refused)?;
    rotations.change(key, change, actor).await.map_err(refused)?;
    show(core, key).await
}

pub(super) async fn finish(core: &Core, key: KeyId, actor: &Actor) -> Result<Answer, StartError> {
    let rotations = Rotations::with_key(core, key).await.map_err(refused)?;
    let deleted = rotations.finish(key, actor).await.map_err(refused)?;
    Ok(Answer::One(
        Object::new()
            .with("key_id", deleted.id)
            .with("refused_since", deleted.refused_since.to_rfc3339()),
    ))
}

fn plan_words(plan: RotationPlan) -> String {
    match plan {
        RotationPlan::Undecided => "undecided".to_owned(),
        RotationPlan::At(at) => format!("at {}", at.to_rfc3339()),
        RotationPlan::Quiet(millis) => format!("after {} without a call", words(millis)),
    }
}

fn stage_words(stage: &RotationStage) -> String {
    match stage {
        RotationStage::Running => "running".to_owned(),
        RotationStage::Cancelled { at, by } => format!("cancelled by {by} at {}", at.to_rfc3339()),
        RotationStage::Ended { at, how } => format!("{} at {}", how.as_str(), at.to_rfc3339()),
    }
}

fn object(report: &RotationReport) -> Object {
    let rotation = &report.rotation;
    let now = report.now;
    let new_used = report.new.as_ref().and_then(|new| new.last_used.as_ref());
    let sources: Vec<String> = report
        .sources
        .sources
        .iter()
        .map(|source| {
            format!(
                "{} ({} requests, the latest {} ago)",
                source.address,
                source.requests,
                words(now.millis_since(source.last_at))
            )
        })
        .collect();
    let signing: Vec<&str> = report.signing.iter().map(|one| one.name.as_str()).collect();
    let open = rotation.is_open().then_some(());
    Object::new()
        .with("old_key_id", rotation.old_key)
        .with("old_last_four", &rotation.old_last_four)
        .with("new_key_id", rotation.new_key)
        .with("new_last_four", &rotation.new_last_four)
        .with("started_at", rotation.started_at.to_rfc3339())
        .with("started_by", &rotation.started_by)
        .with("state", stage_words(&rotation.stage))
        .with("plan", plan_words(rotation.plan))
        .with_maybe("old_key_stays", open.and(report.wait).map(|wait| wait.reason()))
        .with_maybe(
            "old_key_used",
            open.map(|()| ago(report.old_last_used.as_ref(), now)),
        )
        .with_maybe("new_key_used", report.new.as_ref().map(|_| ago(new_used, now)))
        .with_maybe("longest_pause", open.map(|()| words(report.pauses.longest)))
        .with_maybe("log_says", open.and(what_is_missing(report)))
        .with_maybe("used_from", (!sources.is_empty()).then(|| sources.join(", ")))
        .with_maybe("signs_for", (!signing.is_empty()).then(|| signing.join(", ")))
}

/// What the log does not know of the week in which the pauses were looked for.
fn what_is_missing(report: &RotationReport) -> Option<String> {
    let pauses = &report.pauses;
    let gap = |from: Timestamp, to: Timestamp| {
        format!(
            "calls from {} to {} may be missing",
            from.to_rfc3339(),
            to.to_rfc3339()
        )
    };
    let mut said: Vec<String> = pauses.gaps.iter().map(|one| gap(one.from, one.to)).collect();
    if let Some(before) = pauses.missing_before {
        said.push(format!("it has nothing from before {}", before.to_rfc3339()));
    }
    if pauses.dropped > 0 {
        said.push(format!("{} requests were dropped", pauses.dropped));
    }
    (!said.is_empty()).then(|| said.join("; "))
}

fn refused(error: RotationError) -> StartError {
    match error {
        RotationError::Keys(KeysError::CannotRotate(why)) | RotationError::TooShort(why) => {
            StartError::Refused(why)
        }
        RotationError::Keys(error) => refused_by_keys(error),
        other => {
            tracing::error!(error = chain(&other), "a command failed");
            sentence(&other.to_string())
        }
    }
}

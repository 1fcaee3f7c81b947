//! `/operator/v1/keys/<id>/rotate` and `/rotation`: replaces a key by a new one in one call, and says what has become of it.
//! Only an operator token may do this. An API key is refused here like any stranger, so that a person who finds a leaked key cannot
//! rotate its owner out.

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use keys::KeysError;
use model::{
    KeyId, KeySources, LastUsed, RequestSource, RotationPlan, RotationReport, RotationStage, RotationWait,
    Timestamp,
};
use serde_json::{Value, json};

use super::body::{JsonBody, Members};
use super::{Operator, created, listed, not_found};
use crate::admin::{Answer, Object};
use crate::api_error::ApiError;
use crate::rotation::{AskedChange, AskedPlan, RotationError, Rotations, length};
use crate::services::Services;

const PLAN: [&str; 3] = ["delete_in", "delete_at", "delete_after_quiet"];

/// The plan that the body names; `None` if it names none.
fn plan(members: &mut Members<'_>) -> Option<AskedPlan> {
    let text = |text: &str| serde_json::from_str::<String>(text).ok();
    let mut plans = Vec::new();
    for name in PLAN {
        let Some(raw) = members.raw(name) else {
            continue;
        };
        let read = match (name, text(raw)) {
            ("delete_at", None) if raw == "null" => Some(AskedPlan::Undecided),
            ("delete_at", Some(text)) => text.parse().ok().map(AskedPlan::At),
            ("delete_in", Some(text)) => length(&text).map(AskedPlan::In),
            ("delete_after_quiet", Some(text)) if text == "auto" => Some(AskedPlan::Quiet(None)),
            ("delete_after_quiet", Some(text)) => length(&text).map(|millis| AskedPlan::Quiet(Some(millis))),
            _ => None,
        };
        match read {
            Some(plan) => plans.push(plan),
            None => members.wrong(name, wanted(name)),
        }
        if plans.len() > 1 {
            members.wrong(name, "Name one of delete_in, delete_at and delete_after_quiet.");
        }
    }
    plans.pop()
}

fn wanted(name: &str) -> &'static str {
    match name {
        "delete_at" => "Name a moment, such as 2027-01-31T12:00:00Z, or null to decide later.",
        "delete_in" => "Name a length of time, such as 1h, 24h or 7d.",
        _ => "Name a length of time, such as 12h, or auto.",
    }
}

pub async fn rotate_key(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(key): Path<String>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let mut members = body.members("when the old key is to be deleted, or {}")?;
    members.only(&PLAN);
    let plan = plan(&mut members).unwrap_or(AskedPlan::Undecided);
    let plan = members.all(Some(plan))?;
    let Ok(key) = key.parse::<KeyId>() else {
        return Ok(not_found());
    };
    let begun = async {
        let rotations = Rotations::of_key(&services.core, key).await?;
        rotations.begin(key, plan, &operator.actor).await
    };
    match begun.await {
        Ok(made) => Ok(created(
            Object::new()
                .with("old_key_id", made.rotation.old_key)
                .with("key_id", made.generated.key.id)
                .with_secret("secret", Some(made.generated.secret)),
        )),
        Err(error) => refused(error),
    }
}

pub async fn show_rotation(
    State(services): State<Services>,
    Path(key): Path<String>,
) -> Result<Response, ApiError> {
    let Ok(key) = key.parse::<KeyId>() else {
        return Ok(not_found());
    };
    answer(&services, key).await
}

const CHANGEABLE: [&str; 5] = [
    "delete_in",
    "delete_at",
    "delete_after_quiet",
    "resume",
    "delete_now",
];

pub async fn change_rotation(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(key): Path<String>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let mut members = body.members("what is to be changed")?;
    members.only(&CHANGEABLE);
    let plan = plan(&mut members);
    let resume = members.optional("resume", "Use true or false.").unwrap_or(false);
    let now = members
        .optional("delete_now", "Use true or false.")
        .unwrap_or(false);
    if now && (resume || plan.is_some()) {
        members.wrong("delete_now", "Name nothing else with it.");
    }
    if !now && !resume && plan.is_none() {
        members.wrong("body", "Name what is to be changed.");
    }
    members.all(Some(()))?;
    let Ok(key) = key.parse::<KeyId>() else {
        return Ok(not_found());
    };
    let changed = async {
        let rotations = Rotations::with_key(&services.core, key).await?;
        let change = match (resume, plan) {
            (true, plan) => AskedChange::Resume(plan),
            (false, Some(plan)) => AskedChange::Plan(plan),
            (false, None) => return Ok(Some(rotations.finish(key, &operator.actor).await?)),
        };
        rotations.change(key, change, &operator.actor).await?;
        Ok(None)
    };
    match changed.await {
        Ok(Some(deleted)) => Ok(listed(&Answer::One(
            Object::new()
                .with("key_id", deleted.id)
                .with("refused_since", deleted.refused_since.to_rfc3339()),
        ))),
        Ok(None) => answer(&services, key).await,
        Err(error) => refused(error),
    }
}

/// Cancels it. Both keys stay.
pub async fn cancel_rotation(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(key): Path<String>,
) -> Result<Response, ApiError> {
    let Ok(key) = key.parse::<KeyId>() else {
        return Ok(not_found());
    };
    let cancelled = async {
        let rotations = Rotations::with_key(&services.core, key).await?;
        rotations.change(key, AskedChange::Cancel, &operator.actor).await
    };
    match cancelled.await {
        Ok(_) => answer(&services, key).await,
        Err(error) => refused(error),
    }
}

async fn answer(services: &Services, key: KeyId) -> Result<Response, ApiError> {
    let report = async {
        let rotations = Rotations::with_key(&services.core, key).await?;
        rotations.report(key).await
    };
    match report.await {
        Ok(report) => Ok(([(CACHE_CONTROL, "no-store")], Json(written(&report))).into_response()),
        Err(error) => refused(error),
    }
}

fn refused(error: RotationError) -> Result<Response, ApiError> {
    let conflict = |code, why: String| Err(ApiError::other(StatusCode::CONFLICT, code, why));
    match error {
        RotationError::Keys(KeysError::NotFound | KeysError::NoRotation) => Ok(not_found()),
        RotationError::Keys(KeysError::CannotRotate(why)) => conflict("cannot_rotate", why),
        RotationError::Keys(KeysError::TwoActive) => conflict(
            "two_keys_active",
            "Two keys are active in this environment. Delete one first.".to_owned(),
        ),
        RotationError::Keys(KeysError::RotationWaits(wait)) => conflict(
            "rotation_waits",
            format!("The old key cannot be deleted: {}.", wait.reason()),
        ),
        RotationError::Keys(KeysError::InvalidTerms(faults)) => {
            let faults = faults
                .into_iter()
                .map(|wrong| webhooks::fault(wrong.field, wrong.message));
            Err(ApiError::Incorrect(faults.collect()))
        }
        RotationError::TooShort(why) => Err(ApiError::invalid("delete_after_quiet", why)),
        error => Err(ApiError::failed(
            "a rotation could not be read or changed",
            &error,
        )),
    }
}

const fn code(wait: RotationWait) -> &'static str {
    match wait {
        RotationWait::HasEnded => "has_ended",
        RotationWait::IsCancelled => "is_cancelled",
        RotationWait::NewKeyUnused => "new_key_unused",
        RotationWait::NewKeyEnded => "new_key_ended",
        RotationWait::Decision => "decision",
        RotationWait::Moment(_) => "moment",
        RotationWait::Quiet(_) => "quiet",
    }
}

fn written(report: &RotationReport) -> Value {
    let rotation = &report.rotation;
    let moment = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339);
    let used = |used: Option<&LastUsed>| {
        json!(used.map(|used| json!({ "at": used.at.to_rfc3339(), "from": used.address })))
    };
    let (state, changed_at) = match &rotation.stage {
        RotationStage::Running => ("running", None),
        RotationStage::Cancelled { at, .. } => ("cancelled", Some(*at)),
        RotationStage::Ended { at, how } => (how.as_str(), Some(*at)),
    };
    let (delete_at, quiet) = match rotation.plan {
        RotationPlan::Undecided => (None, None),
        RotationPlan::At(at) => (Some(at), None),
        RotationPlan::Quiet(millis) => (None, Some(millis / 1000)),
    };
    let pauses = report.old.as_ref().map(|_| {
        json!({
            "longest_seconds": (report.pauses.longest + 999) / 1000,
            "shortest_quiet_seconds": (report.pauses.shortest_quiet() + 999) / 1000,
            "since": report.pauses.from.to_rfc3339(),
            "log_missing_before": moment(report.pauses.missing_before),
            "log_gaps": report.pauses.gaps.iter().map(|gap| json!({
                "from": gap.from.to_rfc3339(), "to": gap.to.to_rfc3339(),
            })).collect::<Vec<_>>(),
            "log_dropped": report.pauses.dropped,
        })
    });
    json!({
        "env_type": rotation.environment.as_str(),
        "old_key_id": rotation.old_key.to_string(),
        "old_last_four": rotation.old_last_four,
        "new_key_id": rotation.new_key.to_string(),
        "new_last_four": rotation.new_last_four,
        "started_at": rotation.started_at.to_rfc3339(),
        "started_by": rotation.started_by,
        "state": state,
        "state_since": moment(changed_at),
        "delete_at": moment(delete_at),
        "delete_after_quiet_seconds": quiet,
        "waits_for": report.wait.map(code),
        "reason": report.wait.map(RotationWait::reason),
        "old_key_last_used": used(report.old_last_used.as_ref()),
        "new_key_last_used": used(report.new.as_ref().and_then(|new| new.last_used.as_ref())),
        "pauses": pauses,
        "used_since": report.sources.since.to_rfc3339(),
        "used_from": used_from(&report.sources),
        "used_from_is_complete_since": moment(report.sources.looked_back_to),
        "new_key_requests": report.new_sources.requests,
        "new_key_refused": report.new_sources.refused,
        "new_key_used_from": used_from(&report.new_sources),
        "signs_for": report.signing.iter().map(|one| json!({
            "webhook_id": one.webhook.to_string(),
            "name": one.name,
            "last_succeeded": one.last_succeeded,
            "pending": one.pending,
        })).collect::<Vec<_>>(),
    })
}

fn used_from(sources: &KeySources) -> Value {
    let one = |source: &RequestSource| {
        json!({
            "address": source.address,
            "user_agent": source.user_agent,
            "requests": source.requests,
            "last_at": source.last_at.to_rfc3339(),
            "path": source.path,
        })
    };
    sources.sources.iter().map(one).collect()
}

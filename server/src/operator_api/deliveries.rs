//! `POST /operator/v1/deliveries/hold`, `/resume` and `/cancel`: the operator's brake. Without `"yes": true` a call only
//! counts.

use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use model::Timestamp;
use serde_json::{Value, json};
use webhooks::BrakeTotals;
use webhooks::decide::BrakeAction;

use super::Operator;
use super::body::{JsonBody, Members};
use crate::api_error::ApiError;
use crate::brake::{Asked, Unusable};
use crate::services::Services;

/// How long a call works. A response that comes later than the listener waits would be lost.
const PATIENCE: Duration = Duration::from_secs(15);

const MEMBERS: [&str; 7] = [
    "client_id",
    "webhook",
    "event_type",
    "from",
    "until",
    "all",
    "yes",
];

pub async fn hold_deliveries(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    act(BrakeAction::Hold, &services, &operator, &body).await
}

pub async fn resume_deliveries(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    act(BrakeAction::Resume, &services, &operator, &body).await
}

pub async fn cancel_deliveries(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    act(BrakeAction::Cancel, &services, &operator, &body).await
}

/// Responds 200 with how many deliveries there are, or how many it changed. With `"finished": false`, the same call again
/// does the rest.
async fn act(
    action: BrakeAction,
    services: &Services,
    operator: &Operator,
    body: &JsonBody,
) -> Result<Response, ApiError> {
    let (asked, yes) = read(body)?;
    let core = &services.core;
    let wanted = asked.look_up(core).await.map_err(unusable)?;
    let failed =
        |error: webhooks::StorageFailure| ApiError::failed("deliveries could not be changed", &*error);
    let brake = core.brake();
    let answer = if yes {
        let done = brake
            .act(action, &wanted, &operator.actor, Some(PATIENCE))
            .await
            .map_err(failed)?;
        object(action, &done.found, done.deliveries, Some(done.finished))
    } else {
        let found = brake.count(action, &wanted).await.map_err(failed)?;
        object(action, &found, found.deliveries, None)
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// `finished` is `None` if nothing was to be done.
fn object(action: BrakeAction, found: &BrakeTotals, deliveries: u64, finished: Option<bool>) -> Value {
    let accepted = found.accepted;
    json!({
        "action": action,
        "done": finished.is_some(),
        "finished": finished,
        "deliveries": deliveries,
        "under_way": found.under_way,
        "webhooks": found.webhooks,
        "companies": found.companies,
        "oldest": accepted.map(|(oldest, _)| oldest.to_rfc3339()),
        "newest": accepted.map(|(_, newest)| newest.to_rfc3339()),
    })
}

fn read(body: &JsonBody) -> Result<(Asked, bool), ApiError> {
    let mut members = body.members(&MEMBERS.join(", "))?;
    members.only(&MEMBERS);
    let asked = Asked {
        client_id: members.optional("client_id", "A Client ID is 32 lower-case hexadecimal digits."),
        webhook: members.optional("webhook", "A webhook's id is 32 lower-case hexadecimal digits."),
        event_type: members.optional("event_type", "This is not an event type."),
        from: time(&mut members, "from"),
        until: time(&mut members, "until"),
        all: members
            .optional("all", "all is true or false.")
            .unwrap_or_default(),
    };
    let yes = members
        .optional("yes", "yes is true or false.")
        .unwrap_or_default();
    members.all(Some((asked, yes)))
}

fn time(members: &mut Members<'_>, name: &str) -> Option<Timestamp> {
    let sentence = "Send the time as 2026-11-02T14:30:00.123Z.";
    let text: String = members.optional(name, sentence)?;
    let at = text.parse().ok();
    if at.is_none() {
        members.wrong(name, sentence);
    }
    at
}

fn unusable(why: Unusable) -> ApiError {
    match why {
        Unusable::NothingNamed => ApiError::invalid(
            "body",
            "Say which deliveries: client_id, webhook, event_type, from, until, or all.",
        ),
        Unusable::AllAndMore => ApiError::invalid("all", "all goes with no other member that selects."),
        Unusable::UnknownCompany => {
            ApiError::invalid("client_id", "There is no company with this Client ID.")
        }
        Unusable::UnknownWebhook => ApiError::invalid(
            "webhook",
            "There is no such webhook, or it belongs to another company.",
        ),
        Unusable::UnknownEventType => ApiError::invalid(
            "event_type",
            "There is no such event type. GET /operator/v1/event-types lists them.",
        ),
        Unusable::Ends => ApiError::invalid("until", "until is before from."),
        Unusable::Accounts(error) => ApiError::failed("a company could not be read", &error),
        Unusable::Storage(error) => ApiError::failed("a webhook could not be read", &*error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Vec<String> {
        match read(&JsonBody::of(body)) {
            Err(ApiError::Incorrect(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn each_error_names_its_field_and_a_typing_error_does_not_widen_the_selection() {
        assert!(fields(r#"{"all":true,"yes":true}"#).is_empty());
        assert!(fields(r#"{"from":"2026-11-02T14:30:00Z","until":null}"#).is_empty());
        let wrong = r#"{"client_id":"x","webhook":7,"event_type":"A b","from":"today","until":1,"all":"yes","yes":1}"#;
        assert_eq!(
            fields(wrong),
            [
                "client_id",
                "webhook",
                "event_type",
                "from",
                "until",
                "all",
                "yes"
            ]
        );
        assert_eq!(fields(r#"{"clientid":"x","yes":true}"#), ["clientid"]);
        assert_eq!(fields("[]"), ["body"]);
    }

    #[test]
    fn a_call_acts_only_if_it_says_yes() {
        let yes = |body: &str| read(&JsonBody::of(body)).expect("read").1;
        assert!(!yes(r#"{"all":true}"#) && !yes(r#"{"all":true,"yes":false}"#));
        assert!(yes(r#"{"all":true,"yes":true}"#));
    }
}

//! `POST /operator/v1/events`: publishes an event. 202 once it is committed with its deliveries; the same
//! `Idempotency-Key` with the same request gets the first answer again.

use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use model::{ClientId, Environment, EventType, RequestId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use webhooks::{MAX_PAYLOAD_BYTES, Publication, PublishError};

use super::{Operator, failed, invalid, refused};
use crate::dashboard::AppState;

/// The payload, and room for the rest.
const LARGEST_BODY: usize = MAX_PAYLOAD_BYTES + 16 * 1024;

/// The members as they were sent; what each means is read one by one, so that a fault can be named.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    client_id: Option<&'a RawValue>,
    #[serde(borrow)]
    env_type: Option<&'a RawValue>,
    #[serde(borrow)]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    request_id: Option<&'a RawValue>,
}

/// What is published; `payload` is spliced as it stands here.
struct NewEvent<'a> {
    client_id: ClientId,
    environment: Environment,
    event_type: EventType,
    payload: &'a str,
    request_id: Option<RequestId>,
}

/// The field that is wrong, and what is wrong with it.
struct Fault(&'static str, &'static str);

/// The handler, with its own bound on the body.
pub fn publish_route() -> MethodRouter<AppState> {
    post(publish_event).layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// Answers 202 `{"webhook_id","deliveries"}`.
pub async fn publish_event(
    State(state): State<AppState>,
    Extension(operator): Extension<Operator>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let event = match read(&body) {
        Ok(event) => event,
        Err(Fault(field, message)) => return invalid(field, message),
    };
    let Some(company) = state
        .services
        .core
        .keys
        .snapshot()
        .company(event.client_id)
        .map(|company| company.id)
    else {
        return invalid("client_id", "There is no company with this Client ID.");
    };
    let idempotency_key = match headers.get("idempotency-key").map(|key| key.to_str()) {
        None => None,
        Some(Ok(key)) => Some(key),
        Some(Err(_)) => {
            return invalid(
                "Idempotency-Key",
                &PublishError::InvalidIdempotencyKey.to_string(),
            );
        }
    };
    let publication = Publication {
        company,
        environment: event.environment,
        event_type: event.event_type,
        payload: event.payload,
        request_id: event.request_id,
        idempotency_key,
    };
    match state
        .services
        .webhooks
        .publish(publication, &operator.actor)
        .await
    {
        Ok(published) => {
            let body =
                serde_json::json!({ "webhook_id": published.event, "deliveries": published.deliveries });
            (StatusCode::ACCEPTED, axum::Json(body)).into_response()
        }
        Err(error) => refusal(&error),
    }
}

fn read(body: &[u8]) -> Result<NewEvent<'_>, Fault> {
    let members: Members<'_> = serde_json::from_slice(body).map_err(|_| {
        Fault(
            "body",
            "Send a JSON object with client_id, env_type, event_type and payload.",
        )
    })?;
    Ok(NewEvent {
        client_id: required(
            members.client_id,
            Fault("client_id", "A Client ID is 32 lower-case hexadecimal digits."),
        )?,
        environment: required(
            members.env_type,
            Fault("env_type", "An environment is one of sandbox, dev, prod."),
        )?,
        event_type: required(
            members.event_type,
            Fault("event_type", "This is none of the event types."),
        )?,
        payload: members
            .payload
            .ok_or(Fault("payload", "payload must be a JSON object."))?
            .get(),
        request_id: match members.request_id.map(RawValue::get) {
            None | Some("null") => None,
            Some(text) => Some(parsed(text).ok_or(Fault(
                "request_id",
                "A request id is 32 lower-case hexadecimal digits.",
            ))?),
        },
    })
}

fn required<T: DeserializeOwned>(member: Option<&RawValue>, fault: Fault) -> Result<T, Fault> {
    member.and_then(|raw| parsed(raw.get())).ok_or(fault)
}

fn parsed<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

fn refusal(error: &PublishError) -> Response {
    match error {
        PublishError::PayloadNotAnObject
        | PublishError::PayloadTooLarge
        | PublishError::ReservedMember(_) => invalid("payload", &error.to_string()),
        PublishError::InvalidIdempotencyKey => invalid("Idempotency-Key", &error.to_string()),
        PublishError::IdempotencyConflict => refused(
            StatusCode::CONFLICT,
            "idempotency_conflict",
            "This Idempotency-Key was used with another request.",
        ),
        PublishError::Seal | PublishError::Storage(_) => failed("an event could not be published", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "dd21ca23c12142b6a0970b1e0afedf16";

    fn fault(body: &str) -> &'static str {
        match read(body.as_bytes()) {
            Ok(_) => "none",
            Err(Fault(field, _)) => field,
        }
    }

    #[test]
    fn the_payload_stays_what_it_was() {
        let body = format!(
            r#"{{"client_id":"{CLIENT}","env_type":"dev","event_type":"order-created","payload": {{ "a" : 1.0e2 }} ,"request_id":null}}"#
        );
        let event = read(body.as_bytes()).ok().expect("an event");
        assert_eq!(
            (event.payload, event.environment, event.request_id),
            (r#"{ "a" : 1.0e2 }"#, Environment::Dev, None)
        );
    }

    #[test]
    fn each_fault_names_its_field() {
        let body = |client: &str, environment: &str, event_type: &str, rest: &str| {
            format!(r#"{{"client_id":{client},"env_type":{environment},"event_type":{event_type}{rest}}}"#)
        };
        let client = format!("\"{CLIENT}\"");
        let (env, event_type, payload) = ("\"sandbox\"", "\"order-created\"", ",\"payload\":{}");
        assert_eq!(fault(&body(&client, env, event_type, payload)), "none");
        assert_eq!(fault(&body("\"x\"", env, event_type, payload)), "client_id");
        assert_eq!(fault(&body("7", env, event_type, payload)), "client_id");
        assert_eq!(
            fault(&body(&client, "\"production\"", event_type, payload)),
            "env_type"
        );
        assert_eq!(
            fault(&body(&client, env, "\"order-shredded\"", payload)),
            "event_type"
        );
        assert_eq!(fault(&body(&client, env, event_type, "")), "payload");
        assert_eq!(
            fault(&body(
                &client,
                env,
                event_type,
                ",\"payload\":{},\"request_id\":\"x\""
            )),
            "request_id"
        );
        for nonsense in ["", "[]", "{", "null", "\"text\""] {
            assert_eq!(fault(nonsense), "body", "{nonsense}");
        }
    }
}

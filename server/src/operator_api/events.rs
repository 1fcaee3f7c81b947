//! `POST /operator/v1/events` publishes an event. It responds 202 once the event and its deliveries are committed. A
//! repeat of the same request with the same `Idempotency-Key` gets the first response again.

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use http::{HeaderMap, StatusCode};
use model::{ClientId, Environment, EventType, RequestId};
use webhooks::event_types::KnownTypes;
use webhooks::{Publication, PublishError};

use super::Operator;
use super::body::{JsonBody, Members};
use crate::api_error::ApiError;
use crate::services::Services;

const NO_TYPE: &str = "This is not an event type.";

/// The event to publish. `payload` is kept byte for byte as sent.
struct NewEvent<'a> {
    client_id: ClientId,
    environment: Environment,
    event_type: EventType,
    payload: &'a str,
    request_id: Option<RequestId>,
}

/// The handler with its body limit.
pub fn publish_route() -> MethodRouter<Services> {
    post(publish_event)
}

/// Responds 202 with `{"webhook_id","deliveries"}`.
pub async fn publish_event(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let mut members = body.members("client_id, env_type, event_type and payload")?;
    let event = read(&mut members, &services.webhooks.event_types());
    let event = members.all(event)?;
    let company = services
        .core
        .keys
        .snapshot()
        .company(event.client_id)
        .map(|company| company.id)
        .ok_or_else(|| ApiError::invalid("client_id", "There is no company with this Client ID."))?;
    let idempotency_key = headers
        .get("idempotency-key")
        .map(|key| key.to_str())
        .transpose()
        .map_err(|_| refusal(PublishError::InvalidIdempotencyKey))?;
    let publication = Publication {
        company,
        environment: event.environment,
        event_type: event.event_type,
        payload: event.payload,
        request_id: event.request_id,
        idempotency_key,
    };
    let published = services
        .webhooks
        .publish(publication, &operator.actor)
        .await
        .map_err(refusal)?;
    let body = serde_json::json!({ "webhook_id": published.event, "deliveries": published.deliveries });
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

fn read<'a>(members: &mut Members<'a>, known: &KnownTypes) -> Option<NewEvent<'a>> {
    let client_id = members.required("client_id", "A Client ID is 32 lower-case hexadecimal digits.");
    let environment = members.required("env_type", "An environment is one of sandbox, dev, prod.");
    let event_type: Option<EventType> = members.required("event_type", NO_TYPE);
    if event_type
        .as_ref()
        .is_some_and(|event_type| known.offered(event_type).is_none())
    {
        members.wrong("event_type", NO_TYPE);
    }
    let payload = members.raw("payload");
    if payload.is_none() {
        members.wrong("payload", "payload must be a JSON object.");
    }
    let request_id = members.optional("request_id", "A request id is 32 lower-case hexadecimal digits.");
    Some(NewEvent {
        client_id: client_id?,
        environment: environment?,
        event_type: event_type?,
        payload: payload?,
        request_id,
    })
}

fn refusal(error: PublishError) -> ApiError {
    match error {
        PublishError::PayloadNotAnObject
        | PublishError::PayloadTooLarge
        | PublishError::ReservedMember(_) => ApiError::invalid("payload", error.to_string()),
        PublishError::UnknownEventType => ApiError::invalid("event_type", NO_TYPE),
        PublishError::InvalidIdempotencyKey => ApiError::invalid("Idempotency-Key", error.to_string()),
        PublishError::IdempotencyConflict => ApiError::other(
            StatusCode::CONFLICT,
            "idempotency_conflict",
            "This Idempotency-Key was used with another request.",
        ),
        PublishError::Behind => ApiError::Busy {
            message: "Too many deliveries of this company are waiting to be sent. Try again.".to_owned(),
            retry_after_seconds: webhooks::RETRY_AFTER_SECONDS,
        },
        PublishError::Away(_) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "an event was refused");
            ApiError::Busy {
                message: "The database cannot take the event at the moment. Try again with the same Idempotency-Key."
                    .to_owned(),
                retry_after_seconds: webhooks::RETRY_AFTER_SECONDS,
            }
        }
        PublishError::Seal | PublishError::Storage(_) => {
            ApiError::failed("an event could not be published", &error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documented() -> KnownTypes {
        KnownTypes::documented()
    }

    const CLIENT: &str = "dd21ca23c12142b6a0970b1e0afedf16";

    fn fields(body: &str) -> Vec<String> {
        let body = JsonBody::of(body);
        let read = body.members("").and_then(|mut members| {
            let event = read(&mut members, &documented());
            members.all(event).map(|_| ())
        });
        match read {
            Err(ApiError::Incorrect(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn the_payload_is_kept_byte_for_byte() {
        let body = format!(
            r#"{{"client_id":"{CLIENT}","env_type":"dev","event_type":"order-created","payload": {{ "a" : 1.0e2 }} ,"request_id":null}}"#
        );
        let body = JsonBody::of(&body);
        let mut members = body.members("").expect("an object");
        let event = read(&mut members, &documented()).expect("an event");
        assert_eq!(
            (event.payload, event.environment, event.request_id),
            (r#"{ "a" : 1.0e2 }"#, Environment::Dev, None)
        );
    }

    #[test]
    fn each_error_names_its_field() {
        let body = |client: &str, environment: &str, event_type: &str, rest: &str| {
            format!(r#"{{"client_id":{client},"env_type":{environment},"event_type":{event_type}{rest}}}"#)
        };
        let client = format!("\"{CLIENT}\"");
        let (env, event_type, payload) = ("\"sandbox\"", "\"order-created\"", ",\"payload\":{}");
        assert!(fields(&body(&client, env, event_type, payload)).is_empty());
        assert_eq!(fields(&body("\"x\"", env, event_type, payload)), ["client_id"]);
        assert_eq!(fields(&body("7", env, event_type, payload)), ["client_id"]);
        assert_eq!(
            fields(&body(&client, "\"production\"", event_type, payload)),
            ["env_type"]
        );
        assert_eq!(
            fields(&body(&client, env, "\"order-shredded\"", payload)),
            ["event_type"]
        );
        assert_eq!(fields(&body(&client, env, event_type, "")), ["payload"]);
        assert_eq!(
            fields(&body(
                &client,
                env,
                event_type,
                ",\"payload\":{},\"request_id\":\"x\""
            )),
            ["request_id"]
        );
        let nothing_right = body("7", "7", "7", ",\"request_id\":7");
        assert_eq!(
            fields(&nothing_right),
            ["client_id", "env_type", "event_type", "payload", "request_id"]
        );
        for nonsense in ["", "[]", "{", "null", "\"text\""] {
            assert_eq!(fields(nonsense), ["body"], "{nonsense}");
        }
    }
}

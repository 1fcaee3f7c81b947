//! `POST /operator/v1/events` publishes an event. It responds 202 once the event and its deliveries are committed. A
//! repeat of the same request with the same `Idempotency-Key` gets the first response again.
//! `POST /operator/v1/events/batch` publishes many, each with a result of its own.

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use futures_util::future::join_all;
use http::{HeaderMap, StatusCode};
use model::{ClientId, Environment, EventType, InvalidWebhook, RequestId, Timestamp};
use serde_json::{Value, json};
use webhooks::event_types::KnownTypes;
use webhooks::{Publication, PublishError, Published};

use super::Operator;
use super::body::{Bounds, JsonBody, Members, elements, in_place};
use crate::api_error::ApiError;
use crate::services::Services;

const NO_TYPE: &str = "This is not an event type.";

/// The bounds of one batch.
const BATCH: Bounds = Bounds {
    elements: 1_000,
    bytes: 8 * 1024 * 1024,
    what: "events",
};

/// The event to publish. `payload` is kept byte for byte as sent.
#[derive(Debug)]
struct NewEvent {
    client_id: ClientId,
    environment: Environment,
    event_type: EventType,
    payload: String,
    happened_at: Option<Timestamp>,
    request_id: Option<RequestId>,
    /// Of a batch. A single request may have it in its header too.
    idempotency_key: Option<String>,
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
    let of_body = idempotency_key(&mut members);
    let event = read(&mut members, Some(&services.webhooks.event_types()));
    let event = members.all(event)?;
    let of_header = headers
        .get("idempotency-key")
        .map(|key| key.to_str())
        .transpose()
        .map_err(|_| refusal(PublishError::InvalidIdempotencyKey))?;
    let idempotency_key = of_header.or(of_body.as_deref());
    let published = publish(&services, &operator, &event, idempotency_key).await?;
    let body = json!({ "webhook_id": published.event, "deliveries": published.deliveries });
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

/// Responds 202 with one result for each event, in their order, once those that are accepted are committed. If not one
/// could be taken at the moment, responds 503.
pub async fn publish_batch(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    request: Request,
) -> Result<Response, ApiError> {
    let events = elements(request, BATCH, read_element).await?;
    let published = events.into_iter().map(async |event| {
        let event = event.map_err(ApiError::Incorrect)?;
        publish(&services, &operator, &event, event.idempotency_key.as_deref()).await
    });
    let results = join_all(published).await;
    if !results.is_empty()
        && results
            .iter()
            .all(|result| matches!(result, Err(ApiError::Busy { .. })))
    {
        return Err(results
            .into_iter()
            .find_map(Result::err)
            .unwrap_or(ApiError::NotFound));
    }
    Ok((StatusCode::ACCEPTED, Json(batch_answer(results))).into_response())
}

/// One element of a batch. Errors name its members.
fn read_element(text: &str) -> Result<NewEvent, Vec<InvalidWebhook>> {
    let Some(mut members) = Members::of(text) else {
        return Err(vec![webhooks::fault("", "Send a JSON object for each event.")]);
    };
    let key = idempotency_key(&mut members);
    let event = read(&mut members, None).map(|event| NewEvent {
        idempotency_key: key,
        ..event
    });
    members.read(event)
}

/// As a member, in a batch as in a single request.
fn idempotency_key(members: &mut Members<'_>) -> Option<String> {
    members.optional(
        "idempotency_key",
        "An idempotency key has 1 to 255 visible ASCII characters.",
    )
}

fn batch_answer(results: Vec<Result<Published, ApiError>>) -> Value {
    let (mut accepted, mut refused, mut busy) = (0, 0, 0);
    let results: Vec<Value> = results
        .into_iter()
        .enumerate()
        .map(|(index, result)| match result {
            Ok(published) => {
                accepted += 1;
                let Published { event, deliveries } = published;
                json!({ "result": "accepted", "webhook_id": event, "deliveries": deliveries })
            }
            Err(error @ ApiError::Busy { .. }) => {
                busy += 1;
                json!({ "result": "busy", "errors": errors(index, error) })
            }
            Err(error) => {
                refused += 1;
                json!({ "result": "refused", "errors": errors(index, error) })
            }
        })
        .collect();
    json!({ "accepted": accepted, "refused": refused, "busy": busy, "results": results })
}

/// What is wrong with one element of a batch.
fn errors(index: usize, error: ApiError) -> Vec<Value> {
    match error {
        ApiError::Incorrect(faults) => in_place(index, faults)
            .into_iter()
            .map(|fault| json!({ "field": fault.field, "message": fault.message }))
            .collect(),
        ApiError::Busy { message, .. } | ApiError::Other { message, .. } => {
            vec![json!({ "field": format!("[{index}]"), "message": message })]
        }
        other => vec![json!({ "field": format!("[{index}]"), "message": format!("{other:?}") })],
    }
}

async fn publish(
    services: &Services,
    operator: &Operator,
    event: &NewEvent,
    idempotency_key: Option<&str>,
) -> Result<Published, ApiError> {
    let company = services
        .core
        .keys
        .snapshot()
        .company(event.client_id)
        .map(|company| company.id)
        .ok_or_else(|| ApiError::invalid("client_id", "There is no company with this Client ID."))?;
    let publication = Publication {
        company,
        environment: event.environment,
        event_type: event.event_type.clone(),
        payload: &event.payload,
        happened_at: event.happened_at,
        request_id: event.request_id,
        idempotency_key,
    };
    services
        .webhooks
        .publish(publication, &operator.actor)
        .await
        .map_err(refusal)
}

/// `known` lists unknown types among the errors. Without it, publishing refuses them.
fn read(members: &mut Members<'_>, known: Option<&KnownTypes>) -> Option<NewEvent> {
    let client_id = members.required("client_id", "A Client ID is 32 lower-case hexadecimal digits.");
    let environment = members.required("env_type", "An environment is one of sandbox, dev, prod.");
    let event_type: Option<EventType> = members.required("event_type", NO_TYPE);
    if event_type
        .as_ref()
        .is_some_and(|event_type| known.is_some_and(|known| known.offered(event_type).is_none()))
    {
        members.wrong("event_type", NO_TYPE);
    }
    let payload = members.raw("payload");
    if payload.is_none() {
        members.wrong("payload", "payload must be a JSON object.");
    }
    let happened_at = happened_at(members);
    let request_id = members.optional("request_id", "A request id is 32 lower-case hexadecimal digits.");
    Some(NewEvent {
        client_id: client_id?,
        environment: environment?,
        event_type: event_type?,
        payload: payload?.to_owned(),
        happened_at,
        request_id,
        idempotency_key: None,
    })
}

/// `event_created_at`, if the publisher sends one.
fn happened_at(members: &mut Members<'_>) -> Option<Timestamp> {
    let sentence = "Send the time as 2026-11-02T14:30:00.123Z.";
    let text: String = members.optional("event_created_at", sentence)?;
    let at = text.parse().ok();
    if at.is_none() {
        members.wrong("event_created_at", sentence);
    }
    at
}

fn refusal(error: PublishError) -> ApiError {
    match error {
        PublishError::PayloadNotAnObject
        | PublishError::PayloadTooLarge
        | PublishError::PayloadTooDeep
        | PublishError::ReservedMember(_) => ApiError::invalid("payload", error.to_string()),
        PublishError::PayloadInvalid(faults) => ApiError::Incorrect(
            faults
                .into_iter()
                .map(|fault| webhooks::fault(&format!("payload{}", fault.pointer), sentence(&fault.message)))
                .collect(),
        ),
        PublishError::UnknownEventType => ApiError::invalid("event_type", NO_TYPE),
        PublishError::InTheFuture => ApiError::invalid("event_created_at", error.to_string()),
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

/// With a capital letter and a full stop.
fn sentence(words: &str) -> String {
    let mut sentence = words.to_owned();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence + "."
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
            let event = read(&mut members, Some(&documented()));
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
        let event = read(&mut members, Some(&documented())).expect("an event");
        assert_eq!(
            (event.payload.as_str(), event.environment, event.request_id),
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
        for time in ["7", "\"yesterday\"", "\"2026-13-01T00:00:00Z\""] {
            let body = body(
                &client,
                env,
                event_type,
                &format!(",\"payload\":{{}},\"event_created_at\":{time}"),
            );
            assert_eq!(fields(&body), ["event_created_at"], "{time}");
        }
        let nothing_right = body("7", "7", "7", ",\"request_id\":7,\"event_created_at\":7");
        assert_eq!(
            fields(&nothing_right),
            [
                "client_id",
                "env_type",
                "event_type",
                "payload",
                "event_created_at",
                "request_id"
            ]
        );
        for nonsense in ["", "[]", "{", "null", "\"text\""] {
            assert_eq!(fields(nonsense), ["body"], "{nonsense}");
        }
    }
}

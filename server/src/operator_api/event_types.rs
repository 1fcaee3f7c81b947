//! `/operator/v1/event-types`: the catalogue. A response has the form of a file for `admin event-types import`, and can be
//! sent back.

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use model::{EventEntry, EventType};
use serde::Serialize;
use serde_json::value::RawValue;
use webhooks::event_types::{self, Draft, EventTypesError, InvalidEntry, Others};

use super::Operator;
use super::body::JsonBody;
use crate::api_error::ApiError;
use crate::services::Services;

#[derive(Serialize)]
struct Shown<'a> {
    event_type: &'a EventType,
    group: &'a str,
    description: &'a str,
    sample: &'a RawValue,
    schema: Option<&'a RawValue>,
    removed: bool,
}

#[derive(Serialize)]
struct All<'a> {
    event_types: Vec<Shown<'a>>,
}

/// How many types a replacement changed.
#[derive(Serialize)]
struct Changes {
    added: usize,
    changed: usize,
    removed: usize,
    unchanged: usize,
}

pub async fn list_event_types(State(services): State<Services>) -> Result<Response, ApiError> {
    let known = services.webhooks.event_types();
    let entries = known.catalogue().entries().iter();
    let event_types = entries.map(shown).collect::<Result<_, _>>()?;
    Ok(answer(StatusCode::OK, &All { event_types }))
}

pub async fn show_event_type(
    State(services): State<Services>,
    Path(event_type): Path<String>,
) -> Result<Response, ApiError> {
    let known = services.webhooks.event_types();
    let entry = known.get(&named(&event_type)?).ok_or(ApiError::NotFound)?;
    Ok(answer(StatusCode::OK, &shown(entry)?))
}

/// The body is a whole catalogue. Types that it does not have are removed.
pub async fn replace_event_types(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let entries = event_types::read_file(body.text()?).map_err(invalid)?;
    let types = &services.core.event_types;
    let changes = types
        .put(entries, Others::AreRemoved, &operator.actor)
        .await
        .map_err(refused)?;
    let changes = Changes {
        added: changes.added,
        changed: changes.changed,
        removed: changes.removed,
        unchanged: changes.unchanged,
    };
    Ok(answer(StatusCode::OK, &changes))
}

/// Adds a type, or changes it. One that was removed is offered again.
pub async fn put_event_type(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(event_type): Path<String>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let mut members = body.members("group, description, sample and schema")?;
    members.only(&["group", "description", "sample", "schema"]);
    let group: Option<String> = members.required("group", "group must be a string.");
    let description: Option<String> = members.required("description", "description must be a string.");
    let sample = members.raw("sample");
    let schema = members.raw("schema").filter(|schema| *schema != "null");
    let (group, description) = members.all(group.zip(description))?;
    let entry = event_types::check(&Draft {
        event_type: &event_type,
        group: &group,
        description: &description,
        sample,
        schema,
        removed: false,
    })
    .map_err(invalid)?;
    let types = &services.core.event_types;
    let changes = types
        .put(vec![entry.clone()], Others::Stay, &operator.actor)
        .await
        .map_err(refused)?;
    let status = if changes.added > 0 {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(answer(status, &shown(&entry)?))
}

/// Webhooks that subscribe to it keep it; nothing new can use it.
pub async fn remove_event_type(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(event_type): Path<String>,
) -> Result<Response, ApiError> {
    let types = &services.core.event_types;
    let removed = types
        .remove(&named(&event_type)?, &operator.actor)
        .await
        .map_err(refused)?;
    Ok(answer(StatusCode::OK, &shown(&removed)?))
}

fn named(text: &str) -> Result<EventType, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}

fn shown(entry: &EventEntry) -> Result<Shown<'_>, ApiError> {
    let failed = |error: serde_json::Error| ApiError::failed("an event type could not be shown", &error);
    let schema = entry.schema.as_deref().map(serde_json::from_str).transpose();
    Ok(Shown {
        event_type: &entry.event_type,
        group: &entry.group,
        description: &entry.description,
        sample: serde_json::from_str(&entry.sample).map_err(failed)?,
        schema: schema.map_err(failed)?,
        removed: entry.removed,
    })
}

fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn invalid(fault: InvalidEntry) -> ApiError {
    let field = if fault.field == "file" {
        "body"
    } else {
        fault.field
    };
    ApiError::invalid(field, fault.message)
}

fn refused(error: EventTypesError) -> ApiError {
    match error {
        EventTypesError::Unknown => ApiError::NotFound,
        EventTypesError::TooMany => ApiError::invalid("event_type", error.to_string()),
        EventTypesError::Storage(_) => ApiError::failed("the event types could not be changed", &error),
    }
}

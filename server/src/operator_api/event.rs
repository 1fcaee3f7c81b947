//! `GET /operator/v1/events/<id>`: an event with its deliveries.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use model::EventId;
use serde_json::{Value, json};
use webhooks::EventDelivery;

use crate::api_error::ApiError;
use crate::services::Services;

/// Responds 200, or 404 if there is no such event. The response has no payload: the receivers have it.
pub async fn show_event(
    State(services): State<Services>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id: EventId = id.parse().map_err(|_| ApiError::NotFound)?;
    let found = services.webhooks.event(id).await;
    let event = found
        .map_err(|error| ApiError::failed("an event could not be read", &error))?
        .ok_or(ApiError::NotFound)?;
    let keys = services.core.keys.snapshot();
    let client_id = keys.company_by_id(event.company).map(|company| company.client_id);
    let deliveries: Vec<Value> = event.deliveries.iter().map(delivery).collect();
    let body = json!({
        "webhook_id": event.id,
        "client_id": client_id,
        "env_type": event.environment,
        "event_type": event.event_type,
        "event_created_at": event.happened_at.to_rfc3339(),
        "accepted_at": event.accepted_at.to_rfc3339(),
        "published_by": event.published_by,
        "request_id": event.request_id,
        "deliveries": deliveries,
    });
    Ok(Json(body).into_response())
}

fn delivery(delivery: &EventDelivery) -> Value {
    let row = &delivery.row;
    json!({
        "id": row.id,
        "webhook": row.webhook_id,
        "name": delivery.webhook_name,
        "webhook_url": delivery.url,
        "state": row.state,
        "on_hold": row.on_hold,
        "attempts": row.attempts,
        "attempts_at_most": row.attempts_at_most,
        "replays": row.replays,
        "next_attempt_at": row.next_attempt_at.map(|at| at.to_rfc3339()),
        "last_status": row.last_status,
        "last_failure": row.last_failure,
        "last_duration_ms": row.last_duration_ms,
    })
}

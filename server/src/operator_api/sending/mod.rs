//! `POST /operator/v1/requests` stores requests that Gatehouse did not see, each once by its id. The body is an array. One that
//! is wrong does not keep the others out, and the response says of each what became of it. It comes when they are stored,
//! so after any failure the same body can be sent again.

mod id;
mod knowledge;
mod row;

use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use logs::{Entry, Fate, LogStoreError};
use model::{InvalidWebhook, RequestId};
use serde_json::{Value, json};

use self::knowledge::Knowledge;
use self::row::Row;
use super::body::{Bounds, elements, in_place};
use crate::api_error::ApiError;
use crate::services::Services;

const BOUNDS: Bounds = Bounds {
    elements: 1_000,
    bytes: 4 * 1024 * 1024,
    what: "requests",
};

/// How long to wait for the log. Less than a request may take, so that the response says what to do.
const PATIENCE: Duration = Duration::from_secs(20);

type Faults = Vec<InvalidWebhook>;

/// Responds 200 with how many were stored, and with one result for each element, in their order.
pub async fn send_requests(State(services): State<Services>, request: Request) -> Result<Response, ApiError> {
    let rows = elements(request, BOUNDS, Row::read).await?;
    let knowledge = Knowledge::of(&services, &rows).await?;
    let entries = rows.into_iter().enumerate().map(|(index, row)| {
        row.and_then(|row| knowledge.entry(row))
            .map_err(|faults| in_place(index, faults))
    });
    let entries: Vec<Result<Entry, Faults>> = entries.collect();
    let mut ids = Vec::with_capacity(entries.len());
    let mut sent = Vec::with_capacity(entries.len());
    for entry in entries {
        ids.push(entry.as_ref().map(|entry| entry.request_id).map_err(Clone::clone));
        sent.extend(entry.ok());
    }
    let fates = store(&services, sent).await?;
    Ok(Json(answer(ids, fates)).into_response())
}

async fn store(services: &Services, entries: Vec<Entry>) -> Result<Vec<Fate>, ApiError> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    match tokio::time::timeout(PATIENCE, services.recorder.store_sent(entries)).await {
        Ok(Ok(fates)) => Ok(fates),
        Ok(Err(error @ LogStoreError::Refused(_))) => {
            Err(ApiError::failed("requests could not be stored", &error))
        }
        Ok(Err(error)) => {
            tracing::warn!(
                error = crate::error::chain(&error),
                "requests that were sent could not be stored"
            );
            Err(unavailable())
        }
        Err(_) => Err(unavailable()),
    }
}

fn unavailable() -> ApiError {
    ApiError::other(
        StatusCode::SERVICE_UNAVAILABLE,
        "log_unavailable",
        "The log cannot be written now. Send the same requests again later: what is stored already is not stored twice.",
    )
}

fn answer(rows: Vec<Result<RequestId, Faults>>, fates: Vec<Fate>) -> Value {
    let (mut stored, mut already_stored, mut refused) = (0, 0, 0);
    let mut fates = fates.into_iter();
    let results: Vec<Value> = rows
        .into_iter()
        .map(|row| {
            let id = match row {
                Ok(id) => id,
                Err(faults) => {
                    refused += 1;
                    let errors = faults.iter();
                    let errors = errors.map(|fault| json!({ "field": fault.field, "message": fault.message }));
                    return json!({ "result": "refused", "errors": errors.collect::<Vec<_>>() });
                }
            };
            let reason = match fates.next().unwrap_or(Fate::NotRedacted) {
                Fate::Stored => {
                    stored += 1;
                    return json!({ "result": "stored", "request_id": id });
                }
                Fate::AlreadyStored => {
                    already_stored += 1;
                    return json!({ "result": "already_stored", "request_id": id });
                }
                Fate::Erased => "The log of this company was erased up to a later moment.",
                Fate::Suppressed => {
                    "Counted, and not stored: of requests without a recognised key, a company's log keeps 10 a second and 1,000 an hour."
                }
                Fate::NotRedacted => "It could not be searched for secrets.",
            };
            refused += 1;
            json!({ "result": "refused", "request_id": id, "errors": [{ "field": null, "message": reason }] })
        })
        .collect();
    json!({ "stored": stored, "already_stored": already_stored, "refused": refused, "results": results })
}

//! `POST /operator/v1/keys`: generates an API key for a company. Its secret stands in this one answer; no scope reveals it
//! again.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use keys::KeysError;
use model::{ClientId, Environment};
use serde::Deserialize;

use super::{Operator, failed, invalid, refused};
use crate::dashboard::AppState;

/// `env_type` is `sandbox`, `dev` or `prod`.
#[derive(Debug, Deserialize)]
pub struct NewKey {
    client_id: ClientId,
    env_type: Environment,
}

pub async fn create_key(
    State(state): State<AppState>,
    Extension(operator): Extension<Operator>,
    body: Result<Json<NewKey>, JsonRejection>,
) -> Response {
    let Json(new) = match body {
        Ok(body) => body,
        Err(rejection) => {
            return refused(
                StatusCode::BAD_REQUEST,
                "incorrect_parameters",
                &rejection.body_text(),
            );
        }
    };
    let company = match state.accounts.company(new.client_id).await {
        Ok(Some(company)) => company,
        Ok(None) => return invalid("client_id", "there is no company with this client id"),
        Err(error) => return failed("a company could not be looked up", &error),
    };
    match state
        .services
        .core
        .keys
        .generate(company.id, new.env_type, &operator.actor)
        .await
    {
        Ok(generated) => {
            let body = serde_json::json!({ "key_id": generated.key.id, "secret": generated.secret });
            (StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
        Err(KeysError::TwoActive) => refused(
            StatusCode::CONFLICT,
            "two_keys_active",
            "Two keys are active in this environment. Delete one first.",
        ),
        Err(error) => failed("a key could not be generated", &error),
    }
}

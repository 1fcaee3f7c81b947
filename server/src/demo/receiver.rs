//! The built-in webhook receiver. It checks the documented signature against the active keys. One path always fails,
//! for the demo's failing webhook. Another responds 410, for the disabled one.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Limited};
use model::Environment;
use serde_json::json;

use crate::services::Services;

/// The receiver serves every path under this one.
pub(super) const PATH: &str = "/receiver";

/// An event is at most 256 KiB.
const MAX_BODY: usize = 512 * 1024;

pub(super) fn router(services: Services) -> Router {
    Router::new()
        .route(
            "/receiver/broken",
            any(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "the risk service is down\n") }),
        )
        .route(
            "/receiver/warehouse",
            any(|| async { (StatusCode::GONE, "the old warehouse was switched off\n") }),
        )
        .route("/receiver", any(receive))
        .route("/receiver/{*rest}", any(receive))
        .with_state(services)
}

async fn receive(State(services): State<Services>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, Json(json!({ "received": false }))).into_response();
    };
    if is_signed(&services, &parts.headers, &body.to_bytes()).await {
        Json(json!({ "received": true, "signature": "verified" })).into_response()
    } else {
        let body = json!({ "received": false, "signature": "not made with an active key" });
        (StatusCode::UNAUTHORIZED, Json(body)).into_response()
    }
}

/// A real receiver knows its own company's keys. This one serves every company in the demo, so it tries all keys.
async fn is_signed(services: &Services, headers: &HeaderMap, body: &Bytes) -> bool {
    let Some(given) = headers.get(services.webhooks.headers().sign.as_str()) else {
        return false;
    };
    let Ok(companies) = services.core.accounts.companies().await else {
        return false;
    };
    for company in companies {
        for environment in Environment::ALL {
            let Ok(secrets) = services.core.keys.signing_secrets(company.id, environment).await else {
                continue;
            };
            let made_it = |secret: &keys::SigningSecret| {
                vault::same(
                    vault::sign_v1(secret.secret.expose(), body).as_bytes(),
                    given.as_bytes(),
                )
            };
            if secrets.iter().any(made_it) {
                return true;
            }
        }
    }
    false
}

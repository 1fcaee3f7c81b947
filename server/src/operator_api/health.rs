//! `/healthz` says that the process responds. `/readyz` says that it can take requests: its keys are current and its
//! database is readable.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::services::Services;

pub async fn healthz() -> &'static str {
    "ok\n"
}

pub async fn readyz(State(services): State<Services>) -> Response {
    let unready = |why: &'static str| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    if services.stopping.is_cancelled() {
        return unready("stopping\n");
    }
    if !services.core.keys.is_ready() {
        return unready("keys are not current\n");
    }
    match services.core.accounts.install().await {
        Ok(Some(_)) => "ready\n".into_response(),
        Ok(None) | Err(_) => unready("the database is not responding\n"),
    }
}

//! `/healthz` says that the process responds. `/readyz` says that it can take requests: its keys are current and its
//! database is readable.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::dashboard::AppState;

pub async fn healthz() -> &'static str {
    "ok\n"
}

pub async fn readyz(State(state): State<AppState>) -> Response {
    let unready = |why: &'static str| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    if state.stop.is_cancelled() {
        return unready("stopping\n");
    }
    if !state.services.core.keys.is_ready() {
        return unready("keys are not current\n");
    }
    match state.accounts.install().await {
        Ok(Some(_)) => "ready\n".into_response(),
        Ok(None) | Err(_) => unready("the database does not answer\n"),
    }
}

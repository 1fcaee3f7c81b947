//! The operator's listener: `/operator/v1/` for its backend (bearer tokens with scopes), `/verify` for its proxies, and what
//! watches the server. Never published; a test asks the other listeners for these paths.

pub mod bearer;
pub mod companies;
pub mod events;
pub mod health;
pub mod keys;
pub mod metrics;
pub mod verify;

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;

use crate::dashboard::{AppState, Who};
use crate::routes::{Surface, table};

pub use bearer::Operator;

/// All of it, from the route table.
pub fn router(state: AppState) -> Router {
    let mut router = Router::new();
    for route in table()
        .into_iter()
        .filter(|route| route.surface == Surface::Operator)
    {
        let handler = match route.who {
            Who::Operator(scope) => route.handler.layer(from_fn_with_state(
                (state.clone(), scope),
                bearer::only_with_scope,
            )),
            Who::Anyone(_) | Who::ApiKey => route.handler,
            // Nobody is signed in here: such a row in the table is a mistake, and nobody gets through.
            Who::Member | Who::KeyManager | Who::WebhookManager => {
                axum::routing::any(|| async { StatusCode::FORBIDDEN })
            }
        };
        router = router.route(route.path, handler);
    }
    router
        .fallback(not_found)
        .layer(from_fn(in_time))
        .with_state(state)
}

/// A request is read and answered within so long: a body that never ends holds no connection for ever.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refused(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "The request was not read and answered in time.",
        ),
    }
}

async fn not_found() -> Response {
    answer(gateway::errors::not_found())
}

/// An answer in the documented error shape.
pub fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    answer(gateway::errors::error(status, code, message))
}

/// 400 that names the field.
pub fn invalid(field: &str, message: &str) -> Response {
    answer(gateway::errors::incorrect_parameters([(field, message)]))
}

/// A fault of ours: the cause goes to the log under an id, the id to the caller.
pub fn failed(what: &str, error: &dyn std::error::Error) -> Response {
    let incident = crate::ports::incident();
    tracing::error!(incident, error = crate::error::chain(error), "{what}");
    refused(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal_error",
        &format!("Something failed. Quote {incident}."),
    )
}

fn answer(response: http::Response<Bytes>) -> Response {
    response.map(axum::body::Body::from).into_response()
}

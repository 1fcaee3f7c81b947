//! The operator's listener: `/operator/v1/` for the operator's backend (bearer tokens with scopes), `/verify` for its
//! proxies, and the health checks and metrics. It must never face the internet. A test asks the other listeners for
//! these paths and expects 404.

pub mod bearer;
pub mod body;
pub mod companies;
pub mod deliveries;
mod delivery_metrics;
pub mod event;
pub mod event_types;
pub mod events;
pub mod health;
pub mod hosts;
pub mod keys;
mod listener;
pub mod members;
pub mod metrics;
pub mod requests;
pub mod rotation;
pub mod sending;
pub mod sessions;
pub mod tokens;
pub mod verify;

use std::time::Duration;

use accounts::AccountsError;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};

use crate::admin::{Answer, Object};
use crate::api_error::{ApiError, set_answer_headers};
use crate::services::Services;
use crate::wiped;

pub use bearer::{Operator, Route, Who};
pub use hosts::OperatorHosts;
pub use listener::serve;

/// Builds the router from the operator's rows of the route table.
pub fn router(routes: Vec<Route>, services: Services, hosts: OperatorHosts) -> Router {
    let mut router = Router::new();
    for route in routes {
        router = router.route(route.path, bearer::guarded(route.who, route.handler, &services));
    }
    router
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(body::LARGEST_BODY))
        .layer(from_fn_with_state(hosts, hosts::only_our_hosts))
        .layer(from_fn(in_time))
        .layer(from_fn_with_state(vary(&services), for_this_caller))
        .with_state(services)
}

/// How long reading and answering a request may take. Without this limit a body that never ends would hold its
/// connection for ever.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refused(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "The request took too long.",
        ),
    }
}

/// The router fills in the allowed methods.
async fn method_not_allowed(method: Method) -> ApiError {
    ApiError::MethodNotAllowed {
        method,
        allowed: Vec::new(),
    }
}

/// The request headers a response depends on: the token and, for `/verify`, the forwarded credentials.
pub(crate) fn vary(services: &Services) -> HeaderValue {
    let form = services.core.keys.form();
    let names = format!(
        "authorization, {}, {}, {}",
        form.client_id.header(),
        form.secret.header(),
        ::keys::BRAND_HEADER
    );
    HeaderValue::from_str(&names).unwrap_or(HeaderValue::from_static("*"))
}

async fn for_this_caller(State(vary): State<HeaderValue>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    set_answer_headers(response.headers_mut(), &vary);
    response
}

/// A response in the documented error format.
pub fn refused(status: StatusCode, code: &'static str, message: &str) -> Response {
    ApiError::other(status, code, message).into_response()
}

/// Responds 400 and names the field.
pub fn invalid(field: &str, message: &str) -> Response {
    ApiError::invalid(field, message).into_response()
}

/// An internal error. The cause goes to the log under an incident id, and the caller gets only the id.
pub fn failed(what: &str, error: &dyn std::error::Error) -> Response {
    ApiError::failed(what, error).into_response()
}

/// A list or a single object. The response must not be cached: some contain a secret, and all of them change.
fn listed(answer: &Answer) -> Response {
    with_status(StatusCode::OK, answer)
}

fn created(object: Object) -> Response {
    with_status(StatusCode::CREATED, &Answer::One(object))
}

fn with_status(status: StatusCode, answer: &Answer) -> Response {
    match answer.json() {
        Ok(json) => {
            let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
            (status, headers, wiped::body(json)).into_response()
        }
        Err(error) => failed("an answer could not be written", &error),
    }
}

/// Responds 404.
fn not_found() -> Response {
    ApiError::NotFound.into_response()
}

/// Maps an error of the accounts crate to its field or its code.
fn refused_by_accounts(error: &AccountsError) -> Response {
    let mut message = error.to_string();
    if let Some(first) = message.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    message.push('.');
    match error {
        AccountsError::UnknownCompany => invalid("client_id", &message),
        AccountsError::InvalidEmail | AccountsError::UnknownPerson => invalid("email", &message),
        AccountsError::InvalidPassword => invalid("password", &message),
        AccountsError::AlreadyMember => refused(StatusCode::CONFLICT, "already_member", &message),
        AccountsError::UnknownMember | AccountsError::UnknownSession | AccountsError::UnknownToken => {
            not_found()
        }
        AccountsError::Busy => refused(StatusCode::SERVICE_UNAVAILABLE, "busy", &message),
        other => failed("an account could not be read or changed", other),
    }
}

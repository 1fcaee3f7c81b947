//! The middleware around every dashboard response. It checks the `Host`, sets the content-security policy with its
//! nonce, and decides which origins may post. [`super::router`] installs it.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use leptos::nonce::Nonce;

use super::AppState;
use super::plain_page;
use crate::api_error::{ApiError, set_answer_headers};

/// Responds 421 to a name that is not ours: another site's name may point at this server.
pub async fn only_our_host(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let host = request
        .uri()
        .authority()
        .map(|authority| authority.as_str().to_owned());
    let host = host.or_else(|| Some(request.headers().get(HOST)?.to_str().ok()?.to_owned()));
    if host.is_some_and(|host| state.origin.is_ours(&host)) {
        return next.run(request).await;
    }
    let text = format!("Wrong address. The dashboard is at {}\n", state.origin.url());
    if is_of_the_public_api(request.uri().path()) {
        let refusal = ApiError::other(
            StatusCode::MISDIRECTED_REQUEST,
            "misdirected_request",
            text.trim_end(),
        );
        let mut response = refusal.into_response();
        // The response depends only on the host, and the host is part of every cache's key.
        set_answer_headers(response.headers_mut(), &HeaderValue::from_static("host"));
        return response;
    }
    (StatusCode::MISDIRECTED_REQUEST, text).into_response()
}

fn is_of_the_public_api(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

/// Creates the nonce of this response, passes it to Leptos in the request's extensions, and sets the policy and the
/// other headers that every page has.
pub async fn guard_the_page(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let nonce = Nonce::new();
    let policy = content_security_policy(&nonce, state.reload_port);
    request.extensions_mut().insert(nonce);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("x-frame-options", HeaderValue::from_static("DENY"));
    // Other sites must not learn which of our pages a person came from.
    headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
    headers.insert(
        "cross-origin-opener-policy",
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        "permissions-policy",
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    );
    if state.origin.is_https() {
        headers.insert(
            "strict-transport-security",
            HeaderValue::from_static("max-age=63072000"),
        );
    }
    response
}

/// The policy omits `'strict-dynamic'` on purpose: under it browsers would ignore the nonce on Leptos's module preload.
fn content_security_policy(nonce: &Nonce, reload_port: Option<u32>) -> String {
    let reload = reload_port
        .map(|port| format!(" ws://127.0.0.1:{port} ws://localhost:{port}"))
        .unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'{reload}; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )
}

/// Refuses requests that another site's page makes a browser send: everything that could change something, and every
/// server function. Programs send neither header and do not have our cookie.
pub async fn refuse_other_sites(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let guarded = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        || request.uri().path().starts_with("/rpc/");
    if guarded && !comes_from_our_page(&state, request.headers()) {
        return plain_page::refused(
            StatusCode::FORBIDDEN,
            "Request from another site",
            "This request came from a page on another site, so it was refused. Go back to the dashboard and try again there.",
            &state,
        );
    }
    next.run(request).await
}

fn comes_from_our_page(state: &AppState, headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().unwrap_or("unreadable").to_owned();
    let site = headers.get("sec-fetch-site").map(text);
    let origin = headers.get(ORIGIN).map(text);
    match (site.as_deref(), origin.as_deref()) {
        // `none`: the person typed the address or used a bookmark.
        (Some("same-origin" | "none"), _) => true,
        (Some(_), _) => false,
        (None, Some(origin)) => state.origin.may_post(origin),
        (None, None) => true,
    }
}

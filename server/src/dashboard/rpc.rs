//! Server functions are for the page's own scripts and answer in JSON, whoever asks. Leptos sends what looks like a plain
//! form (`Accept: text/html`) back to its `Referer`, which is any address that the sender likes; no form of ours is posted
//! there, so that neither header reaches it.

use app::AppError;
use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, REFERER};
use http::{HeaderValue, StatusCode};

use super::router::server_function_paths;

pub async fn answer_in_json(mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !path.starts_with("/rpc/") {
        return next.run(request).await;
    }
    let known = server_function_paths()
        .iter()
        .any(|(own, method)| *own == path && method == request.method());
    if !known {
        // Most likely a page of another build. Its script can read this, and not the page that says "Not found".
        let error = AppError::Outdated;
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::NOT_FOUND);
        return (status, Json(error)).into_response();
    }
    let headers = request.headers_mut();
    headers.remove(REFERER);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    next.run(request).await
}

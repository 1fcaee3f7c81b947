//! Makes server functions always respond in JSON. Only the page's own scripts call them. If a request looks like a
//! plain form post (`Accept: text/html`), Leptos would redirect it to its `Referer`, and a sender can put any URL
//! there. None of our forms posts to a server function, so we remove both headers.

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
        // The request most likely comes from a page of another build. Its script can read this error, but not an HTML
        // "Not found" page.
        let error = AppError::Outdated;
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::NOT_FOUND);
        return (status, Json(error)).into_response();
    }
    let headers = request.headers_mut();
    headers.remove(REFERER);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    next.run(request).await
}

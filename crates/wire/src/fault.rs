//! Responses that the connection sends itself, without a handler.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use model::{RequestId, Timestamp};
use serde_json::json;

use crate::head::WrongHead;

/// Why the connection answers instead of the handler.
#[derive(Debug)]
pub struct Fault {
    pub status: StatusCode,
    pub code: &'static str,
    /// One sentence for the caller.
    pub message: String,
    /// The value of the response's `X-Request-Id`.
    pub request_id: RequestId,
    /// Whether the caller prefers a page to JSON.
    pub wants_page: bool,
}

impl Fault {
    pub(crate) fn new(
        at: Timestamp,
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            request_id: RequestId::time_ordered(at, vault::random()),
            wants_page: false,
        }
    }

    /// 431 for a head that is too large.
    pub(crate) fn too_large(at: Timestamp) -> Self {
        Self::new(
            at,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "incorrect_request",
            "The request's address and headers are too large.",
        )
    }

    /// For the head of an HTTP/2 request.
    pub(crate) fn of_head(at: Timestamp, wrong: WrongHead) -> Self {
        match wrong {
            WrongHead::TooLarge => Self::too_large(at),
            WrongHead::Bad(message) => Self::bad_request(at, message),
        }
    }

    /// 400 for bytes that are not exactly one request.
    pub(crate) fn bad_request(at: Timestamp, message: &'static str) -> Self {
        Self::new(at, StatusCode::BAD_REQUEST, "incorrect_request", message)
    }

    /// 500 after a panic. Its id is on the matching line of the server's log.
    pub(crate) fn panicked(at: Timestamp, incident: &str) -> Self {
        let message = format!("Something failed. Send incident ID {incident} to support.");
        Self::new(at, StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
    }

    /// The response in the documented error shape.
    pub fn answer(&self) -> Response<Bytes> {
        let body = if self.wants_page {
            format!("{}\n", self.message)
        } else {
            json!({ "error": { "code": self.code, "message": self.message } }).to_string()
        };
        let kind = if self.wants_page {
            "text/plain; charset=utf-8"
        } else {
            "application/json"
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        if let Ok(id) = HeaderValue::from_str(&self.request_id.to_string()) {
            headers.insert("x-request-id", id);
        }
        response
    }

    /// The response as bytes, for when hyper has stopped writing.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (parts, body) = self.answer().into_parts();
        let mut bytes = format!(
            "HTTP/1.1 {} {}\r\ncontent-length: {}\r\n",
            parts.status.as_u16(),
            parts.status.canonical_reason().unwrap_or_default(),
            body.len()
        )
        .into_bytes();
        for (name, value) in &parts.headers {
            for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                bytes.extend_from_slice(piece);
            }
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&body);
        bytes
    }
}

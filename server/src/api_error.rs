//! Every error response of the public API and the operator API. Both use this one type, so no response can have a
//! format that the contract does not document (sections 2.1 and 2.2).

use std::error::Error;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use gateway::errors;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use model::InvalidWebhook;

/// Why a request is refused.
#[derive(Debug, PartialEq)]
pub enum ApiError {
    /// 400: every wrong field, with what is wrong about it.
    Incorrect(Vec<InvalidWebhook>),
    /// 404, which also covers objects that belong to someone else.
    NotFound,
    /// 405 with the allowed methods.
    MethodNotAllowed { method: Method, allowed: Vec<Method> },
    /// 406: the caller does not accept JSON.
    NotAcceptable,
    /// 415: the body's content type is not JSON.
    UnsupportedMediaType(String),
    /// 413: the body is larger than this many bytes.
    TooLarge(usize),
    /// 503 with `Retry-After`.
    Busy {
        message: String,
        retry_after_seconds: u32,
    },
    /// Any other status with its code.
    Other {
        status: StatusCode,
        code: &'static str,
        message: String,
    },
}

impl ApiError {
    /// 400 for one field.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Incorrect(vec![webhooks::fault(field, message)])
    }

    pub fn other(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self::Other {
            status,
            code,
            message: message.into(),
        }
    }

    /// 403: the credentials are valid, but not for this.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::other(StatusCode::FORBIDDEN, "not_authenticated", message)
    }

    /// An internal error. The cause goes to the log under an incident id, and the caller gets only the id.
    pub fn failed(what: &str, error: &dyn Error) -> Self {
        let incident = crate::incident::logged(what, error);
        let message = format!("Something failed. Send incident ID {incident} to support.");
        Self::other(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
    }

    /// Refuses a body whose content type is not JSON. A body without a content type is read as JSON.
    pub fn unless_json(headers: &HeaderMap) -> Result<(), Self> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else {
            return Ok(());
        };
        let text = value.to_str().unwrap_or_default();
        let kind = text.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") {
            Ok(())
        } else {
            Err(Self::UnsupportedMediaType(text.to_owned()))
        }
    }

    pub fn response(self) -> http::Response<Bytes> {
        match self {
            Self::Incorrect(faults) => errors::incorrect_parameters(
                faults
                    .iter()
                    .map(|fault| (fault.field.as_str(), fault.message.as_str())),
            ),
            Self::NotFound => errors::not_found(),
            Self::MethodNotAllowed { method, allowed } => errors::method_not_allowed(&method, &allowed),
            Self::NotAcceptable => errors::error(
                StatusCode::NOT_ACCEPTABLE,
                "not_acceptable",
                "Only application/json is served.",
            ),
            Self::UnsupportedMediaType(given) => errors::error(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                &format!("Unsupported media type \"{given}\" in request. Send application/json."),
            ),
            Self::TooLarge(limit) => errors::body_too_large(limit),
            Self::Busy {
                message,
                retry_after_seconds,
            } => {
                let mut response = errors::error(StatusCode::SERVICE_UNAVAILABLE, "busy", &message);
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, retry_after_seconds.into());
                response
            }
            Self::Other {
                status,
                code,
                message,
            } => errors::error(status, code, &message),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.response().map(axum::body::Body::from).into_response()
    }
}

/// Headers of every API response. They say that it is for this caller only, and that browsers must not guess its type.
pub fn set_answer_headers(headers: &mut HeaderMap, vary: &HeaderValue) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::VARY, vary.clone());
}

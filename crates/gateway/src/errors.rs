//! The documented error bodies (contract 2.1 and 2.2), for the gateway's own refusals and the public API.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use model::Verdict;
use serde_json::json;

use crate::request_body::BodyFault;

/// `{"error":{"code","message"}}` with this status.
pub fn error(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    answer(status, &json!({ "error": { "code": code, "message": message } }))
}

/// 401. The same body, whatever is wrong with the credentials.
pub fn authentication_failed() -> Response<Bytes> {
    let mut response = error(StatusCode::UNAUTHORIZED, "authentication_failed", "No such user");
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(SCHEME));
    response
}

/// HTTP requires every 401 to name a scheme. Browsers show a password prompt for `Basic`, `Digest`, `NTLM` and
/// `Negotiate`, but not for an unknown scheme.
const SCHEME: &str = "AccessKey";

/// 403: the credentials are valid, but not for this.
pub fn not_authenticated(message: &str) -> Response<Bytes> {
    error(StatusCode::FORBIDDEN, "not_authenticated", message)
}

/// 404, also for resources of another company. Its shape differs from that of the other errors.
pub fn not_found() -> Response<Bytes> {
    answer(StatusCode::NOT_FOUND, &json!({ "detail": "Not Found." }))
}

/// 405, with the methods that are allowed.
pub fn method_not_allowed(method: &Method, allowed: &[Method]) -> Response<Bytes> {
    let message = format!("Method \"{method}\" not allowed.");
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &message);
    let allowed = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    // The list is empty where the router adds `Allow` itself.
    if let Ok(allowed) = HeaderValue::from_str(&allowed)
        && !allowed.is_empty()
    {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// 400, with each invalid field and its faults.
pub fn incorrect_parameters<'a>(faults: impl IntoIterator<Item = (&'a str, &'a str)>) -> Response<Bytes> {
    let faults: Vec<_> = faults
        .into_iter()
        .map(|(field, message)| json!({ "field": field, "message": message }))
        .collect();
    answer(
        StatusCode::BAD_REQUEST,
        &json!({ "error": {
            "code": "incorrect_parameters",
            "message": "Incorrect request parameters",
            "extra": { "invalid-params": faults },
        } }),
    )
}

/// 429 with `Retry-After` in whole seconds, rounded up.
pub fn throttled(retry_after: Duration) -> Response<Bytes> {
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    let seconds = seconds.max(1);
    let unit = if seconds == 1 { "second" } else { "seconds" };
    let message = format!("Request was throttled. Expected available in {seconds} {unit}.");
    let mut response = error(StatusCode::TOO_MANY_REQUESTS, "throttled", &message);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// 413: the body is larger than the public API accepts.
pub fn body_too_large(limit: usize) -> Response<Bytes> {
    let message = format!("The request body is larger than {limit} bytes.");
    error(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", &message)
}

/// 408: the request's body stopped arriving.
pub fn request_timeout() -> Response<Bytes> {
    error(
        StatusCode::REQUEST_TIMEOUT,
        "request_timeout",
        "The request body did not arrive in time.",
    )
}

/// The request's body did not arrive completely.
pub(crate) fn unread_body(fault: BodyFault) -> Response<Bytes> {
    let bad = |message| error(StatusCode::BAD_REQUEST, "incorrect_request", message);
    match fault {
        BodyFault::Idle | BodyFault::TooLong => request_timeout(),
        BodyFault::Malformed => bad("The request's body is not valid."),
        BodyFault::BrokenOff => bad("The request ended before its body did."),
        BodyFault::KeyEnded(verdict) => refusal(verdict, None),
    }
}

/// The response to a refused request. The body of a 401 is always the same, so it does not reveal the verdict.
/// `retry_after` is used for `rate_limited` only. An accepted request has no refusal; passing it gives an empty 500.
pub fn refusal(verdict: Verdict, retry_after: Option<Duration>) -> Response<Bytes> {
    match verdict {
        Verdict::MissingCredentials
        | Verdict::MalformedCredentials
        | Verdict::UnknownClient
        | Verdict::UnknownSecret
        | Verdict::DeletedKey
        | Verdict::ExpiredKey => authentication_failed(),
        Verdict::WrongEnvironment => not_authenticated("This key's environment does not serve this request."),
        Verdict::AddressNotAllowed => not_authenticated("This key may not be used from this address."),
        Verdict::ReadOnlyKey => not_authenticated("This key may only read."),
        Verdict::UnknownBrand => incorrect_parameters([("X-Brand-Id", "No such brand.")]),
        Verdict::RateLimited => throttled(retry_after.unwrap_or(Duration::from_secs(1))),
        Verdict::NotReady => unavailable("not_ready", "The service is not ready. Try again in a moment."),
        Verdict::Overloaded => unavailable("overloaded", "The service is overloaded. Try again in a moment."),
        Verdict::UpstreamUnreachable => error(
            StatusCode::BAD_GATEWAY,
            "upstream_unreachable",
            "The API could not be reached.",
        ),
        Verdict::UpstreamTimeout => error(
            StatusCode::GATEWAY_TIMEOUT,
            "upstream_timeout",
            "The API did not respond in time.",
        ),
        Verdict::Accepted => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

fn unavailable(code: &str, message: &str) -> Response<Bytes> {
    let mut response = error(StatusCode::SERVICE_UNAVAILABLE, code, message);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(1));
    response
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_its_status_and_all_401s_are_the_same() {
        let mut unauthorized = Vec::new();
        for verdict in Verdict::ALL
            .iter()
            .filter(|verdict| **verdict != Verdict::Accepted)
        {
            let response = refusal(*verdict, Some(Duration::from_millis(200)));
            assert_eq!(Some(response.status().as_u16()), verdict.status(), "{verdict}");
            if response.status() == StatusCode::UNAUTHORIZED {
                unauthorized.push((response.headers().clone(), response.into_body()));
            }
        }
        assert!(unauthorized.len() > 1 && unauthorized.windows(2).all(|pair| pair[0] == pair[1]));
        let expected = r#"{"error":{"code":"authentication_failed","message":"No such user"}}"#;
        assert_eq!(unauthorized[0].1, expected);
    }

    #[test]
    fn retry_after_is_rounded_up() {
        for (wait, seconds) in [(1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            let response = throttled(Duration::from_millis(wait));
            assert_eq!(
                response.headers()[header::RETRY_AFTER],
                seconds.to_string().as_str()
            );
        }
        assert!(
            throttled(Duration::from_secs(7))
                .body()
                .ends_with(b"Expected available in 7 seconds.\"}}")
        );
    }
}

//! What goes over the wire is JSON, both ways: 415 and 406 otherwise (contract section 2.2).

use bytes::Bytes;
use gateway::errors;
use http::{HeaderMap, Response, StatusCode, header};

/// Whether the caller takes JSON. Nothing said is everything taken.
pub(super) fn accepts_json(headers: &HeaderMap) -> bool {
    let mut said = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .peekable();
    said.peek().is_none() || said.flat_map(|value| value.split(',')).any(takes_json)
}

/// One entry of `Accept`: its type, and that it is not excluded by a quality of nothing.
fn takes_json(entry: &str) -> bool {
    let mut parts = entry.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let excluded = parts.any(|parameter| {
        matches!(
            parameter.to_ascii_lowercase().as_str(),
            "q=0" | "q=0.0" | "q=0.00"
        )
    });
    matches!(kind.as_str(), "*/*" | "application/*" | "application/json") && !excluded
}

pub(super) fn not_acceptable() -> Response<Bytes> {
    errors::error(
        StatusCode::NOT_ACCEPTABLE,
        "not_acceptable",
        "Only application/json is served.",
    )
}

/// Refuses a body that says it is something else. One that does not say is read as JSON.
pub(super) fn refuse_other_than_json(headers: &HeaderMap) -> Option<Response<Bytes>> {
    let value = headers.get(header::CONTENT_TYPE)?;
    let text = value.to_str().unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return None;
    }
    let message = format!("Unsupported media type \"{text}\" in request. Send application/json.");
    Some(errors::error(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        &message,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_json_is_accepted() {
        for (accept, expected) in [
            ("application/json", true),
            ("text/html, */*;q=0.8", true),
            ("Application/*", true),
            ("text/html", false),
            ("application/json;q=0", false),
            ("application/xml, text/plain", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a value"))]);
            assert_eq!(accepts_json(&headers), expected, "{accept}");
        }
        assert!(accepts_json(&HeaderMap::new()));
    }
}

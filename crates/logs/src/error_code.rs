//! Reads the code of an error from an API's response, after redaction.
//!
//! APIs write it in different places. Looked at in this order, and the first that has the form of a code is taken:
//!
//! 1. the members of `error`, if that is an object;
//! 2. the members of the response itself;
//! 3. the members of the first of `errors`, or that itself if it is a text;
//! 4. `error`, if it is a text, as OAuth has it;
//! 5. `type`, as problem details (RFC 9457) have it: the end of its path, if it is a URL.
//!
//! Members are `code`, `error_code`, `errorCode`, `type` (of an object within the response), `status` and `reason`. A
//! number that only repeats the HTTP status is no code.

use model::{Body, ErrorCode, Verdict};
use serde_json::{Map, Value};

/// The lowest status of a failed request.
const FAILED: u16 = 400;

/// The code, if the API behind the gateway answered with an error and its response says one. Why Gatehouse refused a request
/// is its verdict.
pub(crate) fn of(status: u16, verdict: Verdict, response: &Body) -> Option<ErrorCode> {
    let Body::Text {
        text,
        truncated: false,
        ..
    } = response
    else {
        return None;
    };
    if status < FAILED || verdict != Verdict::Accepted || !text.trim_start().starts_with('{') {
        return None;
    }
    let Ok(Value::Object(response)) = serde_json::from_str(text) else {
        return None;
    };
    let status = status.to_string();
    let code = |value: &Value| code(value, &status);
    let named = |object: &Map<String, Value>, names: &[&str]| {
        names.iter().find_map(|name| object.get(*name).and_then(code))
    };
    let members = |value: Option<&Value>| {
        value
            .and_then(Value::as_object)
            .and_then(|object| named(object, &INNER))
    };
    let first_of_several = response.get("errors").and_then(|errors| errors.get(0));
    members(response.get("error"))
        .or_else(|| named(&response, &OUTER))
        .or_else(|| members(first_of_several))
        .or_else(|| first_of_several.and_then(code))
        .or_else(|| response.get("error").and_then(code))
        .or_else(|| {
            response
                .get("type")
                .and_then(Value::as_str)
                .and_then(|text| problem(text, &status))
        })
}

const OUTER: [&str; 5] = ["code", "error_code", "errorCode", "status", "reason"];
const INNER: [&str; 6] = ["code", "error_code", "errorCode", "type", "status", "reason"];

/// A text or a whole number that has the form of a code.
fn code(value: &Value, status: &str) -> Option<ErrorCode> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => return None,
    };
    // "status": "error" says nothing.
    let says_nothing = text == status || text == "error" || text == "fail" || text == "failed";
    if says_nothing { None } else { text.parse().ok() }
}

fn problem(text: &str, status: &str) -> Option<ErrorCode> {
    let text = text.trim_end_matches('/');
    let last = text.rsplit('/').next().unwrap_or(text);
    if text == "about:blank" {
        return None;
    }
    code(&Value::from(last), status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Body {
        Body::Text {
            text: text.to_owned(),
            total_bytes: text.len() as u64,
            truncated: false,
            redactions: 0,
        }
    }

    fn of_text(text: &str) -> Option<String> {
        of(422, Verdict::Accepted, &body(text)).map(|code| code.to_string())
    }

    #[test]
    fn the_code_is_found_where_apis_write_it() {
        for (text, code) in [
            (
                r#"{"error":{"code":"card_declined","type":"card_error"}}"#,
                "card_declined",
            ),
            (
                r#"{"error":{"type":"not_found_error"},"type":"error"}"#,
                "not_found_error",
            ),
            (
                r#"{"error":{"code":422,"status":"INVALID_ARGUMENT"}}"#,
                "INVALID_ARGUMENT",
            ),
            (r#"{"error":{"code":1042}}"#, "1042"),
            (r#"{"code":"E1001","message":"No."}"#, "E1001"),
            (r#" {"error_code":"limit_reached"}"#, "limit_reached"),
            (r#"{"errorCode":"LIMIT"}"#, "LIMIT"),
            (
                r#"{"errors":[{"code":"too_long"},{"code":"missing"}]}"#,
                "too_long",
            ),
            (r#"{"errors":["missing_name"]}"#, "missing_name"),
            (
                r#"{"error":"invalid_grant","error_description":"It is over."}"#,
                "invalid_grant",
            ),
            (
                r#"{"type":"https://example.com/problems/out-of-credit","title":"No."}"#,
                "out-of-credit",
            ),
            (r#"{"error":{"code":"Please try again"},"code":"busy"}"#, "busy"),
            (r#"{"status":"error","code":"x1"}"#, "x1"),
        ] {
            assert_eq!(of_text(text).as_deref(), Some(code), "{text}");
        }
    }

    #[test]
    fn free_text_and_people_are_no_codes() {
        for text in [
            "",
            "[]",
            "{}",
            "not JSON",
            r#"{"error":"Ana Example was not found"}"#,
            r#"{"error":{"code":"ana@example.com"}}"#,
            r#"{"code":"[redacted]"}"#,
            r#"{"code":422}"#,
            r#"{"code":-1}"#,
            r#"{"code":4242424242424242}"#,
            r#"{"status":"error"}"#,
            r#"{"errors":{"name":["required"]}}"#,
            r#"{"errors":[]}"#,
            r#"{"type":"about:blank","title":"No."}"#,
            r#"{"code":{"code":"deep"}}"#,
            r#"{"error":{"code":null}}"#,
        ] {
            assert_eq!(of_text(text), None, "{text}");
        }
    }

    #[test]
    fn only_failures_of_the_api_have_a_code_and_only_whole_bodies_are_read() {
        let response = body(r#"{"code":"x"}"#);
        assert!(of(400, Verdict::Accepted, &response).is_some());
        assert_eq!(of(399, Verdict::Accepted, &response), None);
        assert_eq!(of(429, Verdict::RateLimited, &response), None);
        let cut = Body::Text {
            text: r#"{"code":"x"}"#.to_owned(),
            total_bytes: 99_999,
            truncated: true,
            redactions: 0,
        };
        assert_eq!(of(400, Verdict::Accepted, &cut), None);
    }
}

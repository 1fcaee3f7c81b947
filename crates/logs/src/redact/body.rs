//! Bodies: which are understood, and what becomes of those that are not.

use http::{HeaderMap, header};
use model::{Body, BodyAbsence};

use super::{form, json};
use crate::CapturedBody;
use vault::Presented;

/// A body that can be searched for secrets.
#[derive(Clone, Copy)]
enum Kind {
    Json,
    Form,
    /// Nothing said what it is: it may be stored when it turns out to be JSON.
    Unsaid,
}

/// The body as it may be stored.
pub(super) fn redact_body(headers: &HeaderMap, body: CapturedBody, presented: &Presented) -> Body {
    let (first, total_bytes) = match body {
        CapturedBody::Absent { why, total_bytes } => return Body::Absent { why, total_bytes },
        CapturedBody::Bytes { first, total_bytes } => (first, total_bytes),
    };
    match understand(headers, &first, total_bytes, presented) {
        Ok(body) => body,
        Err(why) => Body::Absent { why, total_bytes },
    }
}

fn understand(
    headers: &HeaderMap,
    first: &[u8],
    total_bytes: u64,
    presented: &Presented,
) -> Result<Body, BodyAbsence> {
    if headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(BodyAbsence::Encoded);
    }
    let kind = kind(headers)?;
    let truncated = total_bytes > first.len() as u64;
    let text = text(first, truncated)?;
    let (text, fields) = match kind {
        Kind::Json => json::redact_json(text, truncated).ok_or(BodyAbsence::Malformed)?,
        Kind::Form => form::redact_pairs(text, presented),
        Kind::Unsaid => json::redact_json(text, truncated).ok_or(BodyAbsence::UnknownType)?,
    };
    let (text, secrets) = if truncated {
        presented.cut_out_truncated(&text)
    } else {
        presented.cut_out(&text)
    };
    // Escaped digits (`\u0061`) are the secret as well, but there is no cutting them out of what is shown.
    if !matches!(kind, Kind::Form) && presented.stands_in(&vault::unescape(&text)) {
        return Err(BodyAbsence::HeldSecret);
    }
    Ok(Body::Text {
        text,
        total_bytes,
        truncated,
        redactions: fields + secrets,
    })
}

fn kind(headers: &HeaderMap) -> Result<Kind, BodyAbsence> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let Some(value) = types.next() else {
        return Ok(Kind::Unsaid);
    };
    let value = value
        .to_str()
        .map_err(|_| BodyAbsence::UnknownType)?
        .to_ascii_lowercase();
    if types.next().is_some() {
        return Err(BodyAbsence::UnknownType);
    }
    let (essence, parameters) = value.split_once(';').unwrap_or((&value, ""));
    let charset = parameters
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("charset="));
    if charset
        .is_some_and(|name| !["utf-8", "utf8", "us-ascii", "iso-8859-1"].contains(&name.trim_matches('"')))
    {
        return Err(BodyAbsence::NotText);
    }
    match essence.trim() {
        "application/json" | "text/json" => Ok(Kind::Json),
        "application/x-www-form-urlencoded" => Ok(Kind::Form),
        other if other.ends_with("+json") => Ok(Kind::Json),
        _ => Err(BodyAbsence::UnknownType),
    }
}

/// UTF-8 without NUL. Of a truncated body, a character cut in two at the end is left out.
fn text(first: &[u8], truncated: bool) -> Result<&str, BodyAbsence> {
    let text = match std::str::from_utf8(first) {
        Ok(text) => text,
        Err(error) if truncated && error.error_len().is_none() => {
            std::str::from_utf8(&first[..error.valid_up_to()]).map_err(|_| BodyAbsence::NotText)?
        }
        Err(_) => return Err(BodyAbsence::NotText),
    };
    if text.contains('\0') {
        Err(BodyAbsence::NotText)
    } else {
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use model::SecretText;

    use super::*;
    use crate::Capture;

    const SECRET: &str = "sandbox-a57b3109f1f4a8b3f2ebbc1c526950f1795464af";

    fn redacted(content_type: Option<&'static str>, body: &[u8]) -> Body {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let mut capture = Capture::default();
        capture.see(body);
        redact_body(
            &headers,
            capture.take(),
            &Presented::new(&[SecretText::new(SECRET)]),
        )
    }

    fn absence(content_type: Option<&'static str>, body: &[u8]) -> Option<BodyAbsence> {
        match redacted(content_type, body) {
            Body::Absent { why, total_bytes } => {
                assert_eq!(total_bytes, body.len() as u64);
                Some(why)
            }
            Body::Text { .. } => None,
        }
    }

    #[test]
    fn what_is_not_understood_is_not_stored_and_says_why() {
        let json = Some("application/json");
        assert_eq!(absence(json, b""), Some(BodyAbsence::Empty));
        assert_eq!(absence(json, b"{'password':'x'}"), Some(BodyAbsence::Malformed));
        assert_eq!(absence(json, b"{\"a\":\"\xff\"}"), Some(BodyAbsence::NotText));
        assert_eq!(
            absence(Some("text/plain"), b"password is x"),
            Some(BodyAbsence::UnknownType)
        );
        assert_eq!(
            absence(Some("multipart/form-data; boundary=x"), b"--x"),
            Some(BodyAbsence::UnknownType)
        );
        assert_eq!(absence(None, b"password is x"), Some(BodyAbsence::UnknownType));
        assert_eq!(
            absence(Some("application/json; charset=utf-16"), b"{}"),
            Some(BodyAbsence::NotText)
        );
        assert_eq!(absence(None, b"{\"a\":1}"), None);
        assert_eq!(
            absence(Some("application/problem+json; charset=UTF-8"), b"{\"a\":1}"),
            None
        );
    }

    #[test]
    fn a_compressed_body_is_not_stored() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let body = CapturedBody::Bytes {
            first: b"{}".to_vec(),
            total_bytes: 2,
        };
        let why = BodyAbsence::Encoded;
        assert_eq!(
            redact_body(&headers, body, &Presented::new(&[])),
            Body::Absent { why, total_bytes: 2 }
        );
    }

    #[test]
    fn an_escaped_secret_keeps_the_body_out() {
        let escaped: String = SECRET.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
        let body = format!("{{\"note\":\"{escaped}\"}}");
        assert_eq!(
            absence(Some("application/json"), body.as_bytes()),
            Some(BodyAbsence::HeldSecret)
        );
    }

    #[test]
    fn a_secret_across_the_border_of_what_is_kept_leaves_nothing_of_itself() {
        for into in 9..SECRET.len() {
            let padding = "x".repeat(crate::BODY_LIMIT - into - 10);
            let body = format!("{{\"note\":\"{padding} {SECRET}\"}}");
            let Body::Text { text, truncated, .. } = redacted(Some("application/json"), body.as_bytes())
            else {
                panic!("the body was not kept")
            };
            assert!(truncated);
            assert!(!text.contains("sandbox-"), "{into}");
            assert!(
                text.ends_with("x [redacted]"),
                "{into}: {}",
                &text[text.len() - 60..]
            );
        }
    }
}

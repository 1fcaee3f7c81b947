//! Bodies: which are understood, and what becomes of those that are not.

use http::{HeaderMap, header};
use model::{Body, BodyAbsence};

use crate::search::Search;
use crate::{encoding, form, json};

/// At most so many bytes of a body are kept, also of what a compressed one stands for.
pub const BODY_LIMIT: usize = 16 * 1024;

/// A body that can be searched for secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
    /// Nothing said what it is: it may be stored when it turns out to be JSON.
    Unsaid,
}

/// The body as it may be stored. `first` is its beginning, `total_bytes` how much went over the wire.
pub(crate) fn redact_body(headers: &HeaderMap, first: &[u8], total_bytes: u64, search: &Search<'_>) -> Body {
    match understand(headers, first, total_bytes, search) {
        Ok(body) => body,
        Err(why) => Body::Absent { why, total_bytes },
    }
}

fn understand(
    headers: &HeaderMap,
    first: &[u8],
    total_bytes: u64,
    search: &Search<'_>,
) -> Result<Body, BodyAbsence> {
    let kind = kind(headers)?;
    let cut_off = total_bytes > first.len() as u64;
    let decoded;
    let (bytes, truncated) = if headers.contains_key(header::CONTENT_ENCODING) {
        decoded = encoding::undo(headers, first, cut_off, BODY_LIMIT).ok_or(BodyAbsence::Encoded)?;
        (decoded.bytes.as_slice(), decoded.cut_off)
    } else {
        (first, cut_off)
    };
    let text = text(bytes, truncated)?;
    let as_json = || json::redact_json(text, truncated, search);
    // `curl -d` says that everything is a form.
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    let redacted = match kind {
        Kind::Json => as_json().ok_or(BodyAbsence::Malformed)?,
        Kind::Form if looks_like_json => as_json().ok_or(BodyAbsence::Malformed)?,
        Kind::Form => form::redact_form(text, truncated, search).ok_or(BodyAbsence::Malformed)?,
        Kind::Unsaid => as_json().ok_or(BodyAbsence::UnknownType)?,
    };
    let (text, redactions) = redacted;
    Ok(Body::Text {
        text,
        total_bytes,
        truncated,
        redactions,
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

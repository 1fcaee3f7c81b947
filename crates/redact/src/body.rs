//! Bodies: which formats can be redacted, and what is stored instead of a body that cannot.

use model::{Body, BodyAbsence};

use crate::encoding::ascii;
use crate::fields::Headers;
use crate::search::Search;
use crate::visible::{smallest, visible, visible_in_json};
use crate::{encoding, form, json};

/// Maximum number of bytes of a body that is kept. For a compressed body it applies after decompression.
pub const BODY_LIMIT: usize = 16 * 1024;

/// Whether the body of a message with these headers may be stored. False for each type that is never stored, whatever the
/// body is.
pub fn may_be_stored(headers: &Headers) -> bool {
    kind(headers).is_ok()
}

/// A body that can be searched for secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
    /// The request has no content type. The body is stored only if it turns out to be JSON.
    Unsaid,
}

/// The body as it may be stored. `first` is its beginning; `total_bytes` is its size on the wire.
pub(crate) fn redact_body(headers: &Headers, first: &[u8], total_bytes: u64, search: &Search<'_>) -> Body {
    match understand(headers, first, total_bytes, search) {
        Ok(body) => body,
        Err(why) => Body::Absent { why, total_bytes },
    }
}

fn understand(
    headers: &Headers,
    first: &[u8],
    total_bytes: u64,
    search: &Search<'_>,
) -> Result<Body, BodyAbsence> {
    let kind = kind(headers)?;
    let cut_off = total_bytes > first.len() as u64;
    let decoded;
    let (bytes, truncated) = if headers.get(encoding::CONTENT_ENCODING).is_some() {
        decoded = encoding::undo(headers, first, cut_off, BODY_LIMIT).ok_or(BodyAbsence::Encoded)?;
        (decoded.bytes.as_slice(), decoded.cut_off)
    } else {
        (first, cut_off)
    };
    let text = text(bytes, truncated)?;
    let as_json = || {
        let (text, redactions) = json::redact_json(text, truncated, search)?;
        Some((visible_in_json(text), redactions))
    };
    let as_form = || {
        let (text, redactions) = form::redact_form(text, truncated, search)?;
        Some((visible(text), redactions))
    };
    // `curl -d` labels everything as a form, including JSON.
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    let redacted = match kind {
        Kind::Json => as_json().ok_or(BodyAbsence::Malformed)?,
        Kind::Form if looks_like_json => as_json().ok_or(BodyAbsence::Malformed)?,
        Kind::Form => as_form().ok_or(BodyAbsence::Malformed)?,
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

fn kind(headers: &Headers) -> Result<Kind, BodyAbsence> {
    let mut types = headers.all("content-type");
    let Some(value) = types.next() else {
        return Ok(Kind::Unsaid);
    };
    let value = ascii(value).ok_or(BodyAbsence::UnknownType)?.to_ascii_lowercase();
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

/// The body as UTF-8 without NUL. If it was truncated in the middle of a character, the partial character is left
/// out.
fn text(first: &[u8], truncated: bool) -> Result<&str, BodyAbsence> {
    let text = match std::str::from_utf8(first) {
        Ok(text) => text,
        Err(error) if truncated && error.error_len().is_none() => {
            std::str::from_utf8(&first[..error.valid_up_to()]).map_err(|_| BodyAbsence::NotText)?
        }
        Err(_) => return Err(BodyAbsence::NotText),
    };
    if smallest(text.as_bytes()) == 0 {
        Err(BodyAbsence::NotText)
    } else {
        Ok(text)
    }
}

//! Redaction: from an entry as it was seen to one that may be stored. What cannot be understood is not stored, and the
//! entry says why.

mod body;
mod form;
mod headers;
mod json;
mod names;

use model::{Body, BodyAbsence};

use crate::{Entry, Message, StoredEntry};
use vault::Presented;
pub use vault::REDACTED;

/// At most so many bytes of a path, where no key was recognised (design, section 6).
const UNRECOGNISED_PATH: usize = 256;

/// At most so many bytes of a path otherwise.
const LONGEST_PATH: usize = 8 * 1024;

/// At most so many bytes of a user agent.
const LONGEST_USER_AGENT: usize = 512;

/// Long enough for every registered method.
const LONGEST_METHOD: usize = 32;

/// Takes every secret out of an entry. Where no key was recognised, headers and bodies go altogether.
pub fn redact(entry: Entry) -> StoredEntry {
    let presented = Presented::new(&entry.presented);
    let recognised = entry.verdict.key_was_recognised();
    let (request, response) = if recognised {
        (entry.request, entry.response)
    } else {
        (
            Message::absent(BodyAbsence::KeyNotRecognised),
            Message::absent(BodyAbsence::KeyNotRecognised),
        )
    };
    let (request_headers, request_body) = redact_message(request, &presented);
    let (response_headers, response_body) = redact_message(response, &presented);
    let path = form::redact_address(&entry.path, &presented);
    let user_agent = entry
        .user_agent
        .map(|text| cut(presented.cut_out(&text).0, LONGEST_USER_AGENT));
    StoredEntry {
        request_id: entry.request_id,
        at: entry.at,
        place: entry.place,
        environment: entry.environment,
        key: entry.key,
        recorded: entry.recorded,
        method: cut(presented.cut_out(&entry.method).0, LONGEST_METHOD),
        path: cut(
            path,
            if recognised {
                LONGEST_PATH
            } else {
                UNRECOGNISED_PATH
            },
        ),
        status: entry.status,
        verdict: entry.verdict,
        verdict_detail: entry.verdict_detail,
        duration_us: entry.duration_us,
        upstream_us: entry.upstream_us,
        address: entry.address,
        user_agent,
        request_headers,
        request_body,
        response_headers,
        response_body,
    }
}

fn redact_message(message: Message, presented: &Presented) -> (Vec<model::HeaderField>, Body) {
    let body = body::redact_body(&message.headers, message.body, presented);
    (headers::redact_headers(&message.headers, presented), body)
}

/// The text, at most `limit` bytes of it, cut between two characters. NUL, which PostgreSQL cannot store, is shown.
fn cut(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    if text.contains('\0') {
        text.replace('\0', "\u{2400}")
    } else {
        text
    }
}

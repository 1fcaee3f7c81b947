//! Redacts an entry before it is stored. The crate `redact` decides what to remove from a message; this module
//! applies it to each part of an entry.

use model::{Body, BodyAbsence, HeaderField};
use redact::{Names, Needles, Search, visible};

use crate::{CapturedBody, Entry, Message, StoredEntry, error_code};

/// Maximum number of bytes of a path if no key was recognised (design, section 6).
const UNRECOGNISED_PATH: usize = 256;

/// Maximum number of bytes of a path if a key was recognised.
const LONGEST_PATH: usize = 8 * 1024;

/// Maximum number of bytes of a user agent.
const LONGEST_USER_AGENT: usize = 512;

/// Long enough for every registered method.
const LONGEST_METHOD: usize = 32;

/// Removes all secrets from an entry. If no key was recognised, headers and bodies are dropped entirely.
pub fn redact(entry: Entry, names: &Names) -> StoredEntry {
    redact_counted(entry, names).0
}

/// Like [`redact`], but also returns the number of bytes examined. Tests check it against the size of the entry.
pub fn redact_counted(entry: Entry, names: &Names) -> (StoredEntry, usize) {
    let mut needles = Needles::default();
    let presented = entry.presented.iter();
    presented.for_each(|secret| needles.add(secret.expose().as_bytes()));
    needles.add_headers(&entry.request.headers, names);

    let recognised = entry.verdict.key_was_recognised();
    let (request, response) = if recognised {
        (entry.request, entry.response)
    } else {
        (
            Message::absent(BodyAbsence::KeyNotRecognised),
            Message::absent(BodyAbsence::KeyNotRecognised),
        )
    };
    let longest_path = if recognised {
        LONGEST_PATH
    } else {
        UNRECOGNISED_PATH
    };
    let asked = redact::message(names, needles, |search| {
        let (path, path_is_cut) = beginning(&entry.path, longest_path);
        let (headers, body) = message(&request, search);
        let agent = entry.user_agent.as_deref();
        Asked {
            path: search.address(path, path_is_cut),
            method: text(search, &entry.method, LONGEST_METHOD),
            user_agent: agent.map(|agent| text(search, agent, LONGEST_USER_AGENT)),
            headers,
            body,
        }
    });
    // The response may repeat the request's secrets, and may contain new ones such as cookies that it sets.
    let (response_headers, response_body, more_work) = match nothing(&response) {
        Some(absent) => (Vec::new(), absent, 0),
        None => {
            let mut needles = asked.needles;
            needles.add_headers(&response.headers, names);
            let answered = redact::message(names, needles, |search| message(&response, search));
            (answered.kept.0, answered.kept.1, answered.work)
        }
    };
    let work = asked.work + more_work;
    let asked = asked.kept;

    let error_code = error_code::of(entry.status, entry.verdict, &response_body);
    let stored = StoredEntry {
        request_id: entry.request_id,
        at: entry.at,
        place: entry.place,
        environment: entry.environment,
        key: entry.key,
        recorded: entry.recorded,
        method: asked.method,
        path: asked.path,
        status: entry.status,
        verdict: entry.verdict,
        verdict_detail: entry.verdict_detail,
        error_code,
        duration_us: entry.duration_us,
        upstream_us: entry.upstream_us,
        address: entry.address,
        user_agent: asked.user_agent,
        request_headers: asked.headers,
        request_body: asked.body,
        response_headers,
        response_body,
    };
    (stored, work)
}

/// The parts of a request that are stored.
struct Asked {
    path: String,
    method: String,
    user_agent: Option<String>,
    headers: Vec<HeaderField>,
    body: Body,
}

/// The body of a message in which there is nothing to search, as most of `verify` and of refused requests are. Preparing
/// a search takes longer than storing such a row.
fn nothing(message: &Message) -> Option<Body> {
    match &message.body {
        CapturedBody::Absent { why, total_bytes } if message.headers.is_empty() => Some(Body::Absent {
            why: *why,
            total_bytes: *total_bytes,
        }),
        _ => None,
    }
}

fn message(message: &Message, search: &Search<'_>) -> (Vec<HeaderField>, Body) {
    let body = match &message.body {
        CapturedBody::Absent { why, total_bytes } => Body::Absent {
            why: *why,
            total_bytes: *total_bytes,
        },
        CapturedBody::Bytes { first, total_bytes } => search.body(&message.headers, first, *total_bytes),
    };
    (search.headers(&message.headers), body)
}

fn text(search: &Search<'_>, text: &str, limit: usize) -> String {
    let (kept, is_cut) = beginning(text, limit);
    visible(search.text(kept, is_cut).0)
}

/// The beginning of the text, cut at a character boundary, and whether anything was cut.
fn beginning(text: &str, limit: usize) -> (&str, bool) {
    let kept = &text[..text.floor_char_boundary(limit)];
    (kept, kept.len() < text.len())
}

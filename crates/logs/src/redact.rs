//! From an entry as it was seen to one that may be stored. What may be kept of a message is the list in the crate
//! `redact`; here it meets the parts of an entry.

use http::{HeaderMap, header};
use model::{Body, BodyAbsence, HeaderField};
use redact::{Names, Needles, Search};

use crate::{CapturedBody, Entry, Message, StoredEntry};

/// At most so many bytes of a path, where no key was recognised (design, section 6).
const UNRECOGNISED_PATH: usize = 256;

/// At most so many bytes of a path otherwise.
const LONGEST_PATH: usize = 8 * 1024;

/// At most so many bytes of a user agent.
const LONGEST_USER_AGENT: usize = 512;

/// Long enough for every registered method.
const LONGEST_METHOD: usize = 32;

/// Takes every secret out of an entry. Where no key was recognised, headers and bodies go altogether.
pub fn redact(entry: Entry, names: &Names) -> StoredEntry {
    redact_counted(entry, names).0
}

/// As [`redact`], with how many bytes were looked at: for tests that hold it to the size of the entry.
pub fn redact_counted(entry: Entry, names: &Names) -> (StoredEntry, usize) {
    let mut needles = Needles::default();
    let presented = entry.presented.iter();
    presented.for_each(|secret| needles.add(secret.expose().as_bytes()));
    needles.add_headers(&entry.request.headers, names);
    let search = Search::new(names, &needles);

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
    let (path, path_is_cut) = beginning(&entry.path, longest_path);
    let path = search.address(path, path_is_cut);
    let method = text(&search, &entry.method, LONGEST_METHOD);
    let user_agent = entry
        .user_agent
        .map(|agent| text(&search, &agent, LONGEST_USER_AGENT));
    let (request_headers, request_body) = message(request, &search);
    let mut work = search.work();

    // An answer may repeat what was taken out of the request, and what it sets itself.
    let sets_cookies = response.headers.contains_key(header::SET_COOKIE);
    let for_answer = if search.took_values() || sets_cookies {
        let mut needles = search.needles_for_answer(needles);
        needles.add_headers(&response.headers, names);
        Search::new(names, &needles)
    } else {
        search
    };
    let before = for_answer.work();
    let (response_headers, response_body) = message(response, &for_answer);
    work += for_answer.work() - before;

    let stored = StoredEntry {
        request_id: entry.request_id,
        at: entry.at,
        place: entry.place,
        environment: entry.environment,
        key: entry.key,
        recorded: entry.recorded,
        method,
        path,
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
    };
    (stored, work)
}

fn message(message: Message, search: &Search<'_>) -> (Vec<HeaderField>, Body) {
    let body = body(&message.headers, message.body, search);
    (search.headers(&message.headers), body)
}

fn body(headers: &HeaderMap, body: CapturedBody, search: &Search<'_>) -> Body {
    match body {
        CapturedBody::Absent { why, total_bytes } => Body::Absent { why, total_bytes },
        CapturedBody::Bytes { first, total_bytes } => search.body(headers, &first, total_bytes),
    }
}

fn text(search: &Search<'_>, text: &str, limit: usize) -> String {
    let (kept, is_cut) = beginning(text, limit);
    let clean = search.text(kept, is_cut).0;
    // NUL, which PostgreSQL cannot store, is shown.
    clean.replace('\0', "\u{2400}")
}

/// The text as far as it may be kept, cut between two characters, and whether it was cut.
fn beginning(text: &str, limit: usize) -> (&str, bool) {
    let kept = &text[..text.floor_char_boundary(limit)];
    (kept, kept.len() < text.len())
}

//! Redacts an entry before it is stored. The crate `redact` decides what to remove from a message; this module
//! applies it to each part of an entry.

use model::{Body, BodyAbsence, HeaderField};
use redact::{Memory, Names, Needles, Search, visible};

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
    Redactor::new(names).redact(entry)
}

/// Redacts the entries of a batch. Entries that follow each other mostly came with the same key, so what was prepared to
/// search for its secret is kept for the next one, until the batch ends.
pub(crate) struct Redactor<'a> {
    names: &'a Names,
    /// The secrets of the entry before.
    before: Needles,
    /// What was read before. None after a panic.
    memory: Option<Memory>,
}

impl<'a> Redactor<'a> {
    pub(crate) fn new(names: &'a Names) -> Self {
        Self {
            names,
            before: Needles::default(),
            memory: None,
        }
    }

    /// The redacted entry, and the number of bytes examined.
    pub(crate) fn redact(&mut self, entry: Entry) -> (StoredEntry, usize) {
        let mut needles = Needles::default();
        let presented = entry.presented.iter();
        presented.for_each(|secret| needles.add(secret.expose().as_bytes()));
        needles.add_headers(&entry.request.headers, self.names);
        needles.prepared_like(&self.before);
        let sent = needles.count();
        let memory = self.memory.take().unwrap_or_else(|| self.names.memory());
        let (stored, needles, memory, work) = redact_with(entry, self.names, needles, memory);
        self.memory = Some(memory);
        if needles.count() == sent {
            self.before = needles;
        }
        (stored, work)
    }
}

fn redact_with(
    entry: Entry,
    names: &Names,
    needles: Needles,
    memory: Memory,
) -> (StoredEntry, Needles, Memory, usize) {
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
    let asked = redact::message_of_batch(names, needles, memory, |search| {
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
    let (mut needles, mut memory) = (asked.needles, asked.memory);
    let mut work = asked.work;
    let (response_headers, response_body) = match nothing(&response) {
        Some(absent) => (Vec::new(), absent),
        None => {
            needles.add_headers(&response.headers, names);
            let keep = |search: &Search<'_>| message(&response, search);
            let answered = redact::message_of_batch(names, needles, memory, keep);
            (needles, memory) = (answered.needles, answered.memory);
            work += answered.work;
            answered.kept
        }
    };
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
    (stored, needles, memory, work)
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

#[cfg(test)]
mod tests {
    use model::{ClientId, CompanyId, Recorded, RequestId, SecretText, Timestamp, Verdict};
    use redact::Headers;

    use super::*;
    use crate::Place;

    /// An entry that came with this secret, and repeats it.
    fn entry(secret: &str) -> Entry {
        let company = CompanyId::from_random([1; 16]);
        let mut headers = http::HeaderMap::new();
        headers.insert("x-note", format!("it is {secret}!").parse().expect("a value"));
        let place = Place {
            root: company,
            company,
            client_id: ClientId::from_random([2; 16]),
            brand: None,
        };
        Entry {
            request_id: RequestId::from_random([3; 16]),
            at: Timestamp::from_millis(1_767_614_400_000),
            place,
            environment: None,
            key: None,
            recorded: Recorded::Gateway,
            method: "GET".to_owned(),
            path: format!("/{secret}"),
            status: 200,
            verdict: Verdict::Accepted,
            verdict_detail: String::new(),
            duration_us: 0,
            upstream_us: None,
            address: "192.0.2.1".to_owned(),
            user_agent: None,
            presented: vec![SecretText::new(secret)],
            request: Message {
                headers: Headers::from(headers),
                ..Message::absent(BodyAbsence::Empty)
            },
            response: Message::absent(BodyAbsence::Empty),
        }
    }

    #[test]
    fn each_entry_of_a_batch_is_searched_for_its_own_secret() {
        let names = Names::default();
        let mut redactor = Redactor::new(&names);
        for secret in [
            "first-secret-0123",
            "first-secret-0123",
            "other-secret-4567",
            "first-secret-0123",
        ] {
            let (stored, _) = redactor.redact(entry(secret));
            assert_eq!(stored.path, "/[redacted]");
            assert_eq!(stored.request_headers[0].value, "it is [redacted]!");
            let (stored, _) = redactor.redact(Entry {
                path: "/first-secret-0123/other-secret-4567".to_owned(),
                presented: Vec::new(),
                ..entry("x")
            });
            assert_eq!(stored.path, "/first-secret-0123/other-secret-4567");
        }
    }
}

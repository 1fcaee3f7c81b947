//! One request on its way to the log. It is filled in while the request is answered, and handed over when the last byte
//! of the response has been sent or the caller has left.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use keys::CredentialForm;
use logs::{Capture, CapturedBody, Entry, Message};
use model::{BodyAbsence, Recorded, RequestId, Timestamp, Verdict};

use crate::gateway::Shared;
use crate::judge::{Judged, presented};
use crate::request_body::RequestSeen;

/// The status recorded when the caller left before there was a response.
const CLIENT_LEFT: u16 = 499;

/// The status when Gatehouse itself fails.
const FAILED: u16 = 500;

/// How the response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its last byte was sent.
    Whole,
    /// The caller left early.
    CallerLeft,
    /// The upstream closed its connection early.
    UpstreamBroke,
    /// The upstream sent nothing for too long.
    UpstreamStalled,
}

/// Passes itself to the log when dropped.
pub(crate) struct Recording {
    shared: Arc<Shared>,
    arrived: Instant,
    draft: Option<Draft>,
}

struct Draft {
    request_id: RequestId,
    at: Timestamp,
    judged: Judged,
    recorded: Recorded,
    method: String,
    path: String,
    address: String,
    headers: HeaderMap,
    seen: Option<Arc<RequestSeen>>,
    verdict: Verdict,
    detail: String,
    upstream_us: Option<u64>,
    /// `None` until there is a response.
    answer: Option<(StatusCode, HeaderMap)>,
    answer_body: Capture,
    ending: Ending,
}

/// What is known when a recording begins.
pub(crate) struct Arrival {
    pub(crate) request_id: RequestId,
    pub(crate) at: Timestamp,
    pub(crate) arrived: Instant,
    pub(crate) recorded: Recorded,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) address: String,
    pub(crate) headers: HeaderMap,
}

impl Recording {
    pub(crate) fn new(shared: Arc<Shared>, arrival: Arrival, judged: Judged) -> Self {
        let draft = Draft {
            request_id: arrival.request_id,
            at: arrival.at,
            judged,
            recorded: arrival.recorded,
            method: arrival.method,
            path: arrival.path,
            address: arrival.address,
            headers: arrival.headers,
            seen: None,
            verdict: Verdict::Accepted,
            detail: String::new(),
            upstream_us: None,
            answer: None,
            answer_body: Capture::default(),
            ending: Ending::CallerLeft,
        };
        Self {
            shared,
            arrived: arrival.arrived,
            draft: Some(draft),
        }
    }

    pub(crate) fn verdict(&mut self, verdict: Verdict, detail: impl Into<String>) {
        let detail = detail.into();
        self.with(|draft| (draft.verdict, draft.detail) = (verdict, detail));
    }

    /// Attaches the request's body, which fills up as it passes.
    pub(crate) fn request_body(&mut self, seen: Arc<RequestSeen>) {
        self.with(|draft| draft.seen = Some(seen));
    }

    /// The upstream's response has begun.
    pub(crate) fn upstream_answered(&mut self) {
        let micros = self.micros();
        self.with(|draft| draft.upstream_us = Some(micros));
    }

    /// The head of the response is being sent.
    pub(crate) fn answer(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.with(|draft| draft.answer = Some((status, headers.clone())));
    }

    /// A piece of the response is being sent.
    pub(crate) fn answer_piece(&mut self, bytes: &[u8]) {
        self.with(|draft| draft.answer_body.see(bytes));
    }

    /// Passes the recording to the log.
    pub(crate) fn finish(mut self, ending: Ending) {
        self.with(|draft| draft.ending = ending);
    }

    fn with(&mut self, change: impl FnOnce(&mut Draft)) {
        if let Some(draft) = &mut self.draft {
            change(draft);
        }
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.arrived.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let micros = self.micros();
        let Some(draft) = self.draft.take() else { return };
        self.shared
            .counters
            .seen(draft.verdict, draft.judged.place.is_none());
        if let Some(entry) = draft.into_entry(self.shared.keys.form(), micros) {
            self.shared.recorder.record(entry);
        }
    }
}

impl Draft {
    /// `None` if the request belongs to no known company.
    fn into_entry(mut self, form: &CredentialForm, duration_us: u64) -> Option<Entry> {
        let place = self.judged.place?;
        let panicking = std::thread::panicking();
        let status = self
            .answer
            .as_ref()
            .map_or(if panicking { FAILED } else { CLIENT_LEFT }, |(status, _)| {
                status.as_u16()
            });
        let remark = if panicking {
            failure_remark()
        } else {
            remark(self.ending, self.answer.is_some()).to_owned()
        };
        if !remark.is_empty() {
            self.detail = [self.detail.as_str(), &remark].join(" ").trim_start().to_owned();
        }
        let request_body = match (&self.seen, self.recorded) {
            (_, Recorded::Verify) => CapturedBody::Absent {
                why: BodyAbsence::NotSeen,
                total_bytes: 0,
            },
            (Some(seen), _) => seen.take(),
            (None, _) => unread_body(&self.headers),
        };
        let response = match self.answer {
            None => Message::absent(BodyAbsence::NeverArrived),
            Some((_, headers)) => Message {
                headers,
                body: self.answer_body.take(),
            },
        };
        let user_agent = self.headers.get(header::USER_AGENT).map(lossy);
        Some(Entry {
            request_id: self.request_id,
            at: self.at,
            place,
            environment: self.judged.environment,
            key: self.judged.key,
            recorded: self.recorded,
            method: self.method,
            path: self.path,
            status,
            verdict: self.verdict,
            verdict_detail: self.detail,
            duration_us,
            upstream_us: self.upstream_us,
            address: self.address,
            user_agent,
            presented: presented(form, &self.headers),
            request: Message {
                headers: self.headers,
                body: request_body,
            },
            response,
        })
    }
}

/// A body that was not read, because the request was refused first.
fn unread_body(headers: &HeaderMap) -> CapturedBody {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .unwrap_or(0);
    let has_body = length > 0 || headers.contains_key(header::TRANSFER_ENCODING);
    let why = if has_body {
        BodyAbsence::NotSeen
    } else {
        BodyAbsence::Empty
    };
    CapturedBody::Absent {
        why,
        total_bytes: length,
    }
}

/// The log's explanation of a request during which Gatehouse failed.
fn failure_remark() -> String {
    match wire::panics::unwinding() {
        Some(incident) => {
            format!("Gatehouse failed while handling this request. Send incident ID {incident} to support.")
        }
        None => "Gatehouse failed while handling this request.".to_owned(),
    }
}

const fn remark(ending: Ending, has_answer: bool) -> &'static str {
    match (ending, has_answer) {
        (Ending::Whole, _) => "",
        (Ending::CallerLeft, false) => "The caller disconnected before there was a response.",
        (Ending::CallerLeft, true) => "The caller disconnected before it had the whole response.",
        (Ending::UpstreamBroke, _) => "The API closed the connection in the middle of its response.",
        (Ending::UpstreamStalled, _) => "The API stopped sending in the middle of its response.",
    }
}

fn lossy(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

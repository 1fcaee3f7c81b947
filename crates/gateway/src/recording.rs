//! One request on its way to the log. It is filled in while the request is answered, and handed over when the last byte
//! of the response has been sent or the caller has left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use keys::{CredentialForm, Keys};
use logs::{Capture, CapturedBody, Entry, Headers, Message, Recorder};
use model::{BodyAbsence, Recorded, RequestId, STATUS_NOT_KNOWN, Timestamp, Verdict};

use crate::completion::Completions;
use crate::counters::Counters;
use crate::headers::request_id_value;
use crate::judge::{Facts, presented};
use crate::request_body::RequestSeen;

/// The status recorded when the caller left before there was a response.
const CLIENT_LEFT: u16 = 499;

/// The status when Gatehouse itself fails.
const FAILED: u16 = 500;

/// To copy a smaller piece takes no longer than to ask whether it may be stored.
const LARGE: usize = 1024;

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
    /// One side of a WebSocket broke off.
    SwitchBroke,
    /// Neither side of a WebSocket sent anything for too long.
    Silent,
    /// The key of a WebSocket was deleted or expired.
    SwitchRevoked(Verdict),
    /// The key of a response that was still open was deleted or expired.
    Revoked(Verdict),
    /// Gatehouse stopped.
    Stopped,
    /// `verify` let it pass. The proxy forwards it, and only the proxy sees how it ends.
    LeftToProxy,
}

/// Where requests end up: in a company's log, and in the counters.
pub(crate) struct Log {
    /// To notice that the key of an open response was deleted. Here because every response has the log at hand.
    pub(crate) keys: Keys,
    pub(crate) recorder: Recorder,
    /// Where entries wait for what the proxy tells.
    pub(crate) completions: Option<Completions>,
    pub(crate) counters: Counters,
    /// How credentials are sent, so that they can be found in a request again.
    pub(crate) form: CredentialForm,
    /// The value of `Vary` on our own responses.
    pub(crate) vary: HeaderValue,
}

/// What is known when a recording begins.
pub(crate) struct Arrival {
    pub(crate) request_id: RequestId,
    pub(crate) at: Timestamp,
    pub(crate) arrived: Instant,
    pub(crate) recorded: Recorded,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The address that the request counts as coming from.
    pub(crate) address_text: String,
    pub(crate) headers: Headers,
}

/// Passes itself to the log when dropped.
pub(crate) struct Recording {
    log: Arc<Log>,
    arrived: Instant,
    verdict: Verdict,
    request_id: HeaderValue,
    headers: Headers,
    /// Filled in place, because it is large. Its status is [`STATUS_NOT_KNOWN`] until there is a response. `None` if the request belongs to
    /// no known company: then only the counters see it.
    entry: Option<Box<Entry>>,
    /// The request's body, which fills up as it passes.
    seen: Option<Arc<RequestSeen>>,
    answer_body: Capture,
    /// Those of a WebSocket, which has no others.
    bodies: Option<(CapturedBody, CapturedBody)>,
    ending: Ending,
}

impl Recording {
    pub(crate) fn new(log: Arc<Log>, arrival: Arrival, facts: Facts) -> Self {
        let request_id = arrival.request_id;
        let entry = facts.place.map(|place| {
            Box::new(Entry {
                request_id,
                at: arrival.at,
                place,
                environment: facts.environment,
                key: facts.key,
                recorded: arrival.recorded,
                method: arrival.method,
                path: arrival.path,
                status: STATUS_NOT_KNOWN,
                verdict: Verdict::Accepted,
                verdict_detail: String::new(),
                duration_us: 0,
                upstream_us: None,
                address: arrival.address_text,
                user_agent: None,
                presented: Vec::new(),
                request: Message::absent(BodyAbsence::NotSeen),
                response: Message::absent(BodyAbsence::NeverArrived),
            })
        });
        Self {
            log,
            arrived: arrival.arrived,
            verdict: Verdict::Accepted,
            request_id: request_id_value(request_id),
            headers: arrival.headers,
            entry,
            seen: None,
            answer_body: Capture::default(),
            bodies: None,
            ending: Ending::CallerLeft,
        }
    }

    /// The request's headers, as the caller sent them.
    pub(crate) fn headers(&self) -> HeaderMap {
        let fields = self.headers.iter().filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_bytes(value).ok()?))
        });
        let mut headers = HeaderMap::new();
        fields.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    /// The request's id as the value of a header.
    pub(crate) const fn request_id_value(&self) -> &HeaderValue {
        &self.request_id
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.log.keys
    }

    pub(crate) fn form(&self) -> &CredentialForm {
        &self.log.form
    }

    pub(crate) const fn log(&self) -> &Arc<Log> {
        &self.log
    }

    pub(crate) fn verdict(&mut self, verdict: Verdict, detail: impl Into<String>) {
        self.verdict = verdict;
        if let Some(entry) = &mut self.entry {
            entry.verdict_detail = detail.into();
        }
    }

    /// The request's body is about to be read. `None` if there is none.
    pub(crate) fn request_body(&mut self, seen: Option<Arc<RequestSeen>>) {
        if let Some(seen) = &seen {
            seen.capture(Capture::of(&self.headers));
        }
        self.seen = seen;
    }

    /// The upstream's response has begun. Returns how long after the request that was.
    pub(crate) fn upstream_answered(&mut self) -> Duration {
        let micros = self.micros();
        if let Some(entry) = &mut self.entry {
            entry.upstream_us = Some(micros);
        }
        Duration::from_micros(micros)
    }

    /// The head of the response is being sent.
    pub(crate) fn answer(&mut self, status: StatusCode, headers: &HeaderMap) {
        if let Some(entry) = &mut self.entry {
            entry.status = status.as_u16();
            entry.response.headers = headers.into();
        }
    }

    /// A piece of the response is being sent.
    pub(crate) fn answer_piece(&mut self, bytes: &[u8]) {
        if bytes.len() >= LARGE
            && self.answer_body.total_bytes() == 0
            && let Some(entry) = &self.entry
        {
            self.answer_body = Capture::of(&entry.response.headers);
        }
        self.answer_body.see(bytes);
    }

    /// The connection has become a WebSocket, over which the two sides have sent this many bytes.
    pub(crate) fn switched(&mut self, from_caller: u64, from_upstream: u64) {
        let bytes = |total_bytes| CapturedBody::Absent {
            why: BodyAbsence::Switched,
            total_bytes,
        };
        self.bodies = Some((bytes(from_caller), bytes(from_upstream)));
    }

    /// Passes the recording to the log.
    pub(crate) fn finish(mut self, ending: Ending) {
        self.ending = ending;
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.arrived.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Fills in what is known only at the end.
    fn complete(&mut self, entry: &mut Entry) {
        let is_panicking = std::thread::panicking();
        let has_answer = entry.status != STATUS_NOT_KNOWN;
        let remark = if is_panicking {
            failure_remark()
        } else {
            remark(self.ending, has_answer).to_owned()
        };
        if !remark.is_empty() {
            let before = std::mem::take(&mut entry.verdict_detail);
            entry.verdict_detail = [before.as_str(), &remark].join(" ").trim_start().to_owned();
        }
        if self.ending == Ending::LeftToProxy {
            entry.response = Message::absent(BodyAbsence::NotSeen);
        } else if has_answer {
            entry.response.body = self.answer_body.take();
        } else {
            entry.status = if is_panicking { FAILED } else { CLIENT_LEFT };
        }
        entry.verdict = self.verdict;
        entry.duration_us = self.micros();
        entry.request.headers = std::mem::take(&mut self.headers);
        entry.user_agent = entry.request.headers.get("user-agent").map(lossy);
        entry.presented = presented(&self.log.form, &entry.request.headers);
        match &self.seen {
            Some(seen) => entry.request.body = seen.take(),
            None if entry.recorded == Recorded::Verify => {}
            None => entry.request.body = unread_body(&entry.request.headers),
        }
        if let Some((request, response)) = self.bodies.take() {
            (entry.request.body, entry.response.body) = (request, response);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.log.counters.seen(self.verdict, self.entry.is_none());
        if let Some(mut entry) = self.entry.take() {
            self.complete(&mut entry);
            match &self.log.completions {
                Some(completions) if self.ending == Ending::LeftToProxy => completions.hold(entry),
                _ => self.log.recorder.record(entry),
            }
        }
    }
}

/// A body that was not read, because the request was refused first.
fn unread_body(headers: &Headers) -> CapturedBody {
    let length = headers
        .get("content-length")
        .and_then(|value| std::str::from_utf8(value).ok()?.parse().ok())
        .unwrap_or(0);
    let has_body = length > 0 || headers.get("transfer-encoding").is_some();
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
        (Ending::Whole | Ending::LeftToProxy, _) => "",
        (Ending::CallerLeft, false) => "The caller disconnected before there was a response.",
        (Ending::CallerLeft, true) => "The caller disconnected before it had the whole response.",
        (Ending::UpstreamBroke, _) => "The API closed the connection in the middle of its response.",
        (Ending::UpstreamStalled, _) => "The API stopped sending in the middle of its response.",
        (Ending::SwitchBroke, _) => "One side of the WebSocket broke off.",
        (Ending::Silent, _) => {
            "The WebSocket was closed because neither side had sent anything for too long."
        }
        (Ending::SwitchRevoked(Verdict::ExpiredKey), _) => {
            "The WebSocket was closed because its key expired."
        }
        (Ending::SwitchRevoked(_), _) => "The WebSocket was closed because its key was deleted.",
        (Ending::Revoked(Verdict::ExpiredKey), _) => "The response was cut off because the key expired.",
        (Ending::Revoked(_), _) => "The response was cut off because the key was deleted.",
        (Ending::Stopped, _) => "The WebSocket was closed because Gatehouse stopped.",
    }
}

fn lossy(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

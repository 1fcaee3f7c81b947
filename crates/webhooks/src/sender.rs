//! Sends one request and follows its redirects. One deadline covers everything from the first name look-up to the last
//! byte of the last response. Every hop is checked and recorded, and the kept part of each response is limited.
//! [`crate::Worker`] calls it with headers that are already signed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use model::{AttemptOutcome, CompanyId, FailureClass, HeaderField, HopRecord, TimingRecord};
use rustls::RootCertStore;
use tokio::time::{Instant, timeout_at};

use crate::connection::{Connector, Progress, millis};
use crate::idle::{Connection, EndWithMe, Idle};
use crate::target::Target;
use crate::{Policy, Resolver};

/// The time from the first name look-up to the last byte of the last response (contract section 4.7).
pub const DEADLINE: Duration = Duration::from_secs(10);
/// The most redirects to follow.
pub const MAX_REDIRECTS: usize = 3;
/// How much of a response body is read and kept.
pub const BODY_KEPT: usize = 16 * 1024;
/// The default for the most idle connections to all receivers.
const KEPT_IN_ALL: usize = 1024;
/// The largest response head.
const LARGEST_HEAD: usize = 64 * 1024;

/// Sends requests to receivers. There is one for the whole process.
#[derive(Debug)]
pub struct Sender {
    connector: Connector,
    idle: Idle,
    deadline: Duration,
}

/// The headers of a request, beside those that every request has.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// They are sent wherever a redirect leads.
    pub all: &'a HeaderMap,
    /// Only the URL's own origin gets them: scheme, host and port.
    pub own_origin: &'a HeaderMap,
}

/// The result of a request.
#[derive(Debug)]
pub struct Sent {
    pub outcome: AttemptOutcome,
    /// Every request that was made or refused, in order.
    pub hops: Vec<HopRecord>,
    /// The `Retry-After` of the last response, as received.
    pub retry_after: Option<String>,
}

impl Sender {
    /// `deadline` is [`DEADLINE`] except in tests. `roots` are the certificates the machine trusts
    /// ([`crate::native_roots`]).
    pub fn new(
        policy: Policy,
        resolver: Arc<dyn Resolver>,
        roots: RootCertStore,
        deadline: Duration,
    ) -> io::Result<Self> {
        Ok(Self {
            connector: Connector::new(policy, resolver, roots)?,
            idle: Idle::new(KEPT_IN_ALL),
            deadline,
        })
    }

    /// Keeps at most this many idle connections to all receivers together.
    #[must_use]
    pub fn keeping(mut self, in_all: usize) -> Self {
        self.idle = Idle::new(in_all);
        self
    }

    /// When a request that starts now has to be finished.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.deadline
    }

    /// Posts `body` for the company `asking`, with `headers` and those that every request has. Follows redirects until
    /// `deadline`.
    pub async fn post(
        &self,
        asking: CompanyId,
        url: &str,
        headers: Headers<'_>,
        body: Bytes,
        deadline: Instant,
    ) -> Sent {
        let mut hops = Vec::new();
        let mut retry_after = None;
        let mut target = match Target::parse(url) {
            Ok(target) => target,
            Err(_) => {
                return Sent {
                    outcome: failed(FailureClass::BlockedAddress, None),
                    hops,
                    retry_after,
                };
            }
        };
        let origin = target.origin();
        loop {
            let headers = headers.to(target.origin() == origin);
            let (hop, result) = self.hop(asking, &target, &headers, body.clone(), deadline).await;
            hops.push(hop);
            let outcome = match result {
                Err(class) => failed(class, hops.last().and_then(|hop| hop.status)),
                Ok(answer) => match conclude(&target, &answer, hops.len()) {
                    Next::Ended(outcome) => {
                        retry_after = answer.retry_after;
                        outcome
                    }
                    Next::Follow(next) => {
                        target = next;
                        continue;
                    }
                },
            };
            return Sent {
                outcome,
                hops,
                retry_after,
            };
        }
    }

    /// Makes one request. The record shows how far it got.
    async fn hop(
        &self,
        asking: CompanyId,
        target: &Target,
        headers: &HeaderMap,
        body: Bytes,
        deadline: Instant,
    ) -> (HopRecord, Result<Answer, FailureClass>) {
        let Some(request) = request(target, headers, body) else {
            return (record(target, &HeaderMap::new()), Err(FailureClass::Protocol));
        };
        let mut hop = record(target, request.headers());
        if let Some(connection) = self.idle.take(target) {
            let result = self
                .exchange(target, connection, request.clone(), deadline, &mut hop)
                .await;
            // The receiver may have closed the connection while it was idle. If it cannot have responded, send the
            // request again on a new connection. Should the receiver have read it after all, it gets the event twice
            // under the same id.
            if result != Err(FailureClass::Protocol) || hop.status.is_some() {
                return (hop, result);
            }
            hop = record(target, request.headers());
        }
        let mut progress = Progress::default();
        let opened = self.open(asking, target, deadline, &mut progress).await;
        hop.address = progress.address.map(|address| address.to_string());
        hop.timing = progress.timing;
        let result = match opened {
            Err(class) => Err(class),
            Ok(connection) => {
                self.exchange(target, connection, request, deadline, &mut hop)
                    .await
            }
        };
        (hop, result)
    }

    /// Opens a new connection to a checked address and verifies the certificate.
    async fn open(
        &self,
        asking: CompanyId,
        target: &Target,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<Connection, FailureClass> {
        let (stream, address) = self.connector.open(target, asking, deadline, progress).await?;
        let handshake = http1::Builder::new()
            .max_buf_size(LARGEST_HEAD)
            .handshake(TokioIo::new(stream));
        let (sending, connection) = handshake.await.map_err(|_| FailureClass::Protocol)?;
        let task = tokio::spawn(async move {
            // The request reports the same error.
            let _ = connection.await;
        });
        Ok(Connection {
            sending,
            address,
            opened: Instant::now(),
            _task: EndWithMe(task),
        })
    }

    /// Writes the request and reads the response. A connection that can take another request is kept. Any other is
    /// closed here, whatever the receiver does.
    async fn exchange(
        &self,
        target: &Target,
        mut connection: Connection,
        request: Request<Full<Bytes>>,
        deadline: Instant,
        hop: &mut HopRecord,
    ) -> Result<Answer, FailureClass> {
        hop.address = Some(connection.address.to_string());
        let started = Instant::now();
        let response = timeout_at(deadline, connection.sending.send_request(request))
            .await
            .map_err(|_| FailureClass::TimeoutHeaders)?
            .map_err(|_| FailureClass::Protocol)?;
        hop.timing.first_byte_ms = Some(millis(started));
        hop.status = Some(response.status().as_u16());
        hop.response_headers = fields(response.headers());
        let answer = Answer::of(&response);
        let closes = closes(response.headers());
        let started = Instant::now();
        let read = read_body(response, deadline, hop).await;
        hop.timing.body_ms = Some(millis(started));
        read?;
        if !closes
            && !hop.response_truncated
            && timeout_at(deadline, connection.sending.ready())
                .await
                .is_ok_and(|ready| ready.is_ok())
        {
            self.idle.keep(target, connection);
        }
        Ok(answer)
    }
}

impl Headers<'_> {
    /// In case of doubt about a name, the header of every request wins.
    fn to(self, own_origin: bool) -> HeaderMap {
        if !own_origin || self.own_origin.is_empty() {
            return self.all.clone();
        }
        let mut both = self.own_origin.clone();
        for (name, value) in self.all {
            both.insert(name, value.clone());
        }
        both
    }
}

/// Whether the receiver closes the connection after this response. Many say `keep-alive`, which means that they do not.
fn closes(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CONNECTION).iter();
    let options = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    options
        .map(<[u8]>::trim_ascii)
        .any(|option| option.eq_ignore_ascii_case(b"close"))
}

/// The record of a hop that has reached nothing yet.
fn record(target: &Target, headers: &HeaderMap) -> HopRecord {
    HopRecord {
        url: target.as_str().to_owned(),
        address: None,
        request_headers: fields(headers),
        status: None,
        response_headers: Vec::new(),
        response_body: String::new(),
        response_truncated: false,
        timing: TimingRecord::default(),
    }
}

/// The parts of a response that decide what happens next.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    location: Option<String>,
    retry_after: Option<String>,
}

impl Answer {
    fn of(response: &Response<Incoming>) -> Self {
        let text = |name: HeaderName| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        Self {
            status: response.status().as_u16(),
            location: text(LOCATION),
            retry_after: text(RETRY_AFTER),
        }
    }
}

enum Next {
    Ended(AttemptOutcome),
    Follow(Target),
}

const fn failed(class: FailureClass, status: Option<u16>) -> AttemptOutcome {
    AttemptOutcome::Failed { class, status }
}

/// Any 2xx is a success. 301, 302, 303, 307 and 308, and a 300 with a location, are followed with the same method and
/// body (contract section 4.7). `hops` counts the requests so far. A redirect from https to http is never followed.
fn conclude(from: &Target, answer: &Answer, hops: usize) -> Next {
    let status = Some(answer.status);
    match answer.status {
        200..=299 => Next::Ended(AttemptOutcome::Succeeded {
            status: answer.status,
        }),
        300..=303 | 307 | 308 => {
            let to = answer
                .location
                .as_deref()
                .and_then(|location| from.join(location).ok());
            match to {
                Some(to) if hops <= MAX_REDIRECTS && (to.is_https() || !from.is_https()) => Next::Follow(to),
                _ => Next::Ended(failed(FailureClass::Redirect, status)),
            }
        }
        _ => Next::Ended(failed(FailureClass::Status, status)),
    }
}

/// There is no `Accept-Encoding`: the response is kept as received, and nothing is ever decompressed.
fn request(target: &Target, headers: &HeaderMap, body: Bytes) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(target.path_and_query())
        .body(Full::new(body))
        .ok()?;
    let all = request.headers_mut();
    all.insert(HOST, HeaderValue::from_str(&target.authority()).ok()?);
    all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        all.insert(name, value.clone());
    }
    Some(request)
}

/// Keeps the first [`BODY_KEPT`] bytes and stops reading there. We never learn how much more there was.
async fn read_body(
    response: Response<Incoming>,
    deadline: Instant,
    hop: &mut HopRecord,
) -> Result<(), FailureClass> {
    let mut body = response.into_body();
    let mut kept = Vec::new();
    let result = loop {
        match timeout_at(deadline, body.frame()).await {
            Err(_) => break Err(FailureClass::TimeoutBody),
            Ok(None) => break Ok(()),
            Ok(Some(Err(_))) => break Err(FailureClass::Protocol),
            Ok(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap_or_default();
                let room = BODY_KEPT - kept.len();
                kept.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    hop.response_truncated = true;
                    break Ok(());
                }
            }
        }
    };
    hop.response_body = as_text(&kept, hop.response_truncated);
    result
}

/// Bytes as readable text. A character split by the cut is left out, and invalid UTF-8 becomes replacement characters.
fn as_text(bytes: &[u8], cut: bool) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) if cut && error.error_len().is_none() => {
            String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned()
        }
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The headers to keep as evidence. Cookie values are removed, because they give access to the receiver's own sessions.
fn fields(headers: &HeaderMap) -> Vec<HeaderField> {
    headers
        .iter()
        .map(|(name, value)| {
            let (value, redacted) = if name == SET_COOKIE {
                (String::new(), true)
            } else if value.is_sensitive() {
                (redact::REDACTED.to_owned(), true)
            } else {
                (String::from_utf8_lossy(value.as_bytes()).into_owned(), false)
            };
            HeaderField {
                name: name.as_str().to_owned(),
                value,
                redacted,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_split_by_the_cut_is_left_out() {
        let text = "a✓".as_bytes();
        assert_eq!(as_text(&text[..3], true), "a");
        assert_eq!(as_text(text, true), "a✓");
        assert_eq!(as_text(&[b'a', 0xff, b'b'], true), "a\u{fffd}b");
        assert_eq!(as_text(&text[..3], false), "a\u{fffd}");
    }

    #[test]
    fn a_connection_is_kept_unless_the_receiver_closes_it() {
        let says = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONNECTION, HeaderValue::from_static(value));
            }
            closes(&headers)
        };
        for kept in [&[][..], &["keep-alive"], &["Keep-Alive, closed"], &["upgrade"]] {
            assert!(!says(kept), "{kept:?}");
        }
        for closed in [
            &["close"][..],
            &["Close"],
            &["keep-alive, close"],
            &["keep-alive", " close "],
        ] {
            assert!(says(closed), "{closed:?}");
        }
    }

    #[test]
    fn only_three_redirects_are_followed_and_https_stays_https() {
        let from = |url| Target::parse(url).expect(url);
        let answer = |status, location: &str| Answer {
            status,
            location: Some(location.to_owned()),
            retry_after: None,
        };
        for status in 300..400 {
            let followed = matches!(
                conclude(&from("https://a.example.com/"), &answer(status, "/b"), 1),
                Next::Follow(_)
            );
            assert_eq!(followed, matches!(status, 300..=303 | 307 | 308), "{status}");
        }
        let nowhere = Answer {
            location: None,
            ..answer(300, "")
        };
        assert!(matches!(
            conclude(&from("https://a.example.com/"), &nowhere, 1),
            Next::Ended(_)
        ));
        let follows =
            |url, to: &str, hops| matches!(conclude(&from(url), &answer(307, to), hops), Next::Follow(_));
        assert!(follows("http://a.example.com/", "https://a.example.com/", 3));
        assert!(!follows("https://a.example.com/", "http://a.example.com/", 1));
        assert!(
            !follows("https://a.example.com/", "/next", 4),
            "the fourth redirect"
        );
        assert!(!follows("https://a.example.com/", "gopher://a.example.com/", 1));
    }
}

//! Forwards requests to the environment's upstream and streams both bodies, with a limit on every wait.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body::Body;
use hyper::body::Incoming;
use keys::ActiveKey;
use model::{Environment, Verdict};
use tokio::time::{Instant, sleep_until, timeout};
use wire::CallerBody;

use crate::address::Peer;
use crate::answer::AnswerBody;
use crate::begun::Begun;
use crate::gateway::Gateway;
use crate::headers::REQUEST_ID;
use crate::local::capitalised;
use crate::places::{Holder, Place};
use crate::recording::Recording;
use crate::request_body::{BodyFault, RequestBody, RequestSeen};
use crate::revocation::Revocation;
use crate::sender::Sender;
use crate::upstream::{Lease, Pool, SendFault, Upstream, UpstreamRequest};
use crate::{errors, headers, location, trailers, websocket};

/// Why there is no response from the upstream.
enum Failed {
    /// The environment has no upstream.
    NoUpstream,
    /// The request's target is not a path, or leaves the upstream's prefix.
    NoPath,
    /// Too many requests are in flight, for this company or in total.
    Overloaded,
    Unreachable(&'static str),
    /// The upstream did not take the request, and had no part in it.
    Refused,
    /// Whether the connection had been used before.
    Closed {
        reused: bool,
    },
    TooSlow,
    /// The caller did not send its whole body.
    Unsent(BodyFault),
}

/// A response that has begun. It keeps its place in flight until it ends.
struct Answered {
    response: Response<Incoming>,
    lease: Lease,
    in_flight: Place,
}

/// A request that may pass, and where it came from.
pub(crate) struct Passing<'a> {
    pub(crate) sender: Sender,
    pub(crate) method: &'a Method,
    pub(crate) peer: &'a Peer,
    /// Whether it came over HTTP/2.
    pub(crate) is_http2: bool,
    /// Whether the caller understands trailers.
    pub(crate) trailers: bool,
    /// Whether the request asks for a WebSocket.
    pub(crate) websocket: bool,
}

impl Gateway {
    pub(crate) async fn forward(
        &self,
        passing: Passing<'_>,
        parts: (Uri, HeaderMap),
        body: CallerBody,
        mut recording: Recording,
        pool: &Arc<Pool>,
    ) -> Response<AnswerBody> {
        let timeouts = &self.shared.options.timeouts;
        let (mut body, seen) = RequestBody::new(body, timeouts.body_idle, timeouts.body_total);
        if let Some(key) = passing.sender.key() {
            body.watch(&self.shared.keys, key);
        }
        let caller_may_go_on = seen.clone();
        match self
            .pass_on(&passing, parts, (body, seen), &mut recording, pool)
            .await
        {
            Ok(Answered {
                mut response,
                lease,
                in_flight,
            }) => {
                let waited = recording.upstream_answered();
                if let Some(seen) = caller_may_go_on {
                    seen.answered(timeouts.stream_idle);
                }
                let switches = passing.websocket && websocket::is_agreed_to(&response);
                let trailers = if passing.trailers {
                    trailers::announced(response.headers(), headers::trailer_passes_to_caller)
                } else {
                    Vec::new()
                };
                make_ours(&mut response, passing.method, switches);
                trailers::announce(response.headers_mut(), &trailers);
                let trailers = if passing.trailers && passing.is_http2 {
                    trailers::Passing::All(Box::new(headers::trailer_passes_to_caller))
                } else {
                    trailers::Passing::Announced(trailers)
                };
                let request_id = recording.request_id_value().clone();
                response.headers_mut().insert(&REQUEST_ID, request_id);
                if let (true, Some(key)) = (switches, passing.sender.key()) {
                    let key = Arc::clone(key);
                    return self.switch(key, &passing, response, recording, in_flight);
                }
                let holds = (lease, in_flight);
                let revocation = Revocation::new(passing.sender.key().cloned(), waited);
                let idle = timeouts.stream_idle;
                let (parts, body) = response.into_parts();
                let response = Response::from_parts(parts, Begun::of(body).await);
                AnswerBody::upstream(response, recording, passing.method, idle, holds, revocation)
                    .map(|body| body.passing(trailers))
            }
            Err(failed) => {
                let (verdict, detail, response) =
                    failed.explain(passing.sender.environment(), timeouts.answer);
                recording.verdict(verdict, detail);
                self.own(response, recording, passing.method)
            }
        }
    }

    /// Picks the upstream, waits for a place in flight, and sends the request.
    async fn pass_on(
        &self,
        passing: &Passing<'_>,
        (uri, headers): (Uri, HeaderMap),
        (mut body, seen): (RequestBody<CallerBody>, Option<Arc<RequestSeen>>),
        recording: &mut Recording,
        pool: &Arc<Pool>,
    ) -> Result<Answered, Failed> {
        let shared = &*self.shared;
        let upstream = shared
            .upstreams
            .get(&passing.sender.environment())
            .ok_or(Failed::NoUpstream)?;
        let target = upstream.target(passing.method, &uri).ok_or(Failed::NoPath)?;
        let in_flight = self.place_in_flight(passing.sender.holder()).await?;

        let patience = shared.options.timeouts.answer;
        // Repeating a safe request without a body changes nothing and sends nothing twice.
        let may_repeat = is_safe(passing.method) && seen.is_none();
        recording.request_body(seen.clone());
        let waits = body.expects_continue(&headers);
        if upstream.may_refuse() {
            body.keep();
        }
        let mut request = upstream_request(passing, recording, upstream, (target.clone(), headers), body);
        if waits {
            expect_continue(&mut request);
        }
        let mut answer = ask(pool, upstream, request, seen.as_deref(), patience).await;
        let again = match answer {
            // The upstream closed a kept connection just as we used it.
            Err(Failed::Closed { reused: true }) if may_repeat => Some(RequestBody::empty()),
            Err(Failed::Refused) => seen
                .as_ref()
                .map_or(Some(RequestBody::empty()), |seen| seen.again()),
            _ => None,
        };
        if let Some(body) = again {
            let head = (target, recording.headers());
            let again = upstream_request(passing, recording, upstream, head, body);
            answer = ask(pool, upstream, again, None, patience).await;
        }
        answer.map(|(mut response, mut lease)| {
            location::rewrite(response.headers_mut(), &upstream.url, passing.sender.reached());
            lease.carried(seen);
            if is_doubtful(&response) {
                lease.spend();
            }
            Answered {
                response,
                lease,
                in_flight,
            }
        })
    }

    /// The upstream agreed to a WebSocket.
    fn switch(
        &self,
        key: Arc<ActiveKey>,
        passing: &Passing<'_>,
        mut response: Response<Incoming>,
        mut recording: Recording,
        in_flight: Place,
    ) -> Response<AnswerBody> {
        recording.answer(response.status(), response.headers());
        let session = websocket::Session {
            keys: self.shared.keys.clone(),
            key,
            recording,
            in_flight,
            idle: self.shared.options.timeouts.stream_idle,
        };
        let upgrade = websocket::accept(&mut response, session);
        let mut response = AnswerBody::unrecorded(response.map(|_| Bytes::new()), passing.method);
        response.extensions_mut().insert(upgrade);
        response
    }

    async fn place_in_flight(&self, holder: Holder) -> Result<Place, Failed> {
        let places = &self.shared.in_flight;
        if let Some(place) = places.try_take(holder) {
            return Ok(place);
        }
        let place = timeout(self.shared.options.timeouts.queue, places.take(holder)).await;
        place.map_err(|_| Failed::Overloaded)
    }
}

/// Whether the head of this response does not clearly say where its body ends: two framings, or one where there is no body
/// (RFC 9112, section 6.3).
fn is_doubtful(response: &Response<Incoming>) -> bool {
    let headers = response.headers();
    let is_chunked = headers.contains_key(header::TRANSFER_ENCODING);
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    let has_no_body = response.status() == StatusCode::NO_CONTENT;
    lengths.next().is_some()
        || (is_chunked && (length.is_some() || has_no_body))
        || (has_no_body && length.is_some_and(|length| length != "0"))
}

/// Sends the request and waits for the head of the response. The time limit counts from the last piece of the body that
/// the upstream accepted.
async fn ask(
    pool: &Arc<Pool>,
    upstream: &Upstream,
    request: UpstreamRequest,
    seen: Option<&RequestSeen>,
    patience: Duration,
) -> Result<(Response<Incoming>, Lease), Failed> {
    let mut answer = std::pin::pin!(pool.send(upstream, request));
    let asked_at = Instant::now();
    let mut until = asked_at + patience;
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer.map_err(|fault| Failed::of(&fault, seen)),
            () = sleep_until(until) => {
                let moved_at = seen.map_or(asked_at, RequestSeen::moved_at);
                if asked_at.max(moved_at) + patience <= Instant::now() {
                    return Err(Failed::TooSlow);
                }
                until = moved_at + patience;
            }
        }
    }
}

/// Asks the upstream whether it wants the body, and holds the body back until it says so. A refusal then reaches a caller
/// that has sent nothing yet.
fn expect_continue(request: &mut UpstreamRequest) {
    let Some(open) = request.body_mut().hold() else {
        return;
    };
    let open = Mutex::new(Some(open));
    request
        .headers_mut()
        .insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    hyper::ext::on_informational(request, move |response| {
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if response.status() == StatusCode::CONTINUE
            && let Some(open) = open.take()
        {
            // If this fails, the body is no longer read.
            let _ = open.send(());
        }
    });
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn upstream_request(
    passing: &Passing<'_>,
    recording: &Recording,
    upstream: &Upstream,
    (target, headers): (Uri, HeaderMap),
    mut body: RequestBody<CallerBody>,
) -> UpstreamRequest {
    let passes = |name: &HeaderName| {
        headers::trailer_passes_to_upstream(name, passing.peer.is_trusted(), recording.form())
    };
    let trailers = trailers::announced(&headers, passes);
    let mut headers = headers::to_upstream(headers, passing.peer, passing.sender.reached(), recording.form());
    passing
        .sender
        .identify(recording.request_id_value(), &mut headers);
    headers.insert(header::HOST, upstream.authority.clone());
    if passing.websocket {
        websocket::set(&mut headers);
    }
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        // Without this header, hyper silently drops the body of a GET or HEAD.
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        trailers::announce(&mut headers, &trailers);
        body.pass_trailers(if passing.is_http2 {
            let (log, is_trusted) = (Arc::clone(recording.log()), passing.peer.is_trusted());
            let passes =
                move |name: &HeaderName| headers::trailer_passes_to_upstream(name, is_trusted, &log.form);
            trailers::Passing::All(Box::new(passes))
        } else {
            trailers::Passing::Announced(trailers)
        });
    }
    if passing.trailers {
        trailers::want(&mut headers);
    }
    let mut request = Request::new(body);
    *request.method_mut() = passing.method.clone();
    *request.uri_mut() = target;
    *request.headers_mut() = headers;
    request
}

impl Failed {
    fn of(fault: &SendFault, seen: Option<&RequestSeen>) -> Self {
        if let Some(fault) = seen.and_then(RequestSeen::fault) {
            return Self::Unsent(fault);
        }
        match fault {
            SendFault::NotConnected(error) => {
                tracing::debug!(%error, "an upstream could not be connected");
                Self::Unreachable("No connection to the API could be made.")
            }
            SendFault::Refused => Self::Refused,
            SendFault::NotHttp => Self::Unreachable("The API's response was not valid HTTP."),
            SendFault::Closed { reused } => Self::Closed { reused: *reused },
        }
    }

    /// The verdict, the explanation for the log, and the response for the caller.
    fn explain(self, environment: Environment, patience: Duration) -> (Verdict, String, Response<Bytes>) {
        let refused = |verdict, detail: String| (verdict, detail, errors::refusal(verdict, None));
        match self {
            Self::NoUpstream => {
                let detail = format!("{} has no API behind this gateway.", environment.label());
                refused(Verdict::WrongEnvironment, detail)
            }
            Self::NoPath => (Verdict::Accepted, String::new(), errors::not_found()),
            Self::Overloaded => refused(
                Verdict::Overloaded,
                "This company had too many requests in flight.".to_owned(),
            ),
            Self::Unreachable(detail) => refused(Verdict::UpstreamUnreachable, detail.to_owned()),
            Self::Refused => refused(
                Verdict::UpstreamUnreachable,
                "The API did not take the request.".to_owned(),
            ),
            Self::Closed { .. } => refused(
                Verdict::UpstreamUnreachable,
                "The API closed the connection without a response.".to_owned(),
            ),
            Self::TooSlow => {
                let detail = format!("The API did not respond within {} s.", patience.as_secs_f32());
                refused(Verdict::UpstreamTimeout, detail)
            }
            Self::Unsent(fault) => (
                fault.verdict(),
                format!("{}.", capitalised(fault)),
                errors::unread_body(fault),
            ),
        }
    }
}

/// Removes what belongs to the upstream's connection from the response. Keeps the length of a body that is not sent.
fn make_ours(response: &mut Response<Incoming>, method: &Method, switches: bool) {
    let length = response.headers().get(header::CONTENT_LENGTH).cloned();
    headers::to_caller(response.headers_mut());
    if let Some(length) = length.filter(|_| *method == Method::HEAD) {
        response.headers_mut().insert(header::CONTENT_LENGTH, length);
    }
    *response.version_mut() = http::Version::HTTP_11;
    if switches {
        websocket::set(response.headers_mut());
    } else if response.status().is_informational() {
        // It was not asked for, so it is an upstream fault.
        *response.status_mut() = StatusCode::BAD_GATEWAY;
    }
}

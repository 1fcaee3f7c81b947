//! Forwards requests to the environment's upstream and streams both bodies, with a limit on every wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Request, Response, Uri, header};
use http_body::Body;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use model::{CompanyId, Environment, Verdict};
use percent_encoding::percent_decode_str;
use shares::Share;
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

use crate::address::is_trusted;
use crate::answer::AnswerBody;
use crate::gateway::Gateway;
use crate::headers::Identity;
use crate::local::{Caller, capitalised};
use crate::options::GatewayOptions;
use crate::recording::Recording;
use crate::request_body::{BodyFault, BoxError, RequestBody, RequestSeen};
use crate::upstream::{UpstreamClient, UpstreamFault, check_upstream, client};
use crate::{errors, headers, location};

/// The upstreams and the client that connects to them.
pub(crate) struct Forwarder {
    upstreams: HashMap<Environment, Upstream>,
    client: UpstreamClient,
}

#[derive(Clone)]
struct Upstream {
    url: Url,
    scheme: Scheme,
    authority: Authority,
    /// Prepended to each request's path. Does not end in a slash.
    prefix: String,
    host: HeaderValue,
}

/// Why there is no response from the upstream.
enum Failed {
    /// The key's environment has no upstream.
    NoUpstream,
    /// The request's target is not a path, or leaves the upstream's prefix.
    NoPath,
    /// Too many requests are in flight, for this company or in total.
    Overloaded,
    Unreachable(&'static str),
    TooSlow,
    /// The caller did not send its whole body.
    Unsent(BodyFault),
}

/// A response that has begun. It keeps its place in flight until it ends.
struct Answered {
    response: Response<Incoming>,
    in_flight: Share<CompanyId>,
}

impl Forwarder {
    pub(crate) fn new(options: &GatewayOptions) -> Result<Self, UpstreamFault> {
        let mut upstreams = HashMap::new();
        for (environment, url) in &options.upstreams {
            check_upstream(url)?;
            let scheme = if url.scheme() == "https" {
                Scheme::HTTPS
            } else {
                Scheme::HTTP
            };
            let authority = match url.port() {
                Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
                None => url.host_str().unwrap_or_default().to_owned(),
            };
            let host = HeaderValue::from_str(&authority).map_err(|_| UpstreamFault::NoHost)?;
            let authority = authority.parse().map_err(|_| UpstreamFault::NoHost)?;
            let prefix = url.path().trim_end_matches('/').to_owned();
            upstreams.insert(
                *environment,
                Upstream {
                    url: url.clone(),
                    scheme,
                    authority,
                    prefix,
                    host,
                },
            );
        }
        let needs_tls = upstreams
            .values()
            .any(|upstream| upstream.scheme == Scheme::HTTPS);
        let idle = options.limits.upstream_idle;
        // Each request in flight uses at most one connection. A spare one is opened when no kept connection was free in
        // time.
        let at_once = options.limits.requests + upstreams.len() * idle;
        Ok(Self {
            upstreams,
            client: client(options.timeouts.connect, at_once, idle, needs_tls)?,
        })
    }

    async fn ask(
        &self,
        request: Request<RequestBody>,
        seen: &RequestSeen,
        patience: Duration,
    ) -> Result<Response<Incoming>, Failed> {
        let mut answer = self.client.request(request);
        let asked_at = Instant::now();
        loop {
            // The timeout counts from the last piece of the body that the upstream accepted.
            let until = asked_at.max(seen.moved_at()) + patience;
            tokio::select! {
                answer = &mut answer => return answer.map_err(|error| fault(&error, seen)),
                () = sleep_until(until) => {
                    if asked_at.max(seen.moved_at()) + patience <= Instant::now() {
                        return Err(Failed::TooSlow);
                    }
                }
            }
        }
    }
}

const CLOSED: &str = "The API closed the connection without a response.";

fn fault(error: &legacy::Error, seen: &RequestSeen) -> Failed {
    if let Some(fault) = seen.fault() {
        return Failed::Unsent(fault);
    }
    tracing::debug!(%error, cause = ?error, "an upstream did not respond");
    if error.is_connect() {
        return Failed::Unreachable("No connection to the API could be made.");
    }
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<hyper::Error>());
    if source.is_some_and(hyper::Error::is_parse) {
        return Failed::Unreachable("The API's response was not valid HTTP.");
    }
    Failed::Unreachable(CLOSED)
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

impl Gateway {
    pub(crate) async fn forward<B>(
        &self,
        caller: Caller,
        parts: Parts,
        body: B,
        mut recording: Recording,
        peer: IpAddr,
    ) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let timeouts = &self.shared.options.timeouts;
        let request_id = caller.request_id;
        let (body, seen) = RequestBody::new(body, timeouts.body_idle, timeouts.body_total);
        match self
            .pass_on(&caller, &parts, body, &seen, &mut recording, peer)
            .await
        {
            Ok(Answered {
                mut response,
                in_flight,
            }) => {
                recording.upstream_answered();
                make_ours(&mut response, &parts.method);
                headers::set_request_id(response.headers_mut(), request_id);
                AnswerBody::upstream(
                    response,
                    recording,
                    &parts.method,
                    timeouts.answer_idle,
                    in_flight,
                )
            }
            Err(failed) => {
                let (verdict, detail, response) = failed.explain(caller.environment, timeouts.answer);
                recording.verdict(verdict, detail);
                self.own(response, recording, &parts, request_id)
            }
        }
    }

    /// Picks the upstream, waits for a place in flight, and sends the request.
    async fn pass_on(
        &self,
        caller: &Caller,
        parts: &Parts,
        body: RequestBody,
        seen: &Arc<RequestSeen>,
        recording: &mut Recording,
        peer: IpAddr,
    ) -> Result<Answered, Failed> {
        let forwarder = &self.shared.forwarder;
        let timeouts = &self.shared.options.timeouts;
        let upstream = forwarder
            .upstreams
            .get(&caller.environment)
            .ok_or(Failed::NoUpstream)?;
        let uri = upstream.uri(parts).ok_or(Failed::NoPath)?;
        let place = self.shared.in_flight.take(caller.key.company.root);
        let Ok(in_flight) = timeout(timeouts.queue, place).await else {
            return Err(Failed::Overloaded);
        };

        recording.request_body(Arc::clone(seen));
        // Repeating a safe request without a body changes nothing and sends nothing twice.
        let may_repeat = is_safe(&parts.method) && body.is_end_stream();
        let request = self.upstream_request(caller, parts, upstream, uri.clone(), body, peer);
        let mut answer = forwarder.ask(request, seen, timeouts.answer).await;
        if may_repeat && matches!(answer, Err(Failed::Unreachable(CLOSED))) {
            // The upstream closed a pooled connection just as we used it.
            let (body, _) = RequestBody::new(Empty::<Bytes>::new(), timeouts.body_idle, timeouts.body_total);
            let again = self.upstream_request(caller, parts, upstream, uri, body, peer);
            answer = forwarder.ask(again, seen, timeouts.answer).await;
        }
        answer.map(|mut response| {
            location::rewrite(response.headers_mut(), &upstream.url, &caller.reached);
            Answered { response, in_flight }
        })
    }

    fn upstream_request(
        &self,
        caller: &Caller,
        parts: &Parts,
        upstream: &Upstream,
        uri: Uri,
        body: RequestBody,
        peer: IpAddr,
    ) -> Request<RequestBody> {
        let trusted = is_trusted(peer, &self.shared.options.trusted_proxies);
        let form = self.shared.keys.form();
        let mut headers = headers::to_upstream(
            &parts.headers,
            peer.to_canonical(),
            trusted,
            &caller.reached,
            form,
        );
        let identity = Identity {
            key: &caller.key,
            brand: caller.brand.as_ref(),
            request_id: caller.request_id,
        };
        identity.write(&mut headers);
        headers.insert(header::HOST, upstream.host.clone());
        if !body.is_end_stream() && body.size_hint().exact().is_none() {
            // Without this header, hyper silently drops the body of a GET or HEAD.
            headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        let mut request = Request::new(body);
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request
    }
}

impl Failed {
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
            Self::TooSlow => {
                let detail = format!("The API did not respond within {} s.", patience.as_secs_f32());
                refused(Verdict::UpstreamTimeout, detail)
            }
            Self::Unsent(fault) => (
                Verdict::Accepted,
                format!("{}.", capitalised(fault)),
                errors::unread_body(fault),
            ),
        }
    }
}

impl Upstream {
    /// Where this request goes. `None` if the target is not a path (`OPTIONS *`, `CONNECT`) or would climb out of the
    /// prefix.
    fn uri(&self, parts: &Parts) -> Option<Uri> {
        let path = parts.uri.path_and_query()?;
        if !path.path().starts_with('/') || parts.method == Method::CONNECT {
            return None;
        }
        if !self.prefix.is_empty() && climbs(path.path()) {
            return None;
        }
        let target = format!("{}{}", self.prefix, path.as_str());
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(target)
            .build()
            .ok()
    }
}

/// Whether a segment of the path is `..`, plain or encoded.
fn climbs(path: &str) -> bool {
    let path = percent_decode_str(path).decode_utf8_lossy();
    path.split(['/', '\\'])
        .any(|segment| segment.split(';').next() == Some(".."))
}

/// Removes what belongs to the upstream's connection from the response. Keeps the length of a body that is not sent.
fn make_ours(response: &mut Response<Incoming>, method: &Method) {
    let length = response.headers().get(header::CONTENT_LENGTH).cloned();
    headers::to_caller(response.headers_mut());
    if let Some(length) = length.filter(|_| *method == Method::HEAD) {
        response.headers_mut().insert(header::CONTENT_LENGTH, length);
    }
    *response.version_mut() = http::Version::HTTP_11;
    if response.status().is_informational() {
        // We never ask for an upgrade, so a 101 is an upstream fault.
        *response.status_mut() = http::StatusCode::BAD_GATEWAY;
    }
}

//! The gateway itself: handles one request from arrival to response.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use clock::Clock;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, Version};
use http_body::Body;
use keys::Keys;
use logs::Recorder;
use model::{CompanyId, Environment, Recorded};
use shares::FairShare;
use tokio::runtime::Handle;
use url::Url;
use wire::{CallerBody, Tls};

use crate::address::Peer;
use crate::answer::AnswerBody;
use crate::completion::Completions;
use crate::counters::{Counters, Counts};
use crate::forward::Passing;
use crate::headers::REQUEST_ID;
use crate::judge::{Facts, Outcome, judge};
use crate::options::GatewayOptions;
use crate::places::Places;
use crate::reached::Reached;
use crate::recording::{Arrival, Ending, Log, Recording};
use crate::request_body::BoxError;
use crate::sender::Sender;
use crate::upstream::{Connector, Pool, Upstream, UpstreamFault};
use crate::{
    Caller, LocalApi, client_address, errors, headers, open, paths, request_ids, trailers, websocket,
};

/// Checks requests, answers or forwards them, and records them. Cheap to clone; all clones are the same gateway.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) options: GatewayOptions,
    pub(crate) keys: Keys,
    pub(crate) log: Arc<Log>,
    pub(crate) local: Arc<dyn LocalApi>,
    /// Where the public API is answered: its database connections belong to this runtime.
    pub(crate) main: Handle,
    pub(crate) clock: Clock,
    /// How callers reach the gateway and the other listener with the public API, if that is configured.
    gateway_url: Option<Reached>,
    public_api_url: Option<Reached>,
    pub(crate) upstreams: HashMap<Environment, Upstream>,
    pub(crate) connector: Connector,
    /// Requests in flight to upstreams and to the public API, by the company that owns the key. A brand's requests
    /// count as its parent's, so that having more brands does not give a company more places.
    pub(crate) in_flight: Places,
    pub(crate) local_in_flight: FairShare<CompanyId>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// Fails when an upstream cannot be used. Must be called within the runtime that answers the public API.
    pub fn new(
        options: GatewayOptions,
        keys: Keys,
        recorder: Recorder,
        local: Arc<dyn LocalApi>,
        clock: Clock,
    ) -> Result<Self, UpstreamFault> {
        let upstreams = Upstream::all(&options.upstreams, options.upstream_http2)?;
        let needs_tls = upstreams.values().any(Upstream::is_https);
        let completions = options.completion.as_ref().map(|completion| {
            let peers = options.verify_peers.clone();
            Completions::new(completion, peers, recorder.clone(), clock.clone())
        });
        let log = Log {
            keys: keys.clone(),
            recorder,
            completions,
            counters: Counters::default(),
            vary: headers::vary(keys.form()),
            form: keys.form().clone(),
        };
        let configured = |url: &Option<Url>| url.as_ref().and_then(Reached::configured);
        let shared = Shared {
            in_flight: Places::new(options.limits.requests),
            local_in_flight: FairShare::new(options.limits.local_requests),
            connector: Connector::new(options.timeouts.connect, needs_tls)?,
            main: Handle::current(),
            log: Arc::new(log),
            gateway_url: configured(&options.gateway_url),
            public_api_url: configured(&options.public_api_url),
            options,
            keys,
            local,
            clock,
            upstreams,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Handles a request on the gateway's own port, on the thread to which `pool` belongs.
    pub(crate) async fn answer(
        &self,
        request: Request<CallerBody>,
        peer: &Peer,
        pool: &Arc<Pool>,
    ) -> Response<AnswerBody> {
        let shared = &*self.shared;
        // Before anything is measured: this is time that the request would otherwise have spent in the socket.
        shared.log.recorder.room().await;
        let (parts, body) = request.into_parts();
        let path = paths::normalised(parts.uri.path());
        if shared.options.withholds(&path) {
            return self.withheld(&parts.method);
        }
        let is_local = shared.local.takes(&path);
        let recorded = if is_local {
            Recorded::PublicApi
        } else {
            Recorded::Gateway
        };
        let configured = shared.gateway_url.as_ref();
        let open = if is_local {
            None
        } else {
            self.open_environment(&parts, &body)
        };
        let (sender, recording) = match open {
            Some(environment) => self.keyless(&parts, environment, peer, configured),
            None => match self.check(&parts, recorded, peer, configured) {
                Ok((caller, recording)) if is_local => {
                    return self.answer_locally(caller, parts, body, recording).await;
                }
                Ok((caller, recording)) => (Sender::Caller(caller), recording),
                Err(refused) => return *refused,
            },
        };
        let Parts {
            method,
            uri,
            headers,
            version,
            ..
        } = parts;
        let passing = Passing {
            // What cannot be cut off when its key is deleted must not last.
            websocket: sender.key().is_some() && websocket::is_asked_for(&headers) && body.is_end_stream(),
            sender,
            method: &method,
            peer,
            is_http2: version == Version::HTTP_2,
            trailers: trailers::are_wanted(&headers),
        };
        self.forward(passing, (uri, headers), body, recording, pool).await
    }

    /// Handles a public API request from another listener: same check, same budget, same log. Never forwards.
    pub async fn answer_public_api<B>(&self, request: Request<B>, peer: SocketAddr) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let shared = &*self.shared;
        shared.log.recorder.room().await;
        let (parts, body) = request.into_parts();
        let mut peer = self.peer(peer.ip());
        if shared.options.public_api_tls {
            peer = peer.over_tls();
        }
        let configured = shared.public_api_url.as_ref();
        match self.check(&parts, Recorded::PublicApi, &peer, configured) {
            Ok((caller, recording)) => self.answer_locally(caller, parts, body, recording).await,
            Err(refused) => *refused,
        }
    }

    /// The entries that wait until a proxy tells how their request ended. `None` if no proxy does.
    pub fn completions(&self) -> Option<&Completions> {
        self.shared.log.completions.as_ref()
    }

    /// Requests by verdict since the start.
    pub fn counts(&self) -> Counts {
        self.shared.log.counters.read()
    }

    /// The certificate of the gateway's own listener.
    pub fn tls(&self) -> Option<&Tls> {
        self.shared.options.tls.as_ref()
    }

    /// A path of the operator's, which does not exist here.
    fn withheld(&self, method: &Method) -> Response<AnswerBody> {
        let mut response = errors::not_found();
        let request_id = request_ids::next(self.shared.clock.now());
        let headers = response.headers_mut();
        headers.insert(&REQUEST_ID, headers::request_id_value(request_id));
        headers::set_for_this_caller(headers, &self.shared.log.vary);
        AnswerBody::unrecorded(response, method)
    }

    /// The other end of a connection.
    pub fn peer(&self, address: IpAddr) -> Peer {
        Peer::new(address, &self.shared.options.trusted_proxies)
    }

    /// The environment whose API this request may reach without a key.
    fn open_environment(&self, parts: &Parts, body: &CallerBody) -> Option<Environment> {
        let request = open::Question {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            headers: &parts.headers,
            has_body: !body.is_end_stream(),
        };
        let (open, form) = (&self.shared.options.open, &self.shared.log.form);
        open.environment(None, &request, form)
    }

    /// A request that passes without a key. It belongs to no company, so it is counted and in no log.
    fn keyless(
        &self,
        parts: &Parts,
        environment: Environment,
        peer: &Peer,
        configured: Option<&Reached>,
    ) -> (Sender, Recording) {
        let address = self.client_address(peer, &parts.headers);
        let arrival = self.arrival(parts, Recorded::Gateway, peer.text_of(address));
        let reached = Reached::find(&parts.headers, peer, configured);
        let recording = Recording::new(Arc::clone(&self.shared.log), arrival, Facts::default());
        let sender = Sender::Anyone {
            environment,
            reached,
            address,
        };
        (sender, recording)
    }

    /// Begins the recording and judges the request. Returns the caller, or the refusal.
    fn check(
        &self,
        parts: &Parts,
        recorded: Recorded,
        peer: &Peer,
        configured: Option<&Reached>,
    ) -> Result<(Caller, Recording), Box<Response<AnswerBody>>> {
        let shared = &*self.shared;
        let address = self.client_address(peer, &parts.headers);
        let arrival = self.arrival(parts, recorded, peer.text_of(address));
        let request_id = arrival.request_id;
        let (outcome, facts) = judge(&shared.keys, &arrival.method, &parts.headers, arrival.at, address);
        let reached = Reached::find(&parts.headers, peer, configured);
        let mut recording = Recording::new(Arc::clone(&shared.log), arrival, facts);
        match outcome {
            Outcome::Refused {
                verdict,
                detail,
                retry_after,
            } => {
                recording.verdict(verdict, detail);
                let refusal = errors::refusal(verdict, retry_after);
                Err(Box::new(self.own(refusal, recording, &parts.method)))
            }
            Outcome::Passes { key, brand } => {
                let caller = Caller {
                    company: brand.clone().unwrap_or_else(|| key.company.clone()),
                    brand,
                    environment: key.environment,
                    key,
                    request_id,
                    address,
                    reached,
                };
                Ok((caller, recording))
            }
        }
    }

    /// A response that the gateway made itself.
    pub(crate) fn own(
        &self,
        mut response: Response<Bytes>,
        recording: Recording,
        method: &Method,
    ) -> Response<AnswerBody> {
        let headers = response.headers_mut();
        headers.insert(&REQUEST_ID, recording.request_id_value().clone());
        headers::set_for_this_caller(headers, &self.shared.log.vary);
        AnswerBody::whole(response, recording, method)
    }

    /// A response to a proxy, which forwards the request itself. How that ends is not known here.
    pub(crate) fn left_to_proxy(
        &self,
        mut response: Response<Bytes>,
        recording: Recording,
    ) -> Response<AnswerBody> {
        let headers = response.headers_mut();
        headers.insert(&REQUEST_ID, recording.request_id_value().clone());
        headers::set_for_this_caller(headers, &self.shared.log.vary);
        recording.finish(Ending::LeftToProxy);
        AnswerBody::unrecorded(response, &Method::GET)
    }

    /// What is known about a request before it is checked.
    fn arrival(&self, parts: &Parts, recorded: Recorded, address_text: String) -> Arrival {
        let at = self.shared.clock.now();
        let path = parts
            .uri
            .path_and_query()
            .map_or_else(|| parts.uri.path(), |path| path.as_str());
        Arrival {
            request_id: request_ids::next(at),
            at,
            arrived: Instant::now(),
            recorded,
            method: parts.method.as_str().to_owned(),
            path: path.to_owned(),
            address_text,
            headers: (&parts.headers).into(),
        }
    }

    /// The address that a request counts as coming from.
    pub(crate) fn client_address(&self, peer: &Peer, headers: &HeaderMap) -> IpAddr {
        if peer.is_trusted() {
            client_address(peer.address(), headers, &self.shared.options.trusted_proxies)
        } else {
            peer.address()
        }
    }
}

//! The gateway itself: handles one request from arrival to response.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use clock::Clock;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use keys::Keys;
use logs::Recorder;
use model::{CompanyId, Recorded, RequestId};
use shares::FairShare;

use crate::address::is_trusted;
use crate::answer::AnswerBody;
use crate::counters::{Counters, Counts};
use crate::forward::Forwarder;
use crate::judge::{Outcome, judge};
use crate::options::GatewayOptions;
use crate::reached::Reached;
use crate::recording::{Arrival, Recording};
use crate::request_body::BoxError;
use crate::upstream::UpstreamFault;
use crate::{Caller, LocalApi, client_address, errors, headers};

/// Checks requests, answers or forwards them, and records them. Cheap to clone; all clones are the same gateway.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) options: GatewayOptions,
    pub(crate) keys: Keys,
    pub(crate) recorder: Recorder,
    pub(crate) local: Arc<dyn LocalApi>,
    pub(crate) clock: Clock,
    pub(crate) forwarder: Forwarder,
    /// Requests in flight to upstreams and to the public API, by the company that owns the key. A brand's requests
    /// count as its parent's, so that having more brands does not give a company more places.
    pub(crate) in_flight: FairShare<CompanyId>,
    pub(crate) local_in_flight: FairShare<CompanyId>,
    pub(crate) counters: Counters,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

/// What a request that passes the check may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surface {
    /// The public API, or an upstream.
    Gateway,
    /// The public API, or else 404.
    PublicApi,
}

impl Gateway {
    /// Fails when an upstream cannot be used.
    pub fn new(
        options: GatewayOptions,
        keys: Keys,
        recorder: Recorder,
        local: Arc<dyn LocalApi>,
        clock: Clock,
    ) -> Result<Self, UpstreamFault> {
        let forwarder = Forwarder::new(&options)?;
        let in_flight = FairShare::new(options.limits.requests);
        let local_in_flight = FairShare::new(options.limits.local_requests);
        let counters = Counters::default();
        let shared = Shared {
            options,
            keys,
            recorder,
            local,
            clock,
            forwarder,
            in_flight,
            local_in_flight,
            counters,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Handles a request on the gateway's own port.
    pub async fn answer<B>(&self, request: Request<B>, peer: SocketAddr) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.answer_on(Surface::Gateway, request, peer).await
    }

    /// Handles a public API request from another listener: same check, same budget, same log. Never forwards.
    pub async fn answer_public_api<B>(&self, request: Request<B>, peer: SocketAddr) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.answer_on(Surface::PublicApi, request, peer).await
    }

    /// Requests by verdict since the start.
    pub fn counts(&self) -> Counts {
        self.shared.counters.read()
    }

    async fn answer_on<B>(
        &self,
        surface: Surface,
        request: Request<B>,
        peer: SocketAddr,
    ) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let shared = &self.shared;
        // Before anything is measured: this is time that the request would otherwise have spent in the socket.
        shared.recorder.room().await;
        let (parts, body) = request.into_parts();
        if surface == Surface::Gateway && shared.options.withholds(parts.uri.path()) {
            let mut response = errors::not_found();
            let request_id = RequestId::time_ordered(shared.clock.now(), vault::random());
            headers::set_request_id(response.headers_mut(), request_id);
            headers::set_for_this_caller(response.headers_mut(), shared.keys.form());
            return AnswerBody::unrecorded(response, &parts.method);
        }
        let for_local = surface == Surface::PublicApi || shared.local.takes(parts.uri.path());
        let recorded = if for_local {
            Recorded::PublicApi
        } else {
            Recorded::Gateway
        };
        let (arrival, address) = self.arrival(&parts, recorded, peer.ip());
        let request_id = arrival.request_id;
        let judged = judge(&shared.keys, &parts.headers, arrival.at, address);
        let passes = match &judged.outcome {
            Outcome::Passes { key, brand } => Ok((Arc::clone(key), brand.clone())),
            Outcome::Refused {
                verdict,
                detail,
                retry_after,
            } => Err((*verdict, detail.clone(), *retry_after)),
        };
        let mut recording = Recording::new(Arc::clone(shared), arrival, judged);
        match passes {
            Err((verdict, detail, retry_after)) => {
                recording.verdict(verdict, detail);
                self.own(
                    errors::refusal(verdict, retry_after),
                    recording,
                    &parts,
                    request_id,
                )
            }
            Ok((key, brand)) => {
                let options = &shared.options;
                let trusted = is_trusted(peer.ip(), &options.trusted_proxies);
                let configured = match surface {
                    Surface::Gateway => &options.gateway_url,
                    Surface::PublicApi => &options.public_api_url,
                };
                let reached = Reached::find(&parts.headers, trusted, configured.as_ref());
                let caller = Caller {
                    company: brand.clone().unwrap_or_else(|| key.company.clone()),
                    brand,
                    environment: key.environment,
                    key,
                    request_id,
                    address,
                    reached,
                };
                if for_local {
                    self.answer_locally(caller, parts, body, recording).await
                } else {
                    self.forward(caller, parts, body, recording, peer.ip()).await
                }
            }
        }
    }

    /// A response that the gateway made itself.
    pub(crate) fn own(
        &self,
        mut response: Response<Bytes>,
        recording: Recording,
        parts: &Parts,
        request_id: RequestId,
    ) -> Response<AnswerBody> {
        headers::set_request_id(response.headers_mut(), request_id);
        headers::set_for_this_caller(response.headers_mut(), self.shared.keys.form());
        AnswerBody::whole(response, recording, &parts.method)
    }

    /// What is known about a request before it is checked, and the address it counts as coming from.
    pub(crate) fn arrival(&self, parts: &Parts, recorded: Recorded, peer: IpAddr) -> (Arrival, IpAddr) {
        let at = self.shared.clock.now();
        let address = client_address(peer, &parts.headers, &self.shared.options.trusted_proxies);
        let path = parts
            .uri
            .path_and_query()
            .map_or_else(|| parts.uri.path(), |path| path.as_str())
            .to_owned();
        let arrival = Arrival {
            request_id: RequestId::time_ordered(at, vault::random()),
            at,
            arrived: Instant::now(),
            recorded,
            method: parts.method.as_str().to_owned(),
            path,
            address: address.to_string(),
            headers: parts.headers.clone(),
        };
        (arrival, address)
    }
}

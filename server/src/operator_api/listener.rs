//! Serves the operator's listener on the threads of the gateway. `/verify` is answered there, because a proxy waits for it
//! before each of its requests, and so is what the proxy tells about them afterwards. Everything else is answered on the main runtime, to which the database's connections
//! belong.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use gateway::{AnswerBody, Gateway};
use http::{HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use model::Timestamp;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt;
use wire::{CallerBody, Door, Fault, Plane};

use crate::api_error::{ApiError, set_answer_headers};
use crate::listener::Peer;
use crate::operator_api::vary;
use crate::operator_api::verify::COMPLETIONS;
use crate::services::Services;

/// Serves until `stop`, then drains. Must be called within the main runtime.
pub async fn serve(plane: Plane, door: Door, router: Router, services: Services, stop: CancellationToken) {
    let (main, vary) = (Handle::current(), vary(&services));
    let service = |_, address: SocketAddr| Connection {
        gateway: services.gateway.clone(),
        router: router.clone(),
        main: main.clone(),
        vary: vary.clone(),
        clock: services.clock(),
        peer: services.gateway.peer(address.ip()),
        address,
    };
    plane.serve(door, stop, service).await;
}

/// One connection.
struct Connection {
    gateway: Gateway,
    router: Router,
    main: Handle,
    vary: HeaderValue,
    clock: clock::Clock,
    address: SocketAddr,
    peer: gateway::Peer,
}

impl Connection {
    async fn verify(&self, request: Request<CallerBody>) -> Response<AnswerBody> {
        let (parts, _) = request.into_parts();
        let answering = self.gateway.verify(parts.uri.query(), parts.headers, &self.peer);
        let mut response = answering.await;
        set_answer_headers(response.headers_mut(), &self.vary);
        response
    }

    async fn completions(&self, request: Request<CallerBody>) -> Response<AnswerBody> {
        let mut response = self.gateway.completions_posted(request, &self.peer).await;
        set_answer_headers(response.headers_mut(), &self.vary);
        response
    }

    /// If the caller leaves, the work ends too.
    async fn route(&self, request: Request<CallerBody>) -> Response<Body> {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(self.address));
        let answering = AbortOnDropHandle::new(self.main.spawn(self.router.clone().oneshot(request)));
        match answering.await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => {
                let never: Infallible = never;
                match never {}
            }
            Err(error) => match error.try_into_panic() {
                // The connection makes a response of it.
                Ok(panic) => resume_unwind(panic),
                Err(error) => {
                    axum::response::IntoResponse::into_response(ApiError::failed("stopping", &error))
                }
            },
        }
    }
}

impl wire::Service for Connection {
    type Body = OperatorBody;

    async fn answer(&self, request: Request<CallerBody>) -> Response<OperatorBody> {
        match request.uri().path() {
            "/verify" => self.verify(request).await.map(OperatorBody::Verify),
            COMPLETIONS => self.completions(request).await.map(OperatorBody::Verify),
            _ => self.route(request).await.map(OperatorBody::Routed),
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn failed(&self, fault: &Fault) {
        tracing::debug!(status = %fault.status, peer = %self.address, "a request did not reach its handler");
    }
}

/// The body of a response.
enum OperatorBody {
    Verify(AnswerBody),
    Routed(Body),
}

impl http_body::Body for OperatorBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Self::Verify(body) => Pin::new(body).poll_frame(cx).map_err(axum::Error::new),
            Self::Routed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Verify(body) => body.is_end_stream(),
            Self::Routed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Verify(body) => body.size_hint(),
            Self::Routed(body) => body.size_hint(),
        }
    }
}

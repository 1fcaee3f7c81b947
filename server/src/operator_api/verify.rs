//! `/verify?environment=…&profile=…` is forward authentication: a proxy asks whether a request may pass and sends the
//! request's own headers. The settings are in the URL, which the operator configures at the proxy. The headers may come
//! from the proxy's caller, so no setting is read from them.

use axum::body::Body;
use axum::extract::{Extension, RawQuery, Request, State};
use axum::response::Response;
use http::HeaderMap;

use crate::listener::Peer;
use crate::services::Services;

/// Where a proxy tells how the requests ended.
pub const COMPLETIONS: &str = "/verify/completions";

pub async fn completions(
    State(services): State<Services>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    let gateway = &services.gateway;
    gateway
        .completions_posted(request, &gateway.peer(peer.ip()))
        .await
        .map(Body::new)
}

pub async fn verify(
    State(services): State<Services>,
    Extension(Peer(peer)): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let gateway = &services.gateway;
    gateway
        .verify(query.as_deref(), headers, &gateway.peer(peer.ip()))
        .await
        .map(Body::new)
}

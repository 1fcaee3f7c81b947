//! `/verify?environment=…&profile=…`: a proxy asks whether a request may pass, with the request's own headers (forward
//! authentication). The settings belong to the address that the proxy calls, because everything else that it sends may be
//! its caller's.

use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::response::Response;
use http::HeaderMap;

use crate::dashboard::AppState;
use crate::listener::Peer;

pub async fn verify(
    State(state): State<AppState>,
    Extension(Peer(peer)): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let gateway = &state.services.gateway;
    gateway
        .verify(query.as_deref(), &headers, peer.ip())
        .map(Body::new)
}

//! `/verify`: a proxy asks whether a request may pass, with the request's own headers (forward authentication).

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::Response;
use http::HeaderMap;

use crate::dashboard::AppState;
use crate::listener::Peer;

pub async fn verify(
    State(state): State<AppState>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    state.services.gateway.verify(&headers, peer.ip()).map(Body::new)
}

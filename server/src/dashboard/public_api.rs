//! `/v1/…` on the dashboard's listener: the public API for customers' programs. The gateway checks, limits and records
//! these requests like its own. Nothing is forwarded from here.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;

use super::AppState;
use crate::listener::Peer;

pub async fn public_api(State(state): State<AppState>, request: Request) -> Response {
    let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    };
    state
        .services()
        .gateway
        .answer_public_api(request, peer)
        .await
        .map(Body::new)
}

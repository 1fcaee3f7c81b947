//! Finds out who is calling: the session of a request and its cookie. The middleware puts two things into the
//! extensions of every request that may need them. One is the [`Caller`]. The other is the [`PageVisitor`], which
//! everything in this request asks for a company, so that its membership is looked up only once.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::COOKIE;
use http::{HeaderMap, StatusCode};
use vault::Token;

use super::AppState;
use super::plain_page;
use crate::caller::Caller;
use crate::listener::Peer;
use crate::ports::PageVisitor;

/// Looks up the session. If the database does not respond, the result is a 503 and not the sign-in page.
pub async fn recognise(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let address = match request.extensions().get::<Peer>() {
        Some(Peer(peer)) => gateway::client_address(peer.ip(), request.headers(), &state.trusted_proxies),
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let visit = match cookie(request.headers(), state.origin.cookie_name())
        .and_then(|text| text.parse::<Token>().ok())
    {
        Some(token) => match state.services().core.accounts.visit(&token).await {
            Ok(visit) => visit,
            Err(error) => {
                tracing::error!(error = crate::error::chain(&error), "could not look up a session");
                let sentence = "The database is not responding. Nothing was changed. Try again in a moment.";
                return plain_page::refused(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Not available",
                    sentence,
                    &state,
                );
            }
        },
        None => None,
    };
    let caller = Caller { visit, address };
    let visitor = Arc::new(PageVisitor::new(state.backend.clone(), caller.clone()));
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

/// The value of the cookie with this name. If there are several, the first one counts, because browsers send the one
/// with the longest path first.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    let mut pairs = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(given, _)| *given == name).map(|(_, value)| value)
}

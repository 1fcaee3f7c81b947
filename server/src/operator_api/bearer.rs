//! Authenticates callers of the operator API by bearer token, and checks that the token has the route's scope.

use accounts::{OperatorToken, Scope};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use model::{Actor, ActorKind};
use vault::Token;

use super::{failed, refused};
use crate::dashboard::AppState;
use crate::listener::Peer;

/// The token of this request. Handlers behind [`only_with_scope`] can extract it.
#[derive(Clone, Debug)]
pub struct Operator {
    pub token: OperatorToken,
    /// How audit rows name this token.
    pub actor: Actor,
}

/// Responds 401 without a known token and 403 without the scope.
pub async fn only_with_scope(
    State((state, scope)): State<(AppState, Scope)>,
    mut request: Request,
    next: Next,
) -> Response {
    let token = request.headers().get(AUTHORIZATION).and_then(bearer);
    let address = request
        .extensions()
        .get::<Peer>()
        .map(|Peer(peer)| peer.ip().to_string());
    let found = match token {
        Some(token) => state.accounts.operator(&token).await,
        None => Ok(None),
    };
    match found {
        Err(error) => failed("an operator token could not be looked up", &error),
        Ok(None) => {
            let mut response = refused(
                StatusCode::UNAUTHORIZED,
                "authentication_failed",
                "No such token.",
            );
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
        Ok(Some(token)) if !token.scopes.contains(scope) => {
            let message = format!("This token lacks the scope {scope}.");
            refused(StatusCode::FORBIDDEN, "not_authenticated", &message)
        }
        Ok(Some(token)) => {
            let actor = Actor {
                kind: ActorKind::Operator,
                name: token.name.clone(),
                address,
            };
            request.extensions_mut().insert(Operator { token, actor });
            next.run(request).await
        }
    }
}

fn bearer(value: &HeaderValue) -> Option<Token> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().parse().ok())?
}

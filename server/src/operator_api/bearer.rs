//! Checks who may call a route of the operator's listener before its handler runs. Most routes need a bearer token with
//! the route's scope.

use accounts::{OperatorToken, Scope};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::MethodRouter;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use model::{Actor, ActorKind};
use vault::Token;

use super::{failed, refused};
use crate::listener::Peer;
use crate::route::{self, Audience};
use crate::services::Services;

/// Who may call a route of this listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anyone who can reach the listener. The text says why that is right.
    Anyone(&'static str),
    /// Callers with an operator token that has this scope.
    Bearer(Scope),
    /// Proxies that ask about a request with an API key. The gateway decides with its own check.
    ApiKey,
}

impl Audience for Who {
    type State = Services;
}

/// A row of this listener.
pub type Route = route::Route<Who>;

/// The handler behind its guard.
pub(super) fn guarded(
    who: Who,
    handler: MethodRouter<Services>,
    services: &Services,
) -> MethodRouter<Services> {
    match who {
        Who::Anyone(_) | Who::ApiKey => handler,
        Who::Bearer(scope) => handler.layer(from_fn_with_state((services.clone(), scope), only_with_scope)),
    }
}

/// The token of this request. Handlers behind [`only_with_scope`] can extract it.
#[derive(Clone, Debug)]
pub struct Operator {
    pub token: OperatorToken,
    /// How audit rows name this token.
    pub actor: Actor,
}

/// Responds 401 without a known token and 403 without the scope.
async fn only_with_scope(
    State((services, scope)): State<(Services, Scope)>,
    mut request: Request,
    next: Next,
) -> Response {
    let token = request.headers().get(AUTHORIZATION).and_then(bearer);
    let address = request
        .extensions()
        .get::<Peer>()
        .map(|Peer(peer)| peer.ip().to_string());
    let found = match token {
        Some(token) => services.core.accounts.operator(&token).await,
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

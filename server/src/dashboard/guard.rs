//! Who may call a route, checked before its handler runs. [`crate::routes`] names it beside each path, and the routers are
//! built so that no handler is reached around it (invariant 12).

use accounts::{Membership, Scope, Visit};
use app::AppError;
use axum::extract::{RawPathParams, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::MethodRouter;
use http::header::{ACCEPT, REFERER};
use http::{Method, StatusCode};
use model::ClientId;
use url::{Position, Url};

use super::session::Caller;
use super::sign_in::own_path;
use super::{AppState, plain_page};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody who reaches the listener; the text says why that is right.
    Anyone(&'static str),
    /// Members of the company in the path.
    Member,
    /// Members of the company in the path whose role manages keys.
    KeyManager,
    /// Members of the company in the path whose role manages webhooks.
    WebhookManager,
    /// Programs with an API key: the gateway's own check decides.
    ApiKey,
    /// Bearers of an operator token with this scope.
    Operator(Scope),
}

/// The route with its guard in front. `Operator` has its guard in [`crate::operator_api`].
pub fn guarded(who: Who, handler: MethodRouter<AppState>, state: &AppState) -> MethodRouter<AppState> {
    match who {
        Who::Anyone(_) | Who::ApiKey | Who::Operator(_) => handler,
        Who::Member => handler.layer(from_fn_with_state(state.clone(), members_only)),
        Who::KeyManager => handler.layer(from_fn_with_state(state.clone(), key_managers_only)),
        Who::WebhookManager => handler.layer(from_fn_with_state(state.clone(), webhook_managers_only)),
    }
}

async fn members_only(
    State(state): State<AppState>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    match membership(&state, &params, Asker::of(&request)).await {
        Ok(membership) => {
            request.extensions_mut().insert(membership);
            next.run(request).await
        }
        Err(refusal) => refusal,
    }
}

async fn key_managers_only(
    State(state): State<AppState>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    match membership(&state, &params, Asker::of(&request)).await {
        Ok(membership) if membership.role.manages_keys() => {
            request.extensions_mut().insert(membership);
            next.run(request).await
        }
        Ok(membership) => forbidden(&membership, &state),
        Err(refusal) => refusal,
    }
}

async fn webhook_managers_only(
    State(state): State<AppState>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    match membership(&state, &params, Asker::of(&request)).await {
        Ok(membership) if membership.role.manages_webhooks() => {
            request.extensions_mut().insert(membership);
            next.run(request).await
        }
        Ok(membership) => forbidden(&membership, &state),
        Err(refusal) => refusal,
    }
}

/// The same sentence that the app's own pages show.
fn forbidden(membership: &Membership, state: &AppState) -> Response {
    let error = AppError::Forbidden {
        role: membership.role,
    };
    plain_page::refused(StatusCode::FORBIDDEN, "Not allowed", &error.to_string(), state)
}

/// Another company's id, and one that does not exist, get the same 404.
async fn membership(state: &AppState, params: &RawPathParams, asker: Asker) -> Result<Membership, Response> {
    let Some(visit) = &asker.visit else {
        return Err(signed_out(&asker));
    };
    let company = params
        .iter()
        .find(|(name, _)| *name == "company")
        .and_then(|(_, id)| id.parse::<ClientId>().ok());
    let not_found = || {
        plain_page::refused(
            StatusCode::NOT_FOUND,
            "Not found",
            "It may have been deleted, or the address is wrong.",
            state,
        )
    };
    let Some(company) = company else {
        return Err(not_found());
    };
    match state.accounts.membership(visit.person, company).await {
        Ok(Some(membership)) => Ok(membership),
        Ok(None) => Err(not_found()),
        Err(error) => {
            tracing::error!(
                error = crate::error::chain(&error),
                "a membership could not be looked up"
            );
            let sentence = "The database does not answer. Nothing was changed; try again in a moment.";
            Err(plain_page::refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "Not available",
                sentence,
                state,
            ))
        }
    }
}

/// What the check needs of a request: its body could not be held over an await.
struct Asker {
    visit: Option<Visit>,
    posts_a_form: bool,
    /// The page that the form stands on.
    page: Option<String>,
}

impl Asker {
    fn of(request: &Request) -> Self {
        let visit = request
            .extensions()
            .get::<Caller>()
            .and_then(|caller| caller.visit.clone());
        let accept = request
            .headers()
            .get(ACCEPT)
            .and_then(|value| value.to_str().ok());
        let wants_html = accept.is_some_and(|accept| accept.contains("text/html"));
        Self {
            visit,
            posts_a_form: *request.method() == Method::POST && wants_html,
            page: request
                .headers()
                .get(REFERER)
                .and_then(|value| value.to_str().ok()?.parse::<Url>().ok())
                .map(|page| page[Position::BeforePath..Position::AfterQuery].to_owned()),
        }
    }
}

/// A form is sent to the sign-in page, and from there back to its page; a script or a stream gets the status.
fn signed_out(asker: &Asker) -> Response {
    if !asker.posts_a_form {
        return (StatusCode::UNAUTHORIZED, "Signed out.\n").into_response();
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("error", "session");
    if let Some(page) = &asker.page {
        query.append_pair("next", &own_path(page));
    }
    Redirect::to(&format!("/sign-in?{}", query.finish())).into_response()
}

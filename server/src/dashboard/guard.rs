//! Checks who may call a route of the dashboard before its handler runs. [`crate::routes`] states it beside each path,
//! and the router is built so that no handler can be reached without its guard (invariant 12).

use std::sync::Arc;

use accounts::Membership;
use app::AppError;
use axum::extract::{RawPathParams, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::MethodRouter;
use http::header::{ACCEPT, REFERER};
use http::{Method, StatusCode};
use model::{ClientId, Permission};
use url::{Position, Url};

use super::sign_in::own_path;
use super::{AppState, plain_page};
use crate::ports::PageVisitor;
use crate::route::{self, Audience};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anyone who can reach the listener. The text says why that is right.
    Anyone(&'static str),
    /// Members of the company in the path, whatever their role.
    AnyMember,
    /// Members of the company in the path whose role has this permission.
    Member(Permission),
    /// Programs with an API key. The gateway decides with its own check.
    ApiKey,
}

impl Audience for Who {
    type State = AppState;
}

/// A row of this listener.
pub type Route = route::Route<Who>;

/// The handler behind its guard.
pub(super) fn guarded(who: Who, handler: MethodRouter<AppState>, state: &AppState) -> MethodRouter<AppState> {
    match who {
        Who::Anyone(_) | Who::ApiKey => handler,
        Who::AnyMember => handler.layer(from_fn_with_state((state.clone(), None), members_only)),
        Who::Member(permission) => handler.layer(from_fn_with_state(
            (state.clone(), Some(permission)),
            members_only,
        )),
    }
}

/// The guarded handler finds the membership in the request's extensions.
async fn members_only(
    State((state, permission)): State<(AppState, Option<Permission>)>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    // The request cannot be kept across an await because of its body.
    let asker = Asker::of(&request);
    let visitor = request.extensions().get::<Arc<PageVisitor>>().cloned();
    let allowed = async {
        let membership = membership(&params, visitor).await?;
        if let Some(permission) = permission {
            AppError::unless_may(membership.role, permission)?;
        }
        Ok(membership)
    };
    match allowed.await {
        Ok(membership) => {
            request.extensions_mut().insert(membership);
            next.run(request).await
        }
        Err(error) => refusal(&error, &asker, &state),
    }
}

/// Another company's id gets the same 404 as one that does not exist.
async fn membership(
    params: &RawPathParams,
    visitor: Option<Arc<PageVisitor>>,
) -> Result<Arc<Membership>, AppError> {
    let visitor = visitor.ok_or(AppError::SignedOut)?;
    let company = params
        .iter()
        .find(|(name, _)| *name == "company")
        .and_then(|(_, id)| id.parse::<ClientId>().ok());
    match company {
        Some(company) => visitor.membership(company).await,
        None => visitor.visit().and(Err(AppError::NotFound)),
    }
}

/// A page that states the reason.
fn refusal(error: &AppError, asker: &Asker, state: &AppState) -> Response {
    let sentence = error.to_string();
    let (title, sentence) = match error {
        AppError::SignedOut => return signed_out(asker),
        AppError::Forbidden { .. } => ("Not allowed", sentence.as_str()),
        AppError::NotFound => ("Not found", "It may have been deleted, or the address is wrong."),
        _ => ("Not available", sentence.as_str()),
    };
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    plain_page::refused(status, title, sentence, state)
}

/// The parts of a request that decide whether and how it is sent to the sign-in page.
struct Asker {
    posts_a_form: bool,
    /// The page that contains the form.
    page: Option<String>,
}

impl Asker {
    fn of(request: &Request) -> Self {
        let accept = request
            .headers()
            .get(ACCEPT)
            .and_then(|value| value.to_str().ok());
        let wants_html = accept.is_some_and(|accept| accept.contains("text/html"));
        Self {
            posts_a_form: *request.method() == Method::POST && wants_html,
            page: request
                .headers()
                .get(REFERER)
                .and_then(|value| value.to_str().ok()?.parse::<Url>().ok())
                .map(|page| page[Position::BeforePath..Position::AfterQuery].to_owned()),
        }
    }
}

/// Redirects a form to the sign-in page, and from there back to its page. A script or a stream gets the status.
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

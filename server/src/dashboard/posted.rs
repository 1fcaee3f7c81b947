//! A form of a company's page, posted by a browser without JavaScript. The handlers of these forms all work the same
//! way: they call one of the company's ports, then redirect the browser or show a page that says why nothing was done.

use std::fmt::Write;
use std::sync::Arc;

use accounts::Membership;
use app::AppError;
use app::ports::CompanyAccess;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use http::request::Parts;
use model::SecretText;
use vault::Zeroizing;

use super::AppState;
use super::plain_page::{self, escape, page};
use crate::ports::PageVisitor;

/// The company in the path, with what the caller may do in it. The guard has already let the caller through.
#[derive(Debug)]
pub struct Posted {
    pub(super) state: AppState,
    pub(super) access: CompanyAccess,
}

/// The page that the response links back to.
#[derive(Clone, Debug)]
pub(super) struct Back {
    pub(super) address: String,
    pub(super) words: &'static str,
}

impl FromRequestParts<AppState> for Posted {
    type Rejection = Response;

    /// A route without a guard has no membership, so it lets no one through.
    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let membership = parts.extensions.get::<Arc<Membership>>();
        let visitor = parts.extensions.get::<Arc<PageVisitor>>();
        let access = match (visitor, membership) {
            (Some(visitor), Some(membership)) => visitor.access(membership),
            _ => Err(AppError::SignedOut),
        };
        match access {
            Ok(access) => Ok(Self {
                state: state.clone(),
                access,
            }),
            Err(error) => Err(plain_page::refused(
                status(&error),
                "This could not be done",
                &error.to_string(),
                state,
            )),
        }
    }
}

impl Posted {
    /// The path of one of the company's pages under `keys` or `webhooks`.
    pub(super) fn address(&self, page: &str) -> String {
        format!("/c/{}/development/{page}", self.access.context.client_id)
    }

    /// Passes the outcome to `done`, or shows a page with the reason and a link back.
    pub(super) fn answer<T>(
        &self,
        outcome: Result<T, AppError>,
        back: &Back,
        done: impl FnOnce(T) -> Response,
    ) -> Response {
        match outcome {
            Ok(outcome) => done(outcome),
            Err(error) => {
                let body = format!("<p>{}</p>{}", escape(&error.to_string()), back.link());
                page(status(&error), "This could not be done", &body, &self.state)
            }
        }
    }

    /// A page that says what was done. `body` is HTML.
    pub(super) fn page(&self, title: &str, body: &str) -> Response {
        page(StatusCode::OK, title, body, &self.state)
    }

    /// A `no-store` page that contains a secret (invariant 3). `after` is HTML. The buffers that held the secret are
    /// wiped.
    pub(super) fn secret_page(
        &self,
        title: &str,
        lead: &str,
        secret: &SecretText,
        after: &str,
        back: &Back,
    ) -> Response {
        let secret = Zeroizing::new(escape(secret.expose()));
        let (lead, back) = (escape(lead), back.link());
        // Allocate enough room from the start: a buffer that grows leaves a copy of the secret behind.
        let room = lead.len() + secret.len() + after.len() + back.len() + 64;
        let mut body = Zeroizing::new(String::with_capacity(room));
        // Writing to a String cannot fail.
        let _ = write!(
            body,
            "<p>{lead}</p><pre class=\"code\"><code>{}</code></pre>{after}{back}",
            *secret
        );
        self.page(title, &body)
    }
}

impl Back {
    pub(super) fn link(&self) -> String {
        plain_page::link(&self.address, self.words)
    }
}

/// Redirects to one of our pages. `flag` tells it what was done.
pub(super) fn on_to(address: &str, flag: &str) -> Response {
    match flag {
        "" => Redirect::to(address),
        flag => Redirect::to(&format!("{address}?{flag}")),
    }
    .into_response()
}

fn status(error: &AppError) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

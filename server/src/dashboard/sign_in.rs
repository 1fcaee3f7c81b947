//! `POST /sign-in`, `/sign-out` and, in the demo, `/demo/enter`: plain form posts that respond with a redirect. The
//! sign-in page itself belongs to the app. After a failure, the redirect leads back to it with a code in the query.

use accounts::{AccountsError, Browser, Email, Password, SessionLimits};
use app::cookies::EMAIL;
use axum::Form;
use axum::extract::{Extension, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use model::{Role, SecretText};
use serde::Deserialize;
use url::Url;
use vault::{BrowserId, Token, Zeroizing};

use super::session::cookie;
use super::{AppState, plain_page};
use crate::caller::Caller;

/// The fields of the form.
#[derive(Deserialize)]
pub struct SignInForm {
    email: String,
    password: SecretText,
    #[serde(default)]
    next: String,
}

impl std::fmt::Debug for SignInForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignInForm([redacted])")
    }
}

pub async fn sign_in(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Response {
    if !state.origin.may_sign_in() {
        return not_over_plain_http(&state);
    }
    let known = known_browser(&state, &headers, &form.email);
    let browser = Browser {
        known,
        ..browser(caller)
    };
    let password = Password::typed(form.password.expose().to_owned());
    match state
        .services()
        .core
        .accounts
        .sign_in(&form.email, password, browser)
        .await
    {
        Ok(token) => remember_the_browser(enter(&state, &token, &form.next), &state, &form.email, known),
        Err(error) => {
            let response = back_to_the_form(&error, &form.next);
            with_cookie(
                response,
                &state.origin.form_cookie(EMAIL, &kept_email(&form.email)),
            )
        }
    }
}

/// A browser we know nothing about yet. If a session is signed in there, signing in replaces it.
fn browser(caller: Caller) -> Browser {
    Browser {
        address: caller.address,
        known: None,
        former: caller.visit,
    }
}

/// Whether this browser's cookie shows that it has signed in to this account before.
fn known_browser(state: &AppState, headers: &HeaderMap, email: &str) -> Option<BrowserId> {
    let account: Email = email.parse().ok()?;
    let cookie = cookie(headers, state.origin.browser_cookie_name())?;
    let core = &state.services().core;
    core.secrets
        .master_key
        .recognise_browser(cookie, account.as_str(), core.clock.now())
}

/// From now on, wrong passwords from other browsers cannot lock this browser out.
fn remember_the_browser(
    response: Response,
    state: &AppState,
    email: &str,
    known: Option<BrowserId>,
) -> Response {
    let Ok(account) = email.parse::<Email>() else {
        return response;
    };
    let core = &state.services().core;
    let browser = known.unwrap_or_else(BrowserId::generate);
    let value = core
        .secrets
        .master_key
        .sign_browser(account.as_str(), browser, core.clock.now());
    with_cookie(response, &state.origin.browser_cookie(&value))
}

/// The email the form shows again after a failure, if it can be stored in a cookie unchanged. The cookie lasts a
/// minute. The email is not put into the URL, because URLs end up in logs and browser histories.
fn kept_email(email: &str) -> String {
    let email = email.trim();
    let fits = email.len() <= 254
        && email
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\'));
    if fits { email.to_owned() } else { String::new() }
}

/// Sets the cookie and redirects to where the person wanted to go.
fn enter(state: &AppState, token: &Token, next: &str) -> Response {
    let next = own_path(next);
    let cookie = Zeroizing::new(
        state
            .origin
            .cookie(&token.text(), SessionLimits::default().absolute_seconds),
    );
    with_cookie(Redirect::to(&next).into_response(), &cookie)
}

fn back_to_the_form(error: &AccountsError, next: &str) -> Response {
    let code = match error {
        AccountsError::Throttled { .. } => "throttled",
        AccountsError::Busy => "busy",
        AccountsError::Storage(_) => {
            tracing::error!(error = crate::error::chain(error), "a sign-in failed");
            "busy"
        }
        _ => "credentials",
    };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("error", code);
    if !next.is_empty() {
        query.append_pair("next", &own_path(next));
    }
    Redirect::to(&format!("/sign-in?{}", query.finish())).into_response()
}

pub async fn sign_out(State(state): State<AppState>, Extension(caller): Extension<Caller>) -> Response {
    if let Some(visit) = &caller.visit
        && let Err(error) = state
            .services()
            .core
            .accounts
            .sign_out(visit, caller.address)
            .await
    {
        tracing::error!(error = crate::error::chain(&error), "could not end a session");
        let sentence = "You are still signed in: the database is not responding. Try again in a moment.";
        return plain_page::refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "Not signed out",
            sentence,
            &state,
        );
    }
    with_cookie(
        Redirect::to("/sign-in").into_response(),
        &state.origin.cookie("", 0),
    )
}

/// Which of the demo's people to sign in as.
#[derive(Debug, Deserialize)]
pub struct DemoForm {
    role: Role,
    #[serde(default)]
    next: String,
}

/// This route only works in the demo.
pub async fn enter_the_demo(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Form(form): Form<DemoForm>,
) -> Response {
    let person = state.demo.as_ref().and_then(|demo| demo.email(form.role));
    let Some(person) = person else {
        return plain_page::refused(
            StatusCode::NOT_FOUND,
            "Not found",
            "This page does not exist.",
            &state,
        );
    };
    match state
        .services()
        .core
        .accounts
        .sign_in_without_password(person, browser(caller))
        .await
    {
        Ok(token) => enter(&state, &token, &form.next),
        Err(error) => back_to_the_form(&error, &form.next),
    }
}

/// Runs before the sign-in page. Over plain HTTP from another machine, it shows what to configure instead of a form.
pub async fn only_where_safe(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let asks_for_the_form =
        request.uri().path().trim_end_matches('/') == "/sign-in" && request.method() == Method::GET;
    if asks_for_the_form && !state.origin.may_sign_in() {
        return not_over_plain_http(&state);
    }
    next.run(request).await
}

fn not_over_plain_http(state: &AppState) -> Response {
    let body = format!(
        "<p>You reached this dashboard at <code>{}</code>, over plain HTTP. A password typed here could be read in transit, \
         so there is no form.</p><p>Put a proxy with TLS in front and start Gatehouse with its address:</p>\
         <pre><code>gatehouse serve --public-url https://gatehouse.example.com</code></pre>\
         <p>On the same machine, open it at a loopback address, such as <code>http://127.0.0.1:3000</code>.</p>",
        plain_page::escape(state.origin.url())
    );
    plain_page::page(StatusCode::FORBIDDEN, "Sign-in needs https", &body, state)
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

/// The path and query of one of our pages, or `/`: a link to the sign-in page must not lead to another site afterwards.
/// It is parsed the way browsers do it, which treat `\\` as `/` and drop tabs and newlines. Characters outside ASCII
/// are encoded, because a header cannot contain them.
pub(super) fn own_path(next: &str) -> String {
    let own: Option<Url> = "http://own.invalid/".parse().ok();
    let resolved = own.and_then(|own| {
        let url = own.join(next).ok()?;
        (next.starts_with('/') && url.origin() == own.origin()).then_some(url)
    });
    let Some(url) = resolved else {
        return "/".to_owned();
    };
    let path = url.path();
    if path.starts_with("//") || path.trim_end_matches('/') == "/sign-in" {
        return "/".to_owned();
    }
    match url.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_always_one_of_ours() {
        for (next, path) in [
            ("/c/0/development/keys?x=1", "/c/0/development/keys?x=1"),
            (
                "/c/0/development/logs?path=%2Fv1&q=a%20b",
                "/c/0/development/logs?path=%2Fv1&q=a%20b",
            ),
            ("/docs/security#verify", "/docs/security"),
            ("/c/é", "/c/%C3%A9"),
            ("/@evil.example", "/@evil.example"),
            ("/%2f%2fevil.example", "/%2f%2fevil.example"),
        ] {
            assert_eq!(own_path(next), path, "{next:?}");
        }
        for next in [
            "",
            "c",
            "//evil.example",
            "///evil.example",
            "/.//evil.example",
            "/..//evil.example",
            "/c/..//evil.example",
            "/%2e//evil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "\t//evil.example",
            " //evil.example",
            "/\r\n/evil.example",
            "//own.invalid@evil.example",
            "/sign-in?next=/sign-in",
        ] {
            assert_eq!(own_path(next), "/", "{next:?}");
        }
    }

    #[test]
    fn an_email_that_would_break_its_cookie_is_not_kept() {
        assert_eq!(kept_email(" ana@example.com "), "ana@example.com");
        for email in [
            "a;b@example.com",
            "a\"@example.com",
            "a b@example.com",
            "é@example.com",
            "a\r\n",
        ] {
            let kept = kept_email(email);
            assert!(kept.is_empty() || kept == "a", "{email:?}: {kept:?}");
        }
        assert_eq!(kept_email(&"x".repeat(255)), "");
    }
}

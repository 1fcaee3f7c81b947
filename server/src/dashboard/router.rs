//! Builds the dashboard's router from its rows of the route table, the app's pages and its server functions, and adds
//! the middleware.

use std::sync::Arc;
use std::time::Duration;

use app::browser::live::DrawnSince;
use app::ports::Visitor;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{Method, StatusCode};
use leptos::config::LeptosOptions;
use leptos::nonce::Nonce;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{AxumRouteListing, LeptosRoutes, generate_route_list};

use super::guard::{Route, Who, guarded};
use super::{AppState, headers, plain_page, rpc, session, sign_in, turns};
use crate::caller::Caller;
use crate::ports::PageVisitor;

/// How long it may take to read a request and begin the response. Without this limit, a body that never ends or a page
/// that never resolves would hold its connection for ever.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Builds the dashboard's router.
pub fn router(routes: Vec<Route>, state: AppState) -> Router {
    let mut pages = Router::new();
    let mut programs = Router::new();
    for route in routes {
        let handler = guarded(route.who, route.handler, &state);
        match route.who {
            Who::ApiKey => programs = programs.route(route.path, handler),
            _ => pages = pages.route(route.path, handler),
        }
    }
    let render = {
        let state = state.clone();
        move || {
            app::shell(state.leptos_options.clone(), {
                let state = state.clone();
                move |page| state.site.files_of(page)
            })
        }
    };
    let contexts = provide_contexts(&state);
    let pages = pages
        .leptos_routes_with_context(&state, page_listings(), contexts.clone(), render.clone())
        .fallback(leptos_axum::render_app_async_with_context(contexts, render))
        .layer(from_fn_with_state(state.clone(), design_in_the_demo_only))
        .layer(from_fn(send_on))
        .layer(from_fn(rpc::answer_in_json))
        .layer(from_fn(signed_in_or_sent_away))
        .layer(from_fn_with_state(state.clone(), sign_in::only_where_safe))
        .layer(from_fn_with_state(state.turns.clone(), turns::in_turn))
        .layer(from_fn_with_state(state.clone(), session::recognise))
        .layer(from_fn(in_time))
        .layer(from_fn_with_state(state.clone(), headers::refuse_other_sites))
        .layer(from_fn_with_state(state.clone(), headers::guard_the_page))
        .layer(from_fn_with_state(state.clone(), say_without_a_site))
        .layer(from_fn_with_state(state.clone(), files_first));
    programs
        .merge(pages)
        .layer(from_fn_with_state(state.clone(), headers::only_our_host))
        .with_state(state)
}

/// The paths of the app's pages, in axum's syntax.
pub fn page_paths() -> Vec<String> {
    page_listings()
        .iter()
        .map(|listing| listing.path().to_owned())
        .collect()
}

/// The paths of the app's server functions.
pub fn server_function_paths() -> Vec<(&'static str, Method)> {
    server_fn::axum::server_fn_paths().collect()
}

fn page_listings() -> Vec<AxumRouteListing> {
    generate_route_list(app::App)
}

/// Provides the contexts of pages and server functions, taken from this request's extensions.
fn provide_contexts(state: &AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    let state = state.clone();
    move || {
        let Some(parts) = use_context::<http::request::Parts>() else {
            return;
        };
        if let Some(nonce) = parts.extensions.get::<Nonce>() {
            provide_context(nonce.clone());
        }
        if let Some(visitor) = parts.extensions.get::<Arc<PageVisitor>>() {
            let visitor: Arc<dyn Visitor> = Arc::<PageVisitor>::clone(visitor);
            provide_context(visitor);
        }
        provide_context(DrawnSince(state.services().core.bus.mark().to_string()));
        provide_context(state.provider.clone());
        provide_context(state.delivery_headers.clone());
        provide_context(state.credential_names.clone());
        provide_context(state.delivery_reach.clone());
        provide_context::<LeptosOptions>(state.leptos_options.clone());
    }
}

/// Serves a file of the site before any middleware looks up the session.
async fn files_first(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD)
        && let Some(file) = state.site.file(request.uri().path(), request.headers()).await
    {
        return file;
    }
    next.run(request).await
}

/// Without a site, a page has no style and does nothing. This makes it say why, and what to run.
async fn say_without_a_site(State(state): State<AppState>, request: Request, next: Next) -> Response {
    const NOTICE: &str = "<p role=\"status\">This server has no site files, so pages have no styles or scripts. Its \
                          log says where it looked and what to do.</p>";
    let response = next.run(request).await;
    let is_page = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !state.site.is_absent() || !is_page {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Pages are rendered completely. A page that cannot be read is replaced by the notice rather than cut in half.
    let page = match to_bytes(body, 8 * 1024 * 1024).await {
        Ok(page) => String::from_utf8_lossy(&page).replacen("<body>", &format!("<body>{NOTICE}"), 1),
        Err(_) => NOTICE.to_owned(),
    };
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(page))
}

async fn in_time(request: Request, next: Next) -> Response {
    // A live stream lasts as long as its tab.
    if request.uri().path().starts_with("/live/") {
        return next.run(request).await;
    }
    let status = if *request.method() == Method::POST {
        StatusCode::REQUEST_TIMEOUT
    } else {
        StatusCode::GATEWAY_TIMEOUT
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!("a request took too long");
            (status, "This took too long. Reload the page.\n").into_response()
        }
    }
}

/// Makes a page that redirects do so for every client. Leptos sends the location only to clients that explicitly accept
/// HTML.
async fn send_on(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status() == StatusCode::OK && response.headers().contains_key(LOCATION) {
        *response.status_mut() = StatusCode::FOUND;
    }
    response
}

/// The page of UI components is for people who work on Gatehouse. Only the demo serves it.
async fn design_in_the_demo_only(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if state.demo.is_none() && request.uri().path().trim_end_matches('/') == "/design" {
        return plain_page::refused(
            StatusCode::NOT_FOUND,
            "Not found",
            "It may have been deleted, or the address is wrong.",
            &state,
        );
    }
    next.run(request).await
}

/// Without a session, a company's page redirects to the sign-in page, and from there back.
async fn signed_in_or_sent_away(request: Request, next: Next) -> Response {
    let is_signed_in = request
        .extensions()
        .get::<Caller>()
        .is_some_and(|caller| caller.visit.is_some());
    let path = request.uri().path();
    if is_signed_in || *request.method() != Method::GET || !path.starts_with("/c/") {
        return next.run(request).await;
    }
    let wanted = request
        .uri()
        .path_and_query()
        .map_or(path, |wanted| wanted.as_str());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("next", wanted)
        .finish();
    Redirect::to(&format!("/sign-in?{query}")).into_response()
}

//! Every route in one place: method, path, who may call it, handler (invariant 12). Both routers are built from this
//! table; pages and server functions list themselves (`dashboard::page_paths`, `dashboard::server_function_paths`).
//! A test asks each of them as somebody who may not.

use std::collections::BTreeSet;

use accounts::Scope;
use axum::routing::{MethodRouter, any, delete, get, post, put};
use http::Method;

use crate::dashboard::{self, AppState, Who};
use crate::operator_api;

/// Which listener answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    Dashboard,
    Operator,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Route {
    pub surface: Surface,
    pub method: Method,
    pub path: &'static str,
    pub who: Who,
    pub handler: MethodRouter<AppState>,
}

/// The table.
pub fn table() -> Vec<Route> {
    use Surface::{Dashboard, Operator};
    use Who::{Anyone, ApiKey, KeyManager, Member, WebhookManager};
    const WATCHED: Who = Anyone("whoever reaches the operator's listener may watch the server");
    let row = |surface, method, path, who, handler| Route {
        surface,
        method,
        path,
        who,
        handler,
    };
    vec![
        row(
            Dashboard,
            Method::POST,
            "/sign-in",
            Anyone("this is how one becomes somebody"),
            post(dashboard::sign_in),
        ),
        row(
            Dashboard,
            Method::POST,
            "/sign-out",
            Anyone("it ends the caller's own session"),
            post(dashboard::sign_out),
        ),
        row(
            Dashboard,
            Method::POST,
            "/demo/enter",
            Anyone("it is a 404 outside the demo"),
            post(dashboard::enter_the_demo),
        ),
        row(
            Dashboard,
            Method::GET,
            "/live/{company}",
            Member,
            get(dashboard::live),
        ),
        row(
            Dashboard,
            Method::POST,
            "/c/{company}/development/keys/generate",
            KeyManager,
            post(dashboard::generate_key),
        ),
        row(
            Dashboard,
            Method::POST,
            "/c/{company}/development/keys/{key}/reveal",
            KeyManager,
            post(dashboard::reveal_key),
        ),
        row(
            Dashboard,
            Method::POST,
            "/c/{company}/development/keys/{key}/delete",
            KeyManager,
            post(dashboard::delete_key),
        ),
        row(
            Dashboard,
            Method::POST,
            "/c/{company}/development/webhooks/new",
            WebhookManager,
            post(dashboard::create_webhook),
        ),
        row(
            Dashboard,
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/edit",
            WebhookManager,
            post(dashboard::change_webhook),
        ),
        row(
            Dashboard,
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/enabled",
            WebhookManager,
            post(dashboard::set_webhook_enabled),
        ),
        row(
            Dashboard,
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/delete",
            WebhookManager,
            post(dashboard::delete_webhook),
        ),
        row(
            Dashboard,
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/test",
            WebhookManager,
            post(dashboard::send_test_event),
        ),
        row(
            Dashboard,
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/secret/reveal",
            WebhookManager,
            post(dashboard::reveal_webhook_secret),
        ),
        row(
            Dashboard,
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/secret/rotate",
            WebhookManager,
            post(dashboard::rotate_webhook_secret),
        ),
        row(
            Dashboard,
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/deliveries/{delivery}/replay",
            WebhookManager,
            post(dashboard::replay_delivery),
        ),
        row(
            Dashboard,
            Method::GET,
            "/v1/{*rest}",
            ApiKey,
            any(dashboard::public_api::public_api),
        ),
        row(
            Dashboard,
            Method::GET,
            "/v1/",
            ApiKey,
            any(dashboard::public_api::public_api),
        ),
        row(
            Dashboard,
            Method::GET,
            "/v1",
            ApiKey,
            any(dashboard::public_api::public_api),
        ),
        row(
            Operator,
            Method::POST,
            "/operator/v1/companies",
            Who::Operator(Scope::Companies),
            post(operator_api::companies::create_company),
        ),
        row(
            Operator,
            Method::POST,
            "/operator/v1/keys",
            Who::Operator(Scope::Keys),
            post(operator_api::keys::create_key),
        ),
        row(
            Operator,
            Method::GET,
            "/operator/v1/companies",
            Who::Operator(Scope::Companies),
            get(operator_api::companies::list_companies),
        ),
        row(
            Operator,
            Method::GET,
            "/operator/v1/keys",
            Who::Operator(Scope::Keys),
            get(operator_api::keys::list_keys),
        ),
        row(
            Operator,
            Method::DELETE,
            "/operator/v1/keys/{key}",
            Who::Operator(Scope::Keys),
            delete(operator_api::keys::delete_key),
        ),
        row(
            Operator,
            Method::GET,
            "/operator/v1/members",
            Who::Operator(Scope::Members),
            get(operator_api::members::list_members),
        ),
        row(
            Operator,
            Method::POST,
            "/operator/v1/members",
            Who::Operator(Scope::Members),
            post(operator_api::members::create_member),
        ),
        row(
            Operator,
            Method::DELETE,
            "/operator/v1/members/{member}",
            Who::Operator(Scope::Members),
            delete(operator_api::members::remove_member),
        ),
        row(
            Operator,
            Method::PUT,
            "/operator/v1/members/{member}/password",
            Who::Operator(Scope::Members),
            put(operator_api::members::set_password),
        ),
        row(
            Operator,
            Method::DELETE,
            "/operator/v1/members/{member}/sessions",
            Who::Operator(Scope::Members),
            delete(operator_api::members::sign_out_member),
        ),
        row(
            Operator,
            Method::GET,
            "/operator/v1/sessions",
            Who::Operator(Scope::Members),
            get(operator_api::sessions::list_sessions),
        ),
        row(
            Operator,
            Method::DELETE,
            "/operator/v1/sessions/{session}",
            Who::Operator(Scope::Members),
            delete(operator_api::sessions::revoke_session),
        ),
        row(
            Operator,
            Method::GET,
            "/operator/v1/tokens",
            Who::Operator(Scope::Tokens),
            get(operator_api::tokens::list_tokens),
        ),
        row(
            Operator,
            Method::DELETE,
            "/operator/v1/tokens/{token}",
            Who::Operator(Scope::Tokens),
            delete(operator_api::tokens::revoke_token),
        ),
        row(
            Operator,
            Method::POST,
            "/operator/v1/events",
            Who::Operator(Scope::Events),
            operator_api::events::publish_route(),
        ),
        row(
            Operator,
            Method::GET,
            "/verify",
            ApiKey,
            any(operator_api::verify::verify),
        ),
        row(
            Operator,
            Method::GET,
            "/metrics",
            WATCHED,
            get(operator_api::metrics::metrics),
        ),
        row(
            Operator,
            Method::GET,
            "/healthz",
            WATCHED,
            get(operator_api::health::healthz),
        ),
        row(
            Operator,
            Method::GET,
            "/readyz",
            WATCHED,
            get(operator_api::health::readyz),
        ),
    ]
}

/// What the paths of the operator's listener begin with; no other listener answers to them.
pub fn operators_first_segments() -> BTreeSet<String> {
    table()
        .iter()
        .filter(|route| route.surface == Surface::Operator)
        .filter_map(|route| route.path.split('/').nth(1))
        .map(str::to_owned)
        .collect()
}

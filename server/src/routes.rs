//! Every route in one place: method, path, who may call it, and handler (invariant 12). The server builds both routers
//! from this table. Pages and server functions are listed in `dashboard::page_paths` and
//! `dashboard::server_function_paths`. A test calls each of them as someone who may not. A row of the operator's
//! listener has a different type from a row of the dashboard, so neither router accepts the other's rows.

use std::collections::BTreeSet;

use accounts::Scope;
use axum::routing::{any, delete, get, patch, post, put};
use http::Method;
use model::Permission;

use crate::route::Route;
use crate::{dashboard, operator_api};

/// The rows of each listener.
#[derive(Debug)]
pub struct Table {
    pub dashboard: Vec<dashboard::Route>,
    pub operator: Vec<operator_api::Route>,
}

pub fn table() -> Table {
    Table {
        dashboard: of_the_dashboard(),
        operator: of_the_operator(),
    }
}

impl Table {
    /// The first path segments of the operator's listener. No other listener serves them.
    pub fn operators_first_segments(&self) -> BTreeSet<String> {
        let paths = self.operator.iter().map(|route| route.path);
        let segments = paths.filter_map(|path| path.split('/').nth(1));
        segments.map(str::to_owned).collect()
    }
}

fn of_the_dashboard() -> Vec<dashboard::Route> {
    use Permission::{
        ExportLogs, ManageKeys, ManageWebhooks, ReplayDeliveries, RevealKeys, RevealWebhookSecrets, SeeLogs,
    };
    use dashboard::Who::{AnyMember, Anyone, ApiKey, Member};
    vec![
        Route::new(
            Method::POST,
            "/sign-in",
            Anyone("this is how one becomes somebody"),
            post(dashboard::sign_in),
        ),
        Route::new(
            Method::POST,
            "/sign-out",
            Anyone("it ends the caller's own session"),
            post(dashboard::sign_out),
        ),
        Route::new(
            Method::POST,
            "/demo/enter",
            Anyone("it is a 404 outside the demo"),
            post(dashboard::enter_the_demo),
        ),
        Route::new(Method::GET, "/live/{company}", AnyMember, get(dashboard::live)),
        Route::new(
            Method::POST,
            "/c/{company}/development/keys/generate",
            Member(ManageKeys),
            post(dashboard::generate_key),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/keys/{key}/test",
            Member(RevealKeys),
            post(dashboard::test_key),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/keys/{key}/reveal",
            Member(RevealKeys),
            post(dashboard::reveal_key),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/keys/{key}/change",
            Member(ManageKeys),
            post(dashboard::change_key),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/keys/{key}/delete",
            Member(ManageKeys),
            post(dashboard::delete_key),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/keys/{key}/rotate",
            Member(ManageKeys),
            post(dashboard::rotate_key),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/keys/{key}/rotation",
            Member(ManageKeys),
            post(dashboard::change_rotation),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/logs/export",
            Member(ExportLogs),
            post(dashboard::export_requests),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/logs/views",
            Member(SeeLogs),
            post(dashboard::save_view),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/logs/views/{view}/rename",
            Member(SeeLogs),
            post(dashboard::rename_view),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/logs/views/{view}/delete",
            Member(SeeLogs),
            post(dashboard::delete_view),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/webhooks/new",
            Member(ManageWebhooks),
            post(dashboard::create_webhook),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/edit",
            Member(ManageWebhooks),
            post(dashboard::change_webhook),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/enabled",
            Member(ManageWebhooks),
            post(dashboard::set_webhook_enabled),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/delete",
            Member(ManageWebhooks),
            post(dashboard::delete_webhook),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/header",
            Member(ManageWebhooks),
            post(dashboard::set_webhook_header),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/rate-limit",
            Member(ManageWebhooks),
            post(dashboard::set_webhook_rate),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/test",
            Member(ManageWebhooks),
            post(dashboard::send_test_event),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/secret/reveal",
            Member(RevealWebhookSecrets),
            post(dashboard::reveal_webhook_secret),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/secret/rotate",
            Member(RevealWebhookSecrets),
            post(dashboard::rotate_webhook_secret),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/deliveries/{delivery}/replay",
            Member(ReplayDeliveries),
            post(dashboard::replay_delivery),
        ),
        Route::new(
            Method::POST,
            "/c/{company}/development/webhooks/{webhook}/deliveries/{delivery}/sign",
            Member(ReplayDeliveries),
            post(dashboard::sign_delivery),
        ),
        Route::new(
            Method::GET,
            "/v1/{*rest}",
            ApiKey,
            any(dashboard::public_api::public_api),
        ),
        Route::new(
            Method::GET,
            "/v1/",
            ApiKey,
            any(dashboard::public_api::public_api),
        ),
        Route::new(Method::GET, "/v1", ApiKey, any(dashboard::public_api::public_api)),
    ]
}

fn of_the_operator() -> Vec<operator_api::Route> {
    use operator_api::Who::{Anyone, ApiKey, Bearer};
    const WATCHED: operator_api::Who = Anyone("whoever reaches the operator's listener may watch the server");
    vec![
        Route::new(
            Method::POST,
            "/operator/v1/companies",
            Bearer(Scope::Companies),
            post(operator_api::companies::create_company),
        ),
        Route::new(
            Method::POST,
            "/operator/v1/keys",
            Bearer(Scope::Keys),
            post(operator_api::keys::create_key),
        ),
        Route::new(
            Method::GET,
            "/operator/v1/companies",
            Bearer(Scope::Companies),
            get(operator_api::companies::list_companies),
        ),
        Route::new(
            Method::GET,
            "/operator/v1/keys",
            Bearer(Scope::Keys),
            get(operator_api::keys::list_keys),
        ),
        Route::new(
            Method::PATCH,
            "/operator/v1/keys/{key}",
            Bearer(Scope::Keys),
            patch(operator_api::keys::change_key),
        ),
        Route::new(
            Method::DELETE,
            "/operator/v1/keys/{key}",
            Bearer(Scope::Keys),
            delete(operator_api::keys::delete_key),
        ),
        Route::new(
            Method::POST,
            "/operator/v1/keys/{key}/rotate",
            Bearer(Scope::Keys),
            post(operator_api::rotation::rotate_key),
        ),
        Route::new(
            Method::GET,
            "/operator/v1/keys/{key}/rotation",
            Bearer(Scope::Keys),
            get(operator_api::rotation::show_rotation),
        ),
        Route::new(
            Method::PATCH,
            "/operator/v1/keys/{key}/rotation",
            Bearer(Scope::Keys),
            patch(operator_api::rotation::change_rotation),
        ),
        Route::new(
            Method::DELETE,
            "/operator/v1/keys/{key}/rotation",
            Bearer(Scope::Keys),
            delete(operator_api::rotation::cancel_rotation),
        ),
        Route::new(
            Method::GET,
            "/operator/v1/members",
            Bearer(Scope::Members),
            get(operator_api::members::list_members),
        ),
        Route::new(
            Method::POST,
            "/operator/v1/members",
            Bearer(Scope::Members),
            post(operator_api::members::create_member),
        ),
        Route::new(
            Method::DELETE,
            "/operator/v1/members/{member}",
            Bearer(Scope::Members),
            delete(operator_api::members::remove_member),
        ),
        Route::new(
            Method::PUT,
            "/operator/v1/members/{member}/password",
            Bearer(Scope::Members),
            put(operator_api::members::set_password),
        ),
        Route::new(
            Method::DELETE,
            "/operator/v1/members/{member}/sessions",
            Bearer(Scope::Members),
            delete(operator_api::members::sign_out_member),
        ),
        Route::new(
            Method::GET,
            "/operator/v1/sessions",
            Bearer(Scope::Members),
            get(operator_api::sessions::list_sessions),
        ),
        Route::new(
            Method::DELETE,
            "/operator/v1/sessions/{session}",
            Bearer(Scope::Members),
            delete(operator_api::sessions::revoke_session),
        ),
        Route::new(
            Method::GET,
            "/operator/v1/tokens",
            Bearer(Scope::Tokens),
            get(operator_api::tokens::list_tokens),
        ),
        Route::new(
            Method::DELETE,
            "/operator/v1/tokens/{token}",
            Bearer(Scope::Tokens),
            delete(operator_api::tokens::revoke_token),
        ),
        Route::new(
            Method::POST,
            "/operator/v1/events",
            Bearer(Scope::Events),
            operator_api::events::publish_route(),
        ),
        Route::new(
            Method::POST,
            "/operator/v1/events/batch",
            Bearer(Scope::Events),
            post(operator_api::events::publish_batch),
        ),
        Route::new(
            Method::GET,
            "/operator/v1/events/{event}",
            Bearer(Scope::Events),
            get(operator_api::event::show_event),
        ),
        Route::new(
            Method::POST,
            "/operator/v1/deliveries/hold",
            Bearer(Scope::Deliveries),
            post(operator_api::deliveries::hold_deliveries),
        ),
        Route::new(
            Method::POST,
            "/operator/v1/deliveries/resume",
            Bearer(Scope::Deliveries),
            post(operator_api::deliveries::resume_deliveries),
        ),
        Route::new(
            Method::POST,
            "/operator/v1/deliveries/cancel",
            Bearer(Scope::Deliveries),
            post(operator_api::deliveries::cancel_deliveries),
        ),
        Route::new(
            Method::GET,
            "/operator/v1/event-types",
            Bearer(Scope::EventTypes),
            get(operator_api::event_types::list_event_types),
        ),
        Route::new(
            Method::PUT,
            "/operator/v1/event-types",
            Bearer(Scope::EventTypes),
            put(operator_api::event_types::replace_event_types),
        ),
        Route::new(
            Method::GET,
            "/operator/v1/event-types/{event_type}",
            Bearer(Scope::EventTypes),
            get(operator_api::event_types::show_event_type),
        ),
        Route::new(
            Method::PUT,
            "/operator/v1/event-types/{event_type}",
            Bearer(Scope::EventTypes),
            put(operator_api::event_types::put_event_type),
        ),
        Route::new(
            Method::DELETE,
            "/operator/v1/event-types/{event_type}",
            Bearer(Scope::EventTypes),
            delete(operator_api::event_types::remove_event_type),
        ),
        Route::new(
            Method::GET,
            "/operator/v1/requests",
            Bearer(Scope::Logs),
            get(operator_api::requests::list_requests),
        ),
        Route::new(
            Method::POST,
            "/operator/v1/requests",
            Bearer(Scope::Requests),
            post(operator_api::sending::send_requests),
        ),
        Route::new(Method::GET, "/verify", ApiKey, any(operator_api::verify::verify)),
        Route::new(
            Method::POST,
            operator_api::verify::COMPLETIONS,
            Anyone(
                "it takes lines only from proxies that may ask /verify, and each needs the id of a request that waits",
            ),
            any(operator_api::verify::completions),
        ),
        Route::new(
            Method::GET,
            "/metrics",
            WATCHED,
            get(operator_api::metrics::metrics),
        ),
        Route::new(
            Method::GET,
            "/healthz",
            WATCHED,
            get(operator_api::health::healthz),
        ),
        Route::new(Method::GET, "/readyz", WATCHED, get(operator_api::health::readyz)),
    ]
}

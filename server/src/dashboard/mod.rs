//! The dashboard's listener: pages, server functions, form posts, live streams and the site's files.

pub mod export;
pub mod export_format;
pub mod exports;
pub mod guard;
pub mod headers;
pub mod key_actions;
pub mod live;
pub mod origin;
pub mod plain_page;
pub mod posted;
pub mod public_api;
mod rotation_actions;
pub mod router;
pub mod rpc;
pub mod session;
pub mod sign_in;
pub mod site;
pub mod streams;
pub mod turns;
pub mod view_actions;
pub mod webhook_actions;

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use ipnet::IpNet;
use leptos::config::LeptosOptions;
use model::{CredentialNames, DeliveryHeaders, DeliveryReach, Provider};

use crate::demo_people::DemoPeople;
use crate::ports::Backend;
use crate::services::Services;

pub use exports::Exports;
pub use guard::{Route, Who};
pub use origin::PublicOrigin;
pub use router::{page_paths, router, server_function_paths};
pub use site::Site;
pub use streams::Streams;
pub use turns::Turns;

pub use export::export_requests;
pub use key_actions::{change_key, delete_key, generate_key, reveal_key, test_key};
pub use live::live;
pub use rotation_actions::{change_rotation, rotate_key};
pub use sign_in::{enter_the_demo, sign_in, sign_out};
pub use view_actions::{delete_view, rename_view, save_view};
pub use webhook_actions::{
    change_webhook, create_webhook, delete_webhook, replay_delivery, reveal_webhook_secret,
    rotate_webhook_secret, send_test_event, set_webhook_enabled, set_webhook_header, set_webhook_rate,
    sign_delivery,
};

/// The state that every dashboard handler uses. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState(Arc<DashboardParts>);

/// The parts of [`AppState`].
#[derive(Debug)]
pub struct DashboardParts {
    /// The caller's ports, and through them every service.
    pub backend: Backend,
    pub origin: PublicOrigin,
    pub provider: Provider,
    /// The header names that the help pages show for deliveries.
    pub delivery_headers: DeliveryHeaders,
    pub credential_names: CredentialNames,
    /// What the webhook form says about URLs.
    pub delivery_reach: DeliveryReach,
    pub site: Site,
    pub leptos_options: LeptosOptions,
    /// The port of `cargo leptos watch`, when it is in use.
    pub reload_port: Option<u32>,
    pub trusted_proxies: Vec<IpNet>,
    /// The slots of live streams.
    pub streams: Streams,
    /// The exports in progress.
    pub exports: Exports,
    /// The slots of all other requests of a person.
    pub turns: Turns,
    /// `None` outside the demo.
    pub demo: Option<DemoPeople>,
}

impl AppState {
    pub fn new(parts: DashboardParts) -> Self {
        Self(Arc::new(parts))
    }

    pub fn services(&self) -> &Services {
        &self.backend.services
    }
}

impl Deref for AppState {
    type Target = DashboardParts;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos_options.clone()
    }
}

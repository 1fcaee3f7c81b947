//! `--demo` starts Gatehouse with sample data, on loopback only. It has one company with three brands, seven days of
//! history, an API behind the gateway, a webhook receiver, and traffic that continues through the real gateway.
//!
//! The sample data is created once per data directory ([`state`]). A second start keeps it, with all changes made
//! since.

mod history;
mod receiver;
mod state;
mod traffic;
mod upstream;
mod world;

use std::net::SocketAddr;

use axum::Router;
use model::{DemoContext, Environment};
use shares::Connections;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::config::{Config, ConfigError, Demo as Kind};
use crate::data_dir::DataDir;
use crate::demo_people::DemoPeople;
use crate::error::StartError;
use crate::listener;
use crate::services::Services;

use state::State;
pub use world::OWNER;

/// The password of both people. It protects only sample data on this machine.
pub const PASSWORD: &str = "gatehouse-demo";

/// Where the built-in API and receiver listen, if the port is free.
const PORT: u16 = 8090;

/// The demo's listener and the state from its data directory, before the services run.
#[derive(Debug)]
pub struct Prepared {
    kind: Kind,
    listener: TcpListener,
    address: SocketAddr,
    state: Option<State>,
}

/// A demo whose sample data exists.
#[derive(Debug)]
pub struct Ready {
    pub people: DemoPeople,
    pub context: DemoContext,
    state: State,
    listener: TcpListener,
}

impl Prepared {
    /// Binds the listener and points the configuration at it.
    pub async fn new(kind: Kind, config: &mut Config, data_dir: &DataDir) -> Result<Self, StartError> {
        let state = State::read(data_dir)?;
        let listener = bind(state.as_ref().map_or(PORT, |state| state.port)).await?;
        let address = listener
            .local_addr()
            .map_err(StartError::failed("binding the demo's API"))?;
        if config.upstreams.is_empty() {
            let url: Url = format!("http://{address}")
                .parse()
                .map_err(StartError::failed("naming the demo's API"))?;
            config.upstreams = Environment::ALL
                .into_iter()
                .map(|environment| (environment, url.clone()))
                .collect();
        }
        for network in ["127.0.0.0/8", "::1/128"] {
            config
                .allow_networks
                .extend(network.parse::<webhooks::AllowedNetwork>().ok());
        }
        // The demo's callers send the address they pretend to come from.
        config
            .trusted_proxies
            .extend("127.0.0.1/32".parse::<ipnet::IpNet>().ok());
        Ok(Self {
            kind,
            listener,
            address,
            state,
        })
    }

    /// Creates the sample data if there is none yet.
    pub async fn ready(self, services: &Services, data_dir: &DataDir) -> Result<Ready, StartError> {
        let Self {
            kind,
            listener,
            address,
            state,
        } = self;
        let state = match state {
            Some(state) if state.port == address.port() => state,
            Some(state) => {
                world::move_webhooks(services, &state, address.port()).await?;
                let moved = State {
                    port: address.port(),
                    ..state
                };
                moved.write(data_dir)?;
                moved
            }
            None => {
                refuse_another_installation(services).await?;
                State::begin(data_dir)?;
                let state = world::make(kind, services, address.port()).await?;
                state.write(data_dir)?;
                state
            }
        };
        let receiver_url = format!("http://{address}{}", receiver::PATH);
        let context = DemoContext {
            receiver_url,
            real_since: state.real_since,
        };
        Ok(Ready {
            people: world::people()?,
            context,
            state,
            listener,
        })
    }
}

impl Ready {
    /// Serves the API and the receiver, and sends requests and events, until `stop`.
    pub fn run(
        self,
        services: &Services,
        gateway: SocketAddr,
        connections: usize,
        stop: &CancellationToken,
        tasks: &TaskTracker,
    ) {
        let router = Router::new()
            .merge(receiver::router(services.clone()))
            .merge(upstream::router(services.clone()));
        // All its callers are on this machine.
        let machine = ["127.0.0.0/8", "::1/128"]
            .iter()
            .filter_map(|network| network.parse().ok());
        let connections = Connections::new("demo", connections, connections, machine.collect());
        let clock = services.clock();
        tasks.spawn(listener::serve(
            self.listener,
            None,
            router,
            connections,
            clock,
            stop.clone(),
        ));
        if self.state.real_since.is_some() {
            tasks.spawn(traffic::send(services.clone(), self.state, gateway, stop.clone()));
        }
    }

    /// A `curl` command with an active key. `None` if no key is active.
    pub async fn curl(&self, services: &Services, gateway_url: &str) -> Option<String> {
        let company = services.core.accounts.company(self.state.company).await.ok()??;
        let form = services.core.keys.form();
        for environment in Environment::ALL {
            let secrets = services
                .core
                .keys
                .signing_secrets(company.id, environment)
                .await
                .ok()?;
            if let Some(newest) = secrets.last() {
                return Some(format!(
                    "curl -H '{}: {}' -H '{}: {}' {gateway_url}/v1/users/",
                    form.client_id.written(),
                    self.state.company,
                    form.secret.written(),
                    newest.secret.expose()
                ));
            }
        }
        None
    }
}

/// Binds the same port as last time, or the next free one. A demo on another port is better than one that does not
/// start.
async fn bind(port: u16) -> Result<TcpListener, StartError> {
    for port in port..port.saturating_add(50) {
        match TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            bound => return bound.map_err(StartError::failed("binding the demo's API")),
        }
    }
    TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(StartError::failed("binding the demo's API"))
}

/// Sample data must never go into a directory with a real installation.
async fn refuse_another_installation(services: &Services) -> Result<(), StartError> {
    let companies = services
        .core
        .accounts
        .companies()
        .await
        .map_err(StartError::failed("reading the companies"))?;
    if companies.is_empty() {
        return Ok(());
    }
    Err(ConfigError::new(
        "data-dir holds an installation that is not a demo; use another directory for --demo.",
    )
    .into())
}

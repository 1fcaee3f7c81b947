//! `--demo`: a world to look at, on loopback only. One company with three brands, seven days of history, an API behind the
//! gateway, a webhook receiver, and traffic that goes on through the real gateway.
//!
//! Made once per data directory ([`state`]); a second start keeps what was made, whatever became of it since.

mod history;
mod receiver;
mod state;
mod traffic;
mod upstream;
mod world;

use std::net::SocketAddr;

use accounts::Email;
use axum::Router;
use model::{DemoContext, Environment, Role};
use shares::Connections;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::config::{Config, ConfigError, Demo as Kind};
use crate::data_dir::DataDir;
use crate::error::StartError;
use crate::listener;
use crate::services::Services;

use state::State;
pub use world::OWNER;

/// Both people's password; it protects nothing but sample data on this machine.
pub const PASSWORD: &str = "gatehouse-demo";

/// Where the built-in API and receiver listen, if the port is free.
const PORT: u16 = 8090;

/// The demo's two people.
#[derive(Clone, Debug)]
pub struct DemoPeople {
    pub owner: Email,
    pub viewer: Email,
}

impl DemoPeople {
    pub fn email(&self, role: Role) -> &Email {
        match role {
            Role::Owner => &self.owner,
            Role::Viewer => &self.viewer,
        }
    }
}

/// The demo's own listener and what stands in its data directory, before the services run.
#[derive(Debug)]
pub struct Prepared {
    kind: Kind,
    listener: TcpListener,
    address: SocketAddr,
    state: Option<State>,
}

/// A demo whose world is made.
#[derive(Debug)]
pub struct Ready {
    pub people: DemoPeople,
    pub context: DemoContext,
    state: State,
    listener: TcpListener,
}

impl Prepared {
    /// Binds the listener and lets the configuration point at it.
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
        // The demo's own callers say which address they pretend to come from.
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

    /// Makes the world where there is none yet.
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
    /// Serves the API and the receiver, and sends requests and events until `stop`.
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
        // Its callers are all of this machine.
        let machine = ["127.0.0.0/8", "::1/128"]
            .iter()
            .filter_map(|network| network.parse().ok());
        let connections = Connections::new("demo", connections, connections, machine.collect());
        tasks.spawn(listener::serve(self.listener, router, connections, stop.clone()));
        if self.state.real_since.is_some() {
            tasks.spawn(traffic::send(services.clone(), self.state, gateway, stop.clone()));
        }
    }

    /// A `curl` line with a key that is active now; none when no key is.
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

/// The port of the last time, else the next free one: a demo that does not start would be worse.
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

/// Sample data never goes into a directory somebody uses for real.
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
        "data-dir holds an installation that is not a demo; give --demo a directory of its own.",
    )
    .into())
}

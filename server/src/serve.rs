//! `gatehouse serve`: opens the installation, binds the three listeners, connects the services and runs until it is
//! told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use accounts::Passwords;
use clock::Clock;
use leptos::config::{Env, LeptosOptions};
use shares::Connections;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use wire::{Door, Plane, RunningPlane};

use crate::access_logs::AccessLogs;
use crate::config::{Config, ConfigError, Database, ListenAddress};
use crate::core::{Absent, Core};
use crate::dashboard::{self, AppState, DashboardParts, Exports, PublicOrigin, Site, Streams, Turns};
use crate::data_dir::{Claim, DataDir, TURN};
use crate::demo;
use crate::descriptors::Descriptors;
use crate::error::StartError;
use crate::listener;
use crate::log_keeping;
use crate::operator_api::{self, OperatorHosts};
use crate::ports::{Backend, Installation};
use crate::services::{Background, Services};
use crate::{admin, control, routes};

/// A running server. [`Running::stop`] ends it.
#[derive(Debug)]
pub struct Running {
    pub dashboard: SocketAddr,
    pub gateway: SocketAddr,
    pub operator: SocketAddr,
    /// Where proxies send their access log.
    pub completion_syslog: Option<SocketAddr>,
    /// How browsers reach the dashboard.
    pub public_url: String,
    /// How programs reach the gateway.
    pub gateway_url: String,
    pub services: Services,
    pub started_at: model::Timestamp,
    /// In the demo: a `curl` command to paste, if a key is active.
    pub demo_curl: Option<Option<String>>,
    background: Background,
    tasks: TaskTracker,
    plane: RunningPlane,
    _data_dir: DataDir,
}

/// Opens and starts everything; returns when the listeners answer. Every part of the server goes by `clock`.
pub async fn start(config: Config, passwords: Passwords, clock: Clock) -> Result<Running, StartError> {
    let data_dir = in_turn(&config.place.data_dir).await?;
    let bounds = Descriptors::claim(if config.demo.is_some() { 2 } else { 1 })?;
    let core = Arc::new(
        Core::open(
            &config.place,
            &data_dir,
            passwords,
            config.rate_limit,
            Absent::Create,
            clock,
        )
        .await?,
    );
    match start_on(config, bounds, data_dir, Arc::clone(&core)).await {
        Ok(running) => Ok(running),
        Err(error) => {
            core.close().await;
            Err(error)
        }
    }
}

/// Claims the data directory. If a command or a stopping server is using it, waits for it up to a time limit. Does not
/// wait for a running server.
async fn in_turn(path: &Path) -> Result<DataDir, StartError> {
    let began = Instant::now();
    loop {
        match DataDir::claim(path)? {
            Claim::Held(data_dir) => return Ok(data_dir),
            Claim::Taken if began.elapsed() < TURN && !control::is_served(path).await => {
                tokio::time::sleep(control::TRY_AGAIN).await;
            }
            Claim::Taken => {
                let path = path.display();
                return Err(ConfigError::new(format!(
                    "data-dir is {path}, which another process is using. Stop that process, or use another data-dir."
                ))
                .into());
            }
        }
    }
}

async fn start_on(
    mut config: Config,
    bounds: Descriptors,
    data_dir: DataDir,
    core: Arc<Core>,
) -> Result<Running, StartError> {
    let dashboard = bind("listen", config.listen, &config).await?;
    let gateway = bind("gateway-listen", config.gateway_listen, &config).await?;
    let operator = bind("operator-listen", config.operator_listen, &config).await?;
    let (table, tasks) = (routes::table(), TaskTracker::new());
    let (plane, running_plane) =
        Plane::start_on_each_core().map_err(StartError::failed("starting the gateway's threads"))?;

    let prepared = match config.demo {
        Some(kind) => Some(demo::Prepared::new(kind, &mut config, &data_dir).await?),
        None => None,
    };
    let mut own = vec![local(&dashboard)?, local(&gateway)?, local(&operator)?];
    let access_logs = AccessLogs::bind(&config).await?;
    own.extend(access_logs.syslog_address()?);
    let withheld = table.operators_first_segments();
    let (services, background) = Services::start(&config, Arc::clone(&core), &bounds, own, withheld).await?;
    let stop = services.stopping.clone();
    let demo = match prepared {
        Some(prepared) => Some(prepared.ready(&services, &data_dir).await?),
        None => None,
    };
    let state = state(
        &config,
        &bounds,
        &services,
        demo.as_ref(),
        &tasks,
        (local(&dashboard)?, local(&gateway)?),
    )?;
    let gateway_url = state.backend.installation.gateway_url.clone();
    let demo_curl = match &demo {
        Some(demo) => Some(demo.curl(&services, &gateway_url).await),
        None => None,
    };

    let carry_out = move |command| {
        let core = Arc::clone(&core);
        async move { admin::carry_out(command, &core).await }
    };
    control::serve(&data_dir, carry_out, bounds.control, stop.clone(), &tasks)?;
    let running = Running {
        dashboard: local(&dashboard)?,
        gateway: local(&gateway)?,
        operator: local(&operator)?,
        completion_syslog: access_logs.syslog_address()?,
        public_url: state.origin.url().to_owned(),
        gateway_url,
        services: services.clone(),
        started_at: services.core.clock.now(),
        demo_curl,
        background,
        tasks: tasks.clone(),
        plane: running_plane,
        _data_dir: data_dir,
    };
    access_logs.take(&services, &stop, &tasks);
    if let Some(demo) = demo {
        demo.run(&services, running.gateway, bounds.requests, &stop, &tasks);
    }
    let connections = |name, at_once, per_address| {
        Connections::new(name, at_once, per_address, config.trusted_proxies.clone())
    };
    for (_, tls) in services.certificates() {
        tasks.spawn(tls.clone().keep_current(services.clock(), stop.clone()));
    }
    tasks.spawn(listener::serve(
        dashboard,
        services.tls.clone(),
        dashboard::router(table.dashboard, state),
        connections("dashboard", bounds.dashboard, config.connections_per_address),
        services.clock(),
        stop.clone(),
    ));
    let router = operator_api::router(
        table.operator,
        services.clone(),
        OperatorHosts::new(&config.operator_hosts),
    );
    // A proxy that asks `/verify` about each request has many connections. Its address gets its fair share and has no
    // other limit.
    let door = Door {
        listener: operator,
        tls: None,
        connections: connections("operator", bounds.operator, bounds.operator),
        limits: listener::LIMITS,
        drain: listener::DRAIN,
    };
    tasks.spawn(operator_api::serve(
        plane.clone(),
        door,
        router,
        services.clone(),
        stop.clone(),
    ));
    tasks.spawn(services.clone().tidy());
    tasks.spawn(services.clone().move_old_log_rows());
    tasks.spawn(log_keeping::keep_log(services.clone()));
    if matches!(config.place.database, Database::Postgres(_)) {
        tasks.spawn(services.clone().watch_sessions());
        tasks.spawn(
            services
                .core
                .event_types
                .clone()
                .follow(services.stopping.clone()),
        );
    }
    tasks.spawn(async move { services.gateway.serve(&plane, gateway, stop).await });
    tasks.close();
    Ok(running)
}

impl Running {
    /// Returns when this node hears of what the others on its database do; at once where there can be no other.
    pub async fn hears_other_nodes(&self) {
        self.background.hears_other_nodes().await;
    }

    /// Stops accepting, lets open responses finish, and writes what is still in memory.
    pub async fn stop(self) {
        self.services.stopping.cancel();
        self.tasks.wait().await;
        self.plane.stop();
        self.services.stop(self.background).await;
    }
}

/// The state that the handlers of both routers use.
fn state(
    config: &Config,
    bounds: &Descriptors,
    services: &Services,
    demo: Option<&demo::Ready>,
    tasks: &TaskTracker,
    (dashboard, gateway): (SocketAddr, SocketAddr),
) -> Result<AppState, StartError> {
    let gateway_url = config
        .gateway_url
        .as_ref()
        .map(|url| url.as_str().trim_end_matches('/').to_owned());
    let scheme = if services.gateway.tls().is_some() {
        "https"
    } else {
        "http"
    };
    let gateway_url = gateway_url.unwrap_or_else(|| format!("{scheme}://{gateway}"));
    let (leptos_options, site) = site(config)?;
    let installation = Installation {
        gateway_url,
        upstreams: config
            .upstreams
            .iter()
            .map(|(environment, _)| *environment)
            .collect(),
        demo: demo.map(|demo| demo.context.clone()),
    };
    Ok(AppState::new(DashboardParts {
        backend: Backend {
            services: services.clone(),
            installation: Arc::new(installation),
        },
        origin: PublicOrigin::new(config.public_url.as_ref(), dashboard, services.tls.is_some()),
        provider: config.provider.clone(),
        delivery_headers: config.webhook_headers.shown().clone(),
        credential_names: config.credential_names(),
        delivery_reach: config.delivery_reach(),
        site,
        reload_port: std::env::var_os("LEPTOS_WATCH").map(|_| leptos_options.reload_port),
        leptos_options,
        trusted_proxies: config.trusted_proxies.clone(),
        streams: Streams::new(bounds.streams),
        exports: Exports::new(tasks.clone()),
        turns: Turns::default(),
        demo: demo.map(|demo| demo.people.clone()),
    }))
}

impl Running {
    /// What the person who started the server needs to know first.
    pub fn greeting(&self) -> String {
        let Some(curl) = &self.demo_curl else {
            return format!(
                "The dashboard is at {}. The gateway is at {}. The operator API is at http://{}.",
                self.public_url, self.gateway_url, self.operator
            );
        };
        let curl = curl
            .as_deref()
            .unwrap_or("(no active key: generate one under API Keys, which shows a line to try)");
        format!(
            "\nGatehouse demo\n\n  Dashboard  {}\n  Sign in    {}  password {}  (or the buttons on the page)\n  \
             Gateway    {}\n\n  Try it:\n  {curl}\n",
            self.public_url,
            demo::OWNER,
            demo::PASSWORD,
            self.gateway_url
        )
    }
}

/// In the demo, a default port that is taken is replaced by the next free one. A port that was set explicitly never is.
async fn bind(name: &str, listen: ListenAddress, config: &Config) -> Result<TcpListener, StartError> {
    let mut address = listen.address;
    let mut tries = if config.demo.is_some() && listen.is_default {
        50
    } else {
        1
    };
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                if address != listen.address {
                    say(&format!(
                        "Port {} is taken; {name} is {address} instead.",
                        listen.address.port()
                    ));
                }
                return Ok(listener);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && tries > 1 => {
                tries -= 1;
                address.set_port(address.port() + 1);
            }
            Err(error) => {
                return Err(ConfigError::new(format!(
                    "{name} is {address}, but Gatehouse cannot listen there: {error}."
                ))
                .into());
            }
        }
    }
}

fn local(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener
        .local_addr()
        .map_err(StartError::failed("asking a listener for its address"))
}

/// Leptos's runtime options, with the output name that the site was built with.
fn site(config: &Config) -> Result<(LeptosOptions, Site), StartError> {
    let mut options = match config
        .leptos_config
        .to_str()
        .filter(|path| std::path::Path::new(path).is_file())
    {
        Some(path) => {
            leptos::config::get_configuration(Some(path))
                .map_err(|error| ConfigError::new(format!("{path} cannot be used: {error}.")))?
                .leptos_options
        }
        None => LeptosOptions::builder()
            .output_name("gatehouse")
            .site_root(std::env::var("LEPTOS_SITE_ROOT").unwrap_or_else(|_| "target/site".to_owned()))
            .env(Env::PROD)
            .build(),
    };
    let site = Site::find(&options);
    options.output_name = site.output_name.clone().into();
    if site.is_absent() {
        let looked_in = std::path::absolute(&*options.site_root).unwrap_or_default();
        tracing::warn!(
            "there is no site in {}: pages have no styles or scripts. Run `cargo xtask build` and start this in the \
             project's directory, set LEPTOS_SITE_ROOT to the site's directory, or use the binary of `cargo xtask \
             build --release`, which includes the site",
            looked_in.display()
        );
    }
    Ok((options, site))
}

/// Prints a line for the person who started the program.
pub(crate) fn say(line: &str) {
    // If no one reads standard output, the server keeps running.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

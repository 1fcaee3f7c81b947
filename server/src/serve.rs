//! `gatehouse serve`: opens the installation, binds the three listeners, wires the services and runs until it is told to
//! stop.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use accounts::Passwords;
use leptos::config::{Env, LeptosOptions};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, ConfigError, ListenAddress};
use crate::control;
use crate::core::Core;
use crate::dashboard::{self, AppState, DashboardParts, PublicOrigin, Site};
use crate::data_dir::{Claim, DataDir};
use crate::error::StartError;
use crate::listener;
use crate::ports::{Backend, BackendParts};

/// A server that answers on its listeners; ends with [`Running::stop`].
#[derive(Debug)]
pub struct Running {
    pub dashboard: SocketAddr,
    pub gateway: SocketAddr,
    pub operator: SocketAddr,
    /// How browsers reach the dashboard.
    pub public_url: String,
    pub core: Arc<Core>,
    stop: CancellationToken,
    tasks: TaskTracker,
    _data_dir: DataDir,
}

/// Opens and starts everything; returns when the listeners answer.
pub async fn start(config: Config, passwords: Passwords) -> Result<Running, StartError> {
    let data_dir = match DataDir::claim(&config.place.data_dir)? {
        Claim::Held(data_dir) => data_dir,
        Claim::Taken => {
            let path = config.place.data_dir.display();
            return Err(ConfigError::new(format!("data-dir is {path}, and another process is using it.")).into());
        }
    };
    let core = Arc::new(Core::open(&config.place, &data_dir, passwords, config.rate_limit).await?);
    let dashboard = bind("listen", config.listen, &config).await?;
    let gateway = bind("gateway-listen", config.gateway_listen, &config).await?;
    let operator = bind("operator-listen", config.operator_listen, &config).await?;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());

    let origin = PublicOrigin::new(config.public_url.as_ref(), local(&dashboard)?);
    let gateway_url = config.gateway_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    let gateway_url = gateway_url.unwrap_or_else(|| format!("http://{}", config.gateway_listen.address));
    let backend = Backend::new(BackendParts {
        accounts: core.accounts.clone(),
        gateway_url,
        upstreams: config.upstreams.iter().map(|(environment, _)| *environment).collect(),
        demo: None,
    });
    let (leptos_options, site) = site(&config)?;
    let state = AppState::new(DashboardParts {
        accounts: core.accounts.clone(),
        hub: core.hub.clone(),
        origin: origin.clone(),
        site,
        reload_port: std::env::var_os("LEPTOS_WATCH").map(|_| leptos_options.reload_port),
        leptos_options,
        trusted_proxies: config.trusted_proxies.clone(),
        backend,
        demo: None,
        stop: stop.clone(),
    });

    control::serve(&data_dir, Arc::clone(&core), stop.clone(), &tasks)?;
    let running = Running {
        dashboard: local(&dashboard)?,
        gateway: local(&gateway)?,
        operator: local(&operator)?,
        public_url: origin.url().to_owned(),
        core,
        stop: stop.clone(),
        tasks: tasks.clone(),
        _data_dir: data_dir,
    };
    tasks.spawn(listener::serve(dashboard, dashboard::router(state), stop));
    tasks.close();
    Ok(running)
}

impl Running {
    /// Stops accepting, lets open answers end, writes what is still in memory.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
        self.core.db.close().await;
    }
}

/// In the demo a taken port of our own choosing gives way to the next free one; a port somebody asked for never does.
async fn bind(name: &str, listen: ListenAddress, config: &Config) -> Result<TcpListener, StartError> {
    let mut address = listen.address;
    let mut tries = if config.demo.is_some() && listen.is_default { 50 } else { 1 };
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                if address != listen.address {
                    say(&format!("Port {} is taken; {name} is {address} instead.", listen.address.port()));
                }
                return Ok(listener);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && tries > 1 => {
                tries -= 1;
                address.set_port(address.port() + 1);
            }
            Err(error) => {
                return Err(ConfigError::new(format!("{name} is {address}, which cannot be listened on: {error}.")).into());
            }
        }
    }
}

fn local(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(StartError::failed("asking a listener for its address"))
}

/// Leptos's runtime options, with the output name that the site was built under.
fn site(config: &Config) -> Result<(LeptosOptions, Site), StartError> {
    let mut options = match config.leptos_config.to_str().filter(|path| std::path::Path::new(path).is_file()) {
        Some(path) => leptos::config::get_configuration(Some(path))
            .map_err(|error| ConfigError::new(format!("{path} cannot be used: {error}.")))?
            .leptos_options,
        None => LeptosOptions::builder().output_name("gatehouse").site_root("target/site").env(Env::PROD).build(),
    };
    let site = Site::find(&options);
    options.output_name = site.output_name.clone().into();
    if site.is_absent() {
        tracing::warn!(
            "there is no site in {}: pages come without style and scripts; `cargo xtask build` makes it",
            options.site_root
        );
    }
    Ok((options, site))
}

/// A line for the person who started the program.
pub(crate) fn say(line: &str) {
    // Nobody may be reading; the server goes on.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

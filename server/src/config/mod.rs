//! The configuration of `gatehouse serve`. Flags win over environment variables, which win over the file. Each value is
//! parsed once, and each error is one sentence that names the setting.

mod completion;
mod limits;
mod parse;
mod retention;
mod secrets;
mod settings;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use keys::CredentialForm;
use model::{CredentialNames, DeliveryReach, Environment, Provider};
use thiserror::Error;
use url::Url;

use crate::cli::{AdminArgs, ServeArgs};

pub use completion::Completion;
pub use limits::GatewayLimits;
pub use secrets::{Secrets, load_secrets, master_key_file, pepper_file, secret_sources};
use settings::Settings;
pub use tls::CertificateFiles;

/// One sentence for the person who started the program. The exit code is 2.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl ConfigError {
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// Which demo data to start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demo {
    Full,
    Empty,
}

/// How many requests a key may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    Off,
    /// How many may come at once. The allowance refills within a minute.
    Requests(u32),
}

/// Which database holds the rows.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    Embedded,
    Postgres(String),
}

impl std::fmt::Debug for Database {
    /// Hides the URL because it may contain a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Embedded => "Embedded",
            Self::Postgres(_) => "Postgres([redacted])",
        })
    }
}

/// Where the data is and what is needed to open it. This is all that `admin` needs.
#[derive(Clone, Debug)]
pub struct Place {
    pub data_dir: PathBuf,
    pub database: Database,
    /// The names of the credential headers, and the prefixes of new secrets.
    pub credentials: CredentialForm,
    /// How long the log is kept.
    pub retention: logs::Retention,
}

/// A listener's address. `is_default` if it was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    pub address: SocketAddr,
    pub is_default: bool,
}

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// How customers' pages name the company that runs this installation.
    pub provider: Provider,
    pub place: Place,
    pub listen: ListenAddress,
    pub gateway_listen: ListenAddress,
    pub operator_listen: ListenAddress,
    /// Host names of the operator listener, in addition to IP addresses and `localhost`.
    pub operator_hosts: Vec<String>,
    /// As set. Use [`Config::public_url`] for the value with its default.
    pub public_url: Option<Url>,
    pub gateway_url: Option<Url>,
    pub upstreams: Vec<(Environment, Url)>,
    pub upstream_http2: gateway::UpstreamHttp2,
    /// The dashboard's certificate, and the gateway's.
    pub tls: Option<CertificateFiles>,
    pub gateway_tls: Option<CertificateFiles>,
    pub allow_networks: Vec<webhooks::AllowedNetwork>,
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Proxies that may ask `/verify`; if empty, those on this machine.
    pub verify_peers: Vec<ipnet::IpNet>,
    /// Where they tell how the requests ended that they asked about.
    pub completion: Option<Completion>,
    /// What passes without a key.
    pub open: gateway::Open,
    /// The User-Agent and the name of the signature header on every delivery.
    pub webhook_headers: webhooks::SentHeaders,
    /// What publishing does with a payload that the schema of its type does not allow.
    pub event_payloads: webhooks::PayloadCheck,
    /// The most connections from one address to one listener.
    pub connections_per_address: usize,
    pub gateway: GatewayLimits,
    pub rate_limit: RateLimit,
    /// The names whose values are redacted and never stored.
    pub names: Arc<logs::Names>,
    pub log: String,
    pub demo: Option<Demo>,
    pub leptos_config: PathBuf,
}

impl Config {
    /// Reads flags, environment variables and the file.
    pub fn read(args: &ServeArgs) -> Result<Self, ConfigError> {
        let settings = Settings::read(args, args.config.as_deref())?;
        let config = Self {
            provider: parse::provider(&settings)?,
            place: place(&settings)?,
            listen: parse::listen(&settings, "listen", "127.0.0.1:3000")?,
            gateway_listen: parse::listen(&settings, "gateway-listen", "127.0.0.1:8080")?,
            operator_listen: parse::listen(&settings, "operator-listen", "127.0.0.1:9090")?,
            operator_hosts: parse::hosts(&settings, "operator-host")?,
            public_url: parse::origin(&settings, "public-url")?,
            gateway_url: parse::origin(&settings, "gateway-url")?,
            upstreams: parse::upstreams(&settings)?,
            upstream_http2: tls::upstream_http2(&settings)?,
            tls: CertificateFiles::read(&settings, "tls-certificate", "tls-key")?,
            gateway_tls: CertificateFiles::read(&settings, "gateway-tls-certificate", "gateway-tls-key")?,
            allow_networks: parse::allow_networks(&settings)?,
            trusted_proxies: parse::networks(&settings, "trusted-proxy")?,
            verify_peers: parse::networks(&settings, "verify-peer")?,
            completion: completion::read(&settings)?,
            open: parse::open(&settings)?,
            webhook_headers: parse::webhook_headers(&settings)?,
            event_payloads: parse::event_payloads(&settings)?,
            connections_per_address: parse::connections_per_address(&settings)?,
            gateway: limits::read(&settings)?,
            rate_limit: parse::rate_limit(&settings)?,
            names: Arc::new(parse::names(&settings)?),
            log: settings
                .text("log")
                .map_or_else(|| "info".to_owned(), |value| value.text),
            demo: parse::demo(&settings)?,
            leptos_config: args.leptos_config.clone(),
        };
        config.check_together()?;
        Ok(config)
    }

    /// The credential names as pages and code samples show them.
    pub fn credential_names(&self) -> CredentialNames {
        let form = &self.place.credentials;
        CredentialNames {
            client_id: form.client_id.written().to_owned(),
            secret: form.secret.written().to_owned(),
            prefixes: Environment::ALL.map(|environment| form.prefixes.of_new(environment).to_owned()),
        }
    }

    /// For the webhook form: what may be reached beyond public addresses over https.
    pub fn delivery_reach(&self) -> DeliveryReach {
        DeliveryReach::new(self.allow_networks.iter().map(ToString::to_string))
    }

    /// Checks the settings that depend on each other.
    fn check_together(&self) -> Result<(), ConfigError> {
        if self.demo.is_some() {
            for (name, listen) in self.listeners() {
                if !listen.address.ip().is_loopback() {
                    return Err(ConfigError::new(format!(
                        "--demo lets anyone in without a password, so {name} must be a loopback address, not {}.",
                        listen.address
                    )));
                }
            }
            if self.tls.is_some() || self.gateway_tls.is_some() {
                return Err(ConfigError::new(
                    "--demo calls itself over http, so no certificate can be set with it.",
                ));
            }
            if self.place.database != Database::Embedded {
                return Err(ConfigError::new(
                    "--demo uses a database of its own, so database-url cannot be set with it.",
                ));
            }
        }
        let urls = [
            ("public-url", &self.public_url, &self.tls),
            ("gateway-url", &self.gateway_url, &self.gateway_tls),
        ];
        for (name, url, tls) in urls {
            if tls.is_some() && url.as_ref().is_some_and(|url| url.scheme() == "http") {
                return Err(ConfigError::new(format!(
                    "{name} begins with http://, but that listener has a certificate and speaks https only."
                )));
            }
        }
        if self.public_url.is_none() && self.listen.address.ip().is_unspecified() {
            return Err(ConfigError::new(format!(
                "listen is {}, which a browser cannot open, so public-url must say how browsers reach the dashboard.",
                self.listen.address
            )));
        }
        Ok(())
    }

    fn listeners(&self) -> [(&'static str, ListenAddress); 3] {
        [
            ("listen", self.listen),
            ("gateway-listen", self.gateway_listen),
            ("operator-listen", self.operator_listen),
        ]
    }
}

impl Place {
    /// Reads the configuration for `gatehouse admin`.
    pub fn read(args: &AdminArgs) -> Result<Self, ConfigError> {
        let flags = ServeArgs {
            data_dir: args.data_dir.clone(),
            database_url: args.database_url.clone(),
            ..ServeArgs::default()
        };
        place(&Settings::read(&flags, args.config.as_deref())?)
    }
}

fn place(settings: &Settings) -> Result<Place, ConfigError> {
    let data_dir = settings
        .text("data-dir")
        .map_or_else(|| "gatehouse-data".to_owned(), |value| value.text);
    Ok(Place {
        data_dir: PathBuf::from(data_dir),
        database: parse::database(settings)?,
        credentials: parse::credentials(settings)?,
        retention: retention::read(settings)?,
    })
}

//! What the operator can set, including the limits that keep one caller from taking what others need.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use model::Environment;
use url::Url;
use wire::Tls;

use crate::address::is_verify_peer;
use crate::completion::CompletionOptions;
use crate::open::Open;

/// The settings of a gateway.
#[derive(Clone, Debug, Default)]
pub struct GatewayOptions {
    /// The API behind each environment. A key of an environment without one is refused as `wrong_environment`.
    pub upstreams: HashMap<Environment, Url>,
    /// How callers reach the gateway, if not at its own address.
    pub gateway_url: Option<Url>,
    /// How callers reach the other listener with the public API, if not at its own address.
    pub public_api_url: Option<Url>,
    /// Whether that listener has a certificate.
    pub public_api_tls: bool,
    pub timeouts: Timeouts,
    pub limits: Limits,
    /// Peers whose `X-Forwarded-…` headers are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The certificate of the gateway's own listener. Without one, its connections are not encrypted.
    pub tls: Option<Tls>,
    /// Over which connections to upstreams HTTP/2 is spoken.
    pub upstream_http2: UpstreamHttp2,
    /// First path segments that always get a 404. The operator's routes are on another listener, and nothing that looks
    /// like them may be reachable here.
    pub withheld: BTreeSet<String>,
    /// What passes without a key.
    pub open: Open,
    /// Peers that may ask `verify`: it says which secrets are valid. If none are named, those on this machine.
    pub verify_peers: Vec<IpNet>,
    /// If proxies tell how the requests ended that they asked `verify` about: how long that is waited for.
    pub completion: Option<CompletionOptions>,
}

impl GatewayOptions {
    /// `path` is [normalised](crate::paths::normalised).
    pub(crate) fn withholds(&self, path: &str) -> bool {
        let first = path.strip_prefix('/').unwrap_or(path).split('/').next();
        first.is_some_and(|first| self.withheld.contains(first))
    }

    pub(crate) fn may_verify(&self, peer: IpAddr) -> bool {
        is_verify_peer(&self.verify_peers, peer)
    }
}

/// Over which connections to upstreams HTTP/2 is spoken. WebSockets go over HTTP/1.1 in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpstreamHttp2 {
    /// Over none.
    Off,
    /// Over https, if the upstream chooses it.
    #[default]
    Tls,
    /// Also over http, without asking.
    Always,
}

/// How long the gateway waits for each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a TLS handshake with a caller.
    pub handshake: Duration,
    /// For a request's head, counted from when the connection opened or the previous response ended.
    pub head: Duration,
    /// Between two pieces of a request's body.
    pub body_idle: Duration,
    /// From a request's head to the end of its body.
    pub body_total: Duration,
    /// To connect to an upstream, with TLS.
    pub connect: Duration,
    /// From the last piece of the request's body that the upstream accepted to the start of its response.
    pub answer: Duration,
    /// Between two pieces of a response's body, and while neither side of a WebSocket sends anything.
    pub stream_idle: Duration,
    /// How long an unused connection to an upstream is kept. Must be shorter than the upstream itself keeps it.
    pub upstream_idle: Duration,
    /// For a caller to read the next piece of its response.
    pub write_idle: Duration,
    /// For a place among the requests in flight. After that the request is `overloaded`.
    pub queue: Duration,
    /// For requests in flight to end when the gateway stops.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(60),
            body_idle: Duration::from_secs(20),
            body_total: Duration::from_secs(300),
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(60),
            stream_idle: Duration::from_secs(3600),
            upstream_idle: Duration::from_secs(4),
            write_idle: Duration::from_secs(60),
            queue: Duration::from_secs(2),
            drain: Duration::from_secs(20),
        }
    }
}

/// Limits on size and number.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address (or IPv6 /64), within its fair share. Trusted proxies are exempt.
    pub connections_per_address: usize,
    /// Requests at once over one HTTP/2 connection.
    pub streams: u32,
    /// Requests in flight to upstreams at once. Each company has a fair share.
    pub requests: usize,
    /// Public API requests at once. Each company has a fair share.
    pub local_requests: usize,
    /// Unused connections kept for each upstream, all threads together.
    pub upstream_idle: usize,
    /// Size of a request's head in bytes; a larger one is answered 431.
    pub head_bytes: usize,
    /// Size of a public API request's body in bytes; a larger one is answered 413. Forwarded bodies are limited by time
    /// only.
    pub public_api_body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_address: 1024,
            streams: 128,
            requests: 2048,
            local_requests: 512,
            upstream_idle: 256,
            head_bytes: 64 * 1024,
            public_api_body_bytes: 1024 * 1024,
        }
    }
}

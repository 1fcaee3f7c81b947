//! What the operator can set, and the bounds that keep one caller from holding what others need.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use ipnet::IpNet;
use model::Environment;
use url::Url;

/// Everything about a gateway but what it works with.
#[derive(Clone, Debug, Default)]
pub struct GatewayOptions {
    /// The API behind each environment. A key of an environment without one is refused as `wrong_environment`.
    pub upstreams: HashMap<Environment, Url>,
    /// How callers reach the gateway, where it is not by its own address.
    pub gateway_url: Option<Url>,
    /// How callers reach the other listener that answers the public API, where it is not by its own address.
    pub public_api_url: Option<Url>,
    pub timeouts: Timeouts,
    pub limits: Limits,
    /// Peers whose `X-Forwarded-…` headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// First segments of paths that are answered with 404, whoever asks: they are the operator's, on another listener, and
    /// nothing that looks like them is to be had here.
    pub withheld: BTreeSet<String>,
}

impl GatewayOptions {
    pub(crate) fn withholds(&self, path: &str) -> bool {
        let first = path.strip_prefix('/').unwrap_or(path).split('/').next();
        first.is_some_and(|first| self.withheld.contains(first))
    }
}

/// How long it waits for whom.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From a connection's opening, or the end of the answer before, until a request's head is there.
    pub head: Duration,
    /// Between two pieces of a request's body.
    pub body_idle: Duration,
    /// From a request's head to the end of its body.
    pub body_total: Duration,
    /// To connect to an upstream, with TLS.
    pub connect: Duration,
    /// From the last piece of the request's body that an upstream took until its answer begins.
    pub answer: Duration,
    /// Between two pieces of an answer's body.
    pub answer_idle: Duration,
    /// Until a caller takes the next piece of its answer.
    pub write_idle: Duration,
    /// For a place among the requests in flight; after that it is `overloaded`.
    pub queue: Duration,
    /// For requests in flight when the gateway stops.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(60),
            body_idle: Duration::from_secs(20),
            body_total: Duration::from_secs(300),
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(60),
            answer_idle: Duration::from_secs(120),
            write_idle: Duration::from_secs(60),
            queue: Duration::from_secs(2),
            drain: Duration::from_secs(20),
        }
    }
}

/// How much it takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address (a /64 of IPv6), within its fair share; trusted proxies are exempt.
    pub connections_per_address: usize,
    /// Requests in flight to upstreams at once. Each company has a fair share of them.
    pub requests: usize,
    /// Requests of the public API at once. Each company has a fair share of them.
    pub local_requests: usize,
    /// Unused connections kept for each upstream.
    pub upstream_idle: usize,
    /// Bytes of a request's head; more is 431.
    pub head_bytes: usize,
    /// Bytes of a body that the public API takes; more is 413. What is forwarded has no bound but time.
    pub public_api_body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_address: 1024,
            requests: 2048,
            local_requests: 512,
            upstream_idle: 256,
            head_bytes: 64 * 1024,
            public_api_body_bytes: 1024 * 1024,
        }
    }
}

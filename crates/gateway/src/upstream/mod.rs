//! The upstreams: the APIs behind the gateway, one for each environment.

mod connect;
mod lanes;
mod pool;

use std::collections::HashMap;

use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Uri};
use model::Environment;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::options::UpstreamHttp2;

pub(crate) use connect::Connector;
pub use connect::{UpstreamFault, check_upstream};
pub(crate) use pool::{Lease, Pool, SendFault, UpstreamRequest};

/// Where the requests of one environment go.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// As configured.
    pub(crate) url: Url,
    /// Its place among all upstreams.
    number: usize,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    https: bool,
    pub(super) speaks: Speaks,
    /// Prepended to each request's path. Does not end in a slash.
    prefix: String,
    /// The value of `Host`.
    pub(crate) authority: HeaderValue,
}

/// Which version of HTTP an upstream is spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    Http1,
    /// The one that it chooses when TLS begins.
    Chooses,
    Http2,
}

impl Upstream {
    /// All upstreams. Fails when one cannot be used.
    pub(crate) fn all(
        urls: &HashMap<Environment, Url>,
        http2: UpstreamHttp2,
    ) -> Result<HashMap<Environment, Self>, UpstreamFault> {
        let one = |(number, (environment, url)): (usize, (&Environment, &Url))| {
            Ok((*environment, Self::new(number, url, http2)?))
        };
        urls.iter().enumerate().map(one).collect()
    }

    fn new(number: usize, url: &Url, http2: UpstreamHttp2) -> Result<Self, UpstreamFault> {
        check_upstream(url)?;
        let host = url.host_str().unwrap_or_default();
        let https = url.scheme() == "https";
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self {
            url: url.clone(),
            number,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(if https { 443 } else { 80 }),
            https,
            speaks: match http2 {
                UpstreamHttp2::Tls | UpstreamHttp2::Always if https => Speaks::Chooses,
                UpstreamHttp2::Always => Speaks::Http2,
                UpstreamHttp2::Off | UpstreamHttp2::Tls => Speaks::Http1,
            },
            prefix: url.path().trim_end_matches('/').to_owned(),
            authority: HeaderValue::from_str(&authority).map_err(|_| UpstreamFault::NoHost)?,
        })
    }

    /// Whether it can say that it did not look at a request, as HTTP/2 can.
    pub(crate) fn may_refuse(&self) -> bool {
        self.speaks != Speaks::Http1
    }

    pub(crate) const fn is_https(&self) -> bool {
        self.https
    }

    /// The target of this request at the upstream, in origin-form. `None` if the caller's target is not a path
    /// (`OPTIONS *`, `CONNECT`) or would climb out of the prefix.
    pub(crate) fn target(&self, method: &Method, uri: &Uri) -> Option<Uri> {
        let path = uri.path_and_query()?;
        if !path.path().starts_with('/') || *method == Method::CONNECT {
            return None;
        }
        if self.prefix.is_empty() {
            return Some(Uri::from(path.clone()));
        }
        if climbs(path.path()) {
            return None;
        }
        let target = format!("{}{}", self.prefix, path.as_str());
        PathAndQuery::try_from(target).ok().map(Uri::from)
    }
}

/// Whether a segment of the path is `..`, plain or encoded.
fn climbs(path: &str) -> bool {
    let path = percent_decode_str(path).decode_utf8_lossy();
    path.split(['/', '\\'])
        .any(|segment| segment.split(';').next() == Some(".."))
}

#[cfg(test)]
mod tests;

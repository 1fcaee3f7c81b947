//! The address at which a caller reached the gateway. Redirects lead back to it, and an upstream may build links with
//! it.

use http::header::{self, HeaderMap};
use http::uri::Authority;
use http::{HeaderName, HeaderValue};
use url::Url;

use crate::address::Peer;

pub(crate) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(crate) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Scheme and host, `https://api.example.com`, without a path. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    scheme: &'static str,
    host: HeaderValue,
}

impl Reached {
    /// `host` with the port if it is not the scheme's default.
    pub(crate) const fn new(scheme: &'static str, host: HeaderValue) -> Self {
        Self { scheme, host }
    }

    /// The address that the operator configured. `None` if its host cannot be the value of a header.
    pub(crate) fn configured(url: &Url) -> Option<Self> {
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        Some(Self::new(
            known_scheme(url.scheme())?,
            HeaderValue::from_str(host).ok()?,
        ))
    }

    /// A trusted proxy comes first, then the configured address, then the caller's own `Host`. The caller comes last
    /// because a wrong host would otherwise end up in stored responses.
    pub(crate) fn find(headers: &HeaderMap, peer: &Peer, configured: Option<&Self>) -> Self {
        let own = || Self {
            scheme: peer.scheme(),
            host: only(headers, &header::HOST)
                .cloned()
                .unwrap_or(HeaderValue::from_static("")),
        };
        if !peer.is_trusted() {
            return configured.cloned().unwrap_or_else(own);
        }
        let proto = only(headers, &X_FORWARDED_PROTO).and_then(|proto| known_scheme(proto.to_str().ok()?));
        let host = only(headers, &X_FORWARDED_HOST).filter(|host| is_host(host));
        match (host, configured) {
            (Some(host), configured) => {
                let scheme = proto.or(configured.map(|configured| configured.scheme));
                Self::new(scheme.unwrap_or(peer.scheme()), host.clone())
            }
            (None, Some(configured)) => configured.clone(),
            (None, None) => Self {
                scheme: proto.unwrap_or(peer.scheme()),
                ..own()
            },
        }
    }

    pub const fn scheme(&self) -> &'static str {
        self.scheme
    }

    pub(crate) const fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// `https://api.example.com`
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.host.to_str().unwrap_or_default())
    }
}

fn known_scheme(text: &str) -> Option<&'static str> {
    ["http", "https"].into_iter().find(|known| *known == text)
}

/// The header's value, if it was sent exactly once and is a single value. In a list, there is no telling which one
/// counts.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    let text = value.to_str().ok()?;
    (values.next().is_none() && !text.is_empty() && !text.contains(',')).then_some(value)
}

fn is_host(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|text| {
        !text.contains('@')
            && text
                .parse::<Authority>()
                .is_ok_and(|host| !host.host().is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(trusted: bool, configured: Option<&str>, headers: &[(&'static str, &'static str)]) -> String {
        let mut all = HeaderMap::new();
        for (name, value) in headers.iter().chain([&("host", "called.example:81")]) {
            all.append(*name, HeaderValue::from_static(value));
        }
        let configured =
            configured.map(|url| Reached::configured(&url.parse().expect("a URL")).expect("a host"));
        Reached::find(&all, &peer(trusted), configured.as_ref()).url()
    }

    fn peer(trusted: bool) -> Peer {
        let address = "192.0.2.9".parse().expect("an address");
        let networks = ["192.0.2.0/24".parse().expect("a network")];
        Peer::new(address, if trusted { &networks } else { &[] })
    }

    #[test]
    fn over_tls_the_callers_own_host_is_reached_by_https() {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("called.example"));
        for trusted in [false, true] {
            let reached = Reached::find(&headers, &peer(trusted).over_tls(), None);
            assert_eq!(reached.url(), "https://called.example");
        }
    }

    #[test]
    fn a_trusted_proxy_overrides_the_configuration_and_that_overrides_the_caller() {
        let (ours, proxy) = (
            Some("https://api.example.com"),
            [
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "proxy.example"),
            ],
        );
        assert_eq!(find(true, ours, &proxy), "https://proxy.example");
        assert_eq!(find(true, None, &proxy), "https://proxy.example");
        assert_eq!(find(true, None, &proxy[..1]), "https://called.example:81");
        assert_eq!(find(true, ours, &proxy[..1]), "https://api.example.com");
        assert_eq!(
            find(true, Some("http://api.example.com:8080"), &proxy[1..]),
            "http://proxy.example"
        );
        assert_eq!(find(true, None, &[]), "http://called.example:81");
        assert_eq!(find(false, ours, &proxy), "https://api.example.com");
        assert_eq!(find(false, None, &proxy), "http://called.example:81");
    }

    #[test]
    fn an_invalid_host_or_a_list_of_hosts_is_ignored() {
        for host in [
            "a.example, b.example",
            "user@a.example",
            "a b",
            "http://a.example",
        ] {
            assert_eq!(
                find(
                    true,
                    Some("https://api.example.com"),
                    &[("x-forwarded-host", host)]
                ),
                "https://api.example.com",
                "{host}"
            );
        }
        let twice = [
            ("x-forwarded-host", "a.example"),
            ("x-forwarded-host", "b.example"),
        ];
        assert_eq!(find(true, None, &twice), "http://called.example:81");
        assert_eq!(
            find(true, None, &[("x-forwarded-proto", "javascript")]),
            "http://called.example:81"
        );
    }
}

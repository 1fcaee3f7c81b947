//! The address at which a caller reached the gateway. Redirects lead back to it, and an upstream may build links with
//! it.

use http::header::{self, HeaderMap};
use http::uri::Authority;
use url::Url;

/// Scheme and host, `https://api.example.com`, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    pub scheme: String,
    /// The host, and the port if it is not the scheme's default.
    pub host: String,
}

impl Reached {
    /// A trusted proxy comes first, then the configured address, then the caller's own `Host`. The caller comes last
    /// because a wrong host would otherwise end up in stored responses.
    pub(crate) fn find(headers: &HeaderMap, peer_is_trusted: bool, configured: Option<&Url>) -> Self {
        let of_proxy = |name| peer_is_trusted.then(|| only(headers, name)).flatten();
        let proto = of_proxy("x-forwarded-proto").filter(|proto| matches!(*proto, "http" | "https"));
        let host = of_proxy("x-forwarded-host").filter(|host| is_host(host));
        let of_config = configured.map(|url| {
            (
                url.scheme(),
                &url[url::Position::BeforeHost..url::Position::AfterPort],
            )
        });
        let own_host = only(headers, header::HOST.as_str()).unwrap_or_default();
        let (scheme, host) = match (host, of_config) {
            (Some(host), Some((scheme, _))) => (proto.unwrap_or(scheme), host),
            (None, Some(configured)) => configured,
            (host, None) => (proto.unwrap_or("http"), host.unwrap_or(own_host)),
        };
        Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
        }
    }

    /// `https://api.example.com`
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }
}

/// The header's value, if it was sent exactly once and is a single value. In a list, there is no telling which one
/// counts.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?.trim();
    (values.next().is_none() && !value.is_empty() && !value.contains(',')).then_some(value)
}

fn is_host(text: &str) -> bool {
    !text.contains('@')
        && text
            .parse::<Authority>()
            .is_ok_and(|host| !host.host().is_empty())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn find(trusted: bool, configured: Option<&str>, headers: &[(&'static str, &'static str)]) -> String {
        let mut all = HeaderMap::new();
        for (name, value) in headers.iter().chain([&("host", "called.example:81")]) {
            all.append(*name, HeaderValue::from_static(value));
        }
        let configured = configured.map(|url| url.parse().expect("a URL"));
        Reached::find(&all, trusted, configured.as_ref()).url()
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

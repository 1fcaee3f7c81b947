//! How browsers reach the dashboard: which `Host` values are ours, which origins may post, and the name of the session
//! cookie.

use std::net::SocketAddr;

use url::{Host, Url};

/// Derived from `--public-url` and the listen address.
#[derive(Clone, Debug)]
pub struct PublicOrigin {
    /// Without a trailing slash.
    url: String,
    hosts: Vec<String>,
    kind: Kind,
}

/// What the scheme and the host allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Https,
    /// Plain HTTP that never leaves the machine.
    Loopback,
    /// Plain HTTP over a network. Signing in is refused.
    Plain,
}

impl PublicOrigin {
    /// Uses `public_url` if it is set, otherwise `http://` (`https://` if the listener has a certificate) and the listen
    /// address.
    pub fn new(public_url: Option<&Url>, listen: SocketAddr, has_certificate: bool) -> Self {
        let own = if has_certificate { "https" } else { "http" };
        let scheme = public_url.map_or(own, |url| url.scheme());
        let authority = match public_url {
            Some(url) => authority(url),
            None => listen.to_string(),
        };
        let is_loopback = match public_url {
            Some(url) => is_loopback(url),
            None => listen.ip().is_loopback(),
        };
        let kind = match (scheme, is_loopback) {
            ("https", _) => Kind::Https,
            (_, true) => Kind::Loopback,
            (_, false) => Kind::Plain,
        };
        // An IPv6 address also contains colons, but they are all before the bracket.
        let given_port = authority
            .rsplit(']')
            .next()
            .and_then(|rest| rest.rsplit_once(':'))
            .map(|(_, port)| port.to_owned());
        let port = given_port.unwrap_or_else(|| if scheme == "https" { "443" } else { "80" }.to_owned());
        let mut names = vec![
            authority
                .strip_suffix(&format!(":{port}"))
                .unwrap_or(&authority)
                .to_owned(),
        ];
        if kind == Kind::Loopback {
            names.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        }
        let is_default = port == if scheme == "https" { "443" } else { "80" };
        let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
        if is_default {
            hosts.extend(names);
        }
        Self {
            url: format!("{scheme}://{authority}"),
            hosts,
            kind,
        }
    }

    /// `https://gatehouse.example.com`, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether a request with this `Host` is for us.
    pub fn is_ours(&self, host: &str) -> bool {
        self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host))
    }

    /// Whether a page of this origin may change anything here.
    pub fn may_post(&self, origin: &str) -> bool {
        let scheme = if self.kind == Kind::Https {
            "https://"
        } else {
            "http://"
        };
        origin.strip_prefix(scheme).is_some_and(|host| self.is_ours(host))
    }

    /// False for plain HTTP beyond this machine: a password would cross the network unencrypted.
    pub fn may_sign_in(&self) -> bool {
        self.kind != Kind::Plain
    }

    pub fn is_https(&self) -> bool {
        self.kind == Kind::Https
    }

    /// `__Host-gatehouse` over https. Safari drops `Secure` cookies on plain http even on loopback, so there the cookie
    /// has another name.
    pub fn cookie_name(&self) -> &'static str {
        if self.is_https() {
            "__Host-gatehouse"
        } else {
            "gatehouse-loopback"
        }
    }

    /// A `Set-Cookie` value with this token. An empty token removes the cookie.
    pub fn cookie(&self, token: &str, max_age_seconds: i64) -> String {
        self.set_cookie(self.cookie_name(), token, "Lax", max_age_seconds)
    }

    /// The cookie that identifies a browser at sign-in. See [`vault::BrowserId`].
    pub fn browser_cookie_name(&self) -> &'static str {
        if self.is_https() {
            "__Host-gatehouse-browser"
        } else {
            "gatehouse-browser-loopback"
        }
    }

    /// `Strict`, because only the sign-in form needs it, and that is our own page.
    pub fn browser_cookie(&self, value: &str) -> String {
        self.set_cookie(
            self.browser_cookie_name(),
            value,
            "Strict",
            vault::BrowserId::LIFETIME_SECONDS,
        )
    }

    fn set_cookie(&self, name: &str, value: &str, same_site: &str, max_age_seconds: i64) -> String {
        let secure = if self.is_https() { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}; Max-Age={max_age_seconds}{secure}")
    }

    /// A `Set-Cookie` value that keeps what the sign-in form should show again, for a minute. An empty value removes
    /// it.
    pub fn form_cookie(&self, name: &str, value: &str) -> String {
        let secure = if self.is_https() { "; Secure" } else { "" };
        let max_age_seconds = if value.is_empty() { 0 } else { 60 };
        format!("{name}={value}; Path=/sign-in; HttpOnly; SameSite=Lax; Max-Age={max_age_seconds}{secure}")
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(public_url: Option<&str>, listen: &str) -> PublicOrigin {
        let url = public_url.map(|url| url.parse().expect("a URL"));
        PublicOrigin::new(url.as_ref(), listen.parse().expect("an address"), false)
    }

    #[test]
    fn on_loopback_both_localhost_and_the_address_are_ours() {
        let origin = origin(None, "127.0.0.1:3000");
        assert_eq!(origin.url(), "http://127.0.0.1:3000");
        for host in ["127.0.0.1:3000", "localhost:3000", "LOCALHOST:3000", "[::1]:3000"] {
            assert!(origin.is_ours(host), "{host}");
        }
        for host in [
            "localhost",
            "localhost:3001",
            "evil.example:3000",
            "127.0.0.1.evil.example:3000",
        ] {
            assert!(!origin.is_ours(host), "{host}");
        }
        assert!(origin.may_post("http://localhost:3000"));
        assert!(!origin.may_post("https://localhost:3000"));
        assert!(!origin.may_post("null"));
        assert_eq!(
            origin.cookie("t", 5),
            "gatehouse-loopback=t; Path=/; HttpOnly; SameSite=Lax; Max-Age=5"
        );
    }

    #[test]
    fn over_https_the_cookie_is_bound_to_the_host() {
        let origin = origin(Some("https://gatehouse.example.com"), "0.0.0.0:3000");
        assert!(origin.is_ours("gatehouse.example.com") && origin.is_ours("gatehouse.example.com:443"));
        assert!(!origin.is_ours("0.0.0.0:3000"));
        assert!(origin.may_post("https://gatehouse.example.com"));
        assert!(!origin.may_post("http://gatehouse.example.com"));
        assert!(
            origin.cookie("t", 5).starts_with("__Host-gatehouse=t;")
                && origin.cookie("t", 5).ends_with("; Secure")
        );
    }

    #[test]
    fn no_one_can_sign_in_over_plain_http_from_another_machine() {
        assert!(!origin(None, "192.0.2.1:3000").may_sign_in());
        assert!(!origin(Some("http://gatehouse.example.com"), "127.0.0.1:3000").may_sign_in());
        assert!(origin(Some("http://localhost:3000"), "127.0.0.1:3000").may_sign_in());
    }
}

//! A URL that a request can be sent to. Parsing rejects everything that the URL of a webhook or a redirect must not
//! contain. [`crate::Policy`] checks its addresses.

use std::net::IpAddr;

use url::Url;

/// The longest URL, in characters (contract: `webhook_url`).
pub const MAX_URL_CHARACTERS: usize = 2048;

/// Ports of other protocols that a POST could confuse: mail, shells, files, databases, and those that browsers block
/// too.
const OTHER_PROTOCOLS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103,
    104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 445, 465, 512, 513,
    514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1433, 1521,
    1719, 1720, 1723, 2049, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 6000, 6379, 6566, 6665, 6666,
    6667, 6668, 6669, 6679, 6697, 9200, 10080, 11211, 27017,
];

/// A checked URL: http or https, with a host, without a user name or password, on a port that may speak HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: Host,
    port: u16,
}

/// The host. The parser has already converted octal, decimal and hexadecimal spellings of an address, so only this one
/// form is ever checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Name(String),
    Address(IpAddr),
}

/// Why a text is not a [`Target`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    #[error("Enter a valid URL.")]
    Unreadable,
    #[error("Ensure this field has no more than 2048 characters.")]
    TooLong,
    #[error("The URL must begin with https://")]
    Scheme,
    #[error("The URL must not contain a user name or password.")]
    UserInfo,
    #[error("This port is reserved for another protocol.")]
    Port,
}

impl Target {
    /// Parses an absolute URL.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        if text.chars().count() > MAX_URL_CHARACTERS {
            return Err(InvalidUrl::TooLong);
        }
        // The parser would silently drop these characters.
        if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidUrl::Unreadable);
        }
        Self::from_url(Url::parse(text).map_err(|_| InvalidUrl::Unreadable)?)
    }

    /// The target of a redirect from here. Resolves relative locations.
    pub(crate) fn join(&self, location: &str) -> Result<Self, InvalidUrl> {
        let url = self.url.join(location).map_err(|_| InvalidUrl::Unreadable)?;
        if url.as_str().len() > MAX_URL_CHARACTERS * 4 {
            return Err(InvalidUrl::TooLong);
        }
        Self::from_url(url)
    }

    fn from_url(mut url: Url) -> Result<Self, InvalidUrl> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl::UserInfo);
        }
        let host = match url.host().ok_or(InvalidUrl::Unreadable)? {
            url::Host::Domain(name) => Host::Name(name.to_owned()),
            url::Host::Ipv4(address) => Host::Address(address.into()),
            url::Host::Ipv6(address) => Host::Address(address.into()),
        };
        let port = url.port_or_known_default().ok_or(InvalidUrl::Port)?;
        if OTHER_PROTOCOLS.contains(&port) {
            return Err(InvalidUrl::Port);
        }
        url.set_fragment(None);
        Ok(Self { url, host, port })
    }

    /// The normal form, without a fragment. Two URLs with the same normal form are the same endpoint.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The `Host` header. It includes the port unless it is the scheme's default.
    pub(crate) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> (bool, String, u16) {
        (
            self.is_https(),
            self.url.host_str().unwrap_or_default().to_owned(),
            self.port,
        )
    }

    /// The path and query, as in the request line.
    pub(crate) fn path_and_query(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_address_is_read_as_the_address() {
        for text in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://127.0.0.1./",
            "https://１２７.0.0.1/",
        ] {
            let target = Target::parse(text).expect(text);
            assert_eq!(target.host(), &Host::Address([127, 0, 0, 1].into()), "{text}");
        }
        let six = Target::parse("https://[::ffff:7f00:1]:8443/a?b#c").expect("an address");
        assert!(matches!(six.host(), Host::Address(IpAddr::V6(_))));
        assert_eq!(
            (six.authority().as_str(), six.path_and_query().as_str()),
            ("[::ffff:7f00:1]:8443", "/a?b")
        );
    }

    #[test]
    fn parts_that_no_webhook_url_may_have_are_refused() {
        for (text, expected) in [
            ("", InvalidUrl::Unreadable),
            ("example.com", InvalidUrl::Unreadable),
            ("https://", InvalidUrl::Unreadable),
            ("https://exa mple.com/", InvalidUrl::Unreadable),
            ("https://example.com/\r\nX-Evil: 1", InvalidUrl::Unreadable),
            ("https://[fe80::1%25eth0]/", InvalidUrl::Unreadable),
            ("https://256.256.256.256/", InvalidUrl::Unreadable),
            ("ftp://example.com/", InvalidUrl::Scheme),
            ("file:///etc/passwd", InvalidUrl::Scheme),
            ("https://ana@example.com/", InvalidUrl::UserInfo),
            ("https://:secret@example.com/", InvalidUrl::UserInfo),
            ("https://example.com:25/", InvalidUrl::Port),
            ("https://example.com:0/", InvalidUrl::Port),
        ] {
            assert_eq!(Target::parse(text), Err(expected), "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL_CHARACTERS));
        assert_eq!(Target::parse(&long), Err(InvalidUrl::TooLong));
    }

    #[test]
    fn two_spellings_of_an_endpoint_have_the_same_normal_form() {
        let normal = Target::parse("https://example.com/").expect("a URL");
        for text in [
            "https://example.com",
            "HTTPS://EXAMPLE.com:443/",
            "https://example.com/#part",
        ] {
            assert_eq!(
                Target::parse(text).expect(text).as_str(),
                normal.as_str(),
                "{text}"
            );
        }
    }

    #[test]
    fn redirects_are_resolved_and_checked_like_webhook_urls() {
        let from = Target::parse("https://example.com/a/b").expect("a URL");
        assert_eq!(
            from.join("../c?d=1").expect("relative").as_str(),
            "https://example.com/c?d=1"
        );
        assert_eq!(
            from.join("//other.example.com/x")
                .expect("without a scheme")
                .as_str(),
            "https://other.example.com/x"
        );
        assert_eq!(from.join("javascript:alert(1)"), Err(InvalidUrl::Scheme));
        assert_eq!(from.join("https://u:p@example.com/"), Err(InvalidUrl::UserInfo));
    }
}

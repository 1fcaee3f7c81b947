//! How requests carry credentials: the names of the two headers, and the prefixes of secrets. The defaults come from
//! the public contract (section 1.2); an installation may choose its own.

use std::str::FromStr;

use http::HeaderName;
use vault::SecretPrefixes;

/// A header name, both for comparison and as its owner writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenName {
    header: HeaderName,
    written: String,
}

/// The text cannot be the name of a credential header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a credential header is a header name of letters, digits and dashes that HTTP itself does not use")]
pub struct UnusableHeader;

impl WrittenName {
    /// In lower case.
    pub const fn header(&self) -> &HeaderName {
        &self.header
    }

    /// As it was configured, for people to read.
    pub fn written(&self) -> &str {
        &self.written
    }
}

impl FromStr for WrittenName {
    type Err = UnusableHeader;

    /// Refuses names that already mean something to HTTP, browsers or Gatehouse, and underscores, which many proxies
    /// drop.
    fn from_str(written: &str) -> Result<Self, Self::Err> {
        let header: HeaderName = written.parse().map_err(|_| UnusableHeader)?;
        let name = header.as_str();
        let plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let taken = TAKEN.contains(&name) || TAKEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if plain && !taken {
            Ok(Self {
                header,
                written: written.to_owned(),
            })
        } else {
            Err(UnusableHeader)
        }
    }
}

const TAKEN: [&str; 20] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-brand-id",
    "x-request-id",
];
const TAKEN_PREFIXES: [&str; 6] = [
    "proxy-",
    "sec-",
    "access-control-",
    "x-forwarded-",
    "x-gatehouse-",
    "x-original-",
];

/// The credentials that this installation expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialForm {
    /// Names the company.
    pub client_id: WrittenName,
    /// Carries the secret of one of the company's keys.
    pub secret: WrittenName,
    pub prefixes: SecretPrefixes,
}

impl Default for CredentialForm {
    fn default() -> Self {
        let documented = |header: &'static str, written: &str| WrittenName {
            header: HeaderName::from_static(header),
            written: written.to_owned(),
        };
        Self {
            client_id: documented("x-access-client-id", "X-Access-Client-Id"),
            secret: documented("x-access-secret", "X-Access-Secret"),
            prefixes: SecretPrefixes::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_something_else_uses_cannot_carry_credentials() {
        for name in [
            "",
            "Host",
            "Authorization",
            "X-Forwarded-For",
            "x-gatehouse-company",
            "Sec-Fetch-Site",
            "Acme_Secret",
            "Acme Secret",
            "X-Request-Id",
        ] {
            assert_eq!(name.parse::<WrittenName>(), Err(UnusableHeader), "{name:?}");
        }
        let name: WrittenName = "Acme-Secret".parse().expect("a usable name");
        assert_eq!(
            (name.header().as_str(), name.written()),
            ("acme-secret", "Acme-Secret")
        );
    }
}

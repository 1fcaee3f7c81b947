//! The two headers of a delivery that an installation can choose: the `User-Agent`, and the name of the header with the
//! API key's signature. They are checked when the settings are read, so that no attempt can fail because of them.

use http::header::{HeaderName, HeaderValue};
use model::DeliveryHeaders;
use thiserror::Error;

/// Names that HTTP itself needs, or that Gatehouse already uses in every delivery.
const TAKEN: [&str; 19] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];
/// Names in [`TAKEN`] that a webhook's own headers may have: they identify us to the receiver.
const CREDENTIALS: [&str; 2] = ["authorization", "cookie"];
/// The longest name or value, in bytes.
const LONGEST: usize = 128;

/// The checked headers, and their text as pages show it.
#[derive(Clone, Debug)]
pub struct SentHeaders {
    pub(crate) user_agent: HeaderValue,
    pub(crate) sign: HeaderName,
    shown: DeliveryHeaders,
}

/// Which of the two is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidHeaders {
    #[error("1 to 128 visible ASCII characters and spaces")]
    UserAgent,
    #[error("a header name that nothing else uses, with at most 128 letters, digits and hyphens")]
    Sign,
}

/// Whether HTTP needs this header, or every delivery has it already. `name` is in lower case.
pub(crate) fn is_framing(name: &str) -> bool {
    (TAKEN.contains(&name) && !CREDENTIALS.contains(&name)) || name.starts_with("proxy-")
}

impl SentHeaders {
    pub fn new(headers: DeliveryHeaders) -> Result<Self, InvalidHeaders> {
        let agent = headers.user_agent.as_str();
        let is_visible = agent.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && agent.trim() == agent;
        if agent.is_empty() || agent.len() > LONGEST || !is_visible {
            return Err(InvalidHeaders::UserAgent);
        }
        let user_agent = HeaderValue::from_str(agent).map_err(|_| InvalidHeaders::UserAgent)?;
        let name = headers.sign.as_str();
        let is_word = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let lower = name.to_ascii_lowercase();
        let is_taken = TAKEN.contains(&lower.as_str()) || lower.starts_with("proxy-");
        if name.len() > LONGEST || !is_word || is_taken {
            return Err(InvalidHeaders::Sign);
        }
        let sign = HeaderName::from_bytes(name.as_bytes()).map_err(|_| InvalidHeaders::Sign)?;
        Ok(Self {
            user_agent,
            sign,
            shown: headers,
        })
    }

    /// The headers as given.
    pub fn shown(&self) -> &DeliveryHeaders {
        &self.shown
    }
}

impl Default for SentHeaders {
    fn default() -> Self {
        Self {
            user_agent: HeaderValue::from_static(DeliveryHeaders::USER_AGENT),
            sign: HeaderName::from_static("x-webhook-sign"),
            shown: DeliveryHeaders::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(user_agent: &str, sign: &str) -> Result<SentHeaders, InvalidHeaders> {
        SentHeaders::new(DeliveryHeaders {
            user_agent: user_agent.to_owned(),
            sign: sign.to_owned(),
        })
    }

    #[test]
    fn the_default_headers_sent_are_the_ones_shown() {
        let (default, shown) = (SentHeaders::default(), DeliveryHeaders::default());
        let made = with(&shown.user_agent, &shown.sign).expect("the default is allowed");
        assert_eq!((made.user_agent, made.sign), (default.user_agent, default.sign));
        assert_eq!(default.shown, shown);
    }

    #[test]
    fn names_used_by_http_or_by_gatehouse_are_refused() {
        assert!(with("Acme Webhooks/1.0 (+https://acme.example)", "Acme-Signature").is_ok());
        for taken in TAKEN {
            for name in [taken.to_owned(), taken.to_uppercase()] {
                assert_eq!(with("Acme", &name).err(), Some(InvalidHeaders::Sign), "{name}");
            }
        }
        for name in [
            "",
            "a b",
            "a:b",
            "sign\r\nX-Evil",
            "Prox\u{fd}",
            "proxy-sign",
            &"x".repeat(129),
        ] {
            assert_eq!(with("Acme", name).err(), Some(InvalidHeaders::Sign), "{name}");
        }
        for agent in ["", " Acme", "Acme\r\nX-Evil: 1", "Acm\u{e9}", &"x".repeat(129)] {
            assert_eq!(
                with(agent, "X-Sign").err(),
                Some(InvalidHeaders::UserAgent),
                "{agent}"
            );
        }
    }
}

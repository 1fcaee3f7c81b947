//! A webhook's own headers, which its deliveries carry beside ours: which names and values are possible, and how each value is
//! sealed. They go to the webhook's own origin only, and no page, program or log gets to see a value again.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use model::SecretText;
use redact::Needles;
use vault::{MasterKey, SealPlace};

use crate::headers;
use crate::storage::SealedHeader;

/// The longest name, in bytes.
const LONGEST_NAME: usize = 128;
/// The longest value, in bytes.
const LONGEST_VALUE: usize = 4096;

/// What is wrong with the name of a header, as a sentence. `sign` is the name of the signature header.
pub(crate) fn name_fault(name: &str, sign: &HeaderName) -> Option<&'static str> {
    let is_word = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if name.is_empty() || name.len() > LONGEST_NAME || !is_word {
        return Some("A name has 1 to 128 letters, digits, hyphens and underscores.");
    }
    // Receivers behind CGI or WSGI cannot tell an underscore from a hyphen.
    let lower = name.to_ascii_lowercase().replace('_', "-");
    if headers::is_framing(&lower) || lower == sign.as_str() || lower.starts_with("webhook-") {
        return Some("Gatehouse sets this header, or HTTP needs it.");
    }
    None
}

/// What is wrong with the value of a header, as a sentence.
pub(crate) fn value_fault(value: &str) -> Option<&'static str> {
    let is_visible = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (value.is_empty() || value.len() > LONGEST_VALUE || !is_visible || value.trim() != value)
        .then_some("A value has 1 to 4096 visible ASCII characters and spaces, and neither begins nor ends with a space.")
}

/// Seals a checked header. The name is sealed too, so that a value cannot be moved to another name.
pub(crate) fn seal(
    name: String,
    value: &SecretText,
    master_key: &MasterKey,
    place: &SealPlace,
) -> SealedHeader {
    let plain = vault::Zeroizing::new(format!("{}:{}", name.to_ascii_lowercase(), value.expose()));
    SealedHeader {
        value: master_key.seal(place, plain.as_bytes()),
        name,
    }
}

/// Unseals the headers, each marked as sensitive. `None` if one cannot be unsealed, and then nothing may be sent.
pub(crate) fn open(headers: &[SealedHeader], master_key: &MasterKey, place: &SealPlace) -> Option<HeaderMap> {
    let mut opened = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let plain = master_key.open(place, &header.value).ok()?;
        let (name, value) = std::str::from_utf8(&plain).ok()?.split_once(':')?;
        if !header.name.eq_ignore_ascii_case(name) {
            return None;
        }
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        opened.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, value);
    }
    Some(opened)
}

/// What to look for where a receiver repeats a value: the whole, and its parts, because a receiver often names the credential
/// without its scheme. What is too short to be told from ordinary text is only found by the header's name.
pub(crate) fn add_to(secrets: &mut Needles, value: &[u8]) {
    secrets.add_value(value);
    for part in value.split(|byte| b" :;,=\"".contains(byte)) {
        secrets.add_value(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_ours_or_of_http_is_refused() {
        let sign = HeaderName::from_static("x-webhook-sign");
        let fault = |name: &str| name_fault(name, &sign);
        for name in ["Authorization", "Cookie", "X-Tenant", "x_api_key", "Accept"] {
            assert_eq!(fault(name), None, "{name}");
        }
        for name in [
            "Host",
            "content-length",
            "Transfer-Encoding",
            "Connection",
            "TE",
            "Trailer",
            "Upgrade",
            "Expect",
            "Keep-Alive",
            "Content-Type",
            "Content-Encoding",
            "Accept-Encoding",
            "User-Agent",
            "Date",
            "Proxy-Authorization",
            "X-WEBHOOK-SIGN",
            "X_Webhook_Sign",
            "Content_Length",
            "webhook-id",
            "Webhook-Other",
        ] {
            assert_eq!(
                fault(name),
                Some("Gatehouse sets this header, or HTTP needs it."),
                "{name}"
            );
        }
        for name in ["", "a b", "a:b", "a\r\nb", "n\u{e4}me", &"x".repeat(129)] {
            assert!(
                fault(name).is_some_and(|fault| fault.starts_with("A name")),
                "{name}"
            );
        }
    }

    #[test]
    fn a_value_cannot_end_the_line() {
        for value in ["x", "Bearer a.b-c", "with spaces  inside"] {
            assert_eq!(value_fault(value), None, "{value}");
        }
        for value in [
            "",
            " x",
            "x ",
            "a\r\nX-Evil: 1",
            "a\0",
            "\u{e9}",
            "\t",
            &"x".repeat(4097),
        ] {
            assert!(value_fault(value).is_some(), "{value:?}");
        }
    }
}

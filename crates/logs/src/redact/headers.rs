//! Headers: credentials and cookies by name, addresses by their parameters, the presented secret anywhere.

use http::HeaderMap;
use model::HeaderField;

use super::form::redact_address;
use super::names::is_secret_header;
use super::{REDACTED, cut};
use vault::Presented;

/// Headers whose value is an address that may carry secret parameters.
const ADDRESSES: [&str; 4] = ["referer", "location", "content-location", "origin"];

/// At most so many bytes of one value.
const LONGEST_VALUE: usize = 4096;

/// All headers in their order, each name as often as it came.
pub(super) fn redact_headers(headers: &HeaderMap, presented: &Presented) -> Vec<HeaderField> {
    headers
        .iter()
        .map(|(name, value)| redact_header(name.as_str(), value.as_bytes(), presented))
        .collect()
}

fn redact_header(name: &str, value: &[u8], presented: &Presented) -> HeaderField {
    if is_secret_header(name) {
        return HeaderField {
            name: name.to_owned(),
            value: REDACTED.to_owned(),
            redacted: true,
        };
    }
    // A name can hold the secret as well as a value can.
    let (name, in_name) = presented.cut_out(name);
    let text = String::from_utf8_lossy(value);
    let clean = if ADDRESSES.contains(&name.as_str()) {
        redact_address(&text, presented)
    } else {
        presented.cut_out(&text).0
    };
    let redacted = in_name > 0 || clean != text;
    HeaderField {
        name,
        value: cut(clean, LONGEST_VALUE),
        redacted,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use model::SecretText;

    use super::*;

    #[test]
    fn credentials_cookies_and_the_secret_elsewhere_go() {
        let secret = "dev-00112233445566778899aabbccddeeff00112233";
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-access-secret", secret),
            ("x-access-client-id", "5f0c8d2a1b4e7f3a6d9c2b5e85f0c8d2"),
            ("authorization", "Bearer abc"),
            ("cookie", "a=b"),
            ("x-debug", "key dev-00112233445566778899AABBCCDDEEFF00112233!"),
            ("referer", "https://a.example/?token=abc&x=1"),
            ("accept", "*/*"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let fields = redact_headers(&headers, &Presented::new(&[SecretText::new(secret)]));
        let seen: Vec<_> = fields
            .iter()
            .map(|field| (field.name.as_str(), field.value.as_str(), field.redacted))
            .collect();
        assert_eq!(
            seen,
            [
                ("x-access-secret", "[redacted]", true),
                ("x-access-client-id", "5f0c8d2a1b4e7f3a6d9c2b5e85f0c8d2", false),
                ("authorization", "[redacted]", true),
                ("cookie", "[redacted]", true),
                ("x-debug", "key [redacted]!", true),
                ("referer", "https://a.example/?token=[redacted]&x=1", true),
                ("accept", "*/*", false),
            ]
        );
    }
}

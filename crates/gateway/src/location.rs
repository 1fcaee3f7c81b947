//! Addresses in an answer's headers that name the upstream: the caller cannot reach it and is not to learn where it is, so
//! they are made to name the gateway.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::{Position, Url};

use crate::reached::Reached;

/// Rewrites `Location`, `Content-Location` and the address in `Refresh`. `upstream` is its address as configured.
pub(crate) fn rewrite(headers: &mut HeaderMap, upstream: &Url, reached: &Reached) {
    let plain = |value: &str| rewritten(value, upstream, reached);
    each(headers, &header::LOCATION, plain);
    each(headers, &header::CONTENT_LOCATION, plain);
    each(headers, &header::REFRESH, |value| {
        let (wait, rest) = value.split_once([';', ','])?;
        let (name, address) = rest.split_once('=')?;
        let address = address.trim().trim_matches(['"', '\'']);
        let is_address = name.trim().eq_ignore_ascii_case("url");
        let address = is_address
            .then(|| rewritten(address, upstream, reached))
            .flatten()?;
        Some(format!("{}; url={address}", wait.trim()))
    });
}

fn each(headers: &mut HeaderMap, name: &HeaderName, rewrite: impl Fn(&str) -> Option<String>) {
    let http::header::Entry::Occupied(mut entry) = headers.entry(name) else {
        return;
    };
    for value in entry.iter_mut() {
        let new = rewrite(&ascii(value));
        if let Some(new) = new.and_then(|new| HeaderValue::from_str(&new).ok()) {
            *value = new;
        }
    }
}

/// The value with every byte that is not ASCII escaped, as an address has it anyway.
fn ascii(value: &HeaderValue) -> String {
    let escaped = value.as_bytes().iter().map(|byte| match byte {
        0x80.. => format!("%{byte:02X}"),
        _ => char::from(*byte).to_string(),
    });
    escaped.collect()
}

/// None where it stays as it is: it names somebody else, or is relative to the request's own path.
fn rewritten(value: &str, upstream: &Url, reached: &Reached) -> Option<String> {
    let value = value.trim();
    let prefix = upstream.path().trim_end_matches('/');
    let begins_with_two = value.len() > 1 && value.bytes().take(2).all(|byte| matches!(byte, b'/' | b'\\'));
    if value.starts_with('/') && !begins_with_two {
        // The prefix is put before each request's path; left here, it would be put there twice.
        return without_prefix(value, prefix).filter(|_| !prefix.is_empty());
    }
    // As browsers read it, which is more than what the standard has: `http:host`, `\\host`, upper case.
    let url = if begins_with_two {
        upstream.join(value).ok()?
    } else {
        Url::parse(value).ok()?
    };
    if !names(&url, upstream) {
        return None;
    }
    let target = &url[Position::BeforePath..];
    let target = without_prefix(target, prefix).unwrap_or_else(|| target.to_owned());
    Some(format!("{}{target}", reached.url()))
}

/// Whether the address is on the upstream's host and port. Its scheme may differ: an upstream that was told that the caller
/// came by https writes https before its own name.
fn names(url: &Url, upstream: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.host() == upstream.host()
        && (url.port() == upstream.port() || url.port_or_known_default() == upstream.port_or_known_default())
}

/// What follows the prefix; none where the path has another one.
fn without_prefix(target: &str, prefix: &str) -> Option<String> {
    let rest = target.strip_prefix(prefix)?;
    match rest.bytes().next() {
        Some(b'/') => Some(rest.to_owned()),
        None | Some(b'?' | b'#') => Some(format!("/{rest}")),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrite_one(name: &'static str, value: &'static str, upstream: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        let reached = Reached {
            scheme: "https".to_owned(),
            host: "api.example.com".to_owned(),
        };
        rewrite(&mut headers, &upstream.parse().expect("a URL"), &reached);
        headers[name].to_str().expect("text").to_owned()
    }

    #[test]
    fn an_address_of_the_upstream_becomes_one_of_the_gateway() {
        for (value, expected) in [
            ("http://10.0.0.5:8000/a?b=c#d", "https://api.example.com/a?b=c#d"),
            ("https://10.0.0.5:8000/a", "https://api.example.com/a"),
            ("//10.0.0.5:8000/a", "https://api.example.com/a"),
            ("HTTP://10.0.0.5:8000", "https://api.example.com/"),
            ("http:\\\\10.0.0.5:8000\\a", "https://api.example.com/a"),
            ("http://user:pass@10.0.0.5:8000/a", "https://api.example.com/a"),
            ("http://10.0.0.5/a", "http://10.0.0.5/a"),
            ("http://10.0.0.5:8001/a", "http://10.0.0.5:8001/a"),
            ("http://10.0.0.50:8000/a", "http://10.0.0.50:8000/a"),
            ("https://elsewhere.example/a", "https://elsewhere.example/a"),
            ("app://10.0.0.5:8000/a", "app://10.0.0.5:8000/a"),
            ("/a", "/a"),
            ("a/b", "a/b"),
            ("?a", "?a"),
            ("", ""),
        ] {
            assert_eq!(
                rewrite_one("location", value, "http://10.0.0.5:8000/"),
                expected,
                "{value}"
            );
            assert_eq!(
                rewrite_one("content-location", value, "http://10.0.0.5:8000/"),
                expected
            );
        }
        for value in [
            "http://u.internal/a",
            "https://u.internal/a",
            "http://u.internal:80/a",
            "https://U.Internal:443/a",
        ] {
            assert_eq!(
                rewrite_one("location", value, "http://u.internal"),
                "https://api.example.com/a",
                "{value}"
            );
        }
    }

    #[test]
    fn the_prefix_that_requests_get_is_taken_off() {
        for (value, expected) in [
            ("http://u:8000/base/a", "https://api.example.com/a"),
            ("http://u:8000/base", "https://api.example.com/"),
            ("http://u:8000/base?x", "https://api.example.com/?x"),
            ("http://u:8000/based/a", "https://api.example.com/based/a"),
            ("/base/a?b", "/a?b"),
            ("/base", "/"),
            ("/based", "/based"),
            ("/other", "/other"),
            ("a", "a"),
        ] {
            assert_eq!(
                rewrite_one("location", value, "http://u:8000/base/"),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn letters_that_are_not_ascii_hide_no_address() {
        let mut headers = HeaderMap::new();
        let raw =
            HeaderValue::from_bytes(b"http://u:8000/caf\xc3\xa9\xff").expect("opaque bytes are allowed");
        headers.insert("location", raw);
        let reached = Reached {
            scheme: "https".to_owned(),
            host: "api.example.com".to_owned(),
        };
        rewrite(&mut headers, &"http://u:8000".parse().expect("a URL"), &reached);
        assert_eq!(headers["location"], "https://api.example.com/caf%C3%A9%FF");
    }

    #[test]
    fn a_refresh_is_rewritten_where_it_is_plain() {
        for (value, expected) in [
            ("5; url=http://u:8000/a", "5; url=https://api.example.com/a"),
            ("0;URL='http://u:8000/a'", "0; url=https://api.example.com/a"),
            ("5", "5"),
            (
                "5; url=https://elsewhere.example/",
                "5; url=https://elsewhere.example/",
            ),
        ] {
            assert_eq!(
                rewrite_one("refresh", value, "http://u:8000"),
                expected,
                "{value}"
            );
        }
    }
}

//! Rewrites response headers that contain the upstream's address. The caller cannot reach the upstream and must not
//! learn where it is, so these addresses are replaced with the gateway's.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::{Position, Url};

use crate::reached::Reached;

/// Headers whose whole value is an address.
const ADDRESSES: [HeaderName; 4] = [
    header::LOCATION,
    header::CONTENT_LOCATION,
    HeaderName::from_static("sourcemap"),
    HeaderName::from_static("x-sourcemap"),
];

/// Maximum number of addresses rewritten in one value, so that a long value cannot take a long time.
const MOST_ADDRESSES: usize = 64;

/// Rewrites all headers: those that are an address, `Refresh`, the targets of `Link`, absolute addresses inside any
/// other value (`Access-Control-Allow-Origin`, `Report-To`, the upstream's own headers), and the domain of cookies.
/// Removes `Alt-Svc`, which would send the caller past the gateway. `upstream` is the upstream's address as
/// configured.
pub(crate) fn rewrite(headers: &mut HeaderMap, upstream: &Url, reached: &Reached) {
    headers.remove(header::ALT_SVC);
    for (name, value) in headers.iter_mut() {
        if !may_contain_address(name, value.as_bytes()) {
            continue;
        }
        let text = ascii(value);
        let new = if ADDRESSES.contains(name) {
            rewritten(&text, upstream, reached)
        } else if name == header::REFRESH {
            refresh(&text, upstream, reached).or_else(|| inside(&text, false, upstream, reached))
        } else if name == header::SET_COOKIE {
            without_domain(&text, upstream)
        } else {
            inside(&text, name == header::LINK, upstream, reached)
        };
        if let Some(new) = new.and_then(|new| HeaderValue::from_str(&new).ok()) {
            *value = new;
        }
    }
}

/// Whether anything in this header could have to be rewritten. Nearly always not, and this looks at each byte once.
fn may_contain_address(name: &HeaderName, value: &[u8]) -> bool {
    let begins = |pair: &[u8]| matches!(pair, [b'/', b'/'] | [b'p' | b'P' | b's' | b'S', b':']);
    ADDRESSES.contains(name)
        || [header::REFRESH, header::SET_COOKIE, header::LINK].contains(name)
        || value.windows(2).any(begins)
}

/// `5; url=http://upstream/`
fn refresh(value: &str, upstream: &Url, reached: &Reached) -> Option<String> {
    let (wait, rest) = value.split_once([';', ','])?;
    let (name, address) = rest.split_once('=')?;
    let address = address.trim().trim_matches(['"', '\'']);
    let is_address = name.trim().eq_ignore_ascii_case("url");
    let address = is_address
        .then(|| rewritten(address, upstream, reached))
        .flatten()?;
    Some(format!("{}; url={address}", wait.trim()))
}

/// The value with the upstream's addresses rewritten, or `None` if there are none. With `targets`, text in angle
/// brackets is an address, which may be relative.
fn inside(value: &str, targets: bool, upstream: &Url, reached: &Reached) -> Option<String> {
    let mut out = String::new();
    let (mut copied, mut at, mut looked_at) = (0, 0, 0);
    while at < value.len() && looked_at < MOST_ADDRESSES {
        let rest = &value[at..];
        let is_target = targets && rest.starts_with('<');
        if !is_target && !begins_address(value, at) {
            at += 1;
            continue;
        }
        looked_at += 1;
        let begin = at + usize::from(is_target);
        let ends = |c: char| {
            if is_target {
                c == '>'
            } else {
                c.is_ascii_whitespace() || "<>\"',;|()".contains(c)
            }
        };
        let end = value[begin..]
            .find(ends)
            .map_or(value.len(), |length| begin + length);
        // JSON may escape each slash. A URL reads a backslash as a slash, so each would count twice.
        let is_escaped = value[begin..end].contains("\\/");
        let address = &value[begin..end].replace("\\/", "/");
        let Some(new) = rewritten(address, upstream, reached) else {
            // Another site's address may contain the upstream's as a parameter.
            at += 1;
            continue;
        };
        out.push_str(&value[copied..begin]);
        // An origin has no path, and must not get one.
        let is_origin = !is_target && !has_path(address);
        let new = if is_origin {
            new.trim_end_matches('/')
        } else {
            &new
        };
        if is_escaped {
            out.push_str(&new.replace('/', "\\/"));
        } else {
            out.push_str(new);
        }
        (copied, at) = (end, end);
    }
    out.push_str(&value[copied..]);
    (copied > 0).then_some(out)
}

/// Whether `http:`, `https:` or `//` begins here, outside a word or another address.
fn begins_address(value: &str, at: usize) -> bool {
    let before = at.checked_sub(1).map(|at| value.as_bytes()[at]);
    let rest = &value.as_bytes()[at..];
    let starts = |scheme: &[u8]| {
        rest.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if starts(b"http:") || starts(b"https:") {
        return before.is_none_or(|byte| !byte.is_ascii_alphanumeric());
    }
    starts(b"//") && before.is_none_or(|byte| b" \t<\"'=,;(".contains(&byte))
}

fn has_path(address: &str) -> bool {
    let authority = address
        .trim_start_matches(|c: char| c.is_ascii_alphabetic())
        .trim_start_matches([':', '/', '\\']);
    authority.contains(['/', '\\', '?', '#'])
}

/// The cookie without `Domain`, if that is the upstream's host. Then it belongs to the gateway's host, and does not
/// reveal the upstream's.
fn without_domain(cookie: &str, upstream: &Url) -> Option<String> {
    let host = upstream.host_str()?;
    let is_upstreams = |attribute: &&str| {
        attribute.split_once('=').is_some_and(|(name, domain)| {
            let domain = domain.trim().trim_matches('"').trim_start_matches('.');
            name.trim().eq_ignore_ascii_case("domain") && domain.eq_ignore_ascii_case(host)
        })
    };
    let mut attributes = cookie.split(';').skip(1);
    attributes.any(|attribute| is_upstreams(&attribute)).then(|| {
        let mut parts: Vec<_> = cookie.split(';').collect();
        let mut number = 0;
        parts.retain(|part| {
            number += 1;
            number == 1 || !is_upstreams(part)
        });
        parts.join(";")
    })
}

/// The value with all non-ASCII bytes percent-encoded, as they should be in an address.
fn ascii(value: &HeaderValue) -> Cow<'_, str> {
    if let Ok(text) = value.to_str() {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::new();
    for byte in value.as_bytes() {
        match byte {
            0x80.. => escaped.push_str(&format!("%{byte:02X}")),
            _ => escaped.push(char::from(*byte)),
        }
    }
    Cow::Owned(escaped)
}

/// `None` if the address stays as it is, because it points to another host or is relative to the request's own path.
fn rewritten(value: &str, upstream: &Url, reached: &Reached) -> Option<String> {
    let value = value.trim();
    let prefix = upstream.path().trim_end_matches('/');
    let begins_with_two = value.len() > 1 && value.bytes().take(2).all(|byte| matches!(byte, b'/' | b'\\'));
    if value.starts_with('/') && !begins_with_two {
        // The prefix is added to every request's path, so leaving it here would add it twice.
        return without_prefix(value, prefix).filter(|_| !prefix.is_empty());
    }
    // Reads addresses as browsers do. They also accept forms outside the standard: `http:host`, `\\host`, upper case.
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

/// Whether the address has the upstream's host and port. The scheme may differ: an upstream that knows the caller
/// used https writes https in front of its own name.
fn names(url: &Url, upstream: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.host() == upstream.host()
        && (url.port() == upstream.port() || url.port_or_known_default() == upstream.port_or_known_default())
}

/// The path after the prefix, or `None` if it has a different prefix.
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
        let reached = Reached::new("https", HeaderValue::from_static("api.example.com"));
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
    fn every_header_that_names_the_upstream_is_rewritten() {
        let ours = "https://api.example.com";
        for (name, value, expected) in [
            (
                "link",
                "<http://u:8000/base/a?page=2>; rel=\"next\", </base/a?page=9>; rel=last, <b>; rel=x",
                "<https://api.example.com/a?page=2>; rel=\"next\", </a?page=9>; rel=last, <b>; rel=x",
            ),
            (
                "link",
                "<//u:8000/base/a>; rel=next; anchor=\"http://u:8000/base/b\"",
                "<https://api.example.com/a>; rel=next; anchor=\"https://api.example.com/b\"",
            ),
            (
                "link",
                "<https://elsewhere.example/?to=http://u:8000/base/a>; rel=x",
                "<https://elsewhere.example/?to=https://api.example.com/a>; rel=x",
            ),
            ("sourcemap", "/base/a.map", "/a.map"),
            ("access-control-allow-origin", "http://u:8000", ours),
            ("refresh", "0;http://u:8000/base/a", "0;https://api.example.com/a"),
            (
                "report-to",
                r#"{"endpoints":[{"url":"http://u:8000/base/r"}]}"#,
                r#"{"endpoints":[{"url":"https://api.example.com/r"}]}"#,
            ),
            (
                "x-json",
                r#"{"u":"http:\/\/u:8000\/base\/x"}"#,
                r#"{"u":"https:\/\/api.example.com\/x"}"#,
            ),
            (
                "content-security-policy",
                "default-src 'self' HTTPS://U:8000 http://u:8000/base/x; report-uri //u:8000/r",
                "default-src 'self' https://api.example.com https://api.example.com/x; report-uri https://api.example.com/r",
            ),
            (
                "www-authenticate",
                "Bearer realm=\"http://u:8000/base/token\",service=\"a\"",
                "Bearer realm=\"https://api.example.com/token\",service=\"a\"",
            ),
            (
                "x-next-page",
                "http://u:8000/base/a,b",
                "https://api.example.com/a,b",
            ),
            ("set-cookie", "a=1; Domain=.U; Path=/", "a=1; Path=/"),
            ("set-cookie", "Domain=u; Domain=v", "Domain=u; Domain=v"),
            (
                "x-note",
                "http://u:8001/a http://uu:8000/ xhttp://u:8000/",
                "http://u:8001/a http://uu:8000/ xhttp://u:8000/",
            ),
            ("etag", "\"http\"", "\"http\""),
        ] {
            assert_eq!(
                rewrite_one(name, value, "http://u:8000/base"),
                expected,
                "{name}: {value}"
            );
        }
        let mut headers = HeaderMap::new();
        headers.insert("alt-svc", HeaderValue::from_static("h3=\"u:8443\""));
        let reached = Reached::new("https", HeaderValue::from_static("api.example.com"));
        rewrite(&mut headers, &"http://u:8000".parse().expect("a URL"), &reached);
        assert!(headers.is_empty(), "{headers:?}");
    }

    #[test]
    fn the_prefix_added_to_requests_is_removed() {
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
    fn non_ascii_letters_do_not_hide_an_address() {
        let mut headers = HeaderMap::new();
        let raw =
            HeaderValue::from_bytes(b"http://u:8000/caf\xc3\xa9\xff").expect("opaque bytes are allowed");
        headers.insert("location", raw);
        let reached = Reached::new("https", HeaderValue::from_static("api.example.com"));
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

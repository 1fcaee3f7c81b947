//! Checks on a request's head beyond those of hyper: one target on this server, one host, one framing.

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};

/// Refuses anything that is not clearly one request to this server, and rewrites the target to origin-form.
#[inline]
pub(crate) fn check<B>(request: &mut Request<B>) -> Result<(), &'static str> {
    let host = host(request.headers())?;
    let origin_form = target(request.method(), request.uri(), &host)?;
    framing(request.headers())?;
    if let Some(uri) = origin_form {
        *request.uri_mut() = uri;
    }
    Ok(())
}

/// What is wrong with the head of an HTTP/2 request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrongHead {
    TooLarge,
    Bad(&'static str),
}

/// The same for a request of HTTP/2, whose pseudo-headers are in its target. Afterwards it is like one of HTTP/1.1: its
/// target is in origin-form, and it has one `Host`. Headers that belong to a connection never come here: the stream was
/// reset.
pub(crate) fn check_http2<B>(request: &mut Request<B>, most: usize) -> Result<(), WrongHead> {
    if size(request) > most {
        return Err(WrongHead::TooLarge);
    }
    let host = authority(request).map_err(WrongHead::Bad)?;
    request.headers_mut().insert(header::HOST, host);
    if *request.method() != Method::CONNECT && !request.uri().path().starts_with('/') {
        return Err(WrongHead::Bad("The request's target is not a path."));
    }
    let mut lengths = request.headers().get_all(header::CONTENT_LENGTH).iter();
    if lengths.next().is_some() && lengths.next().is_some() {
        return Err(WrongHead::Bad("The request has more than one Content-Length."));
    }
    join_cookies(request.headers_mut());
    check(request).map_err(WrongHead::Bad)
}

/// What the head would take in HTTP/1.1.
fn size<B>(request: &Request<B>) -> usize {
    let of_path = |path: &PathAndQuery| path.as_str().len();
    let line = request.method().as_str().len() + request.uri().path_and_query().map_or(1, of_path);
    let host = request
        .uri()
        .authority()
        .map_or(0, |host| host.as_str().len() + 8);
    let of_headers = request.headers().iter();
    let of_headers = of_headers.map(|(name, value)| name.as_str().len() + value.len() + 4);
    line + " HTTP/1.1\r\n\r\n".len() + 1 + host + of_headers.sum::<usize>()
}

/// The value of `Host`: that of `:authority`, or of the header `Host` if there is none.
fn authority<B>(request: &Request<B>) -> Result<HeaderValue, &'static str> {
    const DIFFERENT: &str = "The request's target and its Host header name different hosts.";
    let Some(authority) = request.uri().authority() else {
        host(request.headers())?;
        return Ok(request.headers()[header::HOST].clone());
    };
    let named = HeaderValue::from_str(authority.as_str()).map_err(|_| DIFFERENT)?;
    if !request.headers().contains_key(header::HOST) {
        return Ok(named);
    }
    // The default port may be left out in one of them.
    target(request.method(), request.uri(), &host(request.headers())?)?;
    Ok(named)
}

/// HTTP/2 may send each cookie in a header of its own, HTTP/1.1 may not (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(header::COOKIE).iter();
    if cookies.next().is_none() || cookies.next().is_none() {
        return;
    }
    let all: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    // Each part is a valid value, and so is the separator.
    if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

/// The one `Host` header. If it is missing or repeated, different parts of a system pick different hosts.
#[inline]
fn host(headers: &HeaderMap) -> Result<Authority, &'static str> {
    const WRONG: &str = "The Host header is not a host name with an optional port.";
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().ok_or("The request has no Host header.")?;
    if hosts.next().is_some() {
        return Err("The request has more than one Host header.");
    }
    let host = Authority::try_from(host.as_bytes()).map_err(|_| WRONG)?;
    let port = host.as_str().strip_prefix(host.host()).unwrap_or("@");
    let has_port = port
        .strip_prefix(':')
        .is_none_or(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let is_plain = !host.as_str().contains(['@', '/', '\\']) && (port.is_empty() || port.starts_with(':'));
    if host.host().is_empty() || !is_plain || !has_port {
        return Err(WRONG);
    }
    Ok(host)
}

/// The target in origin-form, if it came in absolute-form. Both must name the same host.
#[inline]
fn target(method: &Method, uri: &Uri, host: &Authority) -> Result<Option<Uri>, &'static str> {
    const WRONG: &str = "The request's target is not a path.";
    if *method == Method::CONNECT {
        return Err("CONNECT is not served here.");
    }
    let Some(authority) = uri.authority() else {
        return if uri.path().starts_with('/') {
            Ok(None)
        } else {
            Err(WRONG)
        };
    };
    let default_port = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => 80,
        Some(scheme) if *scheme == Scheme::HTTPS => 443,
        _ => return Err(WRONG),
    };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(default_port);
    let is_same = authority.host().eq_ignore_ascii_case(host.host()) && port(authority) == port(host);
    if !is_same || authority.as_str().contains('@') {
        return Err("The request's target and its Host header name different hosts.");
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    path.parse().map(Some).map_err(|_| WRONG)
}

/// Accepts only `chunked`. A body in any other coding would reach the handler still encoded.
#[inline]
fn framing(headers: &HeaderMap) -> Result<(), &'static str> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err("The only supported Transfer-Encoding is chunked."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(method: &str, target: &str, headers: &[(&str, &'static str)]) -> Result<String, &'static str> {
        let mut request = Request::new(());
        *request.method_mut() = method.parse().expect("a method");
        *request.uri_mut() = target.parse().expect("a target");
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
            request
                .headers_mut()
                .append(name, http::HeaderValue::from_static(value));
        }
        check(&mut request).map(|()| request.uri().to_string())
    }

    #[test]
    fn a_path_passes_and_an_absolute_target_of_the_same_host_becomes_one() {
        let host = [("host", "api.example:8080")];
        for (target, path) in [
            ("/a?b=c", "/a?b=c"),
            ("//a//b", "//a//b"),
            ("http://API.example:8080/a?b", "/a?b"),
            ("https://api.example:8080", "/"),
            ("http://api.example:8080?x=1", "/?x=1"),
        ] {
            assert_eq!(judge("GET", target, &host).as_deref(), Ok(path), "{target}");
        }
    }

    #[test]
    fn a_default_port_may_be_left_out() {
        for (target, host) in [
            ("http://api.example:80/a", "api.example"),
            ("http://api.example/a", "api.example:80"),
            ("https://api.example/a", "API.example:443"),
        ] {
            assert_eq!(
                judge("GET", target, &[("host", host)]).as_deref(),
                Ok("/a"),
                "{target}"
            );
        }
        assert!(judge("GET", "https://api.example/a", &[("host", "api.example:80")]).is_err());
    }

    #[test]
    fn every_other_target_is_refused() {
        let host = [("host", "api.example")];
        for (method, target) in [
            ("OPTIONS", "*"),
            ("GET", "*"),
            ("CONNECT", "api.example:443"),
            ("CONNECT", "/"),
            ("GET", "api.example:443"),
            ("GET", "api.example"),
            ("GET", "ftp://api.example/"),
            ("GET", "http://elsewhere.example/"),
            ("GET", "http://api.example:81/"),
            ("GET", "http://user@api.example/"),
        ] {
            assert!(judge(method, target, &host).is_err(), "{method} {target}");
        }
    }

    #[test]
    fn there_must_be_exactly_one_valid_host() {
        for hosts in [
            [].as_slice(),
            &[("host", "a.example"), ("host", "a.example")],
            &[("host", "a.example"), ("host", "b.example")],
            &[("host", "")],
            &[("host", ":80")],
            &[("host", "a.example, b.example")],
            &[("host", "a.example b.example")],
            &[("host", "user@a.example")],
            &[("host", "http://a.example")],
            &[("host", "a.example/x")],
            &[("host", "a.example:8o")],
            &[("host", "[::1")],
        ] {
            assert!(judge("GET", "/", hosts).is_err(), "{hosts:?}");
        }
        for host in [
            "a.example",
            "A_b.example:1",
            "[::1]:80",
            "127.0.0.1",
            "localhost:3000",
        ] {
            assert!(judge("GET", "/", &[("host", host)]).is_ok(), "{host}");
        }
    }

    fn judge_http2(target: &str, headers: &[(&'static str, &'static str)]) -> Result<Request<()>, WrongHead> {
        let mut request = Request::new(());
        *request.uri_mut() = target.parse().expect("a target");
        for (name, value) in headers {
            request
                .headers_mut()
                .append(*name, HeaderValue::from_static(value));
        }
        check_http2(&mut request, 1024).map(|()| request)
    }

    #[test]
    fn a_request_of_http2_becomes_like_one_of_http1() {
        for (target, host, path) in [
            ("https://api.example/a?b", None, "/a?b"),
            ("https://api.example:8443/a", Some("api.example:8443"), "/a"),
            ("https://api.example/a", Some("API.example:443"), "/a"),
            ("/a", Some("api.example"), "/a"),
        ] {
            let host: Vec<_> = host.iter().map(|host| ("host", *host)).collect();
            let request = judge_http2(target, &host).expect(target);
            assert_eq!(request.uri().to_string(), path);
            let hosts: Vec<_> = request.headers().get_all("host").iter().collect();
            assert!(hosts.len() == 1 && hosts[0].to_str().is_ok_and(|host| host.starts_with("api")));
        }
        let crumbs = [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3; d=4")];
        let request = judge_http2("https://api.example/", &crumbs).expect("cookies");
        let cookies: Vec<_> = request.headers().get_all("cookie").iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3; d=4"]);
    }

    #[test]
    fn an_http2_request_with_two_hosts_or_lengths_or_none_is_refused() {
        for (target, headers) in [
            ("/a", [].as_slice()),
            ("https://a.example/", &[("host", "b.example")]),
            (
                "https://a.example/",
                &[("host", "a.example"), ("host", "a.example")],
            ),
            ("https://a.example/", &[("host", "a.example:80")]),
            ("https://u@a.example/", &[]),
            ("ftp://a.example/", &[]),
            ("*", &[("host", "a.example")]),
            (
                "https://a.example/",
                &[("content-length", "1"), ("content-length", "1")],
            ),
        ] {
            let judged = judge_http2(target, headers);
            assert!(matches!(judged, Err(WrongHead::Bad(_))), "{target} {headers:?}");
        }
    }

    #[test]
    fn the_limit_on_an_http2_head_is_that_of_the_same_head_in_http1() {
        let of = |text: &str| text.len();
        let padding = 1024 - of("GET /a HTTP/1.1\r\nhost: a.example\r\nx-pad: \r\n\r\n");
        let judge = |padding: usize| {
            let mut request = Request::new(());
            *request.uri_mut() = "https://a.example/a".parse().expect("a target");
            let value = HeaderValue::from_str(&"x".repeat(padding)).expect("a value");
            request.headers_mut().insert("x-pad", value);
            check_http2(&mut request, 1024)
        };
        assert_eq!(judge(padding), Ok(()));
        assert_eq!(judge(padding + 1), Err(WrongHead::TooLarge));
    }

    #[test]
    fn chunked_is_the_only_transfer_coding() {
        let with = |codings: &[&'static str]| {
            let mut headers = vec![("host", "a.example")];
            headers.extend(codings.iter().map(|coding| ("transfer-encoding", *coding)));
            judge("POST", "/", &headers)
        };
        assert!(with(&["chunked"]).is_ok() && with(&["Chunked"]).is_ok());
        for codings in [
            ["gzip, chunked"].as_slice(),
            &["identity", "chunked"],
            &["chunked", "chunked"],
            &["chunked, chunked"],
            &["x-chunked"],
            &[""],
        ] {
            assert!(with(codings).is_err(), "{codings:?}");
        }
    }
}

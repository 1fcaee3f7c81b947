//! What passes without a key: paths that the operator has opened, and the questions that browsers ask before a request to another
//! origin. Browsers send no credentials with those.

use http::{HeaderMap, HeaderName, Method, header};
use keys::CredentialForm;
use model::Environment;
use thiserror::Error;
use url::Url;

use crate::paths;

/// What passes without a key. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    pub paths: Vec<OpenPath>,
    /// The environment whose API answers preflights (`OPTIONS` with `Origin` and `Access-Control-Request-Method`).
    pub preflights: Option<Environment>,
}

/// A path, or everything below one, of one environment's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPath {
    pub environment: Environment,
    path: String,
    /// Whether it is everything below the path, which then ends in a slash.
    below: bool,
}

/// This is no path that can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a path such as /status, or /docs/* for everything below it")]
pub struct InvalidOpenPath;

impl OpenPath {
    /// Reads `/status` or `/docs/*`. `/*` would open the whole API, and is refused.
    pub fn new(environment: Environment, text: &str) -> Result<Self, InvalidOpenPath> {
        let (path, below) = match text.strip_suffix('*') {
            Some(path) => (path, true),
            None => (text, false),
        };
        let is_whole_segment = !below || path.ends_with('/');
        let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
        let has_others = path.contains(['*', '?', '#']);
        if !is_path || !is_whole_segment || has_others || !paths::is_plain(path) || (below && path == "/") {
            return Err(InvalidOpenPath);
        }
        Ok(Self {
            environment,
            path: path.to_owned(),
            below,
        })
    }

    fn holds(&self, path: &str) -> bool {
        if self.below {
            path.starts_with(&self.path)
        } else {
            path == self.path
        }
    }
}

impl Open {
    /// The environment whose API this request may reach without a key: the one `asked` for, if there is one. A request with
    /// credentials is judged by them, so that it is in its company's log. A path that an API could read as another one, as
    /// `/docs/../orders`, is never open.
    pub(crate) fn environment(
        &self,
        asked: Option<Environment>,
        request: &Question<'_>,
        form: &CredentialForm,
    ) -> Option<Environment> {
        let Question { path, headers, .. } = *request;
        if self.paths.is_empty() && self.preflights.is_none() {
            return None;
        }
        let has_credentials =
            headers.contains_key(form.client_id.header()) || headers.contains_key(form.secret.header());
        if has_credentials || !paths::is_plain(path) {
            return None;
        }
        let is_asked = |one: Environment| asked.is_none_or(|asked| asked == one);
        let mut paths = self.paths.iter();
        let by_path = paths.find(|open| is_asked(open.environment) && open.holds(path));
        by_path.map(|open| open.environment).or_else(|| {
            self.preflights
                .filter(|one| is_asked(*one) && request.is_preflight())
        })
    }
}

/// The request in question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) has_body: bool,
}

impl Question<'_> {
    /// Whether it asks if another origin's page may send a request (Fetch standard, CORS-preflight request), and is nothing
    /// else: a browser sends no body with it, no credentials of any kind, and no header that some servers take for the method.
    fn is_preflight(&self) -> bool {
        let of_others = [header::COOKIE, header::AUTHORIZATION];
        self.method == Method::OPTIONS.as_str()
            && !self.has_body
            && self.only(header::ORIGIN).is_some_and(is_origin)
            && self
                .only(header::ACCESS_CONTROL_REQUEST_METHOD)
                .is_some_and(|method| Method::from_bytes(method.as_bytes()).is_ok())
            && !of_others.iter().any(|name| self.headers.contains_key(name))
            && !keys::overrides_method(self.headers)
    }

    /// The value of a header that is there once.
    fn only(&self, name: HeaderName) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }
}

/// `null`, or a scheme, a host and perhaps a port.
fn is_origin(text: &str) -> bool {
    text == "null" || Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn open() -> Open {
        let path = |environment, text| OpenPath::new(environment, text).expect("a path");
        Open {
            paths: vec![
                path(Environment::Prod, "/status"),
                path(Environment::Dev, "/docs/*"),
                path(Environment::Prod, "/docs/*"),
            ],
            preflights: Some(Environment::Prod),
        }
    }

    const ORIGIN: (&str, &str) = ("origin", "https://shop.example");
    const METHOD: (&str, &str) = ("access-control-request-method", "PUT");

    fn found(
        asked: Option<Environment>,
        (method, path): (&str, &str),
        has_body: bool,
        pairs: &[(&'static str, &'static str)],
    ) -> Option<Environment> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let request = Question {
            method,
            path,
            headers: &headers,
            has_body,
        };
        let form = CredentialForm::default();
        assert_eq!(Open::default().environment(asked, &request, &form), None);
        open().environment(asked, &request, &form)
    }

    #[test]
    fn a_path_is_open_as_it_is_written_and_in_no_other_spelling() {
        for (path, environment) in [
            ("/status", Some(Environment::Prod)),
            ("/docs/", Some(Environment::Dev)),
            ("/docs/a/b", Some(Environment::Dev)),
            ("/docs", None),
            ("/status/", None),
            ("/Status", None),
            ("/statuses", None),
            ("/docs/../orders", None),
            ("/docs/%2e%2e/orders", None),
            ("/docs//orders", None),
            ("/docs/..\\orders", None),
            ("/docs/a;b/../c", None),
            ("/docs/\u{ff0e}\u{ff0e}/orders", None),
            ("/docs/\u{2025}/orders", None),
            ("/docs/\u{12e}\u{12e}\u{12f}orders", None),
            ("//status", None),
            ("/", None),
            ("*", None),
        ] {
            assert_eq!(found(None, ("GET", path), false, &[]), environment, "{path}");
        }
        let asked = |environment| found(Some(environment), ("POST", "/docs/a"), true, &[]);
        assert_eq!(Environment::ALL.map(asked).into_iter().flatten().count(), 2);
    }

    #[test]
    fn credentials_are_judged_also_where_none_are_needed() {
        for name in ["x-access-client-id", "x-access-secret"] {
            assert_eq!(found(None, ("GET", "/status"), false, &[(name, "x")]), None);
        }
    }

    #[test]
    fn a_preflight_is_what_a_browser_sends_and_nothing_else() {
        let of = |asked, method, has_body, pairs: &[(&'static str, &'static str)]| {
            found(asked, (method, "/v1/orders"), has_body, pairs)
        };
        for origin in ["https://shop.example", "http://localhost:3000", "null"] {
            let found = of(None, "OPTIONS", false, &[("origin", origin), METHOD]);
            assert_eq!(found, Some(Environment::Prod), "{origin}");
        }
        assert_eq!(
            of(Some(Environment::Dev), "OPTIONS", false, &[ORIGIN, METHOD]),
            None
        );
        assert_eq!(of(None, "GET", false, &[ORIGIN, METHOD]), None);
        assert_eq!(of(None, "OPTIONS", true, &[ORIGIN, METHOD]), None);
        for pairs in [
            &[ORIGIN][..],
            &[METHOD],
            &[ORIGIN, ORIGIN, METHOD],
            &[ORIGIN, METHOD, METHOD],
            &[("origin", ""), METHOD],
            &[("origin", "shop.example"), METHOD],
            &[("origin", "https://shop.example/a"), METHOD],
            &[ORIGIN, ("access-control-request-method", "")],
            &[ORIGIN, ("access-control-request-method", "bogus stuff")],
            &[ORIGIN, METHOD, ("cookie", "a=b")],
            &[ORIGIN, METHOD, ("authorization", "Basic x")],
            &[ORIGIN, METHOD, ("x-http-method-override", "DELETE")],
            &[ORIGIN, METHOD, ("x_http_method_override", "DELETE")],
            &[ORIGIN, METHOD, ("x-http-method", "GET")],
            &[ORIGIN, METHOD, ("x-method-override", "DELETE")],
        ] {
            assert_eq!(of(None, "OPTIONS", false, pairs), None, "{pairs:?}");
        }
    }

    #[test]
    fn what_cannot_be_opened_is_refused() {
        for text in [
            "", "*", "/*", "status", "/a*", "/a/*/b", "/a/**", "/a?b", "/a#b", "/a//b", "/../a", "/%61",
            "/a b", "/a;b", "/a/./*",
        ] {
            assert_eq!(
                OpenPath::new(Environment::Prod, text),
                Err(InvalidOpenPath),
                "{text}"
            );
        }
    }
}

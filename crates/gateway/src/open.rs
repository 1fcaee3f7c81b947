//! What passes without a key: paths that the operator has opened, and the questions that browsers ask before a request to another
//! origin. Browsers send no credentials with those.

use http::{HeaderMap, Method, header};
use keys::CredentialForm;
use model::Environment;
use thiserror::Error;

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
        (method, path): (&str, &str),
        headers: &HeaderMap,
        form: &CredentialForm,
    ) -> Option<Environment> {
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
                .filter(|one| is_asked(*one) && is_preflight(method, headers))
        })
    }
}

/// The question whether another origin's page may send a request (Fetch standard, CORS-preflight request).
fn is_preflight(method: &str, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS.as_str()
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
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

    fn headers(names: &[&'static str]) -> HeaderMap {
        let pair = |name: &&'static str| (name.parse().expect("a name"), HeaderValue::from_static("x"));
        names.iter().map(pair).collect()
    }

    #[test]
    fn a_path_is_open_as_it_is_written_and_in_no_other_spelling() {
        let form = CredentialForm::default();
        let none = HeaderMap::new();
        for (path, found) in [
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
            ("//status", None),
            ("/", None),
            ("*", None),
        ] {
            assert_eq!(
                open().environment(None, ("GET", path), &none, &form),
                found,
                "{path}"
            );
        }
        let asked = |environment| open().environment(Some(environment), ("POST", "/docs/a"), &none, &form);
        assert_eq!(Environment::ALL.map(asked).into_iter().flatten().count(), 2);
        assert_eq!(
            Open::default().environment(None, ("GET", "/status"), &none, &form),
            None
        );
    }

    #[test]
    fn credentials_are_judged_also_where_none_are_needed() {
        let form = CredentialForm::default();
        for name in ["x-access-client-id", "x-access-secret"] {
            assert_eq!(
                open().environment(None, ("GET", "/status"), &headers(&[name]), &form),
                None
            );
        }
    }

    #[test]
    fn a_preflight_has_its_method_and_both_headers() {
        let form = CredentialForm::default();
        let both = ["origin", "access-control-request-method"];
        let of = |asked, method, names: &[&'static str]| {
            open().environment(asked, (method, "/v1/orders"), &headers(names), &form)
        };
        assert_eq!(of(None, "OPTIONS", &both), Some(Environment::Prod));
        assert_eq!(of(Some(Environment::Dev), "OPTIONS", &both), None);
        assert_eq!(of(None, "GET", &both), None);
        assert_eq!(of(None, "OPTIONS", &both[..1]), None);
        assert_eq!(of(None, "OPTIONS", &both[1..]), None);
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

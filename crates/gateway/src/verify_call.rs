//! Reads a proxy's call to `verify`: for which environment it asks, and about which request. A proxy passes on headers
//! that its caller chose, so this file decides which ones count and refuses everything doubtful.

use std::cell::RefCell;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Method};
use model::Environment;
use url::{Position, Url};

/// The kind of proxy, which decides the headers it sets itself on every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Nginx,
    /// The Kubernetes controller, which has its own header names.
    IngressNginx,
    Caddy,
    Traefik,
    Envoy,
    HaProxy,
}

impl Profile {
    pub const ALL: [Self; 6] = [
        Self::Nginx,
        Self::IngressNginx,
        Self::Caddy,
        Self::Traefik,
        Self::Envoy,
        Self::HaProxy,
    ];

    /// Its name in the query.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::IngressNginx => "ingress-nginx",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
            Self::Envoy => "envoy",
            Self::HaProxy => "haproxy",
        }
    }

    /// The headers that hold the method and address of the request in question.
    fn believes(self) -> (&'static HeaderName, &'static HeaderName) {
        let [
            forwarded_method,
            original_method,
            forwarded_uri,
            _,
            original_url,
            _,
        ] = &NAMING;
        match self {
            Self::IngressNginx => (original_method, original_url),
            Self::Nginx | Self::Caddy | Self::Traefik | Self::Envoy | Self::HaProxy => {
                (forwarded_method, forwarded_uri)
            }
        }
    }

    /// nginx's `auth_request` passes on 401 and 403, and turns every other refusal into a 500.
    pub(crate) const fn knows_401_and_403_only(self) -> bool {
        matches!(self, Self::Nginx | Self::IngressNginx)
    }
}

/// All headers in which some proxy names the request.
static NAMING: [HeaderName; 6] = [
    HeaderName::from_static("x-forwarded-method"),
    HeaderName::from_static("x-original-method"),
    HeaderName::from_static("x-forwarded-uri"),
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
];

/// Longer queries are not remembered.
const LONGEST_QUERY: usize = 64;

thread_local! {
    /// The query that was read last, and what it says: a proxy asks with the same one each time.
    static LAST_QUERY: RefCell<(String, Option<(Environment, Profile)>)> = const { RefCell::new((String::new(), None)) };
}

/// A valid call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct VerifyCall {
    pub(crate) environment: Environment,
    pub(crate) profile: Profile,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
}

/// What is wrong with a call: the parameter or header, and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misuse {
    pub(crate) field: &'static str,
    pub(crate) message: String,
    /// Known if only the headers are wrong. A caller can cause that with the bytes of its address.
    pub(crate) profile: Option<Profile>,
}

fn misuse(field: &'static str, message: impl Into<String>) -> Misuse {
    Misuse {
        field,
        message: message.into(),
        profile: None,
    }
}

impl VerifyCall {
    /// `query` is the query of the URL that the proxy calls, `headers` are what it sent.
    pub(crate) fn read(query: Option<&str>, headers: &HeaderMap) -> Result<Self, Misuse> {
        let query = query.unwrap_or_default();
        let (environment, profile) = settings(query)?;
        Self::read_headers(query, environment, profile, headers).map_err(|misuse| Misuse {
            profile: Some(profile),
            ..misuse
        })
    }

    fn read_headers(
        query: &str,
        environment: Environment,
        profile: Profile,
        headers: &HeaderMap,
    ) -> Result<Self, Misuse> {
        let (method, address) = profile.believes();
        for other in NAMING.iter().filter(|name| *name != method && *name != address) {
            if headers.contains_key(other) {
                let message = format!(
                    "Profile {} does not trust this header. Have the proxy remove it.",
                    profile.as_str()
                );
                return Err(misuse(other.as_str(), message));
            }
        }
        let method_text = only(headers, method)?;
        if Method::from_bytes(method_text.as_bytes()).is_err() {
            return Err(misuse(method.as_str(), "This is not a method."));
        }
        let path =
            path(&only(headers, address)?).ok_or_else(|| misuse(address.as_str(), "This is not a path."))?;
        // If a proxy is configured without settings but appends its caller's query, the caller could choose the
        // settings.
        if path
            .split_once('?')
            .is_some_and(|(_, of_caller)| of_caller == query)
        {
            return Err(misuse(
                "environment",
                "These settings came from the caller's query. Put them in the address that your proxy calls.",
            ));
        }
        Ok(Self {
            environment,
            profile,
            method: method_text,
            path,
        })
    }
}

/// The two settings.
fn settings(query: &str) -> Result<(Environment, Profile), Misuse> {
    let known = LAST_QUERY.with_borrow(|(last, known)| known.filter(|_| last == query));
    if let Some(known) = known {
        return Ok(known);
    }
    let read = read_settings(query)?;
    if query.len() <= LONGEST_QUERY {
        LAST_QUERY.set((query.to_owned(), Some(read)));
    }
    Ok(read)
}

/// Each must appear once, and nothing else may.
fn read_settings(query: &str) -> Result<(Environment, Profile), Misuse> {
    let (mut environment, mut profile) = (None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let (field, was_set) = match name.as_ref() {
            "environment" => {
                let known = value
                    .parse::<Environment>()
                    .map_err(|_| misuse("environment", "Use sandbox, dev or prod."))?;
                ("environment", environment.replace(known).is_some())
            }
            "profile" => {
                let known = Profile::ALL.into_iter().find(|known| known.as_str() == value);
                let known = known.ok_or_else(|| {
                    let names = Profile::ALL.map(Profile::as_str).join(", ");
                    misuse("profile", format!("Use one of {names}."))
                })?;
                ("profile", profile.replace(known).is_some())
            }
            _ => {
                return Err(misuse(
                    "query",
                    "Unknown setting. Use only environment and profile.",
                ));
            }
        };
        if was_set {
            return Err(misuse(field, "This setting is repeated."));
        }
    }
    let missing = |field| {
        misuse(
            field,
            "This setting is missing. Call /verify?environment=…&profile=….",
        )
    };
    Ok((
        environment.ok_or_else(|| missing("environment"))?,
        profile.ok_or_else(|| missing("profile"))?,
    ))
}

/// The header's single value.
fn only(headers: &HeaderMap, name: &'static HeaderName) -> Result<String, Misuse> {
    let mut values = headers.get_all(name).iter();
    let value = values
        .next()
        .ok_or_else(|| misuse(name.as_str(), "The proxy did not send this header."))?;
    if values.next().is_some() {
        return Err(misuse(name.as_str(), "This header was sent more than once."));
    }
    Ok(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The path and query of a path or a full URL.
fn path(text: &str) -> Option<String> {
    if text.starts_with('/') {
        return text.parse::<PathAndQuery>().ok().map(|_| text.to_owned());
    }
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    is_web.then(|| url[Position::BeforePath..Position::AfterQuery].to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(query: &str, headers: &[(&'static str, &'static str)]) -> Result<VerifyCall, &'static str> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(*name, HeaderValue::from_static(value));
        }
        VerifyCall::read(Some(query), &all).map_err(|misuse| misuse.field)
    }

    const FORWARDED: [(&str, &str); 2] = [("x-forwarded-method", "PUT"), ("x-forwarded-uri", "/a?b=c")];
    const ORIGINAL: [(&str, &str); 2] = [
        ("x-original-method", "PUT"),
        ("x-original-url", "https://api.example/a?b=c"),
    ];

    #[test]
    fn each_profile_believes_one_set_of_headers() {
        for profile in Profile::ALL {
            let (right, wrong) = if profile == Profile::IngressNginx {
                (ORIGINAL, FORWARDED)
            } else {
                (FORWARDED, ORIGINAL)
            };
            let query = format!("environment=prod&profile={}", profile.as_str());
            let call = read(&query, &right).expect("a question");
            assert_eq!((call.environment, call.profile), (Environment::Prod, profile));
            assert_eq!((call.method.as_str(), call.path.as_str()), ("PUT", "/a?b=c"));
            assert!(read(&query, &wrong).is_err(), "{query}");
            assert!(
                read(&query, &[right[0], right[1], wrong[1]]).is_err(),
                "{query}: both"
            );
            assert!(
                read(&query, &[right[0], right[1], right[1]]).is_err(),
                "{query}: twice"
            );
            assert!(
                read(&query, &[right[0], right[0], right[1]]).is_err(),
                "{query}: twice"
            );
            assert!(read(&query, &right[..1]).is_err() && read(&query, &right[1..]).is_err());
            assert!(read(&query, &[]).is_err(), "{query}: none");
            for stranger in ["x-original-uri", "x-rewrite-url"] {
                assert_eq!(
                    read(&query, &[right[0], right[1], (stranger, "/x")]),
                    Err(stranger)
                );
            }
        }
    }

    #[test]
    fn each_setting_appears_once_and_is_known() {
        for (query, field) in [
            ("", "environment"),
            ("environment=prod", "profile"),
            ("profile=nginx", "environment"),
            ("environment=production&profile=nginx", "environment"),
            ("environment=Prod&profile=nginx", "environment"),
            ("environment=&profile=nginx", "environment"),
            ("environment=prod&profile=apache", "profile"),
            ("environment=prod&profile=NGINX", "profile"),
            (
                "environment=prod&environment=sandbox&profile=nginx",
                "environment",
            ),
            ("environment=prod&environment=prod&profile=nginx", "environment"),
            ("environment=prod&profile=nginx&profile=caddy", "profile"),
            ("environment=prod&profile=nginx&x=1", "query"),
            ("environment=prod&profile=nginx?environment=dev", "profile"),
        ] {
            assert_eq!(read(query, &FORWARDED), Err(field), "{query}");
        }
        assert!(read("profile=nginx&environment=dev", &FORWARDED).is_ok());
        assert!(VerifyCall::read(None, &HeaderMap::new()).is_err());
    }

    #[test]
    fn a_query_that_came_from_the_caller_decides_nothing() {
        let call = [
            ("x-forwarded-method", "GET"),
            ("x-forwarded-uri", "/a?environment=sandbox&profile=caddy"),
        ];
        assert_eq!(
            read("environment=sandbox&profile=caddy", &call),
            Err("environment")
        );
        assert!(read("environment=prod&profile=caddy", &call).is_ok());
    }

    #[test]
    fn an_invalid_method_or_path_is_refused() {
        let query = "environment=prod&profile=caddy";
        for (method, path) in [
            ("GET, POST", "/"),
            ("", "/"),
            ("GET", ""),
            ("GET", "a"),
            ("GET", "*"),
            ("GET", "/a b"),
        ] {
            assert!(
                read(
                    query,
                    &[("x-forwarded-method", method), ("x-forwarded-uri", path)]
                )
                .is_err()
            );
        }
    }
}

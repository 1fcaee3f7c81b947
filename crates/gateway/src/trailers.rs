//! Trailers: headers that come after a body. They pass in both directions where both sides understand them, by the same
//! rules as the headers before the body.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Whether the caller understands trailers.
pub(crate) fn are_wanted(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::TE).iter();
    codings
        .filter_map(|codings| codings.to_str().ok())
        .flat_map(|codings| codings.split(','))
        .any(|coding| {
            coding
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .eq_ignore_ascii_case("trailers")
        })
}

/// Tells the next server that trailers are understood.
pub(crate) fn want(headers: &mut HeaderMap) {
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    headers.append(header::CONNECTION, HeaderValue::from_static("te"));
}

/// The trailers that a message announces, of which those pass that `passes` says.
pub(crate) fn announced(headers: &HeaderMap, passes: impl Fn(&HeaderName) -> bool) -> Vec<HeaderName> {
    if !headers.contains_key(header::TRAILER) {
        return Vec::new();
    }
    let values = headers.get_all(header::TRAILER).iter();
    values
        .filter_map(|names| names.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .filter(passes)
        .collect()
}

/// Announces these trailers.
pub(crate) fn announce(headers: &mut HeaderMap, names: &[HeaderName]) {
    let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
    if let Ok(names) = HeaderValue::from_str(&names.join(", "))
        && !names.is_empty()
    {
        headers.insert(header::TRAILER, names);
    }
}

/// Which trailers of a message pass.
pub(crate) enum Passing {
    /// Those that were announced, and of these those with these names.
    Announced(Vec<HeaderName>),
    /// Those for which this is true. In HTTP/2 none need be announced, and those of gRPC never are.
    All(Box<dyn Fn(&HeaderName) -> bool + Send>),
}

impl Passing {
    pub(crate) const fn none() -> Self {
        Self::Announced(Vec::new())
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::Announced(names) if names.is_empty())
    }

    /// Those of the trailers that pass.
    pub(crate) fn of(&self, trailers: &HeaderMap) -> HeaderMap {
        let passes = |name: &HeaderName| match self {
            Self::Announced(names) => names.contains(name),
            Self::All(passes) => passes(name),
        };
        let passing = trailers.iter().filter(|(name, _)| passes(name));
        passing
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

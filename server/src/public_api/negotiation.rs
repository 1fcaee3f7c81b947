//! The API serves only JSON. A caller that does not accept it gets 406 (contract section 2.2).

use http::{HeaderMap, header};

/// Whether the caller accepts JSON. No `Accept` header means that it accepts anything.
pub(super) fn accepts_json(headers: &HeaderMap) -> bool {
    let mut said = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .peekable();
    said.peek().is_none() || said.flat_map(|value| value.split(',')).any(takes_json)
}

/// Whether one entry of `Accept` covers JSON and does not exclude it with `q=0`.
fn takes_json(entry: &str) -> bool {
    let mut parts = entry.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let excluded = parts.any(|parameter| {
        matches!(
            parameter.to_ascii_lowercase().as_str(),
            "q=0" | "q=0.0" | "q=0.00"
        )
    });
    matches!(kind.as_str(), "*/*" | "application/*" | "application/json") && !excluded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_takes_json_is_accepted() {
        for (accept, expected) in [
            ("application/json", true),
            ("text/html, */*;q=0.8", true),
            ("Application/*", true),
            ("text/html", false),
            ("application/json;q=0", false),
            ("application/xml, text/plain", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a value"))]);
            assert_eq!(accepts_json(&headers), expected, "{accept}");
        }
        assert!(accepts_json(&HeaderMap::new()));
    }
}

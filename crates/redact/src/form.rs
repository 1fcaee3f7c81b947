//! Name and value pairs joined by `&` and `=`: form bodies, query strings and the URLs that contain them.

use std::borrow::Cow;

use crate::search::Search;
use crate::spans::REDACTED;
use crate::view::plain;

/// A path with its query, or a whole URL, without anything that must not be stored.
pub(crate) fn redact_address(address: &str, cut_off: bool, search: &Search<'_>) -> String {
    if address.contains("&#") {
        // HTML entities contain `&`, `;` and `#`, so splitting the address would cut through them.
        return search.text(address, cut_off).0;
    }
    let (rest, fragment) = match split(address, b'#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (address, None),
    };
    let (path, query) = match split(rest, b'?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let mut out = search
        .text(path, cut_off && query.is_none() && fragment.is_none())
        .0;
    let query_cut_off = cut_off && fragment.is_none();
    for (sign, part, cut_off) in [('?', query, query_cut_off), ('#', fragment, cut_off)] {
        if let Some(part) = part {
            out.push(sign);
            out.push_str(&redact_pairs(part, cut_off, true, search).0);
        }
    }
    out
}

/// A redacted form body and the number of redactions. `None` if the text is not a form, because then its fields
/// cannot be told apart.
pub(crate) fn redact_form(text: &str, cut_off: bool, search: &Search<'_>) -> Option<(String, u32)> {
    let body = text.trim_end_matches(['\r', '\n']);
    let pairs_are_whole = body
        .split('&')
        .all(|pair| pair.is_empty() || pair.find('=').is_some_and(|at| at > 0));
    // The last pair of a body that was cut off may have no `=` yet.
    let ends_before_sign = cut_off && body.rsplit('&').next().is_some_and(|last| !last.contains('='));
    let has_form_letters = body
        .bytes()
        .all(|byte| !byte.is_ascii_control() && !b"\"<>\\^`{}".contains(&byte));
    let whole = (pairs_are_whole || ends_before_sign) && has_form_letters && escapes_are_whole(body, cut_off);
    whole.then(|| redact_pairs(text, cut_off, false, search))
}

/// Whether every `%` is followed by two hex digits.
fn escapes_are_whole(text: &str, cut_off: bool) -> bool {
    let bytes = text.as_bytes();
    bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .all(|(at, _)| {
            let digits = &bytes[at + 1..bytes.len().min(at + 3)];
            digits.iter().all(u8::is_ascii_hexdigit) && (digits.len() == 2 || cut_off)
        })
}

fn redact_pairs(text: &str, cut_off: bool, is_query: bool, search: &Search<'_>) -> (String, u32) {
    let mut redactions = 0;
    let labelled = has_secret_label(text, search);
    let mut out = String::with_capacity(text.len());
    let mut rest = Some(text);
    while let Some(part) = rest {
        let (pair, following) = match split(part, b'&') {
            Some((pair, following)) => (pair, Some(following)),
            None => (part, None),
        };
        rest = following;
        let last_of_cut = cut_off && following.is_none();
        let Some((name, value)) = split(pair, b'=') else {
            push(&mut out, &mut redactions, search.text(pair, last_of_cut));
            continue_with(&mut out, following);
            continue;
        };
        let known = search.name(name, decoded);
        push(&mut out, &mut redactions, search.name_text(name, known));
        out.push('=');
        let is_secret = known.verdict.is_secret
            // Google sends its API keys as `key`. In JSON, `key` has too many other meanings.
            || (is_query && !labelled && decoded(name) == "key")
            || (labelled && known.verdict.is_value);
        if is_secret && !value.is_empty() {
            search.harvest(value);
            if value.contains('+') {
                search.harvest(&value.replace('+', " "));
            }
            push(&mut out, &mut redactions, (REDACTED.to_owned(), 1));
        } else {
            push(&mut out, &mut redactions, search.text(value, last_of_cut));
        }
        continue_with(&mut out, following);
    }
    (out, redactions)
}

/// The parts before and after the first such sign, which is ASCII. Faster than `split_once` for short texts.
fn split(text: &str, sign: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == sign)?;
    Some((&text[..at], &text[at + 1..]))
}

fn push(out: &mut String, redactions: &mut u32, (text, count): (String, u32)) {
    out.push_str(&text);
    *redactions += count;
}

fn continue_with(out: &mut String, following: Option<&str>) {
    if following.is_some() {
        out.push('&');
    }
}

/// `name=password&value=x`
fn has_secret_label(text: &str, search: &Search<'_>) -> bool {
    text.split('&')
        .filter_map(|pair| split(pair, b'='))
        .any(|(name, value)| {
            value.len() <= 96
                && search.name(name, decoded).verdict.is_label
                && search.names().is_secret(&decoded(value))
        })
}

/// The text without its percent-encoding; `+` is a space.
fn decoded(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte == b'+') {
        Cow::Owned(plain(&text.replace('+', " ")).into_owned())
    } else {
        plain(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Names, Needles};

    const SECRET: &str = "prod-e82c4f19d3a7b6e5f0c8d2a1b4e7f3a6d9c2b5e8";

    fn with_search<T>(run: impl FnOnce(&Search<'_>) -> T) -> T {
        let names = Names::default();
        let mut needles = Needles::default();
        needles.add(SECRET.as_bytes());
        run(&Search::new(&names, &needles))
    }

    fn address(text: &str) -> String {
        with_search(|search| redact_address(text, false, search))
    }

    #[test]
    fn secret_parameters_are_redacted_and_the_rest_stays() {
        for (text, expected) in [
            (
                "/v1/orders/?page=2&access_token=abc&pass%77ord=x&q=a+b&empty=",
                "/v1/orders/?page=2&access_token=[redacted]&pass%77ord=[redacted]&q=a+b&empty=",
            ),
            (
                "/a?next=https%3A%2F%2Fb.example%2F%3Fpassword%3Dx%26c%3D1&d=2",
                "/a?next=https%3A%2F%2Fb.example%2F%3Fpassword%3D[redacted]%26c%3D1&d=2",
            ),
            ("/a?token=ab%26cd&x=1", "/a?token=[redacted]&x=1"),
            (
                "/a?page_token=abc&idempotency_key=k1",
                "/a?page_token=abc&idempotency_key=k1",
            ),
            ("/a;password=x/b", "/a;password=[redacted]"),
            ("/a?key=AIzaSy", "/a?key=[redacted]"),
            ("/a#access_token=x&y=1", "/a#access_token=[redacted]&y=1"),
            (
                "/a?field=password&value=x&z=1",
                "/a?field=password&value=[redacted]&z=1",
            ),
        ] {
            assert_eq!(address(text), expected, "{text}");
        }
    }

    #[test]
    fn the_presented_secret_is_redacted_in_the_path_plain_or_encoded() {
        let digits = &SECRET[5..];
        let once: String = digits.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let twice = once.replace('%', "%25");
        let four_times = (0..2).fold(twice.clone(), |text, _| text.replace('%', "%25"));
        for (text, expected) in [
            (format!("/a/{SECRET}/b"), "/a/[redacted]/b"),
            (format!("/a/x{digits}y/b"), "/a/x[redacted]y/b"),
            (format!("/a/{once}/b"), "/a/[redacted]/b"),
            (format!("/a/?n={twice}"), "/a/?n=[redacted]"),
            (format!("/a/?n={four_times}&m=1"), "/a/?n=[redacted]&m=1"),
            (format!("/a/?{once}=1"), "/a/?[redacted]=1"),
            (
                format!("https://u.example/#{SECRET}"),
                "https://u.example/#[redacted]",
            ),
        ] {
            assert_eq!(address(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_form_keeps_its_order_and_counts_redactions() {
        let form = |text: &str| with_search(|search| redact_form(text, false, search));
        assert_eq!(
            form("name=Ana&password=hunter2&note=a b&ssn=123"),
            Some((
                "name=Ana&password=[redacted]&note=a b&ssn=[redacted]".to_owned(),
                2
            ))
        );
        assert_eq!(
            form("payload=%7B%22a%22%3A1%2C%22password%22%3A%22x%22%7D&b=1"),
            Some((
                "payload=%7B%22a%22%3A1%2C%22password%22%3A[redacted]&b=1".to_owned(),
                1
            ))
        );
        for text in [
            "password hunter2",
            "a=1\nb=2",
            "a=%zz",
            "{\"a\":1",
            "a={\"password\":\"x&y\"}",
            "a=1&b",
            "=x",
        ] {
            assert_eq!(form(text), None, "{text}");
        }
    }
}

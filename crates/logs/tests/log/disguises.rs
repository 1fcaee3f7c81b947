//! Access secrets in every disguise that was found so far, and secrets that a size limit cuts in two.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use logs::{Entry, StoredEntry};

use crate::entries::{FORM, JSON, SECRET, message};
use crate::redaction::{entry, kept, kept_header, stored};

/// A secret that no header presents.
const UNPRESENTED: &str = "prod-e82c4f19d3a7b6e5f0c8d2a1b4e7f3a6d9c2b5e8";

fn text(stored: &StoredEntry) -> String {
    format!("{stored:?}").to_ascii_lowercase()
}

fn percent(text: &str, times: usize) -> String {
    let once: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    (1..times).fold(once, |text, _| text.replace('%', "%25"))
}

fn unicode_escapes(text: &str) -> String {
    text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect()
}

/// The secret in every disguise that was found so far.
pub(crate) fn disguises(secret: &str) -> Vec<String> {
    let mut all = vec![
        secret.to_owned(),
        secret.to_uppercase(),
        unicode_escapes(secret),
        secret.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        secret
            .chars()
            .map(|c| format!("&#x{:x};", u32::from(c)))
            .collect(),
        secret.bytes().map(|byte| format!("\\x{byte:02x}")).collect(),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        secret.bytes().map(|byte| format!("{byte:02X}")).collect(),
        percent(&unicode_escapes(secret), 1),
        unicode_escapes(&percent(secret, 1)),
        format!("https://a.example/?x={secret}&y=1"),
        STANDARD.encode(STANDARD.encode(secret)),
        STANDARD.encode(
            secret
                .bytes()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
        ),
    ];
    all.extend((1..=5).map(|times| percent(secret, times)));
    for before in ["", "x", "xy", "\u{2}\u{3}?"] {
        let plain = format!("{before}{secret}:?>");
        all.push(STANDARD.encode(&plain));
        all.push(URL_SAFE_NO_PAD.encode(&plain));
        all.push(percent(&STANDARD.encode(&plain), 1));
    }
    all
}

/// Fails if any part of the secret can be read in the stored entry.
fn assert_nowhere(stored: &StoredEntry, secret: &str, disguise: &str, place: &str) {
    let text = text(stored);
    let disguise = disguise.to_ascii_lowercase();
    for piece in [secret, &secret[8..], &secret[20..36]] {
        assert!(!text.contains(piece), "{place}: {piece} of {disguise} in {text}");
    }
    let middle = &disguise[disguise.len() / 3..disguise.len() * 2 / 3];
    assert!(!text.contains(middle), "{place}: {disguise} in {text}");
}

#[test]
fn the_presented_secret_is_redacted_in_every_disguise_and_place() {
    for disguise in disguises(SECRET) {
        let in_json = disguise.replace('\\', "\\\\");
        for (place, request) in [
            (
                "JSON",
                message(
                    &[("content-type", JSON)],
                    format!(r#"{{"note":"{disguise}"}}"#).as_bytes(),
                ),
            ),
            (
                "JSON, escaped once more",
                message(
                    &[("content-type", JSON)],
                    format!(r#"{{"note":"{in_json}"}}"#).as_bytes(),
                ),
            ),
            (
                "a name in JSON",
                message(
                    &[("content-type", JSON)],
                    format!(r#"{{"{in_json}":1}}"#).as_bytes(),
                ),
            ),
            (
                "a form",
                message(
                    &[("content-type", FORM)],
                    format!("note={}&b=1", percent(&disguise, 1)).as_bytes(),
                ),
            ),
            (
                "a form, as it is",
                message(
                    &[("content-type", FORM)],
                    format!("note={disguise}&b=1").as_bytes(),
                ),
            ),
        ] {
            let stored = stored(Entry { request, ..entry() });
            assert_nowhere(&stored, SECRET, &disguise, place);
        }
        for name in [
            "x-debug",
            "link",
            "refresh",
            "sec-websocket-protocol",
            "x-original-uri",
            "x-forwarded-uri",
            "user-agent",
            "referer",
            "forwarded",
            "via",
            "if-none-match",
            "x-request-id",
            "origin",
            "accept-language",
        ] {
            for value in [
                disguise.clone(),
                format!("a, b={disguise}; c"),
                format!("<https://a.example/{disguise}>; rel=next"),
            ] {
                let stored = stored(Entry {
                    request: message(&[(name, &value)], b""),
                    ..entry()
                });
                assert_nowhere(&stored, SECRET, &disguise, name);
            }
        }
        let url = disguise.replace(['\\', '#'], "%5C");
        for path in [
            format!("/v1/{url}/x"),
            format!("/v1/?a={url}&b=1"),
            format!("/v1/?{url}"),
            format!("/v1/?{url}=1#{url}"),
        ] {
            let disguise = if url == disguise {
                disguise.clone()
            } else {
                continue;
            };
            let stored = stored(Entry {
                path: path.clone(),
                user_agent: Some(disguise.clone()),
                method: disguise.clone(),
                ..entry()
            });
            assert_nowhere(&stored, SECRET, &disguise, &path);
        }
    }
}

#[test]
fn an_access_secret_that_was_not_presented_is_redacted_in_every_disguise() {
    for disguise in disguises(UNPRESENTED) {
        let response = message(
            &[("content-type", JSON), ("x-debug", &disguise)],
            format!(r#"{{"note":"{}"}}"#, disguise.replace('\\', "\\\\")).as_bytes(),
        );
        let stored = stored(Entry {
            presented: Vec::new(),
            response,
            ..entry()
        });
        assert_nowhere(&stored, UNPRESENTED, &disguise, "an answer");
    }
}

#[test]
fn a_secret_cut_by_the_size_limit_leaves_no_part_of_itself() {
    let variants = [
        SECRET.to_owned(),
        UNPRESENTED.to_owned(),
        percent(SECRET, 2),
        unicode_escapes(UNPRESENTED),
        STANDARD.encode(format!("key {UNPRESENTED}")),
        "Bearer\u{20}abcdefghijklmnopqrstuvwxyz0123456789".to_owned(),
    ];
    for secret in &variants {
        for into in (1..secret.len()).step_by(7) {
            let padding = "x".repeat(logs::BODY_LIMIT - into - 10);
            let body = format!("{{\"note\":\"{padding} {secret}\"}}");
            let kept = kept(JSON, body.as_bytes()).expect("it is JSON");
            let rest = kept
                .strip_prefix(&format!("{{\"note\":\"{padding} "))
                .expect("the beginning stays");
            assert!(
                matches!(rest, "[redacted]" | "Bearer [redacted]" | "Bearer "),
                "{into}: {rest}"
            );

            let padding = "x".repeat(logs::BODY_LIMIT - into - 8);
            let body = format!("a={padding}&note={}", percent(secret, 1));
            let kept = self::kept(FORM, body.as_bytes()).expect("it is a form");
            assert!(
                kept.ends_with("&note=[redacted]") || kept.ends_with("&[redacted]"),
                "{into}: {}",
                &kept[kept.len() - 40..]
            );
        }
    }
    // Paths and headers have size limits too.
    for into in 1..UNPRESENTED.len() {
        let path = format!("/{}/{UNPRESENTED}", "x/".repeat(4096 - into / 2));
        let stored = stored(Entry { path, ..entry() });
        // If a path is cut before the secret begins, only the part before it is left.
        let rest = stored.path.replace("x/", "");
        let rest = rest.trim_end_matches("[redacted]").trim_matches('/');
        assert!(matches!(rest, "" | "x"), "{into}: {rest}");
        let value = format!("{} {UNPRESENTED}", "x".repeat(4095 - into));
        assert!(
            kept_header("x-debug", &value).0.ends_with(" [redacted]"),
            "{into}"
        );
    }
}

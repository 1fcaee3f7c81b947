//! Secret values that occur twice in a message: once under a secret name, and once where nothing marks them as
//! secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use logs::{Entry, Names, redact};

use crate::entries::{FORM, JSON, entry, message};

const VALUE: &str = "hunter2hunter2";

/// Everything that is stored of the entry.
fn kept(entry: Entry) -> String {
    format!("{:?}", redact(entry, &Names::default()))
}

fn kept_body(kind: &str, body: &str) -> String {
    let request = message(&[("content-type", kind)], body);
    kept(Entry { request, ..entry() })
}

#[test]
fn a_secret_value_is_redacted_wherever_its_request_repeats_it() {
    for body in [
        r#"{"password":"V","note":"V"}"#,
        r#"{"note":"V","password":"V"}"#,
        r#"{"note":"it is V!","deep":[{"password":"V"}]}"#,
        r#"{"password":["V"],"note":"V"}"#,
        r#"{"passwords":["a",["b",{"c":"V"}]],"note":"V"}"#,
        r#"{"credentials":{"user":"x","value":{"x":"V"}},"note":"V"}"#,
        r#"{"fields":[{"name":"password","value":["V"]}],"note":"V"}"#,
        r#"{"value":{"a":"V"},"name":"password","note":"V"}"#,
        r#"{"headers":["cookie","V"],"note":"V"}"#,
        r#"{"password":"V","V":1}"#,
        r#"{"cookie":"theme=x; session=V","note":"V"}"#,
        r#"{"authorization":"Bearer V","note":"V"}"#,
        r#"{"authorization":"Basic YW5hOmh1bnRlcjJodW50ZXIy","note":"V"}"#,
        r#"{"password":"V","note":"hunter2\u0068unter2"}"#,
        r#"{"inner":"{\"a\":1,\"email\":\"x\",\"password\":\"V\"}","note":"V"}"#,
        r#"{"inner":"{\"value\":\"V\",\"name\":\"password\"}","note":"V"}"#,
        r#"{"note":"V","query":"mutation { login(email: \"a\", password: \"V\") { id } }"}"#,
        r#"{"url":"https://ana:V@a.example/?x=1","note":"V"}"#,
        r#"{"url":"https://a.example/?token=V&x=1","note":"V"}"#,
        r#"{"xml":"<a:password x=\"1\">V</a:password>","note":"V"}"#,
        r#"{"xml":"<key>password</key><string>V</string>","note":"V"}"#,
        r#"{"text":"Bearer\tV","note":"V"}"#,
        r#"{"error":"Key (company, email)=(1, V)","ssn":"V"}"#,
    ] {
        let body = body.replace('V', VALUE);
        let text = kept_body(JSON, &body);
        assert!(
            !text.contains("unter2") && text.contains("redacted"),
            "{body}: {text}"
        );
    }
    for body in [
        "password=V&note=V",
        "note=V&user[password]=V",
        "password=correct+horse+battery&note=correct+horse+battery",
        "password=correct+horse+battery&note=correct%20horse%20battery",
        "note=%68unter2hunter2&password=V",
        "name=password&value=V&note=V",
        r#"{"password":"V","note":"V"}"#,
    ] {
        let body = body.replace('V', VALUE);
        let text = kept_body(FORM, &body);
        assert!(
            !text.contains("unter2") && !text.contains("horse") && text.contains("redacted"),
            "{body}: {text}"
        );
    }
}

#[test]
fn a_secret_value_is_redacted_in_every_part_of_its_request_and_in_the_response() {
    let base64 = STANDARD.encode(VALUE);
    for (place, path, headers, body) in [
        ("the body's, in the path", format!("/v1/{VALUE}/"), vec![], true),
        (
            "the body's, in the query",
            format!("/v1/?q=a{VALUE}&b=1"),
            vec![],
            true,
        ),
        (
            "the body's, in a header",
            "/".to_owned(),
            vec![("x-note", VALUE)],
            true,
        ),
        (
            "the body's, in base64",
            "/".to_owned(),
            vec![("x-note", base64.as_str())],
            true,
        ),
        (
            "the body's, in the user agent",
            "/".to_owned(),
            vec![("user-agent", VALUE)],
            true,
        ),
        (
            "the query's, in the path",
            format!("/{VALUE}?token={VALUE}"),
            vec![],
            false,
        ),
        (
            "the query's, in a header",
            format!("/?otp={VALUE}"),
            vec![("x-note", VALUE)],
            false,
        ),
        (
            "a header's, in the path",
            format!("/{VALUE}"),
            vec![("x-api-key", VALUE)],
            false,
        ),
        (
            "a token's after a tab, in the path",
            format!("/{VALUE}"),
            vec![("authorization", "Bearer\thunter2hunter2")],
            false,
        ),
        (
            "a parameter's, in the path",
            format!("/{VALUE}"),
            vec![("authorization", "Token token=\"hunter2hunter2\", scope=\"a\"")],
            false,
        ),
        (
            "a text's, in the path",
            format!("/{VALUE}"),
            vec![("x-note", "password=hunter2hunter2")],
            false,
        ),
    ] {
        let secret = format!(r#"{{"password":"{VALUE}"}}"#);
        let body = if body { secret.as_str() } else { "{}" };
        let headers = [&headers[..], &[("content-type", JSON)]].concat();
        let text = kept(Entry {
            path,
            user_agent: headers
                .iter()
                .find(|(name, _)| *name == "user-agent")
                .map(|(_, value)| (*value).to_owned()),
            request: message(&headers, body),
            response: message(
                &[("content-type", JSON), ("x-echo", VALUE)],
                r#"{"echo":"hunter2hunter2"}"#,
            ),
            ..entry()
        });
        assert!(
            !text.contains("unter2") && !text.contains(&base64),
            "{place}: {text}"
        );
    }
    let text = kept(Entry {
        response: message(
            &[("content-type", JSON), ("location", "/?t=hunter2hunter2")],
            r#"{"note":"hunter2hunter2","access":{"tokens":["hunter2hunter2"]}}"#,
        ),
        ..entry()
    });
    assert!(!text.contains("unter2"), "a response's own: {text}");
}

#[test]
fn a_secret_number_is_redacted_in_other_members_too() {
    let text = kept_body(
        JSON,
        r#"{"ssn":123456789,"a":123456789,"b":"no. 123456789","c":[1,123456788]}"#,
    );
    assert!(
        !text.contains("123456789") && text.contains("123456788"),
        "{text}"
    );
    let text = kept_body(JSON, r#"{"card_number":"4111111111111111","a":4111111111111111}"#);
    assert!(text.contains(r#"\"a\":\"[redacted]\""#), "{text}");
}

#[test]
fn a_token_longer_than_the_header_limit_is_redacted_everywhere() {
    let token: String = (0..1200_u32)
        .map(|number| format!("{:08x}", number.wrapping_mul(2_654_435_761)))
        .collect();
    for length in [4000, 4090, 5000, 9600] {
        let token = &token[..length];
        let (middle, last) = (&token[length / 2..length / 2 + 64], &token[length - 64..]);
        let bearer = format!("Bearer {token}");
        let text = kept(Entry {
            path: format!("/a?x={last}&y={middle}"),
            request: message(
                &[("authorization", &bearer), ("content-type", JSON)],
                format!(r#"{{"a":"{token}"}}"#),
            ),
            response: message(
                &[("content-type", JSON), ("x-seen", &bearer), ("x-part", last)],
                format!(r#"{{"authorization_seen":true,"seen":"{token}","b":"{middle}"}}"#),
            ),
            ..entry()
        });
        for part in (0..length - 32)
            .step_by(16)
            .map(|begin| &token[begin..begin + 32])
        {
            assert!(!text.contains(part), "{length}: {part} in {text}");
        }
    }
}

#[test]
fn short_values_and_placeholders_leave_ordinary_text_unchanged() {
    let ordinary = r#"{"note":"true, 1, US, 1234, password required, ********","host":"https://api.northwind-cards.example/v1","country":"US","active":true,"count":1,"at":"ana@northwind-cards.example"}"#;
    for secret in [
        r#""password":"true""#,
        r#""password":1"#,
        r#""password":["1","US",{"a":true}]"#,
        r#""pin":"1234""#,
        r#""password":"password""#,
        r#""password":"required""#,
        r#""password":"********""#,
        // These contain the same domain as the secret value, and the domain is longer than a piece.
        r#""email":"maya@northwind-cards.example""#,
        r#""reset_link":"https://api.northwind-cards.example/v1/reset/77""#,
    ] {
        let body = format!("{},{}", &ordinary[..ordinary.len() - 1], &format!("{secret}}}"));
        let request = message(
            &[("content-type", JSON), ("host", "api.northwind-cards.example")],
            &body,
        );
        let stored = redact(Entry { request, ..entry() }, &Names::default());
        let model::Body::Text { text, .. } = &stored.request_body else {
            panic!("{secret}: it was not kept")
        };
        assert!(
            text.starts_with(&ordinary[..ordinary.len() - 1]),
            "{secret}: {text}"
        );
        assert_eq!(
            stored.request_headers[1].value, "api.northwind-cards.example",
            "{secret}"
        );
    }
}

#[test]
fn redacted_event_payloads_leave_the_rest_of_the_response_readable() {
    let row = r#"{"event":"order.completed","webhook_payload":{"event":"order.completed","token":"hunter2hunter2"},"status":"completed"}"#;
    let response = message(&[("content-type", JSON)], row);
    let text = kept(Entry { response, ..entry() });
    assert!(
        text.contains("order.completed") && !text.contains("unter2"),
        "{text}"
    );
}

//! What the log stores of an entry. Each case is a way in which a secret once got into the log.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use logs::{Capture, CapturedBody, Entry, Message, Names, StoredEntry, redact};
use model::{Body, BodyAbsence, Recorded, SecretText, Verdict};

use crate::entries::{self, FORM, JSON, SECRET, message};

/// With a presented secret.
pub(crate) fn entry() -> Entry {
    Entry {
        presented: vec![SecretText::new(SECRET)],
        ..entries::entry()
    }
}

pub(crate) fn stored(entry: Entry) -> StoredEntry {
    redact(entry, &Names::default())
}

/// The stored request body, or the reason why it is not stored.
pub(crate) fn kept(content_type: &str, body: &[u8]) -> Result<String, BodyAbsence> {
    let request = message(&[("content-type", content_type)], body);
    match stored(Entry { request, ..entry() }).request_body {
        Body::Text { text, .. } => Ok(text),
        Body::Absent { why, .. } => Err(why),
    }
}

pub(crate) fn kept_header(name: &str, value: &str) -> (String, bool) {
    let request = message(&[(name, value)], b"");
    let stored = stored(Entry { request, ..entry() });
    (
        stored.request_headers[0].value.clone(),
        stored.request_headers[0].redacted,
    )
}

#[test]
fn secret_values_are_redacted_in_every_kind_of_body() {
    for (content_type, body, expected) in [
        // JSON with the content type that curl sends with -d.
        (
            FORM,
            r#"{"a":1,"password":"hunter2"}"#,
            r#"{"a":1,"password":"[redacted]"}"#,
        ),
        (
            FORM,
            "payload=%7B%22a%22%3A1%2C%22password%22%3A%22hunter2%22%7D&b=2",
            "payload=%7B%22a%22%3A1%2C%22password%22%3A[redacted]&b=2",
        ),
        (FORM, "a=1;password=hunter2&b=2", "a=1;password=[redacted]&b=2"),
        (
            FORM,
            "note=a%0Apassword%3Dhunter2&b=2",
            "note=a%0Apassword%3D[redacted]&b=2",
        ),
        (
            FORM,
            "next=https%3A%2F%2Fa.example%2F%3Ftoken%3Dhunter2%26c%3D1&b=2",
            "next=https%3A%2F%2Fa.example%2F%3Ftoken%3D[redacted]%26c%3D1&b=2",
        ),
        (
            FORM,
            "name=password&value=hunter2",
            "name=password&value=[redacted]",
        ),
        (
            JSON,
            r#"{"payload":"{\"a\":1,\"password\":\"hunter2\"}","b":2}"#,
            r#"{"payload":"{\"a\":1,\"password\":[redacted]","b":2}"#,
        ),
        (
            JSON,
            r#"{"payload":"{\"inner\":\"{\\\"password\\\":\\\"hunter2\\\"}\"}"}"#,
            r#"{"payload":"{\"inner\":\"{\\\"password\\\":[redacted]"}"#,
        ),
        (
            JSON,
            r#"{"query":"mutation { login(name: \"a\", password: \"hunter2\") { id } }"}"#,
            r#"{"query":"mutation { login(name: \"a\", password: [redacted]"}"#,
        ),
        (
            JSON,
            r#"{"query":"query($password: String!) { a(password: $password) { id } }","variables":{"password":"hunter2"}}"#,
            r#"{"query":"query($password: String!) { a(password: $password) { id } }","variables":{"password":"[redacted]"}}"#,
        ),
        (
            JSON,
            r#"{"text":"user=ana\npassword=hunter2\nx=1"}"#,
            r#"{"text":"user=ana\npassword=[redacted]"}"#,
        ),
        (
            JSON,
            r#"{"text":"user=ana;password=hunter2;x=1"}"#,
            r#"{"text":"user=ana;password=[redacted]"}"#,
        ),
        (
            JSON,
            r#"{"fields":[{"name":"password","value":"hunter2"},{"name":"city","value":"Ulm"}]}"#,
            r#"{"fields":[{"name":"password","value":"[redacted]"},{"name":"city","value":"Ulm"}]}"#,
        ),
        (
            JSON,
            r#"{"url":"https://a.example/?u=https%3A%2F%2Fb.example%2F%3Fapi_key%3Dhunter2"}"#,
            r#"{"url":"https://a.example/?u=https%3A%2F%2Fb.example%2F%3Fapi_key%3D[redacted]"}"#,
        ),
        (
            JSON,
            r#"{"url":"https://ana:hunter2@a.example/x"}"#,
            r#"{"url":"https://[redacted]@a.example/x"}"#,
        ),
        (
            JSON,
            r#"{"xml":"<user><password>hunter2</password></user>"}"#,
            r#"{"xml":"<user><password>[redacted]"}"#,
        ),
    ] {
        assert_eq!(
            kept(content_type, body.as_bytes()).as_deref(),
            Ok(expected),
            "{body}"
        );
    }
}

#[test]
fn names_are_matched_by_their_words() {
    for name in [
        "applicant_ssn",
        "ssn_last4",
        "contact_email",
        "password_confirmation",
        "bank_account_number",
        "otp_code",
        "applicantSsn",
        "Contact-Email",
        "bankAccountNumber",
        "user[password]",
        "pass\\u0077ord",
    ] {
        let json = format!(r#"{{"{name}":"hunter2"}}"#);
        assert_eq!(
            kept(JSON, json.as_bytes()),
            Ok(format!(r#"{{"{name}":"[redacted]"}}"#)),
            "{name}"
        );
        if !name.contains('\\') {
            let form = format!("{name}=hunter2");
            assert_eq!(
                kept(FORM, form.as_bytes()),
                Ok(format!("{name}=[redacted]")),
                "{name}"
            );
        }
    }
    for name in [
        "page_token",
        "idempotency_key",
        "email_count",
        "status",
        "order_id",
    ] {
        let json = format!(r#"{{"{name}":"readable"}}"#);
        assert_eq!(kept(JSON, json.as_bytes()), Ok(json.clone()), "{name}");
    }
}

#[test]
fn a_body_that_does_not_match_its_type_is_not_stored_and_says_why() {
    for (content_type, body, why) in [
        (JSON, &b"{'password':'x'}"[..], BodyAbsence::Malformed),
        (JSON, b"password=x", BodyAbsence::Malformed),
        (JSON, b"{\"a\":1} trailing", BodyAbsence::Malformed),
        (JSON, b"{\"a\":\"\xff\"}", BodyAbsence::NotText),
        (FORM, b"password hunter2", BodyAbsence::Malformed),
        (FORM, b"user=ana\npassword=hunter2", BodyAbsence::Malformed),
        (FORM, b"{\"password\":\"x\"", BodyAbsence::Malformed),
        (FORM, b"payload={\"password\":\"a&b\"}", BodyAbsence::Malformed),
        (FORM, b"<password>x</password>", BodyAbsence::Malformed),
        (FORM, b"a=%zz", BodyAbsence::Malformed),
        ("text/plain", b"password is x", BodyAbsence::UnknownType),
        (
            "multipart/form-data; boundary=x",
            b"--x",
            BodyAbsence::UnknownType,
        ),
        (
            "application/xml",
            b"<password>x</password>",
            BodyAbsence::UnknownType,
        ),
        (
            "application/graphql",
            b"mutation { login(password: \"x\") }",
            BodyAbsence::UnknownType,
        ),
        ("application/json; charset=utf-16", b"{}", BodyAbsence::NotText),
        (JSON, b"", BodyAbsence::Empty),
    ] {
        assert_eq!(
            kept(content_type, body),
            Err(why),
            "{content_type} {}",
            String::from_utf8_lossy(body)
        );
    }
}

#[test]
fn headers_renamed_by_proxies_and_secrets_in_header_urls_are_redacted() {
    for name in [
        "authorization",
        "x-original-authorization",
        "x-forwarded-authorization",
        "x-original-cookie",
        "cookie",
        "x-auth-key",
        "x-auth-token",
        "x_access_secret",
        "proxy-authorization",
        "ocp-apim-subscription-key",
    ] {
        assert_eq!(
            kept_header(name, "hunter2"),
            ("[redacted]".to_owned(), true),
            "{name}"
        );
    }
    for (name, value, expected) in [
        (
            "x-original-uri",
            "/a?password=hunter2&b=1",
            "/a?password=[redacted]&b=1",
        ),
        (
            "x-original-url",
            "https://a.example/a?api_key=hunter2",
            "https://a.example/a?api_key=[redacted]",
        ),
        (
            "x-forwarded-uri",
            "/a?b=1&token=hunter2",
            "/a?b=1&token=[redacted]",
        ),
        ("x-rewrite-url", "/a?b=1&token=hunter2", "/a?b=1&token=[redacted]"),
        (
            "referer",
            "https://a.example/?u=https%3A%2F%2Fb%2F%3Ftoken%3Dhunter2%26c%3D1&d=1",
            "https://a.example/?u=https%3A%2F%2Fb%2F%3Ftoken%3D[redacted]%26c%3D1&d=1",
        ),
        (
            "link",
            "<https://a.example/?token=hunter2>; rel=next",
            "<https://a.example/?token=[redacted]",
        ),
        (
            "refresh",
            "5; url=https://a.example/?secret=hunter2",
            "5; url=https://a.example/?secret=[redacted]",
        ),
        (
            "location",
            "https://ana:hunter2@a.example/",
            "https://[redacted]@a.example/",
        ),
        (
            "x-forwarded-stuff",
            "Bearer hunter2hunter2hunter2",
            "Bearer [redacted]",
        ),
        (
            "sec-websocket-protocol",
            "v1, bearer hunter2hunter2",
            "v1, bearer [redacted]",
        ),
    ] {
        assert_eq!(kept_header(name, value), (expected.to_owned(), true), "{name}");
    }
    for (name, value) in [
        ("idempotency-key", "order-7"),
        ("accept", "*/*"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("content-type", "application/json; charset=utf-8"),
        ("cache-control", "max-age=60, public"),
        ("x-request-id", "018f2c3e-7d1a-7c55-9a53-2f9d2d3c4b5a"),
        ("date", "Thu, 26 Nov 2026 12:30:22 GMT"),
        ("www-authenticate", "Basic realm=\"a\""),
    ] {
        assert_eq!(kept_header(name, value), (value.to_owned(), false), "{name}");
    }
}

#[test]
fn credentials_that_an_upstream_repeats_are_redacted() {
    let basic = STANDARD.encode("ana:long-basic-password");
    let request = message(
        &[
            ("authorization", "Bearer tok_1234567890abcdef"),
            ("x-original-authorization", &format!("Basic {basic}")),
            ("cookie", "a=b; session=cookie-value-1"),
            ("content-type", JSON),
        ],
        br#"{"password":"long-body-password","pin":"1234"}"#,
    );
    let response = message(
        &[("content-type", JSON), ("set-cookie", "fresh=fresh-cookie-value; Path=/"), ("x-echo", "tok_1234567890abcdef")],
        format!(
            r#"{{"sent":"tok_1234567890abcdef","c":"cookie-value-1","d":["long-basic-password","{basic}"],"e":"long-body-password is weak","f":"fresh-cookie-value"}}"#
        )
        .as_bytes(),
    );
    let stored = stored(Entry {
        request,
        response,
        ..entry()
    });
    let Body::Text { text, .. } = stored.response_body else {
        panic!("the body was not stored")
    };
    assert_eq!(
        text,
        r#"{"sent":"[redacted]","c":"[redacted]","d":["[redacted]","[redacted]"],"e":"[redacted] is weak","f":"[redacted]"}"#
    );
    let echo = stored
        .response_headers
        .iter()
        .find(|field| field.name == "x-echo")
        .expect("it came");
    assert_eq!(echo.value, "[redacted]");
}

#[test]
fn a_public_api_history_body_is_kept_without_event_payloads() {
    let row = r#"{"next":null,"results":[{"webhook_id":"a","status_code":200,"webhook_payload":{"order":{"applicant":"Ana"}},"webhook_url":"https://a.example/?token=x"}]}"#;
    let response = message(&[("content-type", JSON)], row.as_bytes());
    let stored = stored(Entry {
        recorded: Recorded::PublicApi,
        response,
        ..entry()
    });
    let Body::Text { text, .. } = stored.response_body else {
        panic!("the body was not stored")
    };
    assert_eq!(
        text,
        r#"{"next":null,"results":[{"webhook_id":"a","status_code":200,"webhook_payload":"[redacted]","webhook_url":"https://a.example/?token=[redacted]"}]}"#
    );
}

#[test]
fn a_compressed_response_is_kept_decoded_and_redacted() {
    use std::io::Write;
    let json = br#"{"order":7,"password":"hunter2"}"#;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(json).expect("writing to memory");
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 5_000_000]).expect("writing to memory");
    let headers = [("content-type", JSON), ("content-encoding", "gzip")];
    let body = |bytes: &[u8]| {
        let response = message(&headers, bytes);
        stored(Entry { response, ..entry() }).response_body
    };
    let compressed = gzip.finish().expect("writing to memory");
    assert_eq!(
        body(&compressed),
        Body::Text {
            text: r#"{"order":7,"password":"[redacted]"}"#.to_owned(),
            total_bytes: compressed.len() as u64,
            truncated: false,
            redactions: 1,
        }
    );
    let bomb = bomb.finish().expect("writing to memory");
    for bytes in [&b"not gzip"[..], &bomb[..70]] {
        assert!(matches!(
            body(bytes),
            Body::Absent {
                why: BodyAbsence::Encoded,
                ..
            }
        ));
    }
}

#[test]
fn only_the_address_is_kept_when_no_key_was_recognised() {
    let request = message(&[("content-type", JSON), ("x-debug", SECRET)], b"{\"a\":1}");
    let stored = stored(Entry {
        verdict: Verdict::UnknownSecret,
        path: format!("/{SECRET}?token=x&b={}", "y".repeat(1000)),
        request,
        ..entry()
    });
    assert!(stored.request_headers.is_empty());
    let why = BodyAbsence::KeyNotRecognised;
    assert_eq!(stored.request_body, Body::Absent { why, total_bytes: 0 });
    assert!(stored.path.starts_with("/[redacted]?token=[redacted]&b=") && stored.path.len() <= 280);
}

#[test]
fn names_that_the_operator_adds_or_exempts_apply_everywhere() {
    let names = Names::new(&["salary"], &["contact_email"]).expect("two lists");
    let request = message(
        &[("content-type", JSON), ("x-salary", "5000")],
        br#"{"annualSalary":5000,"contact_email":"a@b.example","email":"c@b.example","text":"salary: 5000"}"#,
    );
    let path = "/?salary=5000&contact-email=a".to_owned();
    let stored = redact(
        Entry {
            request,
            path,
            ..entry()
        },
        &names,
    );
    assert_eq!(stored.path, "/?salary=[redacted]&contact-email=a");
    let Body::Text { text, .. } = &stored.request_body else {
        panic!("the body was not stored")
    };
    assert_eq!(
        text,
        r#"{"annualSalary":"[redacted]","contact_email":"a@b.example","email":"[redacted]","text":"salary: [redacted]"}"#
    );
    assert!(
        stored
            .request_headers
            .iter()
            .any(|field| field.name == "x-salary" && field.redacted)
    );
}

#[test]
fn debug_output_shows_nothing_of_captured_bodies() {
    let body = CapturedBody::Bytes {
        first: SECRET.into(),
        total_bytes: 48,
    };
    assert_eq!(format!("{body:?}"), "CapturedBody([redacted])");
}

#[test]
fn a_body_that_is_only_counted_is_stored_as_if_it_had_been_kept() {
    for (content_type, is_kept) in [
        (JSON, true),
        (FORM, true),
        ("application/problem+json; charset=utf-8", true),
        ("application/json; charset=utf-16", false),
        ("application/octet-stream", false),
        ("text/html", false),
        ("image/png", false),
    ] {
        let whole = message(&[("content-type", content_type)], r#"{"a":1}"#);
        let mut capture = Capture::of(&whole.headers);
        capture.see(br#"{"a""#);
        capture.see(b":1}");
        let body = capture.take();
        let kept = match &body {
            CapturedBody::Bytes { first, .. } => first.len(),
            CapturedBody::Absent { .. } => 0,
        };
        assert_eq!(kept > 0, is_kept, "{content_type}");
        let counted = Message {
            headers: whole.headers.clone(),
            body,
        };
        let row = |request| stored(Entry { request, ..entry() }).request_body;
        assert_eq!(row(counted), row(whole), "{content_type}");
    }
}

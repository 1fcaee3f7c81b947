//! Ordinary entries and entries designed to be slow, for the benchmark and the test that redaction takes linear time.

use http::{HeaderMap, HeaderName, HeaderValue};
use logs::{Capture, Entry, Message, Place};
use model::{ClientId, CompanyId, Environment, Recorded, RequestId, SecretText, Timestamp, Verdict};

pub(crate) const SECRET: &str = "sandbox-a57b3109f1f4a8b3f2ebbc1c526950f1795464af";

fn entry(company: u8, path: String, presented: String, request: Message, response: Message) -> Entry {
    let company = CompanyId::from_random([company; 16]);
    Entry {
        request_id: RequestId::from_random([1; 16]),
        at: Timestamp::from_millis(1_767_614_400_000),
        place: Place {
            root: company,
            company,
            client_id: ClientId::from_random([1; 16]),
            brand: None,
        },
        environment: Some(Environment::Sandbox),
        key: None,
        recorded: Recorded::Gateway,
        method: "POST".to_owned(),
        path,
        status: 200,
        verdict: Verdict::Accepted,
        verdict_detail: String::new(),
        duration_us: 1,
        upstream_us: None,
        address: "192.0.2.1".to_owned(),
        user_agent: Some("python-httpx/0.28.1".to_owned()),
        presented: vec![SecretText::new(presented)],
        request,
        response,
    }
}

fn message(headers: &[(&str, &str)], body: &[u8]) -> Message {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    let mut capture = Capture::default();
    capture.see(body);
    Message {
        headers: map,
        body: capture.take(),
    }
}

/// A typical request and response: a dozen headers on each side, a request body of a few hundred bytes, a response
/// with `rows` orders.
pub(crate) fn ordinary(rows: usize) -> Entry {
    let request = message(
        &[
            ("host", "api.example.com"),
            ("user-agent", "python-httpx/0.28.1"),
            ("accept", "*/*"),
            ("accept-encoding", "gzip, deflate, br"),
            ("connection", "keep-alive"),
            ("content-type", "application/json"),
            ("content-length", "243"),
            ("x-access-client-id", "5f0c8d2a1b4e7f3a6d9c2b5e85f0c8d2"),
            ("x-access-secret", SECRET),
            ("idempotency-key", "018f2c3e-7d1a-7c55-9a53-2f9d2d3c4b5a"),
        ],
        br#"{"order_number":"NW-2043","products":["income","employment"],"applicant":{"first_name":"Maya","last_name":"Lindqvist","email":"maya@example.com","phone":"+15550100"},"notification_settings":{"suppress_user_notifications":true},"metadata":{"source":"batch"}}"#,
    );
    let row = r#"{"id":"4b1c7e90d2a84f6e","order_number":"NW-2043","status":"completed","created_at":"2026-01-05T10:00:00.123456Z","products":["income","employment"],"employers":[{"company_name":"Acme Logistics","status":"done"}],"links":{"self":"https://api.example.com/v1/orders/4b1c7e90d2a84f6e/?page=2&sort=created_at"}}"#;
    let body = format!(
        r#"{{"count":{rows},"next":null,"results":[{}]}}"#,
        vec![row; rows].join(",")
    );
    let response = message(
        &[
            ("date", "Thu, 26 Nov 2026 12:30:22 GMT"),
            ("content-type", "application/json"),
            ("content-length", "1432"),
            ("cache-control", "no-store"),
            ("vary", "Accept, Origin"),
            ("x-request-id", "018f2c3e-7d1a-7c55-9a53-2f9d2d3c4b5a"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ],
        body.as_bytes(),
    );
    let path = "/v1/orders/?page=2&page_size=25&status=completed".to_owned();
    entry(1, path, SECRET.to_owned(), request, response)
}

/// Entries of about `size` bytes that are designed to be slow, each with its name.
pub(crate) fn hostile(size: usize) -> Vec<(&'static str, Entry)> {
    let repeat = |text: &str| text.repeat(size / text.len() + 1)[..size].to_owned();
    let mut base64 = "c2FuZGJveC0x".repeat(64);
    while base64.len() < size {
        base64 = encode(base64.as_bytes());
    }
    base64.truncate(size);
    let texts = [
        ("letters of the secret", repeat("a")),
        ("pieces of the secret", repeat(&SECRET[8..24])),
        ("percent signs of percent signs", format!("%{}", repeat("25"))),
        ("backslashes", repeat("\\\\")),
        ("open entities", repeat("&#12345")),
        ("names and signs", repeat("a=")),
        ("long names", repeat("aB1-aB1_aB1.aB1[aB1]aB1 aB1:")),
        ("labels", repeat("name:email ")),
        ("spaces before signs", repeat("          =")),
        ("base64 in base64", base64),
        ("hex in hex", repeat("33333333373333363337333633373336")),
        ("dashes", repeat("prod-e82c4f19d3a7b6e5f0c8d2a1b4e7f3a6d9c2b5e")),
        ("URLs in URLs", repeat("https://a@b?c=https%3A%2F%2F")),
        ("GraphQL", repeat("password:[String!]!,")),
        ("bearers", repeat("bearer a bearer-a ")),
        ("schemes and spaces", repeat("bearer\t \u{a0}")),
        ("secret values", repeat("a=1&password=hunter2a&")),
        ("secret words", repeat("password:password:")),
        ("secret quotes", repeat("password:\"a password:'a ")),
        ("open tags", repeat("<password <key>email")),
        ("closed tags", repeat("<name>a</name><a id='b'>")),
        ("lists of columns", repeat("a,b)=,c)=")),
        ("lists of values", repeat("(email) values (a)")),
        ("a sentence again and again", sentences(size)),
    ];
    texts
        .into_iter()
        .map(|(name, text)| (name, hostile_entry(&text)))
        .collect()
}

/// Several secret sentences with the same ending, followed by the beginning of such a sentence, repeated.
fn sentences(size: usize) -> String {
    let like = |number: usize| format!("{number:>02} {}", "a ".repeat(120));
    let secret: String = (0..24)
        .map(|number| format!("password=\"{}\" ", like(number)))
        .collect();
    let mut text = format!("{}{}", &secret[..secret.len().min(size / 2)], "a ".repeat(size));
    text.truncate(size);
    text
}

/// An entry with the text as its presented secret, path, headers and both bodies.
fn hostile_entry(text: &str) -> Entry {
    let plain: String = text.replace(['\\', '"'], "/");
    let in_json = text.replace('\\', "\\\\").replace('"', "\\\"");
    let piece = &plain[..plain.floor_char_boundary(4096)];
    let request = message(
        &[
            ("x-access-secret", &plain),
            ("content-type", "application/json"),
            ("cookie", piece),
            ("authorization", piece),
            ("x-a", piece),
            ("x-b", piece),
            ("x-c", piece),
            ("x-d", piece),
        ],
        format!("{{\"a\":\"{in_json}\"}}").as_bytes(),
    );
    let response = message(
        &[
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-a", piece),
        ],
        plain.as_bytes(),
    );
    entry(2, format!("/{plain}?{plain}"), plain.clone(), request, response)
}

fn encode(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let number = group
            .iter()
            .fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for shift in [18, 12, 6, 0] {
            out.push(char::from(LETTERS[(number >> shift) as usize & 63]));
        }
    }
    out
}

/// Number of bytes that redaction has to examine.
pub(crate) fn size(entry: &Entry) -> usize {
    let message = |message: &Message| {
        let headers: usize = message
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        headers
            + match &message.body {
                logs::CapturedBody::Bytes { first, .. } => first.len(),
                logs::CapturedBody::Absent { .. } => 0,
            }
    };
    entry.path.len() + message(&entry.request) + message(&entry.response)
}

//! An entry as most are, for the benchmarks.

use logs::Entry;
use model::SecretText;

use crate::entries::{self, SECRET, message};

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
    Entry {
        path,
        user_agent: Some("python-httpx/0.28.1".to_owned()),
        presented: vec![SecretText::new(SECRET)],
        request,
        response,
        ..entries::entry()
    }
}

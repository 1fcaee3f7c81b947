//! A delivery as a `curl` command that sends the same bytes with the same headers.

use model::{Delivery, HeaderField, HopRecord};

/// Headers that curl writes itself, or that belong to the connection.
const WRITTEN_BY_CURL: [&str; 5] = [
    "host",
    "content-length",
    "connection",
    "accept-encoding",
    "transfer-encoding",
];

/// The latest request of a delivery as a command, with these headers in place of those of the same names. `None` where there was no
/// attempt yet.
pub fn of_delivery(delivery: &Delivery, signed: &[HeaderField]) -> Option<String> {
    let mut hop = delivery.attempts.last()?.hops.last()?.clone();
    for header in &mut hop.request_headers {
        let is_same = |one: &&HeaderField| one.name.eq_ignore_ascii_case(&header.name);
        if let Some(now) = signed.iter().find(is_same) {
            header.clone_from(now);
        }
    }
    Some(command(&hop, &delivery.body))
}

/// The request of `hop` with `body`, for a shell: one header a line.
fn command(hop: &HopRecord, body: &str) -> String {
    let mut lines = vec![format!("curl -X POST {}", quoted(&hop.url))];
    lines.extend(
        hop.request_headers
            .iter()
            .filter(|header| !WRITTEN_BY_CURL.contains(&header.name.to_ascii_lowercase().as_str()))
            .map(|header| {
                // Only the webhook's own headers are redacted. The person who runs the command puts in their values.
                let value = if header.redacted { "<value>" } else { &header.value };
                format!("  -H {}", quoted(&format!("{}: {value}", header.name)))
            }),
    );
    lines.push(format!("  --data-raw {}", quoted(body)));
    lines.join(" \\\n")
}

/// As one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{HeaderField, TimingRecord};

    #[test]
    fn the_command_carries_signature_and_exact_body_and_nothing_of_the_connection() {
        let header = |name: &str, value: &str, redacted| HeaderField {
            name: name.to_owned(),
            value: value.to_owned(),
            redacted,
        };
        let hop = HopRecord {
            url: "https://example.com/in?a='b'".to_owned(),
            address: None,
            request_headers: vec![
                header("Host", "example.com", false),
                header("Content-Length", "11", false),
                header("X-WEBHOOK-SIGN", "v1=00ff", false),
                header("Authorization", "[redacted]", true),
            ],
            status: None,
            response_headers: Vec::new(),
            response_body: String::new(),
            response_truncated: false,
            timing: TimingRecord::default(),
        };
        assert_eq!(
            command(&hop, r#"{"a":"it's"}"#),
            "curl -X POST 'https://example.com/in?a='\\''b'\\''' \\\n  -H 'X-WEBHOOK-SIGN: v1=00ff' \\\n  -H 'Authorization: <value>' \\\n  --data-raw '{\"a\":\"it'\\''s\"}'"
        );
    }
}

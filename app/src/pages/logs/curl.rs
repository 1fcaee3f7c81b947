//! A stored request as a line for a shell. The secret is never in it: it comes from the variable `SECRET`.

use crate::credential_names;
use model::{Body, ClientId, HeaderField, LogEntry};

/// Headers that curl sets itself, that belong to the connection or to proxies, or that carry a person's session.
const LEFT_OUT: [&str; 16] = [
    "host",
    "content-length",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "accept-encoding",
    "cookie",
    "authorization",
    "user-agent",
    "x-request-id",
    "forwarded",
    "via",
    "x-real-ip",
];

/// The command, over several lines. An incomplete body is left out, and a comment says so.
pub(super) fn command(entry: &LogEntry, gateway_url: &str, company: ClientId) -> String {
    let names = credential_names();
    let mut lines = vec![first_line(entry, gateway_url)];
    if !entry
        .request_headers
        .iter()
        .any(|header| header.name.eq_ignore_ascii_case(&names.client_id))
    {
        lines.push(format!("-H '{}: {company}'", names.client_id));
    }
    lines.push(format!("-H \"{}: $SECRET\"", names.secret));
    lines.extend(
        entry
            .request_headers
            .iter()
            .filter(|header| is_sent(header) && !header.name.eq_ignore_ascii_case(&names.secret))
            .map(header_argument),
    );
    let mut remark = "";
    match &entry.request_body {
        Body::Text {
            truncated: false,
            redactions: 0,
            text,
            ..
        } => lines.push(format!("--data-raw {}", quoted(text))),
        Body::Text { .. } => remark = "# The stored body is incomplete; add your own with --data-raw.\n",
        Body::Absent { total_bytes: 0, .. } => {}
        Body::Absent { .. } => remark = "# The body was not stored; add your own with --data-raw.\n",
    }
    format!("{remark}{}", lines.join(" \\\n  "))
}

fn first_line(entry: &LogEntry, gateway_url: &str) -> String {
    let row = &entry.row;
    let url = quoted(&format!("{gateway_url}{}", row.path));
    match row.method.as_str() {
        "GET" => format!("curl {url}"),
        "HEAD" => format!("curl --head {url}"),
        method if method.bytes().all(|byte| byte.is_ascii_uppercase()) => format!("curl -X {method} {url}"),
        method => format!("curl -X {} {url}", quoted(method)),
    }
}

fn is_sent(header: &HeaderField) -> bool {
    let name = header.name.to_ascii_lowercase();
    !header.redacted && !name.starts_with("x-forwarded-") && !LEFT_OUT.contains(&name.as_str())
}

fn header_argument(header: &HeaderField) -> String {
    format!("-H {}", quoted(&format!("{}: {}", header.name, header.value)))
}

/// In single quotes, in which a shell interprets only the closing one.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use model::{LogRow, Recorded, RequestId, Timestamp, Verdict};

    use super::*;

    fn header(name: &str, value: &str, redacted: bool) -> HeaderField {
        HeaderField {
            name: name.to_owned(),
            value: value.to_owned(),
            redacted,
        }
    }

    fn entry(method: &str, headers: Vec<HeaderField>, body: Body) -> LogEntry {
        LogEntry {
            row: LogRow {
                seq: 1,
                request_id: RequestId::from_random([1; 16]),
                at: Timestamp::from_millis(0),
                method: method.to_owned(),
                path: "/v1/orders/?q=it's".to_owned(),
                status: 200,
                verdict: Verdict::Accepted,
                error_code: None,
                environment: None,
                client_id: ClientId::from_random([2; 16]),
                brand: None,
                key_id: None,
                key_last_four: None,
                duration_us: 1,
            },
            recorded: Recorded::Gateway,
            address: "127.0.0.1".to_owned(),
            user_agent: None,
            verdict_detail: String::new(),
            upstream_us: None,
            request_headers: headers,
            request_body: body,
            response_headers: Vec::new(),
            response_body: Body::Absent {
                why: model::BodyAbsence::Empty,
                total_bytes: 0,
            },
            events: Vec::new(),
        }
    }

    const EMPTY: Body = Body::Absent {
        why: model::BodyAbsence::Empty,
        total_bytes: 0,
    };

    #[test]
    fn quotes_in_a_path_do_not_leave_the_quotes() {
        let text = command(
            &entry("GET", Vec::new(), EMPTY),
            "http://g",
            ClientId::from_random([2; 16]),
        );
        assert!(
            text.starts_with(r"curl 'http://g/v1/orders/?q=it'\''s' "),
            "{text}"
        );
    }

    #[test]
    fn the_secret_is_a_variable_and_redacted_headers_stay_out() {
        let headers = vec![
            header("X-Access-Secret", "[redacted]", true),
            header("Authorization", "[redacted]", true),
            header("Content-Type", "application/json", false),
            header("Host", "g", false),
            header("X-Forwarded-For", "203.0.113.20", false),
        ];
        let body = Body::Text {
            text: "{\"a\":1}".to_owned(),
            total_bytes: 7,
            truncated: false,
            redactions: 0,
        };
        let text = command(
            &entry("POST", headers, body),
            "http://g",
            ClientId::from_random([2; 16]),
        );
        assert_eq!(text.matches("X-Access-Secret: $SECRET").count(), 1);
        assert!(
            !text.contains("redacted")
                && !text.contains("Host")
                && !text.contains("Forwarded")
                && !text.contains("Authorization"),
            "{text}"
        );
        assert!(
            text.ends_with("-H 'Content-Type: application/json' \\\n  --data-raw '{\"a\":1}'"),
            "{text}"
        );
    }

    #[test]
    fn a_body_that_was_not_kept_whole_is_left_out_with_a_remark() {
        let body = Body::Text {
            text: "half".to_owned(),
            total_bytes: 99_999,
            truncated: true,
            redactions: 0,
        };
        let text = command(
            &entry("POST", Vec::new(), body),
            "http://g",
            ClientId::from_random([2; 16]),
        );
        assert!(
            text.starts_with("# The stored body is incomplete") && !text.contains("half"),
            "{text}"
        );
    }
}

//! A request for tests.

use model::{
    Body, BodyAbsence, ClientId, Environment, LogEntry, LogRow, Recorded, RequestId, Timestamp, Verdict,
};

pub(super) fn sample() -> LogEntry {
    let empty = || Body::Absent {
        why: BodyAbsence::Empty,
        total_bytes: 0,
    };
    LogEntry {
        row: LogRow {
            seq: 1,
            request_id: RequestId::from_random([1; 16]),
            at: Timestamp::from_millis(0),
            method: "GET".to_owned(),
            path: "/v1/orders/?q=it's".to_owned(),
            status: Some(200),
            verdict: Verdict::Accepted,
            error_code: None,
            environment: Some(Environment::Sandbox),
            client_id: ClientId::from_random([2; 16]),
            brand: None,
            key_id: None,
            key_last_four: None,
            duration_us: 1,
            caller: None,
        },
        recorded: Recorded::Gateway,
        address: "127.0.0.1".to_owned(),
        user_agent: None,
        verdict_detail: String::new(),
        upstream_us: None,
        request_headers: Vec::new(),
        request_body: empty(),
        response_headers: Vec::new(),
        response_body: empty(),
        events: Vec::new(),
    }
}

//! Requests with headers and, in one of ten, a body: recorded as the gateway records them, so that redaction is part of
//! what is measured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clock::Clock;
use http::{HeaderMap, HeaderName, HeaderValue};
use live::Bus;
use logs::{Capture, CapturedBody, Entry, Message, Recorder, RecorderOptions, StoredEntry};
use model::{BodyAbsence, SecretText};

use crate::subject::Opened;
use crate::world::World;

/// Chunks of entries that are made in advance and then recorded without a pause.
const BURST: u64 = 12;

/// Every tenth request has a body.
const BODY_EVERY: usize = 10;

const SECRET: &str = "prod-a57b3109f1f4a8b3f2ebbc1c526950f1795464af";

const REQUEST_HEADERS: [(&str, &str); 9] = [
    ("host", "api.example.com"),
    ("user-agent", "python-httpx/0.28.1"),
    ("accept", "*/*"),
    ("accept-encoding", "gzip, deflate, br"),
    ("connection", "keep-alive"),
    ("content-type", "application/json"),
    ("x-access-client-id", "5f0c8d2a1b4e7f3a6d9c2b5e85f0c8d2"),
    ("x-access-secret", SECRET),
    ("idempotency-key", "018f2c3e-7d1a-7c55-9a53-2f9d2d3c4b5a"),
];

const RESPONSE_HEADERS: [(&str, &str); 5] = [
    ("date", "Thu, 26 Nov 2026 12:30:22 GMT"),
    ("content-type", "application/json"),
    ("cache-control", "no-store"),
    ("vary", "Accept, Origin"),
    ("x-request-id", "018f2c3e-7d1a-7c55-9a53-2f9d2d3c4b5a"),
];

/// 400 bytes with names whose values are removed.
const BODY: &str = r#"{"order_number":"NW-2043","products":["income","employment"],"applicant":{"first_name":"Maya","last_name":"Lindqvist","email":"maya@example.com","phone":"+15550100","date_of_birth":"1990-04-12"},"notification_settings":{"suppress_user_notifications":true},"employers":[{"company_name":"Acme Inc","status":"active","position":"driver"}],"metadata":{"source":"batch","run":"2026-11-26","row":"000417"}}"#;

/// Records all rows of this world with headers and bodies. Returns the rows stored a second.
pub(crate) async fn rows_per_second(store: &Opened, world: &World) -> Result<f64> {
    let logs = Arc::new(store.logs.clone());
    let options = RecorderOptions::new(Clock::machine());
    let recorder = Recorder::start(logs.clone(), logs, Bus::default(), options).await?;
    let (mut recording, mut chunk) = (Duration::ZERO, 0);
    while chunk < world.chunks() {
        let until = (chunk + BURST).min(world.chunks());
        let rows = (chunk..until).flat_map(|chunk| world.chunk(chunk)).enumerate();
        let entries: Vec<Entry> = rows.map(|(number, row)| entry(row, number)).collect();
        chunk = until;
        let begun = Instant::now();
        for entry in entries {
            recorder.record_waiting(entry).await;
        }
        recorder.flush().await;
        recording += begun.elapsed();
    }
    let totals = recorder.totals();
    recorder.shutdown().await;
    ensure!(totals.dropped == 0, "rows were dropped: {totals:?}");
    Ok(totals.stored as f64 / recording.as_secs_f64())
}

/// The request as the gateway saw it.
pub(crate) fn entry(row: StoredEntry, number: usize) -> Entry {
    let body = if number.is_multiple_of(BODY_EVERY) {
        let mut capture = Capture::default();
        capture.see(BODY.as_bytes());
        capture.take()
    } else {
        no_body()
    };
    Entry {
        request_id: row.request_id,
        at: row.at,
        place: row.place,
        environment: row.environment,
        key: row.key,
        recorded: row.recorded,
        method: row.method,
        path: row.path,
        status: row.status,
        verdict: row.verdict,
        verdict_detail: row.verdict_detail,
        duration_us: row.duration_us,
        upstream_us: row.upstream_us,
        address: row.address,
        user_agent: row.user_agent,
        presented: vec![SecretText::new(SECRET.to_owned())],
        request: message(&REQUEST_HEADERS, body),
        response: message(&RESPONSE_HEADERS, no_body()),
    }
}

const fn no_body() -> CapturedBody {
    CapturedBody::Absent {
        why: BodyAbsence::Empty,
        total_bytes: 0,
    }
}

fn message(headers: &[(&'static str, &'static str)], body: CapturedBody) -> Message {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    Message {
        headers: headers.into(),
        body,
    }
}

#[cfg(test)]
mod tests {
    use logs::{Names, redact};
    use model::{Body, Timestamp};

    use super::*;
    use crate::world::Variant;

    #[test]
    fn one_of_ten_has_a_body_of_400_bytes_and_no_entry_keeps_its_secret() {
        let world = World::new(Variant::Plain, 20, Timestamp::from_millis(1_800_000_000_000));
        let stored: Vec<_> = world
            .chunk(0)
            .into_iter()
            .enumerate()
            .map(|(number, row)| redact(entry(row, number), &Names::default()))
            .collect();
        let bodies = stored.iter().filter(|entry| {
            matches!(entry.request_body, Body::Text { total_bytes: 400, redactions, .. } if redactions > 0)
        });
        assert_eq!(bodies.count(), 2);
        assert!(!format!("{stored:?}").contains(&SECRET[5..]));
    }
}

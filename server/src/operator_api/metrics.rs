//! `/metrics`: counters in the Prometheus text format.

use std::fmt::Write;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use super::delivery_metrics;
use crate::services::Services;

pub async fn metrics(State(services): State<Services>) -> Response {
    let counts = services.gateway.counts();
    let log = services.recorder.totals();
    let mut text = Text::default();
    text.head(
        "gatehouse_requests_total",
        "counter",
        "Requests seen by gateway, verify and public API, by verdict.",
    );
    for (verdict, count) in &counts.by_verdict {
        text.line(
            &format!("gatehouse_requests_total{{verdict=\"{verdict}\"}}"),
            *count,
        );
    }
    text.one(
        "gatehouse_requests_of_nobody_total",
        "counter",
        "Requests with an unknown Client ID; not in any log.",
        counts.of_nobody,
    );
    text.one(
        "gatehouse_requests_not_understood_total",
        "counter",
        "Connections answered with an error before a request could be read.",
        counts.not_understood,
    );
    certificates(&mut text, &services);
    text.head(
        "gatehouse_log_entries_total",
        "counter",
        "Log entries of this run: seen = stored + dropped + suppressed.",
    );
    for (state, count) in [
        ("seen", log.seen),
        ("stored", log.stored),
        ("dropped", log.dropped),
        ("suppressed", log.suppressed),
    ] {
        text.line(
            &format!("gatehouse_log_entries_total{{state=\"{state}\"}}"),
            count,
        );
    }
    completion(&mut text, &services);
    payloads(&mut text, &services);
    text.one(
        "gatehouse_log_entries_waiting",
        "gauge",
        "Log entries on their way to the store.",
        log.waiting(),
    );
    segments(&mut text, &services);
    stored_log(&mut text, &services).await;
    delivery_metrics::write(&mut text, &services).await;
    let ready = u64::from(services.core.keys.is_ready());
    text.one(
        "gatehouse_keys_ready",
        "gauge",
        "1 while this node's keys are current.",
        ready,
    );
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text.0,
    )
        .into_response()
}

fn certificates(text: &mut Text, services: &Services) {
    let all: Vec<_> = services.certificates().collect();
    if all.is_empty() {
        return;
    }
    text.head(
        "gatehouse_tls_handshakes_failed_total",
        "counter",
        "TLS handshakes that failed or took too long.",
    );
    for (listener, tls) in &all {
        text.line(
            &format!("gatehouse_tls_handshakes_failed_total{{listener=\"{listener}\"}}"),
            tls.failed_handshakes(),
        );
    }
    text.head(
        "gatehouse_tls_certificate_end_timestamp_seconds",
        "gauge",
        "When the certificate ends.",
    );
    for (listener, tls) in &all {
        if let Some(ends) = tls.ends() {
            text.line(
                &format!("gatehouse_tls_certificate_end_timestamp_seconds{{listener=\"{listener}\"}}"),
                ends.as_millis().unsigned_abs() / 1000,
            );
        }
    }
}

/// Payloads of published events that were checked with a schema.
fn payloads(text: &mut Text, services: &Services) {
    let counts = services.webhooks.payload_counts();
    text.head(
        "gatehouse_event_payloads_checked_total",
        "counter",
        "Payloads of published events that were checked with the schema of their type, by result.",
    );
    for (result, count) in [("right", counts.right), ("wrong", counts.wrong)] {
        text.line(
            &format!("gatehouse_event_payloads_checked_total{{result=\"{result}\"}}"),
            count,
        );
    }
}

/// What proxies told about requests that they asked `/verify` about.
fn completion(text: &mut Text, services: &Services) {
    let Some(completions) = services.gateway.completions() else {
        return;
    };
    let counts = completions.counts();
    text.head(
        "gatehouse_completion_lines_total",
        "counter",
        "Lines of proxies' access logs: taken, about a request that does not wait here, not readable, or of a stranger.",
    );
    for (result, count) in [
        ("taken", counts.taken),
        ("unknown", counts.unknown),
        ("malformed", counts.malformed),
        ("untrusted", counts.untrusted),
    ] {
        text.line(
            &format!("gatehouse_completion_lines_total{{result=\"{result}\"}}"),
            count,
        );
    }
    text.head(
        "gatehouse_completion_missing_total",
        "counter",
        "Requests of /verify whose status is not known: no line came in time, or too many waited.",
    );
    for (reason, count) in [("late", counts.expired), ("room", counts.crowded)] {
        text.line(
            &format!("gatehouse_completion_missing_total{{reason=\"{reason}\"}}"),
            count,
        );
    }
    text.one(
        "gatehouse_completion_waiting",
        "gauge",
        "Requests of /verify that wait for their line of the access log.",
        counts.waiting,
    );
}

/// How the log's rows are held, and what cannot be read or written.
fn segments(text: &mut Text, services: &Services) {
    let held = services.log.held();
    text.head(
        "gatehouse_log_segments",
        "gauge",
        "Segments of the log: closed, open, or damaged and set aside.",
    );
    for (state, count) in [
        ("closed", held.closed_segments),
        ("open", held.open_segments),
        ("damaged", held.damaged_segments),
    ] {
        text.line(
            &format!("gatehouse_log_segments{{state=\"{state}\"}}"),
            count as u64,
        );
    }
    text.one(
        "gatehouse_log_damaged_rows",
        "gauge",
        "Log entries in damaged segments. They are in no answer.",
        held.damaged_rows,
    );
    text.one(
        "gatehouse_log_close_failing",
        "gauge",
        "1 while full segments of the log cannot be closed, most likely because the disk is full or read-only.",
        u64::from(services.log.cannot_close()),
    );
}

/// What the log of all nodes has stored. If its database does not answer, the other metrics are still there.
async fn stored_log(text: &mut Text, services: &Services) {
    let status = match store::logs::status(&services.core.log_db).await {
        Ok(status) => status,
        Err(error) => {
            tracing::warn!(
                error = crate::error::chain(&error),
                "could not read the log's metrics"
            );
            return;
        }
    };
    text.one("gatehouse_log_rows", "gauge", "Rows in the log.", status.rows);
    text.head(
        "gatehouse_log_bytes",
        "gauge",
        "Size of closed segments: rows, and their headers and bodies.",
    );
    text.line("gatehouse_log_bytes{part=\"rows\"}", status.rows_bytes);
    text.line("gatehouse_log_bytes{part=\"bodies\"}", status.bodies_bytes);
    if let Some(oldest) = status.oldest {
        text.one(
            "gatehouse_log_oldest_timestamp_seconds",
            "gauge",
            "When the oldest request in the log arrived.",
            oldest.as_millis().unsigned_abs() / 1000,
        );
    }
    text.one(
        "gatehouse_log_erasures_unfinished",
        "gauge",
        "Erasures whose rows are hidden and not yet removed.",
        status.erasures,
    );
    text.one(
        "gatehouse_log_gaps_total",
        "counter",
        "Times a server ended without saying so. Requests of its last moments may be missing, and are in no other number.",
        status.gaps,
    );
}

/// 2500 as 2.5.
pub(super) fn seconds(millis: u64) -> String {
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    pub(super) fn line(&mut self, name: &str, value: u64) {
        let _ = writeln!(self.0, "{name} {value}");
    }

    /// A number of seconds.
    pub(super) fn seconds(&mut self, name: &str, millis: u64) {
        let _ = writeln!(self.0, "{name} {}", seconds(millis));
    }

    pub(super) fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        self.line(name, value);
    }
}

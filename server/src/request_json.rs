//! A request of the log as JSON, in the words of the operator API. Exports as JSON Lines use the same words.

use model::{Caller, LogEntry, LogRow};
use serde_json::{Value, json};

/// What a list has of it. Rows that were asked for without their callers have neither address nor user agent.
pub(crate) fn row(row: &LogRow) -> Value {
    let mut all = json!({
        "request_id": row.request_id,
        "at": row.at.to_rfc3339(),
        "method": row.method,
        "path": row.path,
        "status": row.status,
        "verdict": row.verdict,
        "error_code": row.error_code,
        "env_type": row.environment,
        "client_id": row.client_id,
        "brand": row.brand,
        "key_id": row.key_id,
        "key_last_four": row.key_last_four,
        "duration_us": row.duration_us,
    });
    if let Some(Caller { address, user_agent }) = &row.caller {
        all["address"] = json!(address);
        all["user_agent"] = json!(user_agent);
    }
    all
}

/// Everything that is stored of it. A body that is absent says why.
pub(crate) fn entry(entry: &LogEntry) -> Value {
    // Names every field, so that a new one does not compile until it is handled here.
    let LogEntry {
        row: of_list,
        recorded,
        address,
        user_agent,
        verdict_detail,
        upstream_us,
        request_headers,
        request_body,
        response_headers,
        response_body,
        events: _,
    } = entry;
    let mut all = row(of_list);
    let rest = json!({
        "recorded": recorded,
        "address": address,
        "user_agent": user_agent,
        "verdict_detail": verdict_detail,
        "upstream_us": upstream_us,
        "request_headers": request_headers,
        "request_body": request_body,
        "response_headers": response_headers,
        "response_body": response_body,
    });
    if let (Value::Object(all), Value::Object(rest)) = (&mut all, rest) {
        all.extend(rest);
    }
    all
}

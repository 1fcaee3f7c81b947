//! One row, put together from its columns.

use logs::{KeyTrace, Place, StoredEntry};
use model::{
    Caller, Environment, ErrorCode, LogEntry, LogRow, Recorded, RequestId, Timestamp, Verdict, known_status,
};

use crate::messages::Messages;

/// What the columns and dictionaries have about a row.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) request_id: RequestId,
    pub(crate) at: Timestamp,
    pub(crate) place: Place,
    pub(crate) key: Option<KeyTrace>,
    pub(crate) environment: Option<Environment>,
    pub(crate) recorded: Recorded,
    pub(crate) method: String,
    pub(crate) status: u16,
    pub(crate) verdict: Verdict,
    pub(crate) verdict_detail: String,
    pub(crate) error_code: Option<ErrorCode>,
    pub(crate) path: String,
    pub(crate) address: String,
    pub(crate) user_agent: Option<String>,
    pub(crate) duration_us: u64,
    pub(crate) upstream_us: Option<u64>,
    /// The number in [`crate::Column::Messages`].
    pub(crate) messages: u16,
}

pub(crate) fn row(seq: i64, parts: Parts, callers: bool) -> LogRow {
    let (key_id, key_last_four) = parts.key.map(|key| (key.id, key.last_four)).unzip();
    LogRow {
        seq,
        request_id: parts.request_id,
        at: parts.at,
        method: parts.method,
        path: parts.path,
        status: known_status(parts.status),
        verdict: parts.verdict,
        error_code: parts.error_code,
        environment: parts.environment,
        client_id: parts.place.client_id,
        brand: parts.place.brand,
        key_id,
        key_last_four,
        duration_us: parts.duration_us,
        caller: callers.then_some(Caller {
            address: parts.address,
            user_agent: parts.user_agent,
        }),
    }
}

pub(crate) fn stored(parts: Parts, messages: Messages) -> StoredEntry {
    StoredEntry {
        request_id: parts.request_id,
        at: parts.at,
        place: parts.place,
        environment: parts.environment,
        key: parts.key,
        recorded: parts.recorded,
        method: parts.method,
        path: parts.path,
        status: parts.status,
        verdict: parts.verdict,
        verdict_detail: parts.verdict_detail,
        error_code: parts.error_code,
        duration_us: parts.duration_us,
        upstream_us: parts.upstream_us,
        address: parts.address,
        user_agent: parts.user_agent,
        request_headers: messages.request_headers,
        request_body: messages.request_body,
        response_headers: messages.response_headers,
        response_body: messages.response_body,
    }
}

/// The entry for a page, with the company it belongs to. Its events are not known here.
pub(crate) fn entry(seq: i64, entry: StoredEntry) -> (Place, LogEntry) {
    let (key_id, key_last_four) = entry.key.map(|key| (key.id, key.last_four)).unzip();
    let row = LogRow {
        seq,
        request_id: entry.request_id,
        at: entry.at,
        method: entry.method,
        path: entry.path,
        status: known_status(entry.status),
        verdict: entry.verdict,
        error_code: entry.error_code,
        environment: entry.environment,
        client_id: entry.place.client_id,
        brand: entry.place.brand.clone(),
        key_id,
        key_last_four,
        duration_us: entry.duration_us,
        caller: None,
    };
    let whole = LogEntry {
        row,
        recorded: entry.recorded,
        address: entry.address,
        user_agent: entry.user_agent,
        verdict_detail: entry.verdict_detail,
        upstream_us: entry.upstream_us,
        request_headers: entry.request_headers,
        request_body: entry.request_body,
        response_headers: entry.response_headers,
        response_body: entry.response_body,
        events: Vec::new(),
    };
    (entry.place, whole)
}

//! Log entries: one stored request each, as a row of the table and as a whole.

use serde::{Deserialize, Serialize};

use crate::{
    ClientId, Environment, ErrorCode, EventId, KeyId, LogAddresses, LogEndpoints, LogErrors, LogFacets,
    LogHistogram, Recorded, RequestId, Timestamp, Verdict,
};

/// One row of the Logs table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// The order in which rows were stored; lists and cursors go by it.
    pub seq: i64,
    pub request_id: RequestId,
    /// When the request arrived.
    pub at: Timestamp,
    pub method: String,
    /// With the query, redacted.
    pub path: String,
    /// `None` if it is not known, because a proxy forwarded the request and did not tell how it ended.
    pub status: Option<u16>,
    pub verdict: Verdict,
    /// What the API's response said went wrong, if its status is 400 or above and it said so as a code.
    pub error_code: Option<ErrorCode>,
    pub environment: Option<Environment>,
    /// The company's own Client ID, or a brand's.
    pub client_id: ClientId,
    /// The brand's name; none for the company's own requests.
    pub brand: Option<String>,
    pub key_id: Option<KeyId>,
    pub key_last_four: Option<String>,
    /// From arrival to the last byte of the response, in microseconds.
    pub duration_us: u64,
    /// Only where a question asks for it. Pages do not, so it never travels to a browser with a list.
    #[serde(skip)]
    pub caller: Option<Caller>,
}

/// Who sent a request, as far as the connection and the headers say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    pub address: String,
    pub user_agent: Option<String>,
}

/// What a key is called that requests can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName {
    pub id: KeyId,
    pub last_four: String,
    /// What tells it from others: "Production", "Acme East, Sandbox, deleted".
    pub note: String,
    pub is_active: bool,
}

/// A header as stored. `redacted` says that the value is a placeholder for one that was not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderField {
    pub name: String,
    pub value: String,
    pub redacted: bool,
}

/// A body as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// UTF-8 text after redaction; `total_bytes` is the size that went over the wire, `truncated` that only the first
    /// 16 KiB were kept.
    Text {
        text: String,
        total_bytes: u64,
        truncated: bool,
        redactions: u32,
    },
    Absent {
        why: BodyAbsence,
        total_bytes: u64,
    },
}

/// Why there is no body to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyAbsence {
    /// The message had no body.
    Empty,
    /// The key was not recognised. Anyone can send such a request, so its body is not stored.
    KeyNotRecognised,
    /// Its content type cannot be searched for secrets.
    UnknownType,
    /// It was compressed.
    Encoded,
    /// It was not UTF-8.
    NotText,
    /// It was not what its content type says, so its fields could not be told apart.
    Malformed,
    /// It contained the secret that was presented, in a form that could not be removed.
    HeldSecret,
    /// The response never arrived, or was never read.
    NeverArrived,
    /// Made by `verify`, which sees the request's headers only.
    NotSeen,
    /// Generated for the demo without one.
    Generated,
    /// It was stored, and has been removed since: headers and bodies are kept for a shorter time than rows.
    NoLongerKept,
    /// It was stored, and what is on the disk is no longer what was written.
    Damaged,
    /// The connection became a WebSocket. Only its bytes are counted.
    Switched,
    /// The program that sent this request to the log did not send it.
    NotSent,
}

impl BodyAbsence {
    /// One sentence for the page.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Empty => "Empty.",
            Self::KeyNotRecognised => {
                "Not stored: no active key was recognised, and anyone can send such a request."
            }
            Self::UnknownType => "Not stored: this content type cannot be searched for secrets.",
            Self::Encoded => {
                "Not stored: it could not be decompressed within limits, so it could not be searched for secrets."
            }
            Self::NotText => "Not stored: it is not UTF-8 text, so it could not be searched for secrets.",
            Self::Malformed => {
                "Not stored: it does not match its content type, so it could not be searched for secrets."
            }
            Self::HeldSecret => "Not stored: it contained the access secret, which could not be removed.",
            Self::NeverArrived => "None: it never arrived.",
            Self::NotSeen => "Not seen: this check receives only the request's headers.",
            Self::Generated => "None: this entry is sample data.",
            Self::NoLongerKept => "No longer kept: headers and bodies are removed before the request itself.",
            Self::Damaged => "Not readable: the stored headers and bodies are damaged.",
            Self::Switched => {
                "Not stored: the connection became a WebSocket, of which only the size is kept."
            }
            Self::NotSent => "Not known: it was not sent to this log with the request.",
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::KeyNotRecognised => "key_not_recognised",
            Self::UnknownType => "unknown_type",
            Self::Encoded => "encoded",
            Self::NotText => "not_text",
            Self::Malformed => "malformed",
            Self::HeldSecret => "held_secret",
            Self::NeverArrived => "never_arrived",
            Self::NotSeen => "not_seen",
            Self::Generated => "generated",
            Self::NoLongerKept => "no_longer_kept",
            Self::Damaged => "damaged",
            Self::Switched => "switched",
            Self::NotSent => "not_sent",
        }
    }
}

/// One log entry with everything that was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    pub row: LogRow,
    pub recorded: Recorded,
    /// The address of the caller.
    pub address: String,
    pub user_agent: Option<String>,
    /// The verdict's detail for this request ("Deleted by ana@example.com 3 minutes before."); else empty.
    pub verdict_detail: String,
    /// From arrival to the first byte of the upstream's response, in microseconds.
    pub upstream_us: Option<u64>,
    pub request_headers: Vec<HeaderField>,
    pub request_body: Body,
    pub response_headers: Vec<HeaderField>,
    pub response_body: Body,
    /// Events linked to this request.
    pub events: Vec<EventId>,
}

/// How far back a company's log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Requests that arrived before this moment are not kept.
    pub since: Timestamp,
    pub because: KeptBecause,
}

/// Why older requests are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptBecause {
    /// Requests are kept for this many days.
    Days(u16),
    /// The oldest were removed to make room for new ones.
    Room,
    /// The company's log was erased.
    Erased,
}

/// One page of the list, newest first. The server draws it, and what it draws travels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    pub rows: Vec<LogRow>,
    /// The cursor of the next, older page.
    pub older: Option<i64>,
    /// Rows that match; `None` if there were too many to count in time.
    pub matching: Option<u64>,
    /// If they were not counted to the end: how many match for certain.
    pub at_least: u64,
    /// When nothing matched: rows in the same date range without the other filters.
    pub without_filters: Option<u64>,
    /// When there is no row: requests of all time, whatever the filter; at least those of the range.
    pub ever: Option<u64>,
    pub totals: LogTotals,
    /// The bounds the server used for the date range.
    pub from: Timestamp,
    pub to: Timestamp,
    /// Where the log begins, if the range asks for more than that.
    pub kept: Option<Kept>,
    /// If the search ran out of time before the page was full: how far back it looked. `older` goes on from there.
    pub looked_back_to: Option<Timestamp>,
    /// Parts of this range that cannot be read, oldest first. A few at most.
    pub damaged: Vec<DamagedPart>,
    /// While the rows of a version before are moved: those that are not moved are missing from the list.
    pub moving: Option<Moving>,
    /// If it was asked for.
    pub histogram: Option<LogHistogram>,
    /// If they were asked for.
    pub facets: Option<LogFacets>,
    /// If they were asked for.
    pub errors: Option<LogErrors>,
    pub endpoints: Option<LogEndpoints>,
    pub addresses: Option<LogAddresses>,
    /// Every row with this `seq` or a smaller one had been stored: what is new since then has a larger one.
    pub as_of: i64,
}

impl LogPage {
    /// Rows on a page at most.
    pub const ROWS: usize = 50;
}

/// What has been stored since a list was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRows {
    /// How many rows match, also those that are not in `page`.
    pub count: u64,
    /// There was no time to count all of them: there are more.
    pub and_more: bool,
    /// The newest of them, with what the page says now. `matching` is the number of all rows that match, new and old, or
    /// `None` if it would have taken long to count them. If no row was asked for, only `as_of` is of use.
    pub page: LogPage,
}

/// Requests that arrived between these times may be missing, because they cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DamagedPart {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// How many rows of a version before have been moved to where this version reads them. Newest first, of all companies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moving {
    pub moved: u64,
    /// `None` until they are counted.
    pub total: Option<u64>,
}

/// What the log lost in the runs of the server that overlap a date range (invariant 8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogTotals {
    pub dropped: u64,
    pub suppressed: u64,
    /// Unclean stops that may have lost rows of the range, the latest first; those that overlap are one. A few at most.
    pub gaps: Vec<Gap>,
    /// How many earlier gaps there are.
    pub more_gaps: u64,
}

/// Requests that arrived between these times may not have been stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub from: Timestamp,
    pub to: Timestamp,
}

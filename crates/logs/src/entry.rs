//! A request as it was seen, before redaction. The code that answers requests builds an [`Entry`] and passes it to
//! [`crate::Recorder`]. Nothing here is ever stored or shown unredacted.

use std::fmt;

use model::{
    BodyAbsence, ClientId, CompanyId, Environment, KeyId, Recorded, RequestId, SecretText, Timestamp, Verdict,
};

use crate::LossOf;
use redact::{BODY_LIMIT, Headers, may_be_stored};

/// The company that a request belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The parent company, or the company itself if it has no parent.
    pub root: CompanyId,
    /// The company whose row it is. A brand, if the key or `X-Brand-Id` says so.
    pub company: CompanyId,
    /// That company's client id.
    pub client_id: ClientId,
    /// That company's name, if it is a brand.
    pub brand: Option<String>,
}

impl Place {
    /// The company that loses the entry if it is not stored.
    pub const fn loss_of(&self) -> LossOf {
        LossOf {
            root: self.root,
            company: self.company,
        }
    }
}

/// The key that the request used: active, deleted or expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTrace {
    pub id: KeyId,
    pub last_four: String,
}

/// One request with all its captured data.
///
/// `Debug` prints neither headers nor bodies, which contain secrets until they are redacted.
pub struct Entry {
    pub request_id: RequestId,
    /// When it arrived.
    pub at: Timestamp,
    pub place: Place,
    pub environment: Option<Environment>,
    pub key: Option<KeyTrace>,
    pub recorded: Recorded,
    pub method: String,
    /// Includes the query.
    pub path: String,
    /// The status that the caller received, or 499 if it disconnected before there was a response.
    /// [`model::STATUS_NOT_KNOWN`] if a proxy forwarded the request and did not tell.
    pub status: u16,
    pub verdict: Verdict,
    /// What the verdict says about this particular request, or empty.
    pub verdict_detail: String,
    /// From arrival to the last byte of the response, in microseconds.
    pub duration_us: u64,
    /// From arrival to the start of the upstream's response, in microseconds.
    pub upstream_us: Option<u64>,
    pub address: String,
    pub user_agent: Option<String>,
    /// Every `X-Access-Secret` that was sent, so that it can be redacted wherever it appears.
    pub presented: Vec<SecretText>,
    pub request: Message,
    pub response: Message,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("request_id", &self.request_id)
            .field("status", &self.status)
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// Approximate memory used while the entry waits, in bytes.
    pub fn weight(&self) -> usize {
        512 + self.path.len() + self.request.weight() + self.response.weight()
    }
}

/// Headers and body, not redacted.
pub struct Message {
    pub headers: Headers,
    pub body: CapturedBody,
}

impl Message {
    /// No headers, and no body for this reason.
    pub fn absent(why: BodyAbsence) -> Self {
        Self {
            headers: Headers::default(),
            body: CapturedBody::Absent { why, total_bytes: 0 },
        }
    }

    fn weight(&self) -> usize {
        self.headers.weight()
            + if let CapturedBody::Bytes { first, .. } = &self.body {
                first.len()
            } else {
                0
            }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message([redacted])")
    }
}

/// What was captured of a body.
pub enum CapturedBody {
    Absent {
        why: BodyAbsence,
        total_bytes: u64,
    },
    /// At most [`BODY_LIMIT`] bytes, and the total that went over the wire.
    Bytes {
        first: Vec<u8>,
        total_bytes: u64,
    },
}

impl fmt::Debug for CapturedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CapturedBody([redacted])")
    }
}

/// Keeps the first [`BODY_LIMIT`] bytes of a passing body, and counts the rest.
#[derive(Default)]
pub struct Capture {
    first: Vec<u8>,
    total_bytes: u64,
    only_counts: bool,
}

impl Capture {
    /// Of a message with these headers. A body of a type that is never stored is only counted: there is no use in a copy that
    /// is dropped unread.
    pub fn of(headers: &Headers) -> Self {
        Self {
            only_counts: !may_be_stored(headers),
            ..Self::default()
        }
    }

    /// Passes the next bytes of the body.
    pub fn see(&mut self, bytes: &[u8]) {
        if !self.only_counts {
            let room = BODY_LIMIT - self.first.len();
            self.first.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        self.total_bytes += bytes.len() as u64;
    }

    /// How many bytes have passed.
    pub const fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// The body so far.
    pub fn take(&mut self) -> CapturedBody {
        let Self {
            first, total_bytes, ..
        } = std::mem::take(self);
        if total_bytes == 0 {
            CapturedBody::Absent {
                why: BodyAbsence::Empty,
                total_bytes: 0,
            }
        } else {
            CapturedBody::Bytes { first, total_bytes }
        }
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("total_bytes", &self.total_bytes)
            .finish_non_exhaustive()
    }
}

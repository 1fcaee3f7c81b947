//! A request as it was seen, before redaction. Whoever answers requests makes one of these and hands it to
//! [`crate::Recorder`]; nothing here is ever stored or shown as it is.

use std::fmt;

use http::HeaderMap;
use model::{
    BodyAbsence, ClientId, CompanyId, Environment, KeyId, Recorded, RequestId, SecretText, Timestamp, Verdict,
};

use crate::LossOf;
use redact::BODY_LIMIT;

/// Whose request it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The parent company, or the company itself when it has none.
    pub root: CompanyId,
    /// The company whose row it is: a brand's when the key or `X-Brand-Id` says so.
    pub company: CompanyId,
    /// That company's client id.
    pub client_id: ClientId,
    /// That company's name when it is a brand.
    pub brand: Option<String>,
}

impl Place {
    /// Whose loss it is when the entry is not stored.
    pub const fn loss_of(&self) -> LossOf {
        LossOf {
            root: self.root,
            company: self.company,
        }
    }
}

/// The key that was tried: active, deleted or expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTrace {
    pub id: KeyId,
    pub last_four: String,
}

/// One request with everything that was captured of it.
///
/// `Debug` shows neither headers nor bodies: they hold secrets until they are redacted.
pub struct Entry {
    pub request_id: RequestId,
    /// When it arrived.
    pub at: Timestamp,
    pub place: Place,
    pub environment: Option<Environment>,
    pub key: Option<KeyTrace>,
    pub recorded: Recorded,
    pub method: String,
    /// With the query.
    pub path: String,
    /// What the caller got; 499 when it left before there was an answer.
    pub status: u16,
    pub verdict: Verdict,
    /// What the verdict says of this very request; else empty.
    pub verdict_detail: String,
    /// From arrival to the last byte of the answer, in microseconds.
    pub duration_us: u64,
    /// From arrival until the upstream's answer began, in microseconds.
    pub upstream_us: Option<u64>,
    pub address: String,
    pub user_agent: Option<String>,
    /// Every `X-Access-Secret` that was sent, in order to find and remove it wherever it stands.
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
    /// Roughly the memory it holds while it waits, in bytes.
    pub(crate) fn weight(&self) -> usize {
        512 + self.path.len() + self.request.weight() + self.response.weight()
    }
}

/// Headers and body, raw.
pub struct Message {
    pub headers: HeaderMap,
    pub body: CapturedBody,
}

impl Message {
    /// No headers, and no body for this reason.
    pub fn absent(why: BodyAbsence) -> Self {
        Self {
            headers: HeaderMap::new(),
            body: CapturedBody::Absent { why, total_bytes: 0 },
        }
    }

    fn weight(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 64)
            .sum();
        headers
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

/// What is there of a body.
pub enum CapturedBody {
    Absent {
        why: BodyAbsence,
        total_bytes: u64,
    },
    /// At most [`BODY_LIMIT`] bytes, and how many went over the wire.
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

/// Keeps the first [`BODY_LIMIT`] bytes of a body that passes by, and counts the rest.
#[derive(Default)]
pub struct Capture {
    first: Vec<u8>,
    total_bytes: u64,
}

impl Capture {
    /// The next bytes of the body.
    pub fn see(&mut self, bytes: &[u8]) {
        let room = BODY_LIMIT - self.first.len();
        self.first.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.total_bytes += bytes.len() as u64;
    }

    /// How many bytes have passed.
    pub const fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// The body as far as it came.
    pub fn take(&mut self) -> CapturedBody {
        let Self { first, total_bytes } = std::mem::take(self);
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

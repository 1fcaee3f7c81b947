//! The headers and bodies of one request, as bytes and in a column.
//!
//! Request headers, request body, response headers, response body. Headers are a count, then for each its name (length
//! and UTF-8), its value's length times two, plus one if the value is a placeholder, and the value. A body is 0, the code
//! of why it is absent and its size (varint), or 1 (2 if only its start was kept), how many parts were removed, its size
//! on the wire (varints) and the text (length and UTF-8).

use logs::StoredEntry;
use model::{Body, BodyAbsence, HeaderField};

use crate::codes;
use crate::container::Damage;
use crate::input::{Input, put_bytes, put_varint, text};

/// What a request and its response contained.
#[derive(Clone, Debug)]
pub(crate) struct Messages {
    pub(crate) request_headers: Vec<HeaderField>,
    pub(crate) request_body: Body,
    pub(crate) response_headers: Vec<HeaderField>,
    pub(crate) response_body: Body,
}

/// What the column has for a row whose messages are stored in the blob of bodies.
pub(crate) const STORED: u16 = 0;

/// Codes of absences are below this, so that two of them fit into a number of the column.
const ABSENCES: u16 = 32;

/// The number for the column: [`STORED`], or 1 + 32 × the code for the request's body + the code for the response's
/// body if there is nothing else to store.
pub(crate) fn number_of(entry: &StoredEntry) -> u16 {
    let plain = |body: &Body| match body {
        Body::Absent { why, total_bytes: 0 } => Some(u16::from(codes::absence(*why))),
        _ => None,
    };
    match (plain(&entry.request_body), plain(&entry.response_body)) {
        (Some(request), Some(response))
            if entry.request_headers.is_empty() && entry.response_headers.is_empty() =>
        {
            1 + request * ABSENCES + response
        }
        _ => STORED,
    }
}

impl Messages {
    /// What the column says. `None` if that is [`STORED`].
    pub(crate) fn of_number(number: u16) -> Result<Option<Self>, Damage> {
        let Some(codes) = number.checked_sub(1) else {
            return Ok(None);
        };
        let absent = |code: u16| {
            let why = u8::try_from(code).ok().and_then(codes::to_absence);
            why.ok_or(Damage("a reason for having no body is unknown"))
        };
        Ok(Some(Self::absent(
            absent(codes / ABSENCES)?,
            absent(codes % ABSENCES)?,
        )))
    }

    /// They were stored and have been removed.
    pub(crate) const fn no_longer_kept() -> Self {
        Self::absent(BodyAbsence::NoLongerKept, BodyAbsence::NoLongerKept)
    }

    const fn absent(request: BodyAbsence, response: BodyAbsence) -> Self {
        Self {
            request_headers: Vec::new(),
            request_body: Body::Absent {
                why: request,
                total_bytes: 0,
            },
            response_headers: Vec::new(),
            response_body: Body::Absent {
                why: response,
                total_bytes: 0,
            },
        }
    }

    pub(crate) fn read(input: &mut Input<'_>) -> Result<Self, Damage> {
        Ok(Self {
            request_headers: read_headers(input)?,
            request_body: read_body(input)?,
            response_headers: read_headers(input)?,
            response_body: read_body(input)?,
        })
    }
}

pub(crate) fn put(out: &mut Vec<u8>, entry: &StoredEntry) {
    put_headers(out, &entry.request_headers);
    put_body(out, &entry.request_body);
    put_headers(out, &entry.response_headers);
    put_body(out, &entry.response_body);
}

fn put_headers(out: &mut Vec<u8>, headers: &[HeaderField]) {
    put_varint(out, headers.len() as u64);
    for header in headers {
        put_bytes(out, header.name.as_bytes());
        put_varint(out, (header.value.len() as u64) << 1 | u64::from(header.redacted));
        out.extend_from_slice(header.value.as_bytes());
    }
}

fn read_headers(input: &mut Input<'_>) -> Result<Vec<HeaderField>, Damage> {
    // Each takes two bytes at least.
    let count = input.length(input.rest().len() / 2)?;
    (0..count)
        .map(|_| {
            let name = input.text()?.to_owned();
            let length = input.varint()?;
            let value = input.take(usize::try_from(length >> 1).unwrap_or(usize::MAX))?;
            Ok(HeaderField {
                name,
                value: text(value)?.to_owned(),
                redacted: length & 1 == 1,
            })
        })
        .collect()
}

fn put_body(out: &mut Vec<u8>, body: &Body) {
    match body {
        Body::Absent { why, total_bytes } => {
            out.extend([0, codes::absence(*why)]);
            put_varint(out, *total_bytes);
        }
        Body::Text {
            text,
            total_bytes,
            truncated,
            redactions,
        } => {
            out.push(1 + u8::from(*truncated));
            put_varint(out, u64::from(*redactions));
            put_varint(out, *total_bytes);
            put_bytes(out, text.as_bytes());
        }
    }
}

fn read_body(input: &mut Input<'_>) -> Result<Body, Damage> {
    Ok(match input.byte()? {
        0 => Body::Absent {
            why: codes::to_absence(input.byte()?).ok_or(Damage("a reason for having no body is unknown"))?,
            total_bytes: input.varint()?,
        },
        tag @ (1 | 2) => Body::Text {
            redactions: input
                .varint()?
                .try_into()
                .map_err(|_| Damage("a count is too large"))?,
            total_bytes: input.varint()?,
            truncated: tag == 2,
            text: input.text()?.to_owned(),
        },
        _ => return Err(Damage("a body is of an unknown kind")),
    })
}

//! One line of a proxy's access log: a JSON object, alone or after a header of syslog (RFC 3164 or RFC 5424).

use std::borrow::Cow;
use std::fmt;

use logs::{CapturedBody, Entry};
use model::{BodyAbsence, RequestId};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The longest line. What is needed of it is a tenth of that.
pub(super) const LONGEST: usize = 64 * 1024;

/// What is recorded if the caller left before there was a response, as in the gateway's own rows.
const CALLER_LEFT: u16 = 499;
const CALLER_LEFT_WORDS: &str = "The caller disconnected before there was a response.";

/// What a line says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) request_id: RequestId,
    /// `None` if there was no response.
    status: Option<u16>,
    /// From arrival to the last byte.
    duration_us: u64,
    /// Until the API began to respond, from when it was sent the request.
    upstream_us: Option<u64>,
    /// The bodies' sizes.
    request_bytes: Option<u64>,
    response_bytes: Option<u64>,
}

/// Why a line cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    TooLong,
    NotJson,
    Twice,
    Id,
    Status,
    Duration,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "it is too long",
            Self::NotJson => "it has no JSON object",
            Self::Twice => "it says something twice",
            Self::Id => "its request_id is none of Gatehouse's",
            Self::Status => "it has no status",
            Self::Duration => "it has no duration",
        })
    }
}

impl Told {
    /// Fills in what only the proxy saw.
    pub(super) fn complete(&self, entry: &mut Entry) {
        // So far it has the time of the check, which is a part of the whole. A proxy may count in milliseconds.
        let check = entry.duration_us;
        entry.duration_us = self.duration_us.max(check);
        let began = self.upstream_us.map(|upstream| check.saturating_add(upstream));
        entry.upstream_us = began.map(|began| began.min(entry.duration_us));
        entry.status = self.status.unwrap_or(CALLER_LEFT);
        if self.status.is_none() {
            CALLER_LEFT_WORDS.clone_into(&mut entry.verdict_detail);
        }
        let body = |total_bytes: Option<u64>| CapturedBody::Absent {
            why: BodyAbsence::NotSeen,
            total_bytes: total_bytes.unwrap_or(0),
        };
        entry.request.body = body(self.request_bytes);
        entry.response.body = body(self.response_bytes);
    }
}

/// `None` if the line is about a request that Gatehouse was not asked about, or refused.
pub(super) fn read(line: &[u8]) -> Result<Option<Told>, Malformed> {
    if line.len() > LONGEST {
        return Err(Malformed::TooLong);
    }
    let Some(json) = json_of(line) else {
        return if is_of_the_program(line) {
            Ok(None)
        } else {
            Err(Malformed::NotJson)
        };
    };
    let Line(fields) = serde_json::from_slice(json).map_err(|_| Malformed::NotJson)?;
    fields?.told()
}

/// The object, without what syslog has in front of it.
fn json_of(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii();
    // Some senders end a datagram with a zero.
    let line = line.strip_suffix(b"\0").unwrap_or(line);
    let after_priority = line
        .strip_prefix(b"<")
        .and_then(|rest| rest.splitn(2, |byte| *byte == b'>').nth(1));
    let json = match after_priority {
        None => line,
        Some(rest) => match rest.strip_prefix(b"1 ") {
            Some(header) => after_header(header)?,
            // RFC 3164, of which there are many dialects: no name of a machine or program has a brace.
            None => &rest[rest.iter().position(|byte| *byte == b'{')?..],
        },
    };
    json.starts_with(b"{").then_some(json)
}

/// Whether syslog says that it is more important than a line of an access log: the proxy was started, say.
fn is_of_the_program(line: &[u8]) -> bool {
    const NOTICE: u8 = 5;
    let priority = line.trim_ascii_start().strip_prefix(b"<");
    let priority = priority.and_then(|rest| rest.splitn(2, |byte| *byte == b'>').next());
    let priority = priority.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u8>().ok());
    priority.is_some_and(|priority| priority % 8 <= NOTICE)
}

/// Time, machine, program, process and kind of RFC 5424; then structured data, in which there may be braces.
fn after_header(header: &[u8]) -> Option<&[u8]> {
    let mut rest = header.splitn(6, |byte| *byte == b' ').nth(5)?;
    match rest.strip_prefix(b"-") {
        Some(none) => rest = none,
        None => {
            while let Some(element) = rest.strip_prefix(b"[") {
                rest = after_element(element)?;
            }
        }
    }
    let message = rest.trim_ascii_start();
    Some(message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message))
}

/// What follows the `]` that ends an element. Within quotes, a `\` takes the next byte as it is.
fn after_element(element: &[u8]) -> Option<&[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in element.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b']' if !is_quoted => return element.get(at + 1..),
            _ => {}
        }
    }
    None
}

/// The fields that count, as they are written. Their names are listed in `docs/integrations/README.md`.
#[derive(Default)]
struct Fields<'a> {
    request_id: Option<Scalar<'a>>,
    status: Option<Scalar<'a>>,
    duration: Option<(Scalar<'a>, f64)>,
    upstream: Option<(Scalar<'a>, f64)>,
    request_bytes: Option<Scalar<'a>>,
    response_bytes: Option<Scalar<'a>>,
}

enum Scalar<'a> {
    /// A number as it is written, or a text.
    Text(Cow<'a, str>),
    /// None, or nothing that counts.
    Other,
}

/// A week, in microseconds. No request takes longer.
const LONGEST_TIME: f64 = 7.0 * 24.0 * 3600.0 * 1e6;

/// 1 PiB. No body is larger.
const LARGEST_BODY: u64 = 1 << 50;

/// Microseconds in a unit.
const SECOND: f64 = 1e6;
const MILLISECOND: f64 = 1e3;
const MICROSECOND: f64 = 1.0;
const NANOSECOND: f64 = 1e-3;

impl<'a> Fields<'a> {
    /// Names of our own, and those of Caddy and Traefik, which cannot be told to use others.
    fn put(&mut self, name: &str, value: Scalar<'a>) -> Result<(), Malformed> {
        let is_new = match name {
            "request_id" | "request_X-Request-Id" => self.request_id.replace(value).is_none(),
            "status" | "DownstreamStatus" => self.status.replace(value).is_none(),
            "duration_s" | "duration" => self.duration.replace((value, SECOND)).is_none(),
            "duration_ms" => self.duration.replace((value, MILLISECOND)).is_none(),
            "duration_us" => self.duration.replace((value, MICROSECOND)).is_none(),
            "duration_ns" | "Duration" => self.duration.replace((value, NANOSECOND)).is_none(),
            "upstream_duration_s" => self.upstream.replace((value, SECOND)).is_none(),
            "upstream_duration_ms" => self.upstream.replace((value, MILLISECOND)).is_none(),
            "upstream_duration_us" => self.upstream.replace((value, MICROSECOND)).is_none(),
            "upstream_duration_ns" => self.upstream.replace((value, NANOSECOND)).is_none(),
            "request_bytes" | "bytes_read" | "RequestContentSize" => {
                self.request_bytes.replace(value).is_none()
            }
            "response_bytes" | "size" | "DownstreamContentSize" => {
                self.response_bytes.replace(value).is_none()
            }
            _ => true,
        };
        if is_new { Ok(()) } else { Err(Malformed::Twice) }
    }

    fn told(self) -> Result<Option<Told>, Malformed> {
        let Some(id) = self.request_id.as_ref().and_then(Scalar::text) else {
            return Ok(None);
        };
        let request_id = id.parse().map_err(|_| Malformed::Id)?;
        let duration = self.duration.as_ref();
        let upstream = self.upstream.as_ref();
        Ok(Some(Told {
            request_id,
            status: status(self.status.as_ref())?,
            duration_us: duration
                .and_then(|(value, unit)| micros(value.text()?, *unit))
                .ok_or(Malformed::Duration)?,
            upstream_us: upstream.and_then(|(value, unit)| micros(last_of(value.text()?), *unit)),
            request_bytes: self.request_bytes.as_ref().and_then(bytes),
            response_bytes: self.response_bytes.as_ref().and_then(bytes),
        }))
    }
}

impl Scalar<'_> {
    /// `None` for what proxies write where there is nothing.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()).filter(|text| !text.is_empty() && *text != "-"),
            Self::Other => None,
        }
    }
}

/// `Ok(None)` if there was no response: nginx writes 499 then, HAProxy -1, Envoy and Caddy 0.
fn status(value: Option<&Scalar<'_>>) -> Result<Option<u16>, Malformed> {
    let text = value.and_then(Scalar::text).ok_or(Malformed::Status)?;
    match text.parse::<i16>() {
        Ok(-1 | 0) => Ok(None),
        Ok(status @ 100..=599) => Ok(u16::try_from(status).ok()),
        _ => Err(Malformed::Status),
    }
}

/// None for a time beyond a week, and for -1, which HAProxy writes for a time that it does not have.
fn micros(text: &str, unit: f64) -> Option<u64> {
    let micros = text.trim().parse::<f64>().ok()? * unit;
    (0.0..=LONGEST_TIME)
        .contains(&micros)
        .then(|| micros.round() as u64)
}

/// nginx writes one time for each server that it tried; the last is that of the response.
fn last_of(text: &str) -> &str {
    text.rsplit([',', ':']).next().unwrap_or_default()
}

fn bytes(value: &Scalar<'_>) -> Option<u64> {
    value.text()?.parse().ok().filter(|bytes| *bytes <= LARGEST_BODY)
}

/// The object, or what is wrong with its fields.
struct Line<'a>(Result<Fields<'a>, Malformed>);

impl<'de> Deserialize<'de> for Line<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Line<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line<'de>, A::Error> {
                let mut fields = Ok(Fields::default());
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    let value = map.next_value::<Scalar<'de>>()?;
                    fields = fields
                        .and_then(|mut fields: Fields<'de>| fields.put(&name.0, value).map(|()| fields));
                }
                Ok(Line(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Borrowed unless it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Owned(number.to_string())))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Owned(number.to_string())))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Owned(number.to_string())))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Other)
            }

            fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Other)
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests;

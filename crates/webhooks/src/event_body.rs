//! The bytes of an event: three members set by Gatehouse, then the caller's members as sent. They are built once, and
//! the same bytes are stored, signed and sent.

use std::fmt;

use model::{EventId, EventType, Timestamp};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::PublishError;

/// The largest payload of an event, in bytes as sent.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024;

/// The most objects and arrays within each other, the payload itself included. Common JSON parsers refuse 128.
const MOST_NESTED: usize = 127;

/// Members that only Gatehouse may set (contract: common body fields).
const RESERVED: [&str; 3] = ["webhook_id", "event_type", "event_created_at"];

/// Builds `{"webhook_id":…,"event_type":…,"event_created_at":…,` followed by the members of `payload`, byte for byte.
/// The caller's number formats, order, duplicates and white space stay as sent.
pub(crate) fn build(
    id: EventId,
    event_type: &EventType,
    at: Timestamp,
    payload: &str,
) -> Result<Vec<u8>, PublishError> {
    let members = members_of(payload)?;
    let separator = if members.is_empty() { "" } else { "," };
    // The documented format has microseconds, but the clock only has milliseconds.
    let created = at.to_rfc3339().replace('Z', "000Z");
    Ok(format!(
        r#"{{"webhook_id":"{id}","event_type":"{event_type}","event_created_at":"{created}"{separator}{members}}}"#
    )
    .into_bytes())
}

/// The text between the braces of `payload`, which must be a single JSON object without reserved members.
pub(crate) fn members_of(payload: &str) -> Result<&str, PublishError> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(PublishError::PayloadTooLarge);
    }
    let mut reader = serde_json::Deserializer::from_str(payload);
    let reserved = reader
        .deserialize_map(MemberNames)
        .map_err(|_| PublishError::PayloadNotAnObject)?;
    reader.end().map_err(|_| PublishError::PayloadNotAnObject)?;
    if nesting(payload) > MOST_NESTED {
        return Err(PublishError::PayloadTooDeep);
    }
    if let Some(name) = reserved {
        return Err(PublishError::ReservedMember(name));
    }
    let inner = payload
        .trim()
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    Ok(inner.ok_or(PublishError::PayloadNotAnObject)?.trim())
}

/// How many objects and arrays are within each other in this JSON text.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Visits the top-level members of an object. The parser has already decoded escapes, so no spelling of a reserved name
/// gets through.
struct MemberNames;

impl<'de> Visitor<'de> for MemberNames {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            map.next_value::<IgnoredAny>()?;
            found = found.or_else(|| RESERVED.into_iter().find(|reserved| *reserved == name));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(payload: &str) -> Result<String, PublishError> {
        let id = EventId::from_random([0x11; 16]);
        build(
            id,
            &EventType::from_static("order-created"),
            Timestamp::from_millis(1_720_734_048_424),
            payload,
        )
        .map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
    }

    const HEAD: &str = r#"{"webhook_id":"11111111111111111111111111111111","event_type":"order-created","event_created_at":"2024-07-11T21:40:48.424000Z""#;

    #[test]
    fn the_callers_bytes_are_kept_as_sent() {
        let payload =
            "{ \"amount\": 1.0e+02,\n \"ünï\":\"\\u00e9 ✓\",\"big\":12345678901234567890123, \"amount\":2 }";
        let inner =
            "\"amount\": 1.0e+02,\n \"ünï\":\"\\u00e9 ✓\",\"big\":12345678901234567890123, \"amount\":2";
        assert_eq!(body(payload).expect("an object"), format!("{HEAD},{inner}}}"));
    }

    #[test]
    fn an_empty_payload_leaves_no_comma() {
        for payload in ["{}", " { \n } "] {
            assert_eq!(body(payload).expect("an object"), format!("{HEAD}}}"));
        }
    }

    #[test]
    fn every_body_is_json() {
        for payload in [
            "{}",
            r#"{"a":{"webhook_id":"inside is the caller's"}}"#,
            r#"{"a":[1,2,{}]}"#,
        ] {
            serde_json::from_str::<serde_json::Value>(&body(payload).expect(payload)).expect("JSON");
        }
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        for payload in [
            "",
            "[]",
            "1",
            "null",
            "\"{}\"",
            "{",
            "{}}",
            "{} {}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
        ] {
            assert!(
                matches!(body(payload), Err(PublishError::PayloadNotAnObject)),
                "{payload}"
            );
        }
    }

    #[test]
    fn reserved_members_are_refused_in_every_spelling() {
        for payload in [
            r#"{"webhook_id":"x"}"#,
            r#"{"a":1,"event\u005ftype":2}"#,
            r#"{"\u0065vent_created_at":null}"#,
        ] {
            assert!(
                matches!(body(payload), Err(PublishError::ReservedMember(_))),
                "{payload}"
            );
        }
    }

    #[test]
    fn a_body_is_never_nested_deeper_than_parsers_accept() {
        let payload = |nested: usize| {
            let (open, close) = ("[".repeat(nested - 1), "]".repeat(nested - 1));
            format!(r#"{{"brackets in a string":"\"{{[[","a":{open}{close}}}"#)
        };
        let deepest = body(&payload(MOST_NESTED)).expect("not too deep");
        serde_json::from_str::<serde_json::Value>(&deepest).expect("a parser with the usual limit reads it");
        assert!(matches!(
            body(&payload(MOST_NESTED + 1)),
            Err(PublishError::PayloadTooDeep)
        ));
    }

    #[test]
    fn the_size_limit_is_exact() {
        let payload = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
        assert!(body(&payload(MAX_PAYLOAD_BYTES)).is_ok());
        assert!(matches!(
            body(&payload(MAX_PAYLOAD_BYTES + 1)),
            Err(PublishError::PayloadTooLarge)
        ));
    }
}

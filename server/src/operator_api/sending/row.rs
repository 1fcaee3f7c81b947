//! One request as a program sends it. Everything that is wrong about it is said at once, with the name of each member.

use std::net::IpAddr;

use http::header::CONTENT_ENCODING;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use logs::{CapturedBody, Headers, Message};
use model::{BodyAbsence, Environment, InvalidWebhook, KeyId, Timestamp, Verdict};
use serde::Deserialize;

use super::id::SentId;
use crate::operator_api::body::Members;

/// Headers of one message, and their bytes, as at the gateway.
const MOST_HEADERS: usize = 100;
const MOST_HEADER_BYTES: usize = 64 * 1024;

/// A longer time says that its unit is wrong.
const LONGEST_DURATION_US: u64 = 7 * 24 * 3_600 * 1_000_000;

const KNOWN: [&str; 20] = [
    "request_id",
    "client_id",
    "brand",
    "key_id",
    "key_last_four",
    "env_type",
    "method",
    "path",
    "status",
    "verdict",
    "started_at",
    "duration_us",
    "address",
    "user_agent",
    "request_headers",
    "request_body",
    "request_bytes",
    "response_headers",
    "response_body",
    "response_bytes",
];

/// 1 PiB. No body is larger.
const LARGEST_BODY: u64 = 1 << 50;

const LONGEST_SENTENCE: &str = "A number of microseconds, a week at most.";

/// What was sent, as far as it can be read without knowing any company.
pub(super) struct Row {
    pub(super) request_id: SentId,
    pub(super) client_id: String,
    pub(super) brand: Option<String>,
    pub(super) key: Option<NamedKey>,
    pub(super) environment: Option<Environment>,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) verdict: Verdict,
    pub(super) started_at: Timestamp,
    pub(super) duration_us: u64,
    pub(super) address: IpAddr,
    pub(super) user_agent: Option<String>,
    pub(super) request: Message,
    pub(super) response: Message,
}

/// What a key is called. Its secret is not needed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum NamedKey {
    Id(KeyId),
    LastFour(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentHeader {
    name: String,
    value: String,
}

impl Row {
    /// Reads one element of the array.
    pub(super) fn read(text: &str) -> Result<Self, Vec<InvalidWebhook>> {
        let Some(mut members) = Members::of(text) else {
            return Err(vec![webhooks::fault("", "Send a JSON object for each request.")]);
        };
        members.only(&KNOWN);
        let row = read(&mut members);
        members.read(row)
    }
}

fn read(members: &mut Members<'_>) -> Option<Row> {
    let request_id = request_id(members);
    let client_id = members.required("client_id", "Send the Client ID of the company.");
    let brand = members.optional("brand", "Send the Client ID of the brand.");
    let key = key(members);
    let environment = members.optional("env_type", "An environment is one of sandbox, dev, prod.");
    let method = parsed(members, "method", "Send the HTTP method.", |text| {
        text.parse::<Method>().ok()
    });
    let path = path(members);
    let status = status(members);
    let verdict = members.optional("verdict", "This is not a verdict of the log.");
    let started_at = parsed(
        members,
        "started_at",
        "Send the time of arrival as 2026-11-02T14:30:00.123Z.",
        |text| text.parse().ok(),
    );
    let duration_us = microseconds(members);
    let address = parsed(members, "address", "Send the IP address of the caller.", |text| {
        text.parse::<IpAddr>().ok()
    });
    let user_agent = user_agent(members);
    let request = message(members, ["request_headers", "request_body", "request_bytes"]);
    let response = message(members, ["response_headers", "response_body", "response_bytes"]);
    let request = request?;
    let of_header = || {
        let value = request.headers.get("user-agent")?;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    Some(Row {
        request_id: request_id?,
        client_id: client_id?,
        brand,
        key,
        environment,
        method: method?.to_string(),
        path: path?,
        status: status?,
        verdict: verdict.unwrap_or(Verdict::Accepted),
        started_at: started_at?,
        duration_us: duration_us?,
        address: address?.to_canonical(),
        user_agent: user_agent.or_else(of_header),
        request,
        response: response?,
    })
}

/// A text that must be there, as something else.
fn parsed<T>(
    members: &mut Members<'_>,
    name: &str,
    otherwise: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let text = members.required::<String>(name, otherwise)?;
    let read = parse(&text);
    if read.is_none() {
        members.wrong(name, otherwise);
    }
    read
}

/// What a header could have had.
fn user_agent(members: &mut Members<'_>) -> Option<String> {
    const OTHERWISE: &str = "Send text without control characters.";
    let text = members.optional::<String>("user_agent", OTHERWISE)?;
    if HeaderValue::from_bytes(text.as_bytes()).is_ok() {
        return Some(text);
    }
    members.wrong("user_agent", OTHERWISE);
    None
}

fn request_id(members: &mut Members<'_>) -> Option<SentId> {
    parsed(
        members,
        "request_id",
        "Send 32 hexadecimal digits, a UUID, or another id of 1 to 128 visible ASCII characters.",
        SentId::read,
    )
}

fn key(members: &mut Members<'_>) -> Option<NamedKey> {
    let id = members.optional("key_id", "A key's id is 32 lower-case hexadecimal digits.");
    let last_four = members.optional("key_last_four", "Send the last four characters of the secret.");
    match (id, last_four) {
        (Some(_), Some(_)) => {
            members.wrong("key_last_four", "Send key_id or key_last_four, not both.");
            None
        }
        (Some(id), None) => Some(NamedKey::Id(id)),
        (None, Some(last_four)) => Some(NamedKey::LastFour(last_four)),
        (None, None) => None,
    }
}

fn path(members: &mut Members<'_>) -> Option<String> {
    const OTHERWISE: &str = "Send the path with its query, as in the request: it begins with a slash.";
    parsed(members, "path", OTHERWISE, |text| {
        let read: PathAndQuery = text.parse().ok()?;
        // Without a fragment, which no request has.
        text.starts_with('/').then(|| read.as_str().to_owned())
    })
}

fn status(members: &mut Members<'_>) -> Option<u16> {
    const OTHERWISE: &str = "Send the status of the response, from 100 to 599.";
    let status = members.required("status", OTHERWISE)?;
    if (100..600).contains(&status) {
        return Some(status);
    }
    members.wrong("status", OTHERWISE);
    None
}

fn microseconds(members: &mut Members<'_>) -> Option<u64> {
    let duration = members.required("duration_us", LONGEST_SENTENCE)?;
    if duration <= LONGEST_DURATION_US {
        return Some(duration);
    }
    members.wrong("duration_us", LONGEST_SENTENCE);
    None
}

fn message(members: &mut Members<'_>, [headers, body, bytes]: [&str; 3]) -> Option<Message> {
    let fields = members
        .optional::<Vec<SentHeader>>(headers, "Send a list of objects with name and value.")
        .unwrap_or_default();
    let text = members.optional::<String>(body, "Send the body as text, or leave it out.");
    let bytes = size(members, bytes);
    let mut read = header_map(members, headers, fields)?;
    let body = match text {
        Some(text) if !text.is_empty() => {
            // Text is not compressed any more, whatever was on the wire.
            read.remove(CONTENT_ENCODING);
            let length = text.len() as u64;
            let mut first = text.into_bytes();
            first.truncate(logs::BODY_LIMIT);
            CapturedBody::Bytes {
                first,
                total_bytes: bytes.map_or(length, |bytes| bytes.max(length)),
            }
        }
        text => CapturedBody::Absent {
            why: if text.is_some() || bytes == Some(0) {
                BodyAbsence::Empty
            } else {
                BodyAbsence::NotSent
            },
            total_bytes: bytes.unwrap_or(0),
        },
    };
    Some(Message {
        headers: Headers::from(read),
        body,
    })
}

fn size(members: &mut Members<'_>, name: &str) -> Option<u64> {
    const OTHERWISE: &str = "Send the number of bytes on the wire, 1 PiB at most.";
    let bytes = members.optional::<u64>(name, OTHERWISE)?;
    if bytes <= LARGEST_BODY {
        return Some(bytes);
    }
    members.wrong(name, OTHERWISE);
    None
}

fn header_map(members: &mut Members<'_>, member: &str, fields: Vec<SentHeader>) -> Option<HeaderMap> {
    let bytes: usize = fields.iter().map(|one| one.name.len() + one.value.len()).sum();
    if fields.len() > MOST_HEADERS || bytes > MOST_HEADER_BYTES {
        let most = format!("Send {MOST_HEADERS} headers and 64 KiB at most.");
        members.wrong(member, &most);
        return None;
    }
    let mut read = HeaderMap::new();
    let mut all = true;
    for (index, field) in fields.iter().enumerate() {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_bytes(field.value.as_bytes());
        match (name, value) {
            (Ok(name), Ok(value)) => {
                read.append(name, value);
            }
            (name, _) => {
                let part = if name.is_err() { "name" } else { "value" };
                let place = format!("{member}[{index}].{part}");
                members.wrong(&place, "A header cannot have this.");
                all = false;
            }
        }
    }
    all.then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = r#"{"request_id":"0192f0c1a2b37c4d8e5f60718293a4b5","client_id":"c","method":"GET","path":"/a?b=1",
        "status":200,"started_at":"2026-11-02T14:30:00Z","duration_us":5,"address":"192.0.2.1""#;

    fn with(rest: &str) -> Result<Row, Vec<String>> {
        let fields = |faults: Vec<InvalidWebhook>| faults.into_iter().map(|fault| fault.field).collect();
        Row::read(&format!("{RIGHT}{rest}}}")).map_err(fields)
    }

    #[test]
    fn what_is_not_sent_is_not_invented() {
        let row = with("").unwrap_or_else(|faults| panic!("{faults:?}"));
        assert_eq!(
            (row.verdict, row.key, row.environment),
            (Verdict::Accepted, None, None)
        );
        for message in [&row.request, &row.response] {
            let CapturedBody::Absent { why, total_bytes } = &message.body else {
                panic!("a body");
            };
            assert_eq!((*why, *total_bytes), (BodyAbsence::NotSent, 0));
        }
    }

    #[test]
    fn every_fault_is_named_with_its_place() {
        let Err(faults) = Row::read("{}") else {
            panic!("nothing is required");
        };
        let fields: Vec<String> = faults.into_iter().map(|fault| fault.field).collect();
        assert_eq!(
            fields,
            [
                "request_id",
                "client_id",
                "method",
                "path",
                "status",
                "started_at",
                "duration_us",
                "address"
            ]
        );
        for (rest, field) in [
            (r#","statos":1"#, "statos"),
            (r#","verdict":"fine""#, "verdict"),
            (r#","env_type":"production""#, "env_type"),
            (r#","key_id":"x""#, "key_id"),
            (
                r#","key_id":"0192f0c1a2b37c4d8e5f60718293a4b5","key_last_four":"ab12""#,
                "key_last_four",
            ),
            (r#","request_headers":{"a":"b"}"#, "request_headers"),
            (
                r#","request_headers":[{"name":"a","value":"b"},{"name":"a b","value":"c"}]"#,
                "request_headers[1].name",
            ),
            (
                r#","response_headers":[{"name":"a","value":"b\n"}]"#,
                "response_headers[0].value",
            ),
            (r#","response_body":{}"#, "response_body"),
            (r#","request_bytes":-1"#, "request_bytes"),
            (r#","response_bytes":1844674407370955161"#, "response_bytes"),
            (r#","user_agent":"a\u001b[31m""#, "user_agent"),
        ] {
            assert_eq!(with(rest).err(), Some(vec![field.to_owned()]), "{rest}");
        }
        let many = r#"{"name":"a","value":"b"},"#.repeat(MOST_HEADERS + 1);
        let many = format!(r#","request_headers":[{}]"#, many.trim_end_matches(','));
        assert_eq!(with(&many).err(), Some(vec!["request_headers".to_owned()]));
    }

    #[test]
    fn a_body_is_text_and_its_size_is_that_of_the_wire() {
        let rest = r#","request_body":"{\"a\":1}","request_bytes":900,"response_bytes":0,
            "request_headers":[{"name":"Content-Encoding","value":"gzip"},{"name":"User-Agent","value":"curl/8"}]"#;
        let row = with(rest).unwrap_or_else(|faults| panic!("{faults:?}"));
        let CapturedBody::Bytes { first, total_bytes } = &row.request.body else {
            panic!("no body");
        };
        assert_eq!((first.as_slice(), *total_bytes), (&br#"{"a":1}"#[..], 900));
        assert!(row.request.headers.get("content-encoding").is_none());
        assert_eq!(row.user_agent.as_deref(), Some("curl/8"));
        let CapturedBody::Absent { why, .. } = row.response.body else {
            panic!("a body");
        };
        assert_eq!(why, BodyAbsence::Empty);
    }
}

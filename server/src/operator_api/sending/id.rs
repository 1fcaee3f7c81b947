//! The request ids that programs send, and what they become in the log, whose ids begin with the time of the request.

use model::{ClientId, RequestId, Timestamp};
use sha2::{Digest, Sha256};

const LONGEST: usize = 128;

/// How far the time in an id may be from the time of the request, in milliseconds. The clock of another machine may have made
/// the id, or another time zone.
const NEAR: u64 = 24 * 3_600_000;

/// An id as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SentId {
    /// 32 hexadecimal digits or a UUID.
    Number(RequestId),
    Text(String),
}

impl SentId {
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Some(number) = number(text) {
            return Some(Self::Number(number));
        }
        let is_id = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_id.then(|| Self::Text(text.to_owned()))
    }

    /// The id in the log. One that begins with a time near that of the request stays: those of Gatehouse do, and UUIDs of
    /// version 7. Any other is replaced by one made of the time, the company and the id, so the same request has the same id
    /// whenever it is sent. Random ids would be spread over all of the log, and a look for any id would have to read
    /// everything.
    pub(super) fn in_log(&self, client_id: ClientId, at: Timestamp) -> RequestId {
        let mut hash = Sha256::new_with_prefix(client_id.to_bytes());
        match self {
            Self::Number(number) if time_of(*number).abs_diff(at.as_millis()) <= NEAR => return *number,
            Self::Number(number) => hash.update(number.to_bytes()),
            Self::Text(text) => hash.update(text),
        }
        let mut unique = [0; 10];
        unique.copy_from_slice(&hash.finalize()[..10]);
        RequestId::time_ordered(at, unique)
    }
}

/// With or without the hyphens of a UUID, in either case.
fn number(text: &str) -> Option<RequestId> {
    let text = text.to_ascii_lowercase();
    let hyphens: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    match hyphens.as_slice() {
        [] => text.parse().ok(),
        [8, 13, 18, 23] => text.replace('-', "").parse().ok(),
        _ => None,
    }
}

/// The first 48 bits, in milliseconds since 1970.
fn time_of(id: RequestId) -> i64 {
    let [a, b, c, d, e, f, ..] = id.to_bytes();
    i64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    fn in_log(text: &str) -> Option<RequestId> {
        let id = SentId::read(text)?;
        Some(id.in_log(ClientId::from_random([1; 16]), AT))
    }

    #[test]
    fn an_id_with_the_time_of_its_request_stays_in_every_spelling() {
        let id = RequestId::time_ordered(AT.plus_seconds(-60), [0xab; 10]);
        let plain = id.to_string();
        let uuid = format!(
            "{}-{}-{}-{}-{}",
            &plain[..8],
            &plain[8..12],
            &plain[12..16],
            &plain[16..20],
            &plain[20..]
        );
        for text in [
            plain.clone(),
            plain.to_uppercase(),
            uuid.clone(),
            uuid.to_uppercase(),
        ] {
            assert_eq!(in_log(&text), Some(id), "{text}");
        }
    }

    #[test]
    fn any_other_id_becomes_the_same_one_each_time_and_begins_with_the_time() {
        let random = "9b2c7a10-53d1-4e0f-8a6b-0f1e2d3c4b5a";
        for text in [random, "req_01H", "x", &"y".repeat(LONGEST), "0-0"] {
            let id = in_log(text).unwrap_or_else(|| panic!("{text} is refused"));
            assert_eq!(time_of(id), AT.as_millis(), "{text}");
            assert_eq!(in_log(text), Some(id));
        }
        assert_eq!(in_log(random), in_log(&random.to_uppercase()));
        assert_ne!(in_log("req_01H"), in_log("req_01h"));
        let other = ClientId::from_random([2; 16]);
        let id = SentId::read("x").map(|id| id.in_log(other, AT));
        assert_ne!(id, in_log("x"), "of another company");
        for text in ["", "a b", "é", "a\u{7f}", &"y".repeat(LONGEST + 1)] {
            assert_eq!(in_log(text), None, "{text}");
        }
    }
}

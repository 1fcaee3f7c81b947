//! Ids: 128 bits, 32 lower-case hex digits in text, one type for each kind of thing.
//!
//! All but [`ClientId`] are time-ordered (the first 48 bits are milliseconds since 1970), so that they sort by age.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

/// The text was not 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 32 lower-case hexadecimal digits")
    }
}

impl std::error::Error for InvalidId {}

fn parse_hex(text: &str) -> Result<u128, InvalidId> {
    let digits: &[u8; 32] = text.as_bytes().try_into().map_err(|_| InvalidId)?;
    digits.iter().try_fold(0, |number: u128, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(InvalidId),
        };
        Ok(number << 4 | u128::from(value))
    })
}

/// Writes 32 digits. Each request has several ids, and the formatter of numbers takes ten times as long.
fn write_hex(number: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    f.write_str(std::str::from_utf8(&text).unwrap_or_default())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// An id that sorts by `at`; `random` makes it unique within the millisecond.
            pub const fn time_ordered(at: Timestamp, random: [u8; 10]) -> Self {
                let mut low: u128 = 0;
                let mut i = 0;
                while i < 10 {
                    low = (low << 8) | random[i] as u128;
                    i += 1;
                }
                Self(((at.as_millis() as u128 & 0xffff_ffff_ffff) << 80) | low)
            }

            /// An id from 16 random bytes.
            pub const fn from_random(random: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(random))
            }

            /// The id that [`Self::to_bytes`] was called on.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// The 16 bytes, most significant first.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse_hex(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// What a company sends as `X-Access-Client-Id`; the same in every environment. Random, not time-ordered.
    ClientId,
    /// A company, inside the installation only.
    CompanyId,
    /// An API key. Not secret.
    KeyId,
    /// A person who can sign in; a member of one company or more.
    PersonId,
    /// A person in a company.
    MemberId,
    /// A configured webhook (the `id` of the public API).
    WebhookId,
    /// An event; `webhook_id` in bodies and history of the public API.
    EventId,
    /// One event for one webhook.
    DeliveryId,
    /// One try of a delivery.
    AttemptId,
    /// One API call; on every response as `X-Request-Id`.
    RequestId,
    /// One row of the audit trail.
    AuditId,
    /// A bearer token of the operator API.
    OperatorTokenId,
    /// A person signed in with one browser. Made from the hash of the session's token, so it gives no access.
    SessionId,
    /// A named view of the log, of one person in one company.
    ViewId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_text() {
        let id = KeyId::time_ordered(Timestamp::from_millis(1_767_607_200_123), [7; 10]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().len(), 32);
    }

    #[test]
    fn upper_case_signs_and_short_text_are_refused() {
        for text in [
            "",
            "ABCDEF00ABCDEF00ABCDEF00ABCDEF00",
            "+1111111111111111111111111111111",
            "abc",
        ] {
            assert_eq!(text.parse::<KeyId>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn ids_sort_by_time() {
        let early = KeyId::time_ordered(Timestamp::from_millis(1), [255; 10]);
        let late = KeyId::time_ordered(Timestamp::from_millis(2), [0; 10]);
        assert!(early < late);
    }
}

//! The code of an error in an API's response, such as `card_declined`. Requests are grouped by it, so it is a short name and
//! never free text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Bytes of a code at most.
pub const LONGEST_ERROR_CODE: usize = 64;

/// In a filter: requests without a code. No code is called this.
pub const NO_ERROR_CODE: &str = "none";

/// A code that looks like one: up to 64 ASCII letters, digits, `_`, `-`, `.` and `:`. Nothing that looks like a number of a
/// person, a card or a phone, or like an id, which would be in no other response.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(String);

/// The text is no code of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnErrorCode;

impl fmt::Display for NotAnErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a code of an error")
    }
}

impl std::error::Error for NotAnErrorCode {}

impl ErrorCode {
    /// A code that was checked when it was stored. `None` if it is empty.
    pub fn stored(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ErrorCode {
    type Err = NotAnErrorCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_code = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        let fits = (1..=LONGEST_ERROR_CODE).contains(&text.len())
            && text.bytes().all(is_code)
            && text.as_bytes()[0].is_ascii_alphanumeric()
            && !text.eq_ignore_ascii_case(NO_ERROR_CODE)
            && !is_personal(text);
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnErrorCode)
        }
    }
}

/// Digits in a code at most. `AADSTS50011` and `40401` are codes; a phone or card number has more.
const MOST_DIGITS: usize = 8;

/// A word of a code is seldom longer than this, and has no digit then.
const LONGEST_WORD: usize = 12;

fn is_personal(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_long_token =
        |word: &str| word.len() >= LONGEST_WORD && word.bytes().filter(u8::is_ascii_digit).count() > 2;
    // Four numbers with dots are an address.
    let is_address =
        text.split('.').count() == 4 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_number = digits == text.len() && digits > 6;
    digits > MOST_DIGITS || is_number || is_address || text.split(['_', '-', '.', ':']).any(is_long_token)
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_short_numbers_are_codes() {
        for code in [
            "card_declined",
            "CARD_DECLINED",
            "INVALID-ARGUMENT",
            "E1001",
            "ORA-00942",
            "AADSTS50011",
            "40401",
            "7",
            "billing.card:expired",
            "rate_limit_exceeded_for_requests_per_minute",
            "oauth2_invalid",
        ] {
            assert_eq!(
                code.parse::<ErrorCode>().map(|code| code.to_string()),
                Ok(code.to_owned())
            );
        }
    }

    #[test]
    fn sentences_people_and_ids_are_no_codes() {
        for text in [
            "",
            "The card was declined.",
            "ana@example.com",
            "Müller",
            "[redacted]",
            "none",
            "_",
            "+4915112345678",
            "4915112345678",
            "123-45-6789",
            "1234567",
            "4242-4242-4242-4242",
            "192.0.2.17",
            "2001:db8::7:1234:5678",
            "0f9c2f4e-11aa-4b0c-9d3e-2b1f0c9d8e7f",
            "cus_NffrFeU4NV2Hib7",
            "a/b",
            "a\nb",
            "<script>",
            &"a".repeat(LONGEST_ERROR_CODE + 1),
        ] {
            assert_eq!(text.parse::<ErrorCode>(), Err(NotAnErrorCode), "{text}");
        }
    }
}

//! What a filter can say about a status, a brand, a key and a duration, and how each is written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{ClientId, InvalidId, KeyId, STATUS_NOT_KNOWN};

/// How [`StatusFilter::Unknown`] is written.
const UNKNOWN: &str = "unknown";

/// The text is not a value of this kind. [`super::FilterField::wants`] says what is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidValue;

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a value of this filter")
    }
}

impl std::error::Error for InvalidValue {}

impl From<InvalidId> for InvalidValue {
    fn from(_: InvalidId) -> Self {
        Self
    }
}

/// One status, or several next to each other. Statuses are from 100 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFilter {
    /// `5xx`: 5 for 500 to 599; 1..=5.
    Class(u8),
    /// `404`
    Exactly(u16),
    /// `>=500`
    AtLeast(u16),
    /// `<=499`
    AtMost(u16),
    /// `400..404`: both are included, and the first is the smaller one.
    Between(u16, u16),
    /// `unknown`: a proxy forwarded the request and did not tell how it ended.
    Unknown,
}

impl StatusFilter {
    /// The filter for this status alone.
    pub const fn only(status: Option<u16>) -> Self {
        match status {
            Some(status) => Self::Exactly(status),
            None => Self::Unknown,
        }
    }

    /// From (included) and to (excluded), of statuses as they are stored.
    pub const fn bounds(self) -> (u16, u16) {
        match self {
            Self::Class(class) => (class as u16 * 100, class as u16 * 100 + 100),
            Self::Exactly(status) => (status, status + 1),
            Self::AtLeast(least) => (least, 1000),
            // What is not known is neither low nor high.
            Self::AtMost(most) => (STATUS_NOT_KNOWN + 1, most + 1),
            Self::Between(least, most) => (least, most + 1),
            Self::Unknown => (STATUS_NOT_KNOWN, STATUS_NOT_KNOWN + 1),
        }
    }

    /// What two comparisons mean together: `>=400` and `<=499` are a range. One of them alone would match what the other
    /// one is there to leave out, and both as alternatives would match everything.
    pub(super) fn joined(&self, other: &Self) -> Option<Self> {
        match (*self, *other) {
            (Self::AtLeast(least), Self::AtMost(most)) | (Self::AtMost(most), Self::AtLeast(least))
                if least <= most =>
            {
                Some(between(least, most))
            }
            _ => None,
        }
    }
}

const fn between(least: u16, most: u16) -> StatusFilter {
    if least == most {
        StatusFilter::Exactly(least)
    } else {
        StatusFilter::Between(least, most)
    }
}

impl fmt::Display for StatusFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(class) => write!(f, "{class}xx"),
            Self::Exactly(status) => write!(f, "{status}"),
            Self::AtLeast(least) => write!(f, ">={least}"),
            Self::AtMost(most) => write!(f, "<={most}"),
            Self::Between(least, most) => write!(f, "{least}..{most}"),
            Self::Unknown => f.write_str(UNKNOWN),
        }
    }
}

impl FromStr for StatusFilter {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let status = |text: &str| match text.parse() {
            Ok(status @ 100_u16..=599) if text.len() == 3 => Ok(status),
            _ => Err(InvalidValue),
        };
        if text == UNKNOWN {
            return Ok(Self::Unknown);
        }
        if let Some((least, most)) = text.split_once("..") {
            let (least, most) = (status(least)?, status(most)?);
            return if least <= most {
                Ok(between(least, most))
            } else {
                Err(InvalidValue)
            };
        }
        let filter = match Comparison::read(text) {
            Some((Comparison::AtLeast, text)) => Self::AtLeast(status(text)?),
            Some((Comparison::AtMost, text)) => Self::AtMost(status(text)?),
            Some((Comparison::More, text)) if text != "599" => Self::AtLeast(status(text)? + 1),
            Some((Comparison::Less, text)) if text != "100" => Self::AtMost(status(text)? - 1),
            Some(_) => return Err(InvalidValue),
            None => match text.as_bytes() {
                [class @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => Self::Class(class - b'0'),
                _ => Self::Exactly(status(text)?),
            },
        };
        Ok(filter)
    }
}

#[derive(Clone, Copy)]
enum Comparison {
    AtLeast,
    AtMost,
    More,
    Less,
}

impl Comparison {
    fn read(text: &str) -> Option<(Self, &str)> {
        [
            (">=", Self::AtLeast),
            ("<=", Self::AtMost),
            (">", Self::More),
            ("<", Self::Less),
        ]
        .into_iter()
        .find_map(|(sign, comparison)| Some((comparison, text.strip_prefix(sign)?)))
    }
}

/// The company's own requests, or one brand's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrandFilter {
    Own,
    Brand(ClientId),
    /// A brand's name, as it was written. The server looks for it among the brands, whatever its case.
    Named(String),
}

/// A brand's name has at most 100 characters of up to four bytes.
const LONGEST_NAME: usize = 400;

impl fmt::Display for BrandFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("own"),
            Self::Brand(client_id) => write!(f, "{client_id}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

impl FromStr for BrandFilter {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim();
        match name {
            "own" => Ok(Self::Own),
            _ if name.is_empty() || name.len() > LONGEST_NAME => Err(InvalidValue),
            _ => Ok(name
                .parse()
                .map_or_else(|_| Self::Named(name.to_owned()), Self::Brand)),
        }
    }
}

/// The last four characters of a key's secret, which are lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LastFour([u8; 4]);

impl LastFour {
    pub fn as_str(&self) -> &str {
        // Only ASCII gets in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for LastFour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LastFour {
    type Err = InvalidValue;

    /// Also reads `…ab6d`, as pages write it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim_start_matches('…');
        let four: [u8; 4] = text.as_bytes().try_into().map_err(|_| InvalidValue)?;
        if four.iter().all(u8::is_ascii_hexdigit) {
            Ok(Self(four.map(|byte| byte.to_ascii_lowercase())))
        } else {
            Err(InvalidValue)
        }
    }
}

impl TryFrom<String> for LastFour {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LastFour> for String {
    fn from(last_four: LastFour) -> Self {
        last_four.as_str().to_owned()
    }
}

/// One key, or every key with these last four characters, deleted ones included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFilter {
    Id(KeyId),
    LastFour(LastFour),
}

impl fmt::Display for KeyFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::LastFour(last_four) => write!(f, "{last_four}"),
        }
    }
}

impl FromStr for KeyFilter {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(last_four) => Ok(Self::LastFour(last_four)),
            Err(InvalidValue) => Ok(Self::Id(text.parse()?)),
        }
    }
}

/// Durations in microseconds: from (included) and to (excluded; `u64::MAX` where there is no limit). Never all of them, and
/// never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurationFilter {
    from: u64,
    to: u64,
}

/// No request takes longer than a day.
const LONGEST: u64 = 86_400_000_000;

impl DurationFilter {
    /// `None` if that is every duration, or none, or a bound is above a day.
    pub fn new(from: u64, to: u64) -> Option<Self> {
        let is_bound = |bound| bound <= LONGEST + 1;
        let fits = from < to && is_bound(from) && (is_bound(to) || to == u64::MAX);
        (fits && (from, to) != (0, u64::MAX)).then_some(Self { from, to })
    }

    pub const fn bounds(self) -> (u64, u64) {
        (self.from, self.to)
    }

    /// As with statuses: `>500ms` and `<2s` are a range.
    pub(super) fn joined(&self, other: &Self) -> Option<Self> {
        let (least, most) = if self.to == u64::MAX {
            (self, other)
        } else {
            (other, self)
        };
        let opposite = least.to == u64::MAX && most.from == 0;
        if opposite {
            Self::new(least.from, most.to)
        } else {
            None
        }
    }
}

impl fmt::Display for DurationFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_round = |bound: u64| bound.is_multiple_of(1000);
        match (self.from, self.to) {
            (from, u64::MAX) if !is_round(from) && is_round(from - 1) => write!(f, ">{}", text_of(from - 1)),
            (from, u64::MAX) => write!(f, ">={}", text_of(from)),
            (0, to) if !is_round(to) && is_round(to - 1) => write!(f, "<={}", text_of(to - 1)),
            (0, to) => write!(f, "<{}", text_of(to)),
            (from, to) => write!(f, "{}..{}", text_of(from), text_of(to)),
        }
    }
}

/// `2s`, `1500ms`, `750us`.
fn text_of(microseconds: u64) -> String {
    let (number, unit) = if microseconds.is_multiple_of(1_000_000) {
        (microseconds / 1_000_000, "s")
    } else if microseconds.is_multiple_of(1000) {
        (microseconds / 1000, "ms")
    } else {
        (microseconds, "us")
    };
    format!("{number}{unit}")
}

impl FromStr for DurationFilter {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = if let Some((from, to)) = text.split_once("..") {
            (microseconds(from)?, microseconds(to)?)
        } else {
            match Comparison::read(text).ok_or(InvalidValue)? {
                (Comparison::AtLeast, text) => (microseconds(text)?, u64::MAX),
                (Comparison::More, text) => (microseconds(text)? + 1, u64::MAX),
                (Comparison::Less, text) => (0, microseconds(text)?),
                (Comparison::AtMost, text) => (0, microseconds(text)? + 1),
            }
        };
        Self::new(from, to).ok_or(InvalidValue)
    }
}

/// `500ms`, `1.5s`, `750us`, `2m`; at most a day.
fn microseconds(text: &str) -> Result<u64, InvalidValue> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or(InvalidValue)?;
    let (number, unit) = text.split_at(unit_at);
    let unit: u64 = match unit {
        "us" | "µs" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" | "min" => 60_000_000,
        _ => return Err(InvalidValue),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| {
        let fits = (1..=11).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if fits {
            text.parse::<u64>().map_err(|_| InvalidValue)
        } else {
            Err(InvalidValue)
        }
    };
    // Digits below a microsecond are dropped.
    let scale = 10_u64.pow(part.len().min(11) as u32);
    let total = digits(whole)? * unit + digits(part)? * unit / scale;
    if total <= LONGEST {
        Ok(total)
    } else {
        Err(InvalidValue)
    }
}

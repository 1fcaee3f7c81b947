//! The filter of the Logs page: at once the address, the form, the server function's argument and the store's query.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ClientId, Environment, KeyId, Timestamp};

/// Which requests to list. `Display` writes a query string without `?`, in one canonical order; `FromStr` reads it back;
/// serde goes by that same text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    pub range: DateRange,
    pub status: Option<StatusFilter>,
    pub brand: Option<BrandFilter>,
    pub environment: Option<Environment>,
    pub key: Option<KeyId>,
    /// An upper-case method.
    pub method: Option<String>,
    /// A part of the path.
    pub path: String,
    /// Rows stored before this `seq`: the cursor of *Show older requests*.
    pub before: Option<i64>,
}

/// When the requests arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateRange {
    LastHour,
    #[default]
    Last24Hours,
    Last7Days,
    Last30Days,
    /// From (included) to (excluded); an open end is now, an open start is the beginning.
    Between {
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    },
}

/// A class of statuses, or one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFilter {
    /// 2 for 200..=299 and so on; 2..=5.
    Class(u8),
    /// 100..=599.
    Exactly(u16),
}

/// The company's own requests, or one brand's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrandFilter {
    Own,
    Brand(ClientId),
}

/// A part of a query string that no filter understands: which one, and what it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidFilter {
    pub name: &'static str,
    pub wants: &'static str,
}

impl fmt::Display for InvalidFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.wants)
    }
}

impl std::error::Error for InvalidFilter {}

impl DateRange {
    /// The presets in the order of the menu: name in the address, words on the page.
    pub const PRESETS: [(&'static str, &'static str, Self); 4] = [
        ("1h", "Last hour", Self::LastHour),
        ("24h", "Last 24 hours", Self::Last24Hours),
        ("7d", "Last 7 days", Self::Last7Days),
        ("30d", "Last 30 days", Self::Last30Days),
    ];

    /// From (included) and to (excluded) at the moment `now`.
    pub fn bounds(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let hours = match self {
            Self::LastHour => 1,
            Self::Last24Hours => 24,
            Self::Last7Days => 24 * 7,
            Self::Last30Days => 24 * 30,
            Self::Between { from, to } => {
                // A second ahead of now: rows of this very moment belong to "until now".
                return (from.unwrap_or_default(), to.unwrap_or(now.plus_seconds(1)));
            }
        };
        (now.minus_seconds(hours * 3600), now.plus_seconds(1))
    }
}

impl StatusFilter {
    /// From (included) and to (excluded).
    pub const fn bounds(self) -> (u16, u16) {
        match self {
            Self::Class(class) => (class as u16 * 100, class as u16 * 100 + 100),
            Self::Exactly(status) => (status, status + 1),
        }
    }
}

impl fmt::Display for StatusFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(class) => write!(f, "{class}xx"),
            Self::Exactly(status) => write!(f, "{status}"),
        }
    }
}

impl FromStr for StatusFilter {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = InvalidFilter {
            name: "status",
            wants: "a class such as 4xx, or a status from 100 to 599",
        };
        if let Some(class) = text.strip_suffix("xx") {
            return match class.parse() {
                Ok(class @ 2..=5) => Ok(Self::Class(class)),
                _ => Err(wrong),
            };
        }
        match text.parse() {
            Ok(status @ 100..=599) => Ok(Self::Exactly(status)),
            _ => Err(wrong),
        }
    }
}

impl fmt::Display for BrandFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("own"),
            Self::Brand(client_id) => write!(f, "{client_id}"),
        }
    }
}

impl FromStr for BrandFilter {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "own" => Ok(Self::Own),
            other => other.parse().map(Self::Brand).map_err(|_| InvalidFilter {
                name: "brand",
                wants: "\"own\" or the Client ID of a brand",
            }),
        }
    }
}

impl LogFilter {
    /// Whether anything but the date range and the cursor narrows the list.
    pub fn narrows(&self) -> bool {
        let Self {
            range: _,
            status,
            brand,
            environment,
            key,
            method,
            path,
            before: _,
        } = self;
        status.is_some()
            || brand.is_some()
            || environment.is_some()
            || key.is_some()
            || method.is_some()
            || !path.is_empty()
    }

    /// The same range, nothing else.
    #[must_use]
    pub fn without_narrowing(&self) -> Self {
        Self {
            range: self.range,
            ..Self::default()
        }
    }

    /// The first page of the same filter.
    #[must_use]
    pub fn first_page(&self) -> Self {
        Self {
            before: None,
            ..self.clone()
        }
    }

    /// Like `FromStr`, but leaves out what it cannot read and says which parts.
    pub fn parse_lenient(query: &str) -> (Self, Vec<InvalidFilter>) {
        let mut filter = Self::default();
        let mut wrong = Vec::new();
        let (pairs, empty): (Vec<_>, Vec<_>) = query_pairs(query).partition(|(_, value)| !value.is_empty());
        // A form without scripts sends the two bounds along even when a preset is chosen; the preset was chosen last.
        let has_preset = pairs
            .iter()
            .any(|(name, value)| name == "range" && preset(value).is_ok());
        for (name, value) in pairs {
            if has_preset && (name == "from" || name == "to") {
                continue;
            }
            if let Err(error) = filter.set(&name, &value) {
                wrong.push(error);
            }
        }
        // A form without scripts sends all three where *Custom…* was chosen and both bounds were left empty.
        let is_empty = |wanted| empty.iter().any(|(name, _)| name == wanted);
        if is_empty("range") && is_empty("from") && is_empty("to") {
            wrong.push(InvalidFilter {
                name: "from",
                wants: "a time if \"to\" is not set",
            });
        }
        wrong.extend(filter.mend_range());
        (filter, wrong)
    }

    /// A range that ends before it begins loses its end.
    fn mend_range(&mut self) -> Option<InvalidFilter> {
        let DateRange::Between {
            from: Some(from),
            to: Some(to),
        } = self.range
        else {
            return None;
        };
        (to <= from).then(|| {
            self.range = DateRange::Between {
                from: Some(from),
                to: None,
            };
            InvalidFilter {
                name: "to",
                wants: "later than from",
            }
        })
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidFilter> {
        match name {
            "range" => self.range = preset(value)?,
            "from" | "to" => self.set_bound(name == "from", value)?,
            "status" => self.status = Some(value.parse()?),
            "brand" => self.brand = Some(value.parse()?),
            "environment" => {
                let wants = "one of sandbox, dev, prod";
                self.environment = Some(value.parse().map_err(|_| InvalidFilter {
                    name: "environment",
                    wants,
                })?);
            }
            "key" => {
                self.key = Some(value.parse().map_err(|_| InvalidFilter {
                    name: "key",
                    wants: "the id of a key",
                })?)
            }
            "method" => self.method = Some(value.trim().to_ascii_uppercase()),
            "path" => self.path = value.to_owned(),
            "before" => {
                let wants = "a cursor from this list";
                self.before = Some(value.parse().map_err(|_| InvalidFilter {
                    name: "before",
                    wants,
                })?);
            }
            // Not ours: an address may carry other parameters.
            _ => {}
        }
        Ok(())
    }

    fn set_bound(&mut self, is_from: bool, value: &str) -> Result<(), InvalidFilter> {
        let name = if is_from { "from" } else { "to" };
        let at = value.parse().map_err(|_| InvalidFilter {
            name,
            wants: "a time such as 2026-11-02T14:30:00Z",
        })?;
        let (from, to) = match self.range {
            DateRange::Between { from, to } => (from, to),
            _ => (None, None),
        };
        self.range = if is_from {
            DateRange::Between { from: Some(at), to }
        } else {
            DateRange::Between { from, to: Some(at) }
        };
        Ok(())
    }
}

fn preset(text: &str) -> Result<DateRange, InvalidFilter> {
    DateRange::PRESETS
        .into_iter()
        .find(|(name, _, _)| *name == text)
        .map(|(_, _, range)| range)
        .ok_or(InvalidFilter {
            name: "range",
            wants: "one of 1h, 24h, 7d, 30d",
        })
}

impl FromStr for LogFilter {
    type Err = InvalidFilter;

    fn from_str(query: &str) -> Result<Self, Self::Err> {
        let (filter, mut wrong) = Self::parse_lenient(query);
        if wrong.is_empty() {
            Ok(filter)
        } else {
            Err(wrong.swap_remove(0))
        }
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut query = QueryWriter { f, first: true };
        // Names every field: one that is left out would be lost on the way to the address and the server.
        let Self {
            range,
            status,
            brand,
            environment,
            key,
            method,
            path,
            before,
        } = self;
        match *range {
            DateRange::Last24Hours => {}
            DateRange::Between { from, to } => {
                query.put("from", from.map(Timestamp::to_rfc3339))?;
                query.put("to", to.map(Timestamp::to_rfc3339))?;
            }
            preset => {
                let name = DateRange::PRESETS
                    .iter()
                    .find(|(_, _, range)| *range == preset)
                    .map(|(name, _, _)| *name);
                query.put("range", name)?;
            }
        }
        query.put("status", *status)?;
        query.put("brand", *brand)?;
        query.put("environment", *environment)?;
        query.put("key", *key)?;
        query.put("method", method.as_deref())?;
        query.put("path", Some(path.as_str()).filter(|path| !path.is_empty()))?;
        query.put("before", *before)
    }
}

impl Serialize for LogFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LogFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

struct QueryWriter<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    first: bool,
}

impl QueryWriter<'_, '_> {
    fn put(&mut self, name: &str, value: Option<impl fmt::Display>) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        let separator = if std::mem::take(&mut self.first) { "" } else { "&" };
        write!(self.f, "{separator}{name}=")?;
        for byte in value.to_string().bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~/:".contains(&byte) {
                write!(self.f, "{}", byte as char)?;
            } else {
                write!(self.f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// The pairs of a query string, decoded once.
fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query
        .trim_start_matches('?')
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = bytes
            .get(at + 1..at + 3)
            .and_then(|hex| std::str::from_utf8(hex).ok());
        match (
            bytes[at],
            escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()),
        ) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_its_query_string() {
        let filters = [
            LogFilter::default(),
            LogFilter {
                range: DateRange::Last7Days,
                status: Some(StatusFilter::Class(4)),
                brand: Some(BrandFilter::Own),
                environment: Some(Environment::Prod),
                method: Some("POST".to_owned()),
                path: "/v1/orders/?a=b&c=é %".to_owned(),
                before: Some(17),
                ..LogFilter::default()
            },
            LogFilter {
                range: DateRange::Between {
                    from: Some(Timestamp::from_millis(1_767_607_200_000)),
                    to: None,
                },
                status: Some(StatusFilter::Exactly(404)),
                brand: Some(BrandFilter::Brand(ClientId::from_random([9; 16]))),
                key: Some(KeyId::from_random([3; 16])),
                ..LogFilter::default()
            },
        ];
        for filter in filters {
            assert_eq!(filter.to_string().parse(), Ok(filter.clone()), "{filter}");
        }
    }

    /// `FromStr` reads by name and cannot name its fields for the compiler: this can.
    #[test]
    fn every_field_is_written_and_read_alone() {
        let LogFilter {
            range: _,
            status: _,
            brand: _,
            environment: _,
            key: _,
            method: _,
            path: _,
            before: _,
        } = LogFilter::default();
        let alone: [fn(&mut LogFilter); 8] = [
            |filter| filter.range = DateRange::LastHour,
            |filter| filter.status = Some(StatusFilter::Exactly(404)),
            |filter| filter.brand = Some(BrandFilter::Own),
            |filter| filter.environment = Some(Environment::Prod),
            |filter| filter.key = Some(KeyId::from_random([3; 16])),
            |filter| filter.method = Some("POST".to_owned()),
            |filter| filter.path = "orders".to_owned(),
            |filter| filter.before = Some(17),
        ];
        let mut written = std::collections::BTreeSet::new();
        for set in alone {
            let mut filter = LogFilter::default();
            set(&mut filter);
            assert_eq!(filter.to_string().parse(), Ok(filter.clone()), "{filter}");
            written.insert(filter.to_string());
        }
        assert_eq!(written.len(), alone.len(), "{written:?}");
    }

    #[test]
    fn the_default_filter_is_an_empty_query() {
        assert_eq!(LogFilter::default().to_string(), "");
    }

    #[test]
    fn an_empty_value_is_no_filter() {
        assert_eq!("status=&brand=&path=&range=".parse(), Ok(LogFilter::default()));
    }

    #[test]
    fn a_preset_wins_over_the_bounds_beside_it() {
        for query in [
            "range=7d&from=2026-01-05T10:00&to=",
            "from=2026-01-05T10:00&range=7d",
        ] {
            assert_eq!(
                query.parse(),
                Ok(LogFilter {
                    range: DateRange::Last7Days,
                    ..LogFilter::default()
                }),
                "{query}"
            );
        }
    }

    #[test]
    fn a_wrong_value_is_named() {
        let error = "status=9xx".parse::<LogFilter>().expect_err("9xx is no class");
        assert_eq!(error.name, "status");
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_named_and_keeps_its_beginning() {
        for to in ["2026-01-05T10:00:00Z", "2026-01-05T09:59:00Z"] {
            let (filter, wrong) =
                LogFilter::parse_lenient(&format!("from=2026-01-05T10:00:00Z&to={to}&status=404"));
            assert_eq!(wrong.len(), 1, "{to}");
            assert_eq!((wrong[0].name, wrong[0].wants), ("to", "later than from"));
            assert_eq!(filter.to_string(), "from=2026-01-05T10:00:00.000Z&status=404");
        }
    }

    #[test]
    fn a_custom_range_without_bounds_is_named() {
        let (filter, wrong) = LogFilter::parse_lenient("range=&from=&to=&status=404");
        assert_eq!(wrong.len(), 1);
        assert_eq!(wrong[0].name, "from");
        assert_eq!(filter.to_string(), "status=404");
        for fine in [
            "range=7d&from=&to=",
            "range=&from=2026-01-05T10:00&to=",
            "status=",
        ] {
            assert_eq!(LogFilter::parse_lenient(fine).1, [], "{fine}");
        }
    }

    #[test]
    fn lenient_reading_keeps_the_rest() {
        let (filter, wrong) = LogFilter::parse_lenient("range=7d&status=abc&environment=dev");
        assert_eq!(wrong.len(), 1);
        assert_eq!(
            (filter.range, filter.environment, filter.status),
            (DateRange::Last7Days, Some(Environment::Dev), None)
        );
    }
}

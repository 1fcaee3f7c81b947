//! A [`LogFilter`] as a query string: repeated parameters, as a form of check boxes sends them. A name that begins with `-`
//! excludes: `status=4xx&status=500&-status=404`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    DateRange, EndpointOrder, FilterField, InvalidFilter, LogFilter, LogView, Timestamp, search_line,
};

impl LogFilter {
    /// Like `FromStr`, but leaves out what it cannot read and says which parts.
    pub fn parse_lenient(query: &str) -> (Self, Vec<InvalidFilter>) {
        let mut filter = Self::default();
        let mut wrong = Vec::new();
        let (pairs, empty): (Vec<_>, Vec<_>) = query_pairs(query).partition(|(_, value)| !value.is_empty());
        // A form without scripts sends the two bounds along even when a preset is chosen; the preset was chosen last.
        let has_preset = pairs
            .iter()
            .any(|(name, value)| name == "range" && DateRange::preset(value).is_ok());
        for (name, value) in pairs {
            if has_preset && (name == "from" || name == "to") {
                continue;
            }
            if let Err(error) = filter.set(&name, &value) {
                // Once for each name is enough.
                if !wrong.contains(&error) {
                    wrong.push(error);
                }
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
        wrong.extend(filter.range.mend());
        if filter.view != LogView::Endpoints {
            filter.sort = EndpointOrder::default();
        }
        (filter, wrong)
    }

    /// Whether a query string has a parameter that is no part of a filter. Where every part counts, it must not be left out.
    pub fn has_unknown(query: &str) -> bool {
        const OTHERS: [&str; 7] = [
            "range",
            "from",
            "to",
            "before",
            search_line::PARAMETER,
            LogView::PARAMETER,
            EndpointOrder::PARAMETER,
        ];
        let is_known = |name: &str| {
            let field = name.strip_prefix('-').unwrap_or(name);
            OTHERS.contains(&name) || FilterField::from_name(field).is_some()
        };
        query_pairs(query).any(|(name, _)| !is_known(&name))
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidFilter> {
        match name {
            "range" => self.range = DateRange::preset(value)?,
            "from" | "to" => self.range.set_bound(name == "from", value)?,
            LogView::PARAMETER => self.view = LogView::read(value)?,
            EndpointOrder::PARAMETER => self.sort = EndpointOrder::read(value)?,
            "before" => {
                let wants = "a cursor from this list";
                self.before = Some(value.parse().map_err(|_| InvalidFilter {
                    name: "before",
                    wants,
                })?);
            }
            // The search line of a form without scripts.
            search_line::PARAMETER => search_line::read_parameter(self, value)?,
            _ => {
                let (exclude, name) = match name.strip_prefix('-') {
                    Some(name) => (true, name),
                    None => (false, name),
                };
                // Others are not ours: an address may carry other parameters.
                if let Some(field) = FilterField::from_name(name) {
                    self.add(field, exclude, value)?;
                }
            }
        }
        Ok(())
    }
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
        let mut query = QueryWriter::new(f);
        match self.range {
            DateRange::Last24Hours => {}
            DateRange::Between { from, to } => {
                for (name, at) in [("from", from), ("to", to)] {
                    if let Some(at) = at.map(Timestamp::to_rfc3339) {
                        query.put("", name, &at)?;
                    }
                }
            }
            preset => {
                if let Some(name) = preset.preset_name() {
                    query.put("", "range", name)?;
                }
            }
        }
        for field in FilterField::ALL {
            for (exclude, sign) in [(false, ""), (true, "-")] {
                for text in self.texts(field, exclude) {
                    query.put(sign, field.parameter(), &text)?;
                }
            }
        }
        if self.view != LogView::default() {
            query.put("", LogView::PARAMETER, self.view.as_str())?;
        }
        // The other views have an order of their own.
        if self.view == LogView::Endpoints && self.sort != EndpointOrder::default() {
            query.put("", EndpointOrder::PARAMETER, self.sort.as_str())?;
        }
        match self.before {
            Some(before) => query.put("", "before", &before.to_string()),
            None => Ok(()),
        }
    }
}

impl Serialize for LogFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LogFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Writes the pairs of a query string, percent-encoded.
pub(crate) struct QueryWriter<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    first: bool,
}

impl<'a, 'b> QueryWriter<'a, 'b> {
    pub(crate) const fn new(f: &'a mut fmt::Formatter<'b>) -> Self {
        Self { f, first: true }
    }

    pub(crate) fn put(&mut self, sign: &str, name: &str, value: &str) -> fmt::Result {
        let separator = if std::mem::take(&mut self.first) { "" } else { "&" };
        write!(self.f, "{separator}{sign}{name}=")?;
        for byte in value.bytes() {
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
pub(crate) fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
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

//! When the requests arrived.

use super::InvalidFilter;
use crate::Timestamp;

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

    /// The preset's name in the address.
    pub(super) fn preset_name(self) -> Option<&'static str> {
        let preset = Self::PRESETS.iter().find(|(.., range)| *range == self);
        preset.map(|(name, ..)| *name)
    }

    pub(super) fn preset(text: &str) -> Result<Self, InvalidFilter> {
        let preset = Self::PRESETS.into_iter().find(|(name, ..)| *name == text);
        preset.map(|(.., range)| range).ok_or(InvalidFilter {
            name: "range",
            wants: "one of 1h, 24h, 7d, 30d",
        })
    }

    /// Sets one of the bounds. A preset gives way to it.
    pub(super) fn set_bound(&mut self, is_from: bool, text: &str) -> Result<(), InvalidFilter> {
        let at = text.parse().map_err(|_| InvalidFilter {
            name: if is_from { "from" } else { "to" },
            wants: "a time such as 2026-11-02T14:30:00Z",
        })?;
        let (from, to) = match *self {
            Self::Between { from, to } => (from, to),
            _ => (None, None),
        };
        *self = if is_from {
            Self::Between { from: Some(at), to }
        } else {
            Self::Between { from, to: Some(at) }
        };
        Ok(())
    }

    /// A range that ends before it begins loses its end.
    pub(super) fn mend(&mut self) -> Option<InvalidFilter> {
        let Self::Between {
            from: Some(from),
            to: Some(to),
        } = *self
        else {
            return None;
        };
        (to <= from).then(|| {
            *self = Self::Between {
                from: Some(from),
                to: None,
            };
            InvalidFilter {
                name: "to",
                wants: "later than from",
            }
        })
    }
}

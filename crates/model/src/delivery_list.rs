//! A list of a webhook's deliveries: where its pages begin, what its address says, and what has become of its rows.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::log_address::query_pairs;
use crate::{DateRange, DeliveryFilter, DeliveryId, DeliveryRow, InvalidFilter, Timestamp, Webhook};

/// A delivery's place in the list, which is ordered by the time at which the event was accepted and then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryPlace {
    pub at: Timestamp,
    pub id: DeliveryId,
}

/// Which page of the list. The place itself is on neither side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliveryCursor {
    #[default]
    Newest,
    /// The nearest ones that are older.
    Before(DeliveryPlace),
    /// The nearest ones that are newer.
    After(DeliveryPlace),
}

/// A page of the list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryPage {
    pub rows: Vec<DeliveryRow>,
    /// Where the next older page begins, if there is one.
    pub older: Option<DeliveryPlace>,
    /// Where the next newer page begins, if there is one.
    pub newer: Option<DeliveryPlace>,
}

/// The list of a webhook's deliveries as its page shows it first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryListing {
    pub webhook: Webhook,
    /// How many of its deliveries the operator holds.
    pub on_hold: u64,
    pub page: DeliveryPage,
    /// If the filter finds nothing: what there is with one condition less.
    pub loosened: Vec<Loosened>,
}

/// What has become of a list since it was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryNews {
    /// The rows that were asked for, as they are now, in any order.
    pub known: Vec<DeliveryRow>,
    /// How many newer ones match the filter.
    pub newer: u64,
    /// There are more than [`Self::COUNTED`], and only so many were counted.
    pub and_more: bool,
}

impl DeliveryPage {
    /// Rows on a page of the dashboard.
    pub const ROWS: u32 = 50;
}

impl DeliveryNews {
    /// How far newer deliveries are counted.
    pub const COUNTED: u64 = 1_000;
    /// For how many rows one call asks.
    pub const KNOWN: usize = 300;
}

/// The deliveries on either side of one in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryNeighbours {
    pub newer: Option<DeliveryId>,
    pub older: Option<DeliveryId>,
}

/// A condition of a filter under which nothing was found, and what there is without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loosened {
    /// The list without this one condition.
    pub view: DeliveryView,
    /// How many there are then, counted up to [`Self::COUNTED`].
    pub deliveries: u64,
}

impl Loosened {
    pub const COUNTED: u64 = 100;
}

/// What the address of a list says: the filter, a range that ends now, and the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryView {
    pub filter: DeliveryFilter,
    /// One of [`DateRange::PRESETS`]. Bounds of the filter's own come first.
    pub range: Option<DateRange>,
    pub cursor: DeliveryCursor,
}

impl DeliveryView {
    /// Like `FromStr`, but leaves out what it cannot read and says which parts.
    pub fn parse_lenient(query: &str) -> (Self, Vec<InvalidFilter>) {
        let query = query.trim_start_matches('?');
        let preset = query_pairs(query)
            .filter(|(name, value)| name == "range" && !value.is_empty())
            .last()
            .map(|(_, value)| DateRange::preset(&value));
        // A form without scripts sends its two bounds along with a preset, which was chosen last.
        let bounds = |name: &str| name == "from" || name == "until";
        let (filter, mut wrong) = if matches!(preset, Some(Ok(_))) {
            let kept = query.split('&').filter(|pair| !bounds(name_of(pair)));
            DeliveryFilter::parse_lenient(&kept.collect::<Vec<_>>().join("&"))
        } else {
            DeliveryFilter::parse_lenient(query)
        };
        let range = match preset {
            Some(Ok(range)) => Some(range),
            Some(Err(error)) => {
                wrong.push(error);
                None
            }
            None => None,
        };
        let mut cursor = DeliveryCursor::Newest;
        for (name, value) in query_pairs(query).filter(|(_, value)| !value.is_empty()) {
            let make: fn(DeliveryPlace) -> DeliveryCursor = match name.as_ref() {
                "before" => DeliveryCursor::Before,
                "after" => DeliveryCursor::After,
                _ => continue,
            };
            match value.parse() {
                Ok(place) => cursor = make(place),
                Err(InvalidPlace) => wrong.push(InvalidFilter {
                    name: if name == "before" { "before" } else { "after" },
                    wants: "a place in this list",
                }),
            }
        }
        let view = Self {
            filter,
            range,
            cursor,
        };
        (view, wrong)
    }

    /// The filter at the moment `now`, in which the range is a time.
    pub fn filter_at(&self, now: Timestamp) -> DeliveryFilter {
        let mut filter = self.filter.clone();
        if let Some(range) = self.range
            && filter.from.is_none()
            && filter.until.is_none()
        {
            filter.from = Some(range.bounds(now).0);
        }
        filter
    }

    /// The same list from its beginning.
    #[must_use]
    pub fn first_page(&self) -> Self {
        Self {
            cursor: DeliveryCursor::Newest,
            ..self.clone()
        }
    }

    /// Whether it leaves any delivery out.
    pub fn narrows(&self) -> bool {
        self.range.is_some() || !self.filter.is_all()
    }

    /// The lists with one condition less each, in the order of the conditions: each state, and everything else once.
    pub fn looser(&self) -> Vec<Self> {
        let base = self.first_page();
        let mut all = Vec::new();
        for state in &base.filter.states {
            let mut view = base.clone();
            view.filter.states.retain(|one| one != state);
            all.push(view);
        }
        let mut without = |is_set: bool, remove: fn(&mut Self)| {
            if is_set {
                let mut view = base.clone();
                remove(&mut view);
                all.push(view);
            }
        };
        let filter = &base.filter;
        without(filter.event_type.is_some(), |view| view.filter.event_type = None);
        without(filter.answer.is_some(), |view| view.filter.answer = None);
        without(filter.attempts.is_some(), |view| view.filter.attempts = None);
        without(
            base.range.is_some() || filter.from.is_some() || filter.until.is_some(),
            |view| {
                (view.range, view.filter.from, view.filter.until) = (None, None, None);
            },
        );
        without(filter.id.is_some(), |view| view.filter.id = None);
        without(filter.tests.is_some(), |view| view.filter.tests = None);
        all
    }
}

fn name_of(pair: &str) -> &str {
    pair.split('=').next().unwrap_or_default()
}

impl fmt::Display for DeliveryView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.filter.to_string();
        let mut put = |name: &str, value: &str| {
            if !text.is_empty() {
                text.push('&');
            }
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        };
        if let Some(name) = self.range.and_then(DateRange::preset_name) {
            put("range", name);
        }
        match self.cursor {
            DeliveryCursor::Newest => {}
            DeliveryCursor::Before(place) => put("before", &place.to_string()),
            DeliveryCursor::After(place) => put("after", &place.to_string()),
        }
        f.write_str(&text)
    }
}

impl Serialize for DeliveryView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeliveryView {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'_, str>>::deserialize(deserializer)?;
        match Self::parse_lenient(&text) {
            (view, wrong) if wrong.is_empty() => Ok(view),
            (_, wrong) => Err(serde::de::Error::custom(wrong[0].name)),
        }
    }
}

impl DeliveryPlace {
    pub const fn of(row: &DeliveryRow) -> Self {
        Self {
            at: row.created_at,
            id: row.id,
        }
    }
}

/// The text is no place in a list of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPlace;

impl fmt::Display for InvalidPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a place in a list of deliveries")
    }
}

impl std::error::Error for InvalidPlace {}

/// `1767614400000-0123…`: milliseconds and id.
impl fmt::Display for DeliveryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.as_millis(), self.id)
    }
}

impl FromStr for DeliveryPlace {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (millis, id) = text.rsplit_once('-').ok_or(InvalidPlace)?;
        Ok(Self {
            at: Timestamp::from_millis(millis.parse().map_err(|_| InvalidPlace)?),
            id: id.parse().map_err(|_| InvalidPlace)?,
        })
    }
}

impl Serialize for DeliveryPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeliveryPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    fn view(query: &str) -> DeliveryView {
        let (view, wrong) = DeliveryView::parse_lenient(query);
        assert_eq!(wrong, Vec::new(), "{query}");
        view
    }

    #[test]
    fn an_address_says_the_same_when_it_is_written_again() {
        let place = DeliveryPlace {
            at: NOON,
            id: DeliveryId::from_random([3; 16]),
        };
        for query in [
            String::new(),
            "state=failing&state=exhausted&event=order-created&status=5xx&attempts=3&range=24h".to_owned(),
            format!("range=7d&before={place}"),
            format!("state=delivered&after={place}"),
            "from=2026-01-05T11:00:00Z&until=2026-01-05T12:00:00Z&test=none".to_owned(),
        ] {
            let written = view(&query).to_string();
            assert_eq!(view(&written), view(&query), "{query} as {written}");
        }
        assert_eq!(view("").to_string(), "");
    }

    #[test]
    fn a_preset_wins_over_the_bounds_that_a_form_sends_along() {
        let chosen = view("range=1h&from=2026-01-01T00:00&until=2026-01-02T00:00");
        assert_eq!((chosen.filter.from, chosen.filter.until), (None, None));
        assert_eq!(chosen.filter_at(NOON).from, Some(NOON.minus_seconds(3600)));
        let custom = view("range=&from=2026-01-05T11:00:00Z");
        assert_eq!(custom.filter_at(NOON).from, Some(NOON.minus_seconds(3600)));
        assert_eq!(custom.range, None);
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_named() {
        let (read, wrong) = DeliveryView::parse_lenient("state=lost&range=2y&before=x&event=order-created");
        let names: Vec<&str> = wrong.iter().map(|one| one.name).collect();
        assert_eq!(names, ["state", "range", "before"]);
        assert_eq!(read.to_string(), "event=order-created");
    }

    #[test]
    fn each_looser_list_lacks_one_condition() {
        let all = view("state=failing&state=held&event=order-created&status=503&range=1h&test=none");
        let looser: Vec<String> = all.looser().iter().map(ToString::to_string).collect();
        assert_eq!(
            looser,
            [
                "state=held&event=order-created&status=503&test=none&range=1h",
                "state=failing&event=order-created&status=503&test=none&range=1h",
                "state=failing&state=held&status=503&test=none&range=1h",
                "state=failing&state=held&event=order-created&test=none&range=1h",
                "state=failing&state=held&event=order-created&status=503&test=none",
                "state=failing&state=held&event=order-created&status=503&range=1h",
            ]
        );
        assert!(view("").looser().is_empty() && !view("").narrows());
    }
}

//! The two bounds of a custom range, as the platform's inputs write them: to the minute, in the page's zone. That is UTC, or
//! the reader's zone (`local`).

use model::{DateRange, Timestamp};

use crate::browser::clock;

/// What two inputs mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bounds {
    Neither,
    /// It ends before it begins.
    Backwards,
    Range(DateRange),
}

/// The value of an input.
pub(super) fn input_text(at: Option<Timestamp>, local: bool) -> String {
    at.map_or_else(String::new, |at| clock::input_text(at, local))
}

/// Both bounds as input values; empty for a preset.
pub(super) fn bounds_text(range: DateRange, local: bool) -> (String, String) {
    match range {
        DateRange::Between { from, to } => (input_text(from, local), input_text(to, local)),
        _ => (String::new(), String::new()),
    }
}

/// An empty input is an open end.
pub(super) fn read(from: &str, to: &str, local: bool) -> Bounds {
    match (time_of(from, local), time_of(to, local)) {
        (None, None) => Bounds::Neither,
        (Some(from), Some(to)) if to <= from => Bounds::Backwards,
        (from, to) => Bounds::Range(DateRange::Between { from, to }),
    }
}

/// A year that is still being typed, `0020`, is none.
fn time_of(text: &str, local: bool) -> Option<Timestamp> {
    let is_typed = !text.starts_with('0');
    match (is_typed, local) {
        (false, _) => None,
        (true, true) => clock::from_local_input(text),
        (true, false) => text.parse().ok(),
    }
}

/// The name of a preset in the menu and in the address; that of *Custom…*, which is empty, for any other range.
pub(super) fn preset_name(range: DateRange) -> &'static str {
    DateRange::PRESETS
        .iter()
        .find(|(.., preset)| *preset == range)
        .map_or("", |(name, ..)| name)
}

/// The preset with this name.
pub(super) fn preset(name: &str) -> Option<DateRange> {
    let found = DateRange::PRESETS.iter().find(|(preset, ..)| *preset == name);
    found.map(|(.., range)| *range)
}

/// "Last 7 days", "2 Nov 2026 14:30 UTC to 3 Nov 2026 14:30 UTC". Times are put into the page's zone where it is shown.
#[cfg(feature = "ssr")]
pub(super) fn drawn(range: DateRange) -> impl leptos::IntoView {
    use leptos::prelude::*;
    let preset = DateRange::PRESETS.iter().find(|(.., preset)| *preset == range);
    // An empty text would be a space in the page.
    let (before, between, from, to) = match (preset, range) {
        (Some((_, words, _)), _) => (Some(*words), None, None, None),
        (None, DateRange::Between { from, to }) => match (from, to) {
            (Some(_), Some(_)) => (None, Some(" to "), from, to),
            (Some(_), None) => (Some("since "), None, from, to),
            (None, Some(_)) => (Some("until "), None, from, to),
            (None, None) => (Some("all time"), None, from, to),
        },
        (None, _) => (None, None, None, None),
    };
    view! {
        {before}
        {from.map(time)}
        {between}
        {to.map(time)}
    }
}

/// To the minute, like the inputs.
#[cfg(feature = "ssr")]
fn time(at: Timestamp) -> impl leptos::IntoView {
    use leptos::prelude::*;
    view! { <time datetime=at.to_rfc3339() data-at=at.as_millis().to_string() data-year="">{crate::browser::zone::day_and_minute_text(at)}</time> }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    #[test]
    fn a_range_survives_its_inputs_to_the_minute() {
        let range = DateRange::Between {
            from: Some(NOON),
            to: None,
        };
        assert_eq!(
            bounds_text(range, false),
            ("2026-01-05T12:00".to_owned(), String::new())
        );
        assert_eq!(read("2026-01-05T12:00", "", false), Bounds::Range(range));
    }

    #[test]
    fn empty_inputs_are_no_range() {
        assert_eq!(read("", "", false), Bounds::Neither);
        assert_eq!(
            read("0020-11-24T14:00", "", false),
            Bounds::Neither,
            "a year is being typed"
        );
        assert_eq!(
            bounds_text(DateRange::LastHour, false),
            (String::new(), String::new())
        );
    }

    #[test]
    fn a_range_that_ends_before_it_begins_or_at_once_is_none() {
        assert_eq!(
            read("2026-01-05T12:00", "2026-01-05T11:59", false),
            Bounds::Backwards
        );
        assert_eq!(
            read("2026-01-05T12:00", "2026-01-05T12:00", false),
            Bounds::Backwards
        );
    }

    #[test]
    fn a_preset_is_found_by_its_name() {
        for (name, _, range) in DateRange::PRESETS {
            assert_eq!((preset_name(range), preset(name)), (name, Some(range)));
        }
        let custom = read("2026-01-05T12:00", "", false);
        assert!(matches!(custom, Bounds::Range(range) if preset_name(range).is_empty()));
        assert_eq!(preset(""), None);
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn a_range_in_words_goes_to_the_minute() {
        let words = |range| crate::browser::html::Markup::of(drawn(range)).to_text();
        let range = DateRange::Between {
            from: Some(NOON),
            to: Some(NOON.plus_seconds(90)),
        };
        assert_eq!(
            words(range),
            "Mon 5 Jan 2026 12:00 UTC to Mon 5 Jan 2026 12:01 UTC"
        );
        assert_eq!(words(DateRange::Last7Days), "Last 7 days");
        let since = DateRange::Between {
            from: Some(NOON),
            to: None,
        };
        assert_eq!(words(since), "since Mon 5 Jan 2026 12:00 UTC");
    }
}

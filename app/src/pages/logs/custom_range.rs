//! The two bounds of a custom range, as the platform's inputs write them: to the minute, in the page's zone. That is UTC, or
//! the reader's zone (`local`).

use model::{DateRange, Timestamp};

use crate::browser::clock::{self, LocalStyle};

/// What two inputs mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bounds {
    Neither,
    /// It ends before it begins.
    Backwards,
    Range(DateRange),
}

/// `2026-11-02T14:30`, the value of an input.
pub(super) fn input_text(at: Option<Timestamp>, local: bool) -> String {
    match at {
        None => String::new(),
        Some(at) if local => clock::local_text(at, LocalStyle::Input),
        Some(at) => at.to_rfc3339().chars().take("2026-11-02T14:30".len()).collect(),
    }
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

pub(super) fn time_of(text: &str, local: bool) -> Option<Timestamp> {
    if local {
        clock::from_local_input(text)
    } else {
        text.parse().ok()
    }
}

/// "Last 7 days", "2 Nov 2026, 14:30 to 3 Nov 2026, 14:30".
pub(super) fn words(range: DateRange, local: bool) -> String {
    let text = |at| time_words(at, local);
    match range {
        DateRange::Between {
            from: Some(from),
            to: Some(to),
        } => format!("{} to {}", text(from), text(to)),
        DateRange::Between {
            from: Some(from),
            to: None,
        } => format!("since {}", text(from)),
        DateRange::Between {
            from: None,
            to: Some(to),
        } => format!("until {}", text(to)),
        DateRange::Between { from: None, to: None } => "all time".to_owned(),
        preset => DateRange::PRESETS
            .iter()
            .find(|(.., range)| *range == preset)
            .map_or("", |(_, words, _)| words)
            .to_owned(),
    }
}

/// To the minute, like the inputs.
fn time_words(at: Timestamp, local: bool) -> String {
    let (text, zone) = if local {
        (clock::local_text(at, LocalStyle::Full), "")
    } else {
        (at.to_page_text(), " UTC")
    };
    let to_the_second = text.trim_end_matches(" UTC");
    let minute = to_the_second
        .rsplit_once(':')
        .map_or(to_the_second, |(minute, _)| minute);
    format!("{minute}{zone}")
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
    fn a_range_in_words_goes_to_the_minute() {
        let range = DateRange::Between {
            from: Some(NOON),
            to: Some(NOON.plus_seconds(90)),
        };
        assert_eq!(
            words(range, false),
            "5 Jan 2026 12:00 UTC to 5 Jan 2026 12:01 UTC"
        );
        assert_eq!(words(DateRange::Last7Days, false), "Last 7 days");
    }
}

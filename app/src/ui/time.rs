//! Points in time. The server writes them in UTC; once the page is hydrated they are in the page's zone, or say how
//! long ago it was, and keep saying so.

use leptos::prelude::*;
use model::Timestamp;

use super::grouped;
use crate::browser::clock::{self, LocalStyle};
use crate::browser::zone::Zone;

/// How a [`Time`] reads after hydration. The exact time in both zones is always in its tooltip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeStyle {
    /// "3 minutes ago"; keeps itself up to date. Can be focused, and shows its tooltip then too.
    #[default]
    Relative,
    /// "14:30:05", with the day before it when it is not today.
    Clock,
    /// "2 Nov 14:30:05", today as well: for the rows of a log, which are compared.
    Row,
    /// "2 Nov 2026".
    Date,
    /// "2 Nov 2026, 14:30:05".
    Full,
    /// "2 Nov 2026, 15:30:05 (2 Nov 2026 14:30:05 UTC)": where other words beside it have UTC.
    Both,
}

/// ```html
/// <time class="time" datetime="2026-11-02T14:30:05.123Z" title="2 Nov 2026 14:30:05 UTC">2 Nov 2026 14:30:05 UTC</time>
/// <time class="time" datetime="…" data-exact="2 Nov 2026, 15:30:05 (14:30:05 UTC)" tabindex="0">3 minutes ago</time>   <!-- hydrated -->
/// ```
#[component]
pub fn Time(at: Timestamp, #[prop(optional)] style: TimeStyle) -> impl IntoView {
    let zone = Zone::here();
    let now = clock::PageClock::here();
    let text = Memo::new(move |_| match (zone.is_local(), style) {
        (_, TimeStyle::Relative) => match now.now() {
            Some(now) => relative_text(at, now).unwrap_or_else(|| date_text(at, zone.is_local())),
            None => at.to_page_text(),
        },
        (local, TimeStyle::Date) => date_text(at, local),
        (false, TimeStyle::Clock | TimeStyle::Row) => without_year(&at.to_page_text()),
        (false, _) => at.to_page_text(),
        (true, TimeStyle::Clock) => clock::local_text(at, LocalStyle::Clock),
        (true, TimeStyle::Row) => clock::local_text(at, LocalStyle::Row),
        (true, TimeStyle::Full) => clock::local_text(at, LocalStyle::Full),
        (true, TimeStyle::Both) => both_text(&clock::local_text(at, LocalStyle::Full), at.to_page_text()),
    });
    let exact = move || {
        let utc = at.to_page_text();
        if zone.is_ready() {
            both_text(&clock::local_text(at, LocalStyle::Full), utc)
        } else {
            utc
        }
    };
    let bubble = style == TimeStyle::Relative;
    view! {
        <time
            class="time"
            datetime=at.to_rfc3339()
            title=move || (!bubble || !zone.is_ready()).then(exact)
            data-exact=move || (bubble && zone.is_ready()).then(exact)
            tabindex=bubble.then_some("0")
        >
            {move || text.get()}
        </time>
    }
}

/// A time for HTML that only the server makes: as [`TimeStyle::Row`], once the browser has put it into the page's zone. The zone
/// is an element of its own, for rows without room for it.
#[cfg(feature = "ssr")]
pub fn row_time(at: Timestamp) -> impl IntoView {
    let (utc, millis) = (at.to_page_text(), at.as_millis().to_string());
    let text = without_year(&utc);
    let text = text.strip_suffix(" UTC").unwrap_or(&text).to_owned();
    view! {
        <time class="time" datetime=at.to_rfc3339() title=utc data-at=millis data-row="">
            {text}
            <span class="time__zone">" UTC"</span>
        </time>
    }
}

/// As [`row_time`], but as [`TimeStyle::Full`].
#[cfg(feature = "ssr")]
pub fn full_time(at: Timestamp) -> impl IntoView {
    let (utc, millis) = (at.to_page_text(), at.as_millis().to_string());
    let title = utc.clone();
    view! { <time class="time" datetime=at.to_rfc3339() title=title data-at=millis data-full="">{utc}</time> }
}

/// Counts down to a moment: "next in 24 s", then `due`.
///
/// ```html
/// <span class="countdown">next in <time datetime="…">24 s</time></span>
/// ```
#[component]
pub fn Countdown(
    until: Timestamp,
    /// "next"; nothing where a heading says so already.
    #[prop(into)]
    before: String,
    /// What it says once the moment has come: "due now".
    #[prop(into)]
    due: String,
) -> impl IntoView {
    let ready = clock::ready();
    let now = clock::PageClock::here();
    let left = Memo::new(move |_| {
        if !ready.get() {
            return None;
        }
        // Whole seconds, rounded up, so that the last one shown is 1.
        now.now().map(|now| (until.millis_since(now).max(0) + 999) / 1000)
    });
    let lead = if before.is_empty() {
        String::new()
    } else {
        format!("{before} ")
    };
    let text = move || match left.get() {
        None => format!("{lead}at {}", until.to_page_text()),
        Some(0) => due.clone(),
        Some(seconds) => format!("{lead}in {}", countdown_text(seconds)),
    };
    view! { <time class="countdown" datetime=until.to_rfc3339()>{text}</time> }
}

/// Says which zone the times of a page are in: "Times are in Europe/Berlin."
#[component]
pub fn ZoneNote() -> impl IntoView {
    let zone = Zone::here();
    view! { <span>"Times are in "{move || zone.name()}"."</span> }
}

fn date_text(at: Timestamp, local: bool) -> String {
    if local {
        clock::local_text(at, LocalStyle::Date)
    } else {
        date_part(&at.to_page_text())
    }
}

/// One of them where the reader's zone is UTC.
pub fn both_text(local: &str, utc: String) -> String {
    if utc.strip_suffix(" UTC") == Some(local.replace(',', "").as_str()) {
        utc
    } else {
        format!("{local} ({utc})")
    }
}

fn date_part(page_text: &str) -> String {
    page_text.splitn(4, ' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Rows of a log have no space for the year and do not need it.
pub fn without_year(page_text: &str) -> String {
    let mut words: Vec<_> = page_text.split(' ').collect();
    if words.len() > 3 {
        words.remove(2);
    }
    words.join(" ")
}

/// "24 s", "4 min 12 s", "2 h 5 min", "3 d 4 h".
fn countdown_text(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// "3 minutes ago", "in 2 hours"; `None` when it is more than thirty days away and a date says more. Under a minute it
/// moves in steps of ten seconds, so that a page of rows is at rest.
pub fn relative_text(at: Timestamp, now: Timestamp) -> Option<String> {
    let seconds = now.millis_since(at) / 1000;
    let distance = seconds.abs();
    let amount = match distance {
        0..10 => {
            return Some(if seconds < 0 { "in a moment" } else { "just now" }.to_owned());
        }
        10..60 => format!("{} seconds", distance / 10 * 10),
        60..3600 => plural(distance / 60, "minute"),
        3600..86_400 => plural(distance / 3600, "hour"),
        86_400..2_592_000 => plural(distance / 86_400, "day"),
        _ => return None,
    };
    Some(if seconds < 0 {
        format!("in {amount}")
    } else {
        format!("{amount} ago")
    })
}

fn plural(count: i64, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// How long something took, for people: "840 µs", "12.4 ms", "318 ms", "1.84 s", "2 min 5 s". In whole numbers, because
/// the formatting of floating-point numbers would be 5 kB of what a browser loads.
pub fn duration_text(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..100_000 => {
            let tenths = micros.saturating_add(50) / 100;
            format!("{}.{} ms", tenths / 10, tenths % 10)
        }
        100_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => {
            let hundredths = (micros + 5_000) / 10_000;
            format!("{}.{:02} s", hundredths / 100, hundredths % 100)
        }
        _ => format!("{} min {} s", micros / 60_000_000, micros / 1_000_000 % 60),
    }
}

/// A duration where durations are compared from row to row: always milliseconds, with one figure after the point.
/// "0.8 ms", "318.0 ms", "1,840.2 ms". What would round to nothing is "< 0.1 ms": it took some time.
pub fn milliseconds_text(micros: u64) -> String {
    let tenths = micros.saturating_add(50) / 100;
    if tenths == 0 {
        return "< 0.1 ms".to_owned();
    }
    format!("{}.{} ms", grouped(tenths / 10), tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    #[test]
    fn a_moment_is_told_in_its_largest_unit() {
        for (seconds, text) in [
            (0, "just now"),
            (9, "just now"),
            (37, "30 seconds ago"),
            (60, "1 minute ago"),
            (185, "3 minutes ago"),
            (7_200, "2 hours ago"),
            (86_400, "1 day ago"),
            (-24, "in 20 seconds"),
            (-3_700, "in 1 hour"),
        ] {
            assert_eq!(
                relative_text(NOW.minus_seconds(seconds), NOW).as_deref(),
                Some(text),
                "{seconds}"
            );
        }
        assert_eq!(relative_text(NOW.minus_seconds(31 * 86_400), NOW), None);
    }

    #[test]
    fn a_countdown_names_two_units_at_most() {
        assert_eq!(countdown_text(24), "24 s");
        assert_eq!(countdown_text(252), "4 min 12 s");
        assert_eq!(countdown_text(7_500), "2 h 5 min");
        assert_eq!(countdown_text(273_600), "3 d 4 h");
    }

    #[test]
    fn a_duration_has_three_figures() {
        assert_eq!(duration_text(840), "840 µs");
        assert_eq!(duration_text(12_400), "12.4 ms");
        assert_eq!(duration_text(99_960), "100.0 ms");
        assert_eq!(duration_text(318_000), "318 ms");
        assert_eq!(duration_text(1_840_000), "1.84 s");
        assert_eq!(duration_text(1_004_999), "1.00 s");
        assert_eq!(duration_text(59_080_000), "59.08 s");
        assert_eq!(duration_text(125_000_000), "2 min 5 s");
    }

    #[test]
    fn durations_of_rows_have_one_unit_and_one_figure_after_the_point() {
        for (micros, text) in [
            (0, "< 0.1 ms"),
            (49, "< 0.1 ms"),
            (50, "0.1 ms"),
            (840, "0.8 ms"),
            (950, "1.0 ms"),
            (12_440, "12.4 ms"),
            (318_000, "318.0 ms"),
            (1_840_160, "1,840.2 ms"),
            (1_000_000_000, "1,000,000.0 ms"),
        ] {
            assert_eq!(milliseconds_text(micros), text);
        }
    }

    #[test]
    fn where_the_reader_lives_in_utc_a_time_is_said_once() {
        let utc = || "2 Nov 2026 14:30:05 UTC".to_owned();
        assert_eq!(both_text("2 Nov 2026, 14:30:05", utc()), utc());
        assert_eq!(
            both_text("2 Nov 2026, 15:30:05", utc()),
            "2 Nov 2026, 15:30:05 (2 Nov 2026 14:30:05 UTC)"
        );
    }

    #[test]
    fn a_row_shows_day_and_clock_and_a_date_shows_the_day() {
        assert_eq!(without_year("2 Nov 2026 14:30:05 UTC"), "2 Nov 14:30:05 UTC");
        assert_eq!(date_part("2 Nov 2026 14:30:05 UTC"), "2 Nov 2026");
    }
}

//! The present moment, once a second while the tab is visible, and times in the reader's own zone.

use leptos::prelude::*;
use model::Timestamp;

use super::{timers, visibility};

/// The page's one clock. `None` on the server and until the first tick, so that both sides render the same.
#[derive(Clone, Copy, Debug)]
pub struct PageClock(RwSignal<Option<Timestamp>>);

impl PageClock {
    /// Makes the clock and puts it into the context. The shell calls this once.
    pub fn provide() -> Self {
        let clock = Self(RwSignal::new(None));
        let ticking = timers::Repeater::new();
        let visible = visibility::visible();
        Effect::new(move || {
            if visible.get() {
                clock.0.set(Some(now()));
                ticking.every(std::time::Duration::from_secs(1), move || {
                    clock.0.try_set(Some(now()));
                });
            } else {
                ticking.stop();
            }
        });
        provide_context(clock);
        clock
    }

    /// The clock of the shell around, or one of its own where there is none.
    pub fn here() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }

    /// Now, as of the last tick. Reading it in a memo makes the memo run every second.
    pub fn now(self) -> Option<Timestamp> {
        self.0.get()
    }
}

/// False on the server and while the component is hydrated; true from then on. What depends on the browser's zone or
/// clock must wait for it, or the two sides would differ.
pub fn ready() -> ReadSignal<bool> {
    let (ready, set_ready) = signal(false);
    Effect::new(move || set_ready.set(true));
    ready
}

/// How [`local_text`] writes a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalStyle {
    /// "14:30:05"; with the day before it when that is not today.
    Clock,
    /// "2 Nov 14:30:05".
    Row,
    /// "Mon 2 Nov 14:30"; with seconds where they are not zero.
    Minute,
    /// "Mon 2 Nov 2026, 14:30".
    DayAndMinute,
    /// "2 Nov 2026".
    Date,
    /// "2 Nov 2026, 14:30:05".
    Full,
    /// "2026-11-02T14:30", the value of a `datetime-local` input.
    Input,
}

/// `at` in the browser's zone; in UTC on the server.
pub fn local_text(at: Timestamp, style: LocalStyle) -> String {
    #[cfg(feature = "hydrate")]
    {
        page::local_text(at, style)
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = style;
        at.to_page_text()
    }
}

/// `2026-11-02T14:30`, the value of a `datetime-local` input: in the browser's zone, or in UTC.
pub fn input_text(at: Timestamp, local: bool) -> String {
    if local {
        local_text(at, LocalStyle::Input)
    } else {
        at.to_rfc3339().chars().take("2026-11-02T14:30".len()).collect()
    }
}

/// What a `datetime-local` input holds, read in the browser's zone; in UTC on the server.
pub fn from_local_input(text: &str) -> Option<Timestamp> {
    #[cfg(feature = "hydrate")]
    {
        let millis = js_sys::Date::new(&text.into()).get_time();
        (!text.is_empty() && millis.is_finite()).then(|| Timestamp::from_millis(millis as i64))
    }
    #[cfg(not(feature = "hydrate"))]
    text.parse().ok()
}

/// The browser's zone, "Europe/Berlin"; "UTC" on the server.
pub fn zone_name() -> String {
    #[cfg(feature = "hydrate")]
    {
        page::zone_name()
    }
    #[cfg(not(feature = "hydrate"))]
    "UTC".to_owned()
}

/// The browser's clock. The server must render the same page at any time, so there it is always the beginning of time.
pub fn now() -> Timestamp {
    #[cfg(feature = "hydrate")]
    {
        Timestamp::from_millis(js_sys::Date::now() as i64)
    }
    #[cfg(not(feature = "hydrate"))]
    Timestamp::from_millis(0)
}

#[cfg(feature = "hydrate")]
mod page {
    use js_sys::{Array, Date, Intl::DateTimeFormat, Object, Reflect};
    use wasm_bindgen::JsCast;

    use model::WEEKDAYS;

    use super::{LocalStyle, Timestamp};

    /// As [`Timestamp::to_page_text`] has them, so that only the zone differs from what the server wrote.
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];

    pub(super) fn local_text(at: Timestamp, style: LocalStyle) -> String {
        let date = Date::new(&(at.as_millis() as f64).into());
        let (day, month, year) = (date.get_date(), date.get_month(), date.get_full_year());
        let month = MONTHS.get(month as usize).copied().unwrap_or_default();
        let (hour, minute, second) = (date.get_hours(), date.get_minutes(), date.get_seconds());
        let time = format!("{hour:02}:{minute:02}:{second:02}");
        let weekday = WEEKDAYS.get(date.get_day() as usize).copied().unwrap_or_default();
        match style {
            LocalStyle::Date => format!("{day} {month} {year}"),
            LocalStyle::Full => format!("{day} {month} {year}, {time}"),
            LocalStyle::DayAndMinute => {
                format!("{weekday} {day} {month} {year}, {hour:02}:{minute:02}")
            }
            LocalStyle::Input => {
                let month = date.get_month() + 1;
                format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}")
            }
            LocalStyle::Minute if second == 0 => format!("{weekday} {day} {month} {hour:02}:{minute:02}"),
            LocalStyle::Minute => format!("{weekday} {day} {month} {time}"),
            LocalStyle::Clock if is_today(&date) => time,
            LocalStyle::Clock | LocalStyle::Row => format!("{day} {month} {time}"),
        }
    }

    fn is_today(date: &Date) -> bool {
        let today = Date::new_0();
        date.get_date() == today.get_date()
            && date.get_month() == today.get_month()
            && date.get_full_year() == today.get_full_year()
    }

    pub(super) fn zone_name() -> String {
        let options = DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
        Reflect::get(options.unchecked_ref(), &"timeZone".into())
            .ok()
            .and_then(|zone| zone.as_string())
            .unwrap_or_else(|| "UTC".to_owned())
    }
}

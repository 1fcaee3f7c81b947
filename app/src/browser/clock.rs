//! The present moment, once a second while the tab is visible, and times in the reader's own zone.

use leptos::prelude::*;
use model::Timestamp;

use super::{timers, visibility};

/// The page's one clock. `None` on the server and until the first tick, so that both sides render the same.
#[derive(Clone, Copy, Debug)]
pub struct Clock(RwSignal<Option<Timestamp>>);

impl Clock {
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
    /// "2 Nov 2026".
    Date,
    /// "2 Nov 2026, 14:30:05".
    Full,
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

/// The browser's zone, "Europe/Berlin"; "UTC" on the server.
pub fn zone_name() -> String {
    #[cfg(feature = "hydrate")]
    {
        page::zone_name()
    }
    #[cfg(not(feature = "hydrate"))]
    "UTC".to_owned()
}

/// The browser's clock. On the server there is no such thing as the page's present, so it stays at the beginning of time.
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
    use js_sys::{Array, Date, Function, Intl::DateTimeFormat, Object, Reflect};
    use wasm_bindgen::{JsCast, JsValue};

    use super::{LocalStyle, Timestamp};

    const DATE: [(&str, &str); 3] = [("day", "numeric"), ("month", "short"), ("year", "numeric")];
    const DAY: [(&str, &str); 2] = [("day", "numeric"), ("month", "short")];
    const TIME: [(&str, &str); 4] = [
        ("hour", "2-digit"),
        ("minute", "2-digit"),
        ("second", "2-digit"),
        ("hourCycle", "h23"),
    ];

    thread_local! {
        // A formatter costs far more to make than to use, and a page of rows uses one fifty times.
        static TIME_FORMAT: DateTimeFormat = format(&TIME);
        static DATE_FORMAT: DateTimeFormat = format(&DATE);
        static DAY_FORMAT: DateTimeFormat = format(&DAY);
    }

    /// English day-month order, as everywhere on the page; only the zone is the reader's.
    fn format(options: &[(&str, &str)]) -> DateTimeFormat {
        let chosen = Object::new();
        for (name, value) in options {
            // Setting a property of a fresh object cannot fail.
            let _ = Reflect::set(&chosen, &(*name).into(), &(*value).into());
        }
        DateTimeFormat::new(&Array::of1(&"en-GB".into()), &chosen)
    }

    fn apply(format: &DateTimeFormat, date: &Date) -> String {
        let formatter: Function = format.format();
        formatter
            .call1(&JsValue::UNDEFINED, date)
            .ok()
            .and_then(|text| text.as_string())
            .unwrap_or_default()
    }

    pub(super) fn local_text(at: Timestamp, style: LocalStyle) -> String {
        let date = Date::new(&(at.as_millis() as f64).into());
        let time = || TIME_FORMAT.with(|format| apply(format, &date));
        let day = || DATE_FORMAT.with(|format| apply(format, &date));
        match style {
            LocalStyle::Date => day(),
            LocalStyle::Full => format!("{}, {}", day(), time()),
            LocalStyle::Clock if is_today(&date) => time(),
            LocalStyle::Clock => format!("{} {}", DAY_FORMAT.with(|format| apply(format, &date)), time()),
        }
    }

    fn is_today(date: &Date) -> bool {
        let today = Date::new_0();
        date.get_date() == today.get_date()
            && date.get_month() == today.get_month()
            && date.get_full_year() == today.get_full_year()
    }

    pub(super) fn zone_name() -> String {
        let options = TIME_FORMAT.with(|format| JsCast::unchecked_into::<Object>(format.resolved_options()));
        Reflect::get(&options, &"timeZone".into())
            .ok()
            .and_then(|zone| zone.as_string())
            .unwrap_or_else(|| "UTC".to_owned())
    }
}

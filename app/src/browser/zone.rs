//! The zone that the times of every page are in: the reader's own or, by choice, UTC. The choice is remembered in a cookie.
//! The server does not know the reader's zone, so until the page is hydrated every time is in UTC.

use leptos::prelude::*;
use model::Timestamp;

use super::clock;

/// The cookie's name. Its value is `utc`; without it, times are in the reader's own zone.
pub const COOKIE: &str = "gatehouse-zone";

/// The zone of every time on the page: in rows, fields, chips and sentences.
#[derive(Clone, Copy, Debug)]
pub struct Zone {
    ready: ReadSignal<bool>,
    local: RwSignal<bool>,
}

impl Zone {
    /// Makes the page's zone and puts it into the context. The shell calls this once.
    pub fn provide() -> Self {
        let zone = Self {
            ready: clock::ready(),
            local: RwSignal::new(false),
        };
        Effect::new(move |_| zone.local.set(!cookie::says_utc()));
        provide_context(zone);
        zone
    }

    /// The zone of the shell around, or one of its own where there is none.
    pub fn here() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }

    /// Whether times are in the reader's own zone. False on the server and while the page is hydrated.
    pub fn is_local(self) -> bool {
        self.local.get()
    }

    /// Like `clock::ready`, for every time of the page at once.
    pub fn is_ready(self) -> bool {
        self.ready.get()
    }

    /// Changes the zone of the page at once and remembers it for a year.
    pub fn choose(self, local: bool) {
        self.local.set(local);
        cookie::remember(local);
    }

    /// "Europe/Berlin" or "UTC".
    pub fn name(self) -> String {
        if self.is_local() {
            clock::zone_name().replace('_', " ")
        } else {
            "UTC".to_owned()
        }
    }
}

/// "Mon 5 Jan 12:00 UTC": to the minute, for a chart. With seconds where they say something.
pub fn minute_text(at: Timestamp) -> String {
    let text = at.to_page_text();
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        [day, month, _, time, zone] => {
            let time = time.strip_suffix(":00").unwrap_or(time);
            format!("{} {day} {month} {time} {zone}", at.weekday())
        }
        _ => text,
    }
}

/// "Mon 5 Jan 2026 12:00 UTC": to the minute, with the year.
pub fn day_and_minute_text(at: Timestamp) -> String {
    let text = at.to_page_text();
    let minute = text.strip_suffix(" UTC").and_then(|text| text.rsplit_once(':'));
    let minute = minute.map_or(text.clone(), |(minute, _)| format!("{minute} UTC"));
    format!("{} {minute}", at.weekday())
}

#[cfg(feature = "hydrate")]
mod cookie {
    use leptos::prelude::document;
    use wasm_bindgen::JsCast;
    use web_sys::HtmlDocument;

    pub(super) fn says_utc() -> bool {
        let document: HtmlDocument = document().unchecked_into();
        let wanted = format!("{}=utc", super::COOKIE);
        let cookies = document.cookie().unwrap_or_default();
        cookies.split(';').any(|cookie| cookie.trim() == wanted)
    }

    pub(super) fn remember(local: bool) {
        let document: HtmlDocument = document().unchecked_into();
        let (value, age) = if local { ("local", 0) } else { ("utc", 31_536_000) };
        // A browser that keeps no cookies forgets the choice with the page.
        let _ = document.set_cookie(&format!(
            "{}={value}; Path=/; Max-Age={age}; SameSite=Lax",
            super::COOKIE
        ));
    }
}

#[cfg(not(feature = "hydrate"))]
mod cookie {
    pub(super) const fn says_utc() -> bool {
        true
    }

    pub(super) const fn remember(_: bool) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_written_without_its_seconds() {
        let noon = Timestamp::from_millis(1_767_614_400_000);
        assert_eq!(minute_text(noon), "Mon 5 Jan 12:00 UTC");
        assert_eq!(minute_text(noon.plus_seconds(15)), "Mon 5 Jan 12:00:15 UTC");
        assert_eq!(
            day_and_minute_text(noon.plus_seconds(15)),
            "Mon 5 Jan 2026 12:00 UTC"
        );
    }
}

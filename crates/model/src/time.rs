//! Points in time as milliseconds since 1970 in UTC, and their RFC 3339 text. The calendar arithmetic is here and not in a
//! library, because it is part of the WASM.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The text was not an RFC 3339 date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTimestamp;

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time is written as 2026-11-02T14:30:00Z")
    }
}

impl std::error::Error for InvalidTimestamp {}

/// Year, month 1..=12, day 1..=31, hour, minute, second, millisecond.
struct Civil {
    year: i64,
    month: u32,
    day: u32,
    second_of_day: u32,
    millisecond: u32,
}

/// In the order of JavaScript's `getDay`.
pub const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_millis(seconds.saturating_mul(1000))
    }

    #[must_use]
    pub const fn minus_seconds(self, seconds: i64) -> Self {
        self.plus_millis(-seconds.saturating_mul(1000))
    }

    /// Milliseconds from `earlier` to this, negative when `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `2026-11-02T14:30:00.123Z`.
    pub fn to_rfc3339(self) -> String {
        let c = self.civil();
        let (h, m, s) = (
            c.second_of_day / 3600,
            c.second_of_day / 60 % 60,
            c.second_of_day % 60,
        );
        format!(
            "{:04}-{:02}-{:02}T{h:02}:{m:02}:{s:02}.{:03}Z",
            c.year, c.month, c.day, c.millisecond
        )
    }

    /// `2 Nov 2026 14:30:05 UTC`, which a page shows until the browser uses its own zone.
    pub fn to_page_text(self) -> String {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let c = self.civil();
        let (h, m, s) = (
            c.second_of_day / 3600,
            c.second_of_day / 60 % 60,
            c.second_of_day % 60,
        );
        let month = MONTHS[(c.month - 1) as usize];
        format!("{} {month} {} {h:02}:{m:02}:{s:02} UTC", c.day, c.year)
    }

    /// "Mon", of the day in UTC.
    pub fn weekday(self) -> &'static str {
        // The first day of the count was a Thursday.
        let day = (self.0.div_euclid(86_400_000) + 4).rem_euclid(7);
        WEEKDAYS[day as usize]
    }

    /// Days to a civil date by counting years from March, so that the leap day comes last (proleptic Gregorian).
    fn civil(self) -> Civil {
        let days = self.0.div_euclid(86_400_000);
        let millis = self.0.rem_euclid(86_400_000);
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Civil {
            year,
            month: month as u32,
            day: day as u32,
            second_of_day: (millis / 1000) as u32,
            millisecond: (millis % 1000) as u32,
        }
    }
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn days_of(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    days_from_civil(next_year, next, 1) - days_from_civil(year, month, 1)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// `2026-11-02T14:30:00Z`, also with a fraction, an offset (`+01:00`, `+0100`, `+01`), without seconds, without a zone
    /// (then UTC), or the bare date. A `+` that was not escaped in a query arrives as a space, and is read as a `+`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (date, rest) = match text.split_once(['T', 't', ' ']) {
            Some((date, rest)) => (date, rest),
            None => (text, "00:00:00Z"),
        };
        let mut parts = date.split('-');
        let mut number = |width: usize| -> Result<i64, InvalidTimestamp> { digits(parts.next(), width) };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day)
        {
            return Err(InvalidTimestamp);
        }
        let (clock, offset_minutes) = split_offset(rest)?;
        let millis = clock_millis(clock)?;
        Ok(Self(
            days_from_civil(year, month, day) * 86_400_000 + millis - offset_minutes * 60_000,
        ))
    }
}

fn digits(text: Option<&str>, width: usize) -> Result<i64, InvalidTimestamp> {
    let text = text.ok_or(InvalidTimestamp)?;
    if text.len() != width || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidTimestamp);
    }
    text.parse().map_err(|_| InvalidTimestamp)
}

fn split_offset(rest: &str) -> Result<(&str, i64), InvalidTimestamp> {
    if let Some(clock) = rest.strip_suffix(['Z', 'z']) {
        return Ok((clock, 0));
    }
    let Some(at) = rest.rfind(['+', '-', ' ']) else {
        return Ok((rest, 0));
    };
    let (clock, offset) = rest.split_at(at);
    let (hours, minutes) = match (offset[1..].split_once(':'), offset[1..].split_at_checked(2)) {
        (Some(parts), _) => parts,
        (None, Some((hours, ""))) => (hours, "00"),
        (None, Some(parts)) => parts,
        (None, None) => return Err(InvalidTimestamp),
    };
    let (hours, minutes) = (digits(Some(hours), 2)?, digits(Some(minutes), 2)?);
    if hours > 23 || minutes > 59 {
        return Err(InvalidTimestamp);
    }
    let minutes = hours * 60 + minutes;
    Ok((
        clock,
        if offset.starts_with('-') {
            -minutes
        } else {
            minutes
        },
    ))
}

fn clock_millis(clock: &str) -> Result<i64, InvalidTimestamp> {
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = whole.split(':');
    let hour = digits(parts.next(), 2)?;
    let minute = digits(parts.next(), 2)?;
    let second = match parts.next() {
        Some(second) => digits(Some(second), 2)?,
        None => 0,
    };
    if hour > 23 || minute > 59 || second > 60 || parts.next().is_some() {
        return Err(InvalidTimestamp);
    }
    let fraction = match fraction.get(..fraction.len().min(3)) {
        Some("") => 0,
        Some(text) => digits(Some(text), text.len())? * [100, 10, 1][text.len() - 1],
        None => return Err(InvalidTimestamp),
    };
    Ok((hour * 3600 + minute * 60 + second) * 1000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_agree() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_720_734_048_424, "2024-07-11T21:40:48.424Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_rfc3339(), text);
            assert_eq!(text.parse(), Ok(Timestamp::from_millis(millis)));
        }
    }

    #[test]
    fn weekdays_go_round_also_before_1970() {
        for (millis, weekday) in [
            (0, "Thu"),
            (86_399_999, "Thu"),
            (86_400_000, "Fri"),
            (-1, "Wed"),
            (1_767_614_400_000, "Mon"),
            (951_782_400_000, "Tue"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).weekday(), weekday, "{millis}");
        }
    }

    #[test]
    fn offsets_fractions_and_short_forms_are_read() {
        let noon = Timestamp::from_millis(1_767_614_400_000);
        for text in [
            "2026-01-05T12:00:00Z",
            "2026-01-05T13:00:00+01:00",
            "2026-01-05T12:00",
            "2026-01-05T12:00:00.000000+00:00",
        ] {
            assert_eq!(text.parse(), Ok(noon), "{text}");
        }
        assert_eq!("2026-01-05".parse(), Ok(noon.minus_seconds(12 * 3600)));
        assert!("2028-02-29".parse::<Timestamp>().is_ok());
    }

    #[test]
    fn an_offset_is_read_with_and_without_its_colon_and_its_plus() {
        let noon: Timestamp = "2026-01-05T12:00:00Z".parse().expect("a time");
        for text in [
            "2026-01-05T12:00:00+00:00",
            "2026-01-05T12:00:00.000000+00:00",
            "2026-01-05T12:00:00+0000",
            "2026-01-05T12:00:00+00",
            "2026-01-05T12:00:00-0000",
            "2026-01-05T13:30:00+0130",
            // A query turns `+` into a space.
            "2026-01-05T12:00:00 00:00",
            "2026-01-05T13:00:00 0100",
            "2026-01-05 13:00:00 01:00",
        ] {
            assert_eq!(text.parse(), Ok(noon), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-01-05T25:00:00Z",
            "2026-1-5",
            "2026-01-05T12:00:00+1",
            "2026-01-05T12:00:00+24:00",
            "2026-01-05T12:00:00+01:60",
            "2026-01-05 12:00:00 Z ",
            "2026-02-29",
            "2026-04-31T00:00:00Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }
}

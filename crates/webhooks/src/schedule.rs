//! When to retry a failed delivery, and when to give up on a webhook that keeps failing.

use model::{RETRY_DELAYS_SECONDS, Timestamp};

/// A webhook is disabled after failing every attempt for this long.
pub const DISABLE_AFTER_SECONDS: i64 = 5 * 24 * 3600;
/// The warning comes halfway.
pub const WARN_AFTER_SECONDS: i64 = DISABLE_AFTER_SECONDS / 2;
/// The longest `Retry-After` that is honoured. Without a limit, the receiver would decide how long Gatehouse keeps an
/// event.
const LONGEST_RETRY_AFTER_SECONDS: i64 = 24 * 3600;
/// From this retry on the delay varies by up to ±10 %, so that deliveries that failed together are not retried
/// together. The three retries before it are documented to the second.
const FIRST_JITTERED_RETRY: usize = 3;

/// The most scheduled attempts of a delivery.
pub const MAX_ATTEMPTS: u32 = RETRY_DELAYS_SECONDS.len() as u32 + 1;

/// When to try again after `made` attempts, the last of which ended at `now`. `None` after the last attempt.
/// `retry_after` is what the receiver asked for, and it can only make the wait longer. `random` is any two bytes.
pub(crate) fn next_attempt(
    made: u32,
    now: Timestamp,
    retry_after: Option<i64>,
    random: [u8; 2],
) -> Option<Timestamp> {
    let retry = usize::try_from(made).ok()?.checked_sub(1)?;
    let delay = RETRY_DELAYS_SECONDS.get(retry)? * 1000;
    let jitter = if retry >= FIRST_JITTERED_RETRY {
        // In thousandths, from -100 to 100.
        let thousandths = i64::from(u16::from_be_bytes(random)) * 200 / i64::from(u16::MAX) - 100;
        delay * thousandths / 1000
    } else {
        0
    };
    let asked = retry_after.unwrap_or(0).clamp(0, LONGEST_RETRY_AFTER_SECONDS) * 1000;
    Some(now.plus_millis((delay + jitter).max(asked)))
}

/// The seconds in a `Retry-After` header, written as a number or as an HTTP date (RFC 9110, 10.2.3).
pub(crate) fn retry_after_seconds(value: &str, now: Timestamp) -> Option<i64> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(i64::from(seconds));
    }
    let wait = http_date(value)?.millis_since(now);
    Some((wait.max(0) + 999) / 1000)
}

/// Parses `Sun, 06 Nov 1994 08:49:37 GMT`, the only date format that may still be sent.
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.split_once(", ")?;
    let parts: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, clock, "GMT"] = parts.as_slice() else {
        return None;
    };
    let month = MONTHS.iter().position(|name| name == month)? + 1;
    format!("{year}-{month:02}-{day}T{clock}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_607_200_000);

    /// The documented schedule: three retries after 30 s each, then 5 min, 30 min, 2 h, 5 h, 10 h, 10 h. It is written
    /// out here, because a comparison with the constant in the code would also pass if that constant were wrong.
    const DOCUMENTED_SECONDS: [i64; 9] = [30, 30, 30, 300, 1800, 7200, 18_000, 36_000, 36_000];

    fn waits_in_millis(random: [u8; 2]) -> Vec<i64> {
        (1..)
            .map_while(|made| next_attempt(made, NOW, None, random))
            .map(|at| at.millis_since(NOW))
            .collect()
    }

    #[test]
    fn ten_attempts_follow_the_documented_times() {
        let percent = |percent: i64| -> Vec<i64> {
            DOCUMENTED_SECONDS
                .iter()
                .enumerate()
                .map(|(at, seconds)| seconds * 10 * if at < 3 { 100 } else { percent })
                .collect()
        };
        assert_eq!(waits_in_millis([0, 0]), percent(90), "the shortest");
        assert_eq!(waits_in_millis([0xff, 0xff]), percent(110), "the longest");
        assert_eq!(MAX_ATTEMPTS, 10);
        for (wait, seconds) in waits_in_millis([0x80, 0]).iter().zip(DOCUMENTED_SECONDS) {
            assert!(
                (wait - seconds * 1000).abs() <= seconds,
                "{wait} ms for {seconds} s"
            );
        }
    }

    #[test]
    fn retry_after_lengthens_the_wait_up_to_a_limit() {
        let wait = |asked| next_attempt(1, NOW, Some(asked), [0, 0]).map(|at| at.millis_since(NOW) / 1000);
        assert_eq!(wait(5), Some(30), "never sooner than planned");
        assert_eq!(wait(120), Some(120));
        assert_eq!(wait(i64::from(u32::MAX)), Some(24 * 3600));
        assert_eq!(
            next_attempt(MAX_ATTEMPTS, NOW, Some(120), [0, 0]),
            None,
            "it never adds an attempt"
        );
    }

    #[test]
    fn both_formats_of_retry_after_are_read() {
        let now = "1994-11-06T08:49:00Z".parse().expect("a time");
        assert_eq!(retry_after_seconds(" 120 ", now), Some(120));
        assert_eq!(
            retry_after_seconds("Sun, 06 Nov 1994 08:49:37 GMT", now),
            Some(37)
        );
        assert_eq!(retry_after_seconds("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(0));
        for nonsense in [
            "",
            "-5",
            "soon",
            "1.5",
            "99999999999",
            "Sun, 06 Foo 1994 08:49:37 GMT",
        ] {
            assert_eq!(retry_after_seconds(nonsense, now), None, "{nonsense}");
        }
    }
}

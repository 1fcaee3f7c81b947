//! The limits of the gateway: how long it waits for each step, how much it takes, and how much at once.

use std::time::Duration;

use gateway::{Limits, Timeouts};

use super::ConfigError;
use super::retention::size;
use super::settings::Settings;

/// A longer time is a mistake, and some of them are added to the present.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The gateway's limits. Without a number of connections or requests, the limit of open files decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayLimits {
    pub timeouts: Timeouts,
    pub connections: Option<usize>,
    pub streams: u32,
    pub requests: Option<usize>,
    pub head_bytes: usize,
    pub public_api_body_bytes: usize,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            timeouts: Timeouts::default(),
            connections: None,
            streams: limits.streams,
            requests: None,
            head_bytes: limits.head_bytes,
            public_api_body_bytes: limits.public_api_body_bytes,
        }
    }
}

pub(super) fn read(settings: &Settings) -> Result<GatewayLimits, ConfigError> {
    let limits = GatewayLimits::default();
    let timeouts = limits.timeouts;
    let time = |name, default| time(settings, name, default);
    Ok(GatewayLimits {
        timeouts: Timeouts {
            handshake: time("handshake-timeout", timeouts.handshake)?,
            head: time("head-timeout", timeouts.head)?,
            body_idle: time("body-idle", timeouts.body_idle)?,
            body_total: time("body-timeout", timeouts.body_total)?,
            connect: time("connect-timeout", timeouts.connect)?,
            answer: time("answer-timeout", timeouts.answer)?,
            stream_idle: time("stream-idle", timeouts.stream_idle)?,
            upstream_idle: time("upstream-idle", timeouts.upstream_idle)?,
            write_idle: time("write-idle", timeouts.write_idle)?,
            queue: time("queue-timeout", timeouts.queue)?,
            drain: time("drain-timeout", timeouts.drain)?,
        },
        connections: number(settings, "gateway-connections")?,
        streams: number(settings, "http2-streams")?
            .and_then(|streams| u32::try_from(streams).ok())
            .unwrap_or(limits.streams),
        requests: number(settings, "gateway-requests")?,
        // With less, hyper cannot read a request.
        head_bytes: bytes(settings, "head-bytes", limits.head_bytes, 8 << 10, 1 << 20)?,
        public_api_body_bytes: bytes(
            settings,
            "public-api-body-bytes",
            limits.public_api_body_bytes,
            1 << 10,
            64 << 20,
        )?,
    })
}

pub(super) fn time(settings: &Settings, name: &str, default: Duration) -> Result<Duration, ConfigError> {
    let Some(value) = settings.text(name) else {
        return Ok(default);
    };
    duration(&value.text)
        .filter(|time| !time.is_zero() && *time <= LONGEST)
        .ok_or_else(|| value.must_be("a time from 1ms to 24h, such as 500ms, 4s, 5m or 1h"))
}

/// A whole number of a unit.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit.trim_start() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

fn number(settings: &Settings, name: &str) -> Result<Option<usize>, ConfigError> {
    let Some(value) = settings.text(name) else {
        return Ok(None);
    };
    match value.text.parse() {
        Ok(number @ 1..=1_000_000) => Ok(Some(number)),
        _ => Err(value.must_be("a number from 1 to 1000000")),
    }
}

fn bytes(
    settings: &Settings,
    name: &str,
    default: usize,
    least: usize,
    most: usize,
) -> Result<usize, ConfigError> {
    let Some(value) = settings.text(name) else {
        return Ok(default);
    };
    size(&value.text)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .filter(|bytes| (least..=most).contains(bytes))
        .ok_or_else(|| {
            value.must_be(&format!(
                "a size from {} to {} KiB, such as 128KiB",
                least >> 10,
                most >> 10
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{GatewayArgs, ServeArgs};

    fn limits(change: impl FnOnce(&mut GatewayArgs)) -> Result<GatewayLimits, ConfigError> {
        let mut args = ServeArgs::default();
        change(&mut args.gateway);
        read(&Settings::read(&args, None).expect("settings"))
    }

    #[test]
    fn without_settings_the_defaults_apply() {
        let limits = limits(|_| {}).expect("limits");
        assert_eq!(limits, GatewayLimits::default());
    }

    #[test]
    fn a_time_has_a_unit_and_is_neither_nothing_nor_longer_than_a_day() {
        for (text, millis) in [
            ("1ms", 1),
            ("500ms", 500),
            ("4s", 4000),
            ("5 m", 300_000),
            ("24h", 86_400_000),
        ] {
            let limits = limits(|args| args.upstream_idle = Some(text.to_owned())).expect(text);
            assert_eq!(limits.timeouts.upstream_idle.as_millis(), millis, "{text}");
        }
        for text in [
            "",
            "4",
            "0s",
            "25h",
            "-1s",
            "1.5s",
            "4 parsecs",
            "99999999999999999999s",
            "9999999999999999h",
        ] {
            let error = limits(|args| args.upstream_idle = Some(text.to_owned())).expect_err(text);
            assert!(error.0.starts_with("--upstream-idle is "), "{error}");
        }
    }

    #[test]
    fn a_size_has_bounds() {
        let of = |text: &str| {
            limits(|args| args.head_bytes = Some(text.to_owned())).map(|limits| limits.head_bytes)
        };
        assert_eq!(of("128KiB"), Ok(131_072));
        assert!(of("8191").is_err() && of("2MiB").is_err() && of("many").is_err());
    }
}

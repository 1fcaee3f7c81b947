//! How long the log is kept: `log-days`, `body-days` and `log-bytes`.

use accounts::MOST_LOG_DAYS;
use logs::Retention;

use super::ConfigError;
use super::settings::{Settings, Value};

/// Room for several segments with large bodies, so that removing the oldest one never removes nearly everything.
const FEWEST_BYTES: u64 = 256 << 20;

pub(super) fn read(settings: &Settings) -> Result<Retention, ConfigError> {
    let default = Retention::default();
    let log_days = match settings.text("log-days") {
        Some(value) => days(&value)?,
        None => default.log_days,
    };
    Ok(Retention {
        log_days,
        body_days: body_days(settings, log_days, default.body_days)?,
        log_bytes: match settings.text("log-bytes") {
            Some(value) => bytes(&value)?,
            None => default.log_bytes,
        },
    })
}

/// Bodies never outlive their requests: without a setting they are kept for the shorter time.
fn body_days(
    settings: &Settings,
    log_days: Option<u16>,
    default: Option<u16>,
) -> Result<Option<u16>, ConfigError> {
    let shorter = |days: Option<u16>| [log_days, days].into_iter().flatten().min();
    let Some(value) = settings.text("body-days") else {
        return Ok(shorter(default));
    };
    let set = days(&value)?;
    match (set, log_days) {
        (Some(body_days), Some(log_days)) if body_days > log_days => Err(ConfigError::new(format!(
            "{} is {body_days}, but headers and bodies cannot be kept longer than requests, and log-days is {log_days}.",
            value.place
        ))),
        _ => Ok(shorter(set)),
    }
}

fn days(value: &Value) -> Result<Option<u16>, ConfigError> {
    match value.text.as_str() {
        "off" => Ok(None),
        number => match number.parse() {
            Ok(days) if (1..=MOST_LOG_DAYS).contains(&days) => Ok(Some(days)),
            _ => Err(value.must_be("a number of days from 1 to 3650, or off")),
        },
    }
}

fn bytes(value: &Value) -> Result<Option<u64>, ConfigError> {
    if value.text == "off" {
        return Ok(None);
    }
    match size(&value.text) {
        Some(bytes) if bytes >= FEWEST_BYTES => Ok(Some(bytes)),
        _ => Err(value.must_be("a size of at least 256MiB, such as 20GB, or off")),
    }
}

/// Bytes, or a whole number of a unit.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" => 1,
        "kb" => 1_000,
        "kib" => 1 << 10,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ServeArgs;

    fn given(
        log_days: Option<&str>,
        body_days: Option<&str>,
        log_bytes: Option<&str>,
    ) -> Result<Retention, ConfigError> {
        let args = ServeArgs {
            log_days: log_days.map(str::to_owned),
            body_days: body_days.map(str::to_owned),
            log_bytes: log_bytes.map(str::to_owned),
            ..ServeArgs::default()
        };
        read(&Settings::read(&args, None).expect("settings"))
    }

    #[test]
    fn bodies_are_kept_no_longer_than_requests() {
        for (log_days, body_days, kept) in [
            (None, None, (Some(30), Some(7))),
            (Some("3"), None, (Some(3), Some(3))),
            (Some("off"), None, (None, Some(7))),
            (Some("3"), Some("off"), (Some(3), Some(3))),
            (Some("off"), Some("off"), (None, None)),
            (Some("90"), Some("90"), (Some(90), Some(90))),
        ] {
            let retention = given(log_days, body_days, None).expect("valid");
            assert_eq!(
                (retention.log_days, retention.body_days),
                kept,
                "{log_days:?} {body_days:?}"
            );
        }
        assert_eq!(
            given(Some("3"), Some("4"), None).expect_err("longer").0,
            "--body-days is 4, but headers and bodies cannot be kept longer than requests, and log-days is 3."
        );
    }

    #[test]
    fn days_and_bytes_have_bounds() {
        for text in ["0", "-1", "3651", "30d", ""] {
            assert!(given(Some(text), None, None).is_err(), "{text}");
        }
        for (text, bytes) in [
            ("off", None),
            ("268435456", Some(256 << 20)),
            ("20GB", Some(20_000_000_000)),
            ("20 gb", Some(20_000_000_000)),
            ("2TiB", Some(2 << 40)),
        ] {
            assert_eq!(given(None, None, Some(text)).expect(text).log_bytes, bytes);
        }
        for text in ["255MiB", "1", "GB", "2KB", "99999999999TB", "1.5GB"] {
            let fault = given(None, None, Some(text)).expect_err(text);
            assert!(fault.0.starts_with("--log-bytes is "), "{fault}");
        }
    }
}

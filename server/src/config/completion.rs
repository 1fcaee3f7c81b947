//! Where the proxies that ask `/verify` tell how their requests ended.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use gateway::CompletionOptions;

use super::ConfigError;
use super::limits::time;
use super::settings::Settings;

/// At least one of its settings is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Listens for syslog, over UDP and TCP.
    pub syslog: Option<SocketAddr>,
    /// Access logs that are followed.
    pub files: Vec<PathBuf>,
    /// How long a row waits.
    pub wait: Duration,
}

pub(super) fn read(settings: &Settings) -> Result<Option<Completion>, ConfigError> {
    let wait = time(settings, "completion-wait", CompletionOptions::default().wait)?;
    let syslog = settings.text("completion-syslog");
    let syslog = syslog.map(|value| {
        let address = value.text.parse();
        address.map_err(|_| value.must_be("an address and port such as 127.0.0.1:5514"))
    });
    let files = settings.list("completion-file").iter();
    let completion = Completion {
        syslog: syslog.transpose()?,
        files: files.map(|value| PathBuf::from(&value.text)).collect(),
        wait,
    };
    let is_on = completion.syslog.is_some()
        || !completion.files.is_empty()
        || settings.text("completion-wait").is_some();
    Ok(is_on.then_some(completion))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ServeArgs;

    fn read_with(change: impl FnOnce(&mut ServeArgs)) -> Result<Option<Completion>, ConfigError> {
        let mut args = ServeArgs::default();
        change(&mut args);
        read(&Settings::read(&args, None).expect("settings"))
    }

    #[test]
    fn any_of_its_settings_turns_completion_on() {
        assert_eq!(read_with(|_| {}), Ok(None));
        let on = |change: fn(&mut ServeArgs)| read_with(change).expect("settings").expect("it is on");
        let by_wait = on(|args| args.completion_wait = Some("5s".to_owned()));
        assert_eq!((by_wait.wait, by_wait.syslog), (Duration::from_secs(5), None));
        let by_syslog = on(|args| args.completion_syslog = Some("127.0.0.1:5514".to_owned()));
        assert_eq!(by_syslog.wait, Duration::from_secs(65));
        let by_file = on(|args| args.completion_file = vec!["access.json".to_owned()]);
        assert_eq!(by_file.files, [PathBuf::from("access.json")]);
        let wrong = read_with(|args| args.completion_syslog = Some("5514".to_owned()));
        assert_eq!(
            wrong.expect_err("no address").0,
            "--completion-syslog is \"5514\", but it must be an address and port such as 127.0.0.1:5514."
        );
    }
}

//! The certificates of the listeners, and where HTTP/2 is spoken.

use std::path::PathBuf;
use std::time::Duration;

use gateway::UpstreamHttp2;
use wire::Tls;

use super::ConfigError;
use super::settings::Settings;

/// A certificate and its key, in two PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The setting that names the certificate.
    setting: &'static str,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl CertificateFiles {
    /// `setting` names the certificate in errors.
    pub const fn new(setting: &'static str, certificate: PathBuf, key: PathBuf) -> Self {
        Self {
            setting,
            certificate,
            key,
        }
    }

    /// Reads both.
    pub fn load(&self, handshake: Duration) -> Result<Tls, ConfigError> {
        Tls::load(self.certificate.clone(), self.key.clone(), handshake)
            .map_err(|fault| ConfigError::new(format!("{} cannot be used: {fault}.", self.setting)))
    }

    pub(super) fn read(
        settings: &Settings,
        certificate: &'static str,
        key: &'static str,
    ) -> Result<Option<Self>, ConfigError> {
        let alone = |set: &str, other: &str| {
            ConfigError::new(format!(
                "{set} needs {other} beside it: a certificate and its key go together."
            ))
        };
        match (settings.text(certificate), settings.text(key)) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(alone(certificate, key)),
            (None, Some(_)) => Err(alone(key, certificate)),
            (Some(first), Some(second)) => Ok(Some(Self::new(
                certificate,
                first.text.into(),
                second.text.into(),
            ))),
        }
    }
}

pub(super) fn upstream_http2(settings: &Settings) -> Result<UpstreamHttp2, ConfigError> {
    let Some(value) = settings.text("upstream-http2") else {
        return Ok(UpstreamHttp2::default());
    };
    match value.text.as_str() {
        "off" => Ok(UpstreamHttp2::Off),
        "tls" => Ok(UpstreamHttp2::Tls),
        "always" => Ok(UpstreamHttp2::Always),
        _ => Err(value.must_be("off, tls or always")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ServeArgs;

    fn settings(change: impl FnOnce(&mut ServeArgs)) -> Settings {
        let mut args = ServeArgs::default();
        change(&mut args);
        Settings::read(&args, None).expect("settings")
    }

    fn gateways(settings: &Settings) -> Result<Option<CertificateFiles>, ConfigError> {
        CertificateFiles::read(settings, "gateway-tls-certificate", "gateway-tls-key")
    }

    #[test]
    fn a_certificate_and_its_key_go_together() {
        assert_eq!(gateways(&settings(|_| {})), Ok(None));
        let alone = gateways(&settings(|args| {
            args.gateway_tls_certificate = Some("a.pem".to_owned())
        }));
        assert_eq!(
            alone.expect_err("no key").0,
            "gateway-tls-certificate needs gateway-tls-key beside it: a certificate and its key go together."
        );
        let alone = gateways(&settings(|args| args.gateway_tls_key = Some("a.key".to_owned())));
        assert!(
            alone
                .expect_err("no certificate")
                .0
                .starts_with("gateway-tls-key needs ")
        );
    }

    #[test]
    fn files_that_cannot_be_used_are_named_with_the_reason() {
        let files = gateways(&settings(|args| {
            args.gateway_tls_certificate = Some("no/such.pem".to_owned());
            args.gateway_tls_key = Some("no/such.key".to_owned());
        }));
        let files = files.expect("two files").expect("both");
        let fault = files
            .load(Duration::from_secs(1))
            .expect_err("they do not exist")
            .0;
        assert!(
            fault.starts_with("gateway-tls-certificate cannot be used: no/such.pem cannot be read: "),
            "{fault}"
        );
    }

    #[test]
    fn http2_to_upstreams_is_off_tls_or_always() {
        let of = |text: &str| upstream_http2(&settings(|args| args.upstream_http2 = Some(text.to_owned())));
        assert_eq!(upstream_http2(&settings(|_| {})), Ok(UpstreamHttp2::Tls));
        assert_eq!(of("off"), Ok(UpstreamHttp2::Off));
        assert_eq!(of("always"), Ok(UpstreamHttp2::Always));
        assert_eq!(
            of("on").expect_err("no mode").0,
            "--upstream-http2 is \"on\", but it must be off, tls or always."
        );
    }
}

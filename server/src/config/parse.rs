//! Parses the text of each setting.

use std::net::SocketAddr;

use gateway::{InvalidOpenPath, Open, OpenPath};
use ipnet::IpNet;
use keys::{CredentialForm, WrittenName};
use model::{DeliveryHeaders, Environment, Provider};
use url::Url;
use webhooks::{InvalidHeaders, SentHeaders};

use super::settings::{Settings, Value};
use super::{ConfigError, Database, Demo, ListenAddress, RateLimit};

/// How customers know the company that runs this installation.
pub(super) fn provider(settings: &Settings) -> Result<Provider, ConfigError> {
    let Some(value) = settings.text("name") else {
        return Ok(Provider::default());
    };
    Provider::named(&value.text)
        .ok_or_else(|| value.must_be("the name of your company as customers know it, at most 64 characters"))
}

/// The headers of deliveries. Each error names the setting at fault.
pub(super) fn webhook_headers(settings: &Settings) -> Result<SentHeaders, ConfigError> {
    let (agent, sign) = (
        settings.text("webhook-user-agent"),
        settings.text("webhook-sign-header"),
    );
    let mut headers = DeliveryHeaders::default();
    if let Some(value) = &agent {
        headers.user_agent.clone_from(&value.text);
    }
    if let Some(value) = &sign {
        headers.sign.clone_from(&value.text);
    }
    SentHeaders::new(headers).map_err(|fault| {
        let value = match fault {
            InvalidHeaders::UserAgent => agent,
            InvalidHeaders::Sign => sign,
        };
        match value {
            Some(value) => value.must_be(&fault.to_string()),
            None => ConfigError::new(format!("A delivery header is invalid: it must be {fault}.")),
        }
    })
}

pub(super) fn listen(
    settings: &Settings,
    name: &'static str,
    default: &str,
) -> Result<ListenAddress, ConfigError> {
    let (value, is_default) = match settings.text(name) {
        Some(value) => (value, false),
        None => (
            Value {
                text: default.to_owned(),
                place: format!("--{name}"),
            },
            true,
        ),
    };
    let text = value.text.replace("localhost:", "127.0.0.1:");
    let address: SocketAddr = text
        .parse()
        .map_err(|_| value.must_be("an address with a port, such as 127.0.0.1:3000"))?;
    Ok(ListenAddress { address, is_default })
}

/// An `http` or `https` URL without a path.
pub(super) fn origin(settings: &Settings, name: &str) -> Result<Option<Url>, ConfigError> {
    let Some(value) = settings.text(name) else {
        return Ok(None);
    };
    let wants = "an address without a path, such as https://gatehouse.example.com";
    let url: Url = value.text.parse().map_err(|_| value.must_be(wants))?;
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let known = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if bare && known {
        Ok(Some(url))
    } else {
        Err(value.must_be(wants))
    }
}

/// Host names in lower case, without ports.
pub(super) fn hosts(settings: &Settings, name: &str) -> Result<Vec<String>, ConfigError> {
    let host = |value: &Value| match url::Host::parse(&value.text) {
        Ok(host) if !value.text.contains(':') => Ok(host.to_string()),
        _ => Err(value.must_be("the name of a host without a port, such as gatehouse.internal")),
    };
    settings.list(name).iter().map(host).collect()
}

pub(super) fn upstreams(settings: &Settings) -> Result<Vec<(Environment, Url)>, ConfigError> {
    let mut upstreams: Vec<(Environment, Url)> = Vec::new();
    for value in settings.list("upstream") {
        let wants = "an environment and an address, such as sandbox=http://127.0.0.1:4000";
        let (environment, url) = value.text.split_once('=').ok_or_else(|| value.must_be(wants))?;
        let environment: Environment = environment.parse().map_err(|_| value.must_be(wants))?;
        let url: Url = url.parse().map_err(|_| value.must_be(wants))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(value.must_be(wants));
        }
        if upstreams.iter().any(|(other, _)| *other == environment) {
            return Err(ConfigError::new(format!(
                "{} names an upstream for {environment} twice.",
                value.place
            )));
        }
        upstreams.push((environment, url));
    }
    Ok(upstreams)
}

/// What passes without a key. An environment that is named must have an upstream.
pub(super) fn open(settings: &Settings) -> Result<Open, ConfigError> {
    let upstreams = upstreams(settings)?;
    let environment = |value: &Value, text: &str, wants: &str| {
        let environment: Environment = text.parse().map_err(|_| value.must_be(wants))?;
        if upstreams.iter().any(|(known, _)| *known == environment) {
            Ok(environment)
        } else {
            Err(ConfigError::new(format!(
                "{} names {environment}, which has no upstream.",
                value.place
            )))
        }
    };
    let path = |value: &Value| {
        let wants = format!("an environment and {InvalidOpenPath}, such as prod=/status");
        let (of, path) = value.text.split_once('=').ok_or_else(|| value.must_be(&wants))?;
        OpenPath::new(environment(value, of, &wants)?, path).map_err(|_| value.must_be(&wants))
    };
    let preflights = settings.text("cors-preflight");
    let preflights = preflights.map(|value| environment(&value, &value.text, "sandbox, dev or prod"));
    Ok(Open {
        paths: settings
            .list("public-path")
            .iter()
            .map(path)
            .collect::<Result<_, _>>()?,
        preflights: preflights.transpose()?,
    })
}

pub(super) fn networks(settings: &Settings, name: &str) -> Result<Vec<IpNet>, ConfigError> {
    settings
        .list(name)
        .iter()
        .map(|value| network(&value.text).ok_or_else(|| value.must_be(NETWORK)))
        .collect()
}

const NETWORK: &str = "a network such as 10.0.0.0/8";

fn network(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse().map(|address: std::net::IpAddr| address.into()).ok())
}

pub(super) fn allow_networks(settings: &Settings) -> Result<Vec<webhooks::AllowedNetwork>, ConfigError> {
    let wants = "a network, optionally with ports, such as 10.0.0.0/8 or 10.0.0.0/8:443,8443";
    settings
        .list("allow-network")
        .iter()
        .map(|value| value.text.parse().map_err(|_| value.must_be(wants)))
        .collect()
}

/// The most connections from one address to one listener.
pub(super) fn connections_per_address(settings: &Settings) -> Result<usize, ConfigError> {
    let Some(value) = settings.text("connections-per-address") else {
        return Ok(CONNECTIONS_PER_ADDRESS);
    };
    match value.text.parse() {
        Ok(connections) if connections > 0 => Ok(connections),
        _ => Err(value.must_be("a number of connections, such as 1024")),
    }
}

/// Enough for a load test, or for an office behind one address.
const CONNECTIONS_PER_ADDRESS: usize = 1024;

pub(super) fn rate_limit(settings: &Settings) -> Result<RateLimit, ConfigError> {
    let Some(value) = settings.text("rate-limit") else {
        return Ok(RateLimit::Requests(300));
    };
    match value.text.as_str() {
        "off" => Ok(RateLimit::Off),
        number => match number.parse() {
            Ok(requests) if requests > 0 => Ok(RateLimit::Requests(requests)),
            _ => Err(value.must_be("a number of requests, such as 300, or off")),
        },
    }
}

pub(super) fn event_payloads(settings: &Settings) -> Result<webhooks::PayloadCheck, ConfigError> {
    let Some(value) = settings.text("event-payloads") else {
        return Ok(webhooks::PayloadCheck::default());
    };
    match value.text.as_str() {
        "off" => Ok(webhooks::PayloadCheck::Off),
        "warn" => Ok(webhooks::PayloadCheck::Warn),
        "reject" => Ok(webhooks::PayloadCheck::Reject),
        _ => Err(value.must_be("off, warn or reject")),
    }
}

/// The names the operator added to the redaction list, and those exempted from it.
pub(super) fn names(settings: &Settings) -> Result<logs::Names, ConfigError> {
    let (added, kept) = (settings.list("redact-name"), settings.list("keep-name"));
    if let Some(value) = added
        .iter()
        .chain(kept)
        .find(|value| !value.text.contains(char::is_alphanumeric))
    {
        return Err(value.must_be("a name, such as salary or contact-email"));
    }
    let texts = |values: &[Value]| values.iter().map(|value| value.text.clone()).collect::<Vec<_>>();
    logs::Names::new(&texts(added), &texts(kept)).map_err(|fault| {
        ConfigError::new(format!(
            "redact-name and keep-name contradict each other: {fault}."
        ))
    })
}

/// The names of the credential headers and the prefixes of secrets.
pub(super) fn credentials(settings: &Settings) -> Result<CredentialForm, ConfigError> {
    let mut form = CredentialForm::default();
    let name = |setting: &str, documented: WrittenName| match settings.text(setting) {
        None => Ok(documented),
        Some(value) => value.text.parse().map_err(|_| {
            value.must_be(
                "a header name of letters, digits and dashes that nothing else uses, such as Acme-Secret",
            )
        }),
    };
    form.client_id = name("client-id-header", form.client_id)?;
    form.secret = name("secret-header", form.secret)?;
    if form.client_id.header() == form.secret.header() {
        return Err(ConfigError::new(
            "client-id-header and secret-header must be two different headers.",
        ));
    }
    let given = settings.list("key-prefix");
    let wants = "an environment and a prefix that ends with - or _, such as sandbox=sk_test_";
    let mut prefixes: Vec<(Environment, Vec<&str>)> = Vec::new();
    for value in given {
        let (environment, prefix) = value.text.split_once('=').ok_or_else(|| value.must_be(wants))?;
        let environment: Environment = environment.parse().map_err(|_| value.must_be(wants))?;
        match prefixes.iter_mut().find(|(known, _)| *known == environment) {
            Some((_, listed)) => listed.push(prefix),
            None => prefixes.push((environment, vec![prefix])),
        }
    }
    for (environment, listed) in prefixes {
        form.prefixes = form.prefixes.with(environment, &listed).map_err(|fault| {
            ConfigError::new(format!("key-prefix cannot be used for {environment}: {fault}."))
        })?;
    }
    Ok(form)
}

pub(super) fn demo(settings: &Settings) -> Result<Option<Demo>, ConfigError> {
    let Some(value) = settings.text("demo") else {
        return Ok(None);
    };
    match value.text.as_str() {
        "full" | "1" | "true" => Ok(Some(Demo::Full)),
        "empty" => Ok(Some(Demo::Empty)),
        "0" | "false" | "off" => Ok(None),
        _ => Err(value.must_be("left without a value, or \"empty\"")),
    }
}

pub(super) fn database(settings: &Settings) -> Result<Database, ConfigError> {
    let Some(value) = settings.text("database-url") else {
        return Ok(Database::Embedded);
    };
    // Do not repeat the URL in the error: it may contain a password.
    if value.text.starts_with("postgres://") || value.text.starts_with("postgresql://") {
        if let Err(fault) = url::Url::parse(&value.text) {
            return Err(ConfigError::new(format!(
                "{} is not the address of a database: {fault}.",
                value.place
            )));
        }
        return Ok(Database::Postgres(value.text));
    }
    Err(ConfigError::new(format!(
        "{} must begin with postgres:// (leave it out for the embedded database).",
        value.place
    )))
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

    #[test]
    fn an_error_names_the_setting_and_what_it_expects() {
        let fault = listen(
            &settings(|args| args.listen = Some("here".to_owned())),
            "listen",
            "127.0.0.1:3000",
        );
        let sentence = fault.expect_err("no address").0;
        assert_eq!(
            sentence,
            "--listen is \"here\", but it must be an address with a port, such as 127.0.0.1:3000."
        );
        let twice =
            settings(|args| args.upstream = vec!["dev=http://a".to_owned(), "dev=http://b".to_owned()]);
        assert!(upstreams(&twice).expect_err("twice").0.contains("dev twice"));
        let open = |upstream: &str, path: &str, preflights: Option<&str>| {
            open(&settings(|args| {
                args.upstream = vec![upstream.to_owned()];
                args.public_path = vec![path.to_owned()];
                args.cors_preflight = preflights.map(str::to_owned);
            }))
        };
        let (api, path) = ("dev=http://a", "dev=/docs/*");
        let known = open(api, path, Some("dev")).expect("an open path");
        assert_eq!((known.paths.len(), known.preflights), (1, Some(Environment::Dev)));
        assert_eq!(
            open(api, "dev=/*", None).expect_err("all of the API").0,
            "--public-path is \"dev=/*\", but it must be an environment and a path such as /status, or /docs/* for \
             everything below it, such as prod=/status."
        );
        assert!(open(api, "/docs", None).is_err());
        assert_eq!(
            open(api, path, Some("prod")).expect_err("no upstream").0,
            "--cors-preflight names prod, which has no upstream."
        );
        for limit in ["0", "-1", "many"] {
            assert!(
                rate_limit(&settings(|args| args.rate_limit = Some(limit.to_owned()))).is_err(),
                "{limit}"
            );
        }
    }

    #[test]
    fn delivery_headers_are_checked_when_the_settings_are_read() {
        let with = |agent: &str, sign: &str| {
            webhook_headers(&settings(|args| {
                args.webhook_user_agent = Some(agent.to_owned());
                args.webhook_sign_header = Some(sign.to_owned());
            }))
        };
        let headers = with("Acme/1.0", "Acme-Signature").expect("both are allowed");
        assert_eq!(
            (headers.shown().user_agent.as_str(), headers.shown().sign.as_str()),
            ("Acme/1.0", "Acme-Signature")
        );
        for (agent, sign, name) in [
            ("Acme\r\nX: 1", "Acme-Signature", "--webhook-user-agent is "),
            ("Acme/1.0", "Content-Length", "--webhook-sign-header is "),
            ("Acme/1.0", "webhook-id", "--webhook-sign-header is "),
        ] {
            let fault = with(agent, sign).expect_err(name);
            assert!(fault.0.starts_with(name), "{fault}");
        }
    }

    #[test]
    fn a_provider_name_is_one_line_of_at_most_64_characters() {
        let named = |text: &str| provider(&settings(|args| args.name = Some(text.to_owned())));
        assert_eq!(named(" Acme Pay ").expect("a name").name(), "Acme Pay");
        assert_eq!(named(&"x".repeat(64)).expect("a name").name().len(), 64);
        for text in ["", "   ", "Acme\nPay", &"x".repeat(65)] {
            let fault = named(text).expect_err(text);
            assert!(fault.0.starts_with("--name is "), "{fault}");
        }
    }

    #[test]
    fn names_can_be_added_to_the_redaction_list_and_exempted_from_it() {
        let given = settings(|args| {
            args.redact_name = vec!["salary".to_owned()];
            args.keep_name = vec!["contact_email".to_owned()];
        });
        let list = names(&given).expect("two names");
        assert!(list.is_secret("annualSalary") && list.is_secret("email"));
        assert!(!list.is_secret("contact-email"));
        let both = settings(|args| {
            args.redact_name = vec!["a_b".to_owned()];
            args.keep_name = vec!["aB".to_owned()];
        });
        assert_eq!(
            names(&both).expect_err("a contradiction").0,
            "redact-name and keep-name contradict each other: \"a-b\" is in both lists."
        );
        let none = settings(|args| args.redact_name = vec!["--".to_owned()]);
        assert_eq!(
            names(&none).expect_err("no name").0,
            "--redact-name is \"--\", but it must be a name, such as salary or contact-email."
        );
    }

    #[test]
    fn credential_headers_and_prefixes_default_to_the_documented_ones() {
        let documented = credentials(&settings(|_| ())).expect("defaults");
        assert_eq!(documented, CredentialForm::default());
        let own = credentials(&settings(|args| {
            args.client_id_header = Some("Acme-Account".to_owned());
            args.secret_header = Some("Acme-Secret".to_owned());
            args.key_prefix = ["sandbox=sk_test_", "prod=sk_live_", "sandbox=test-"]
                .map(str::to_owned)
                .to_vec();
        }))
        .expect("valid");
        assert_eq!(
            (own.client_id.written(), own.secret.written()),
            ("Acme-Account", "Acme-Secret")
        );
        assert_eq!(own.prefixes.of_new(Environment::Sandbox), "sk_test_");
        assert_eq!(own.prefixes.of_new(Environment::Dev), "dev-");
        type Change = fn(&mut ServeArgs);
        let faults: [(&str, Change); 5] = [
            ("--client-id-header", |args| {
                args.client_id_header = Some("Host".to_owned())
            }),
            ("two different", |args| {
                args.secret_header = Some("x-access-client-id".to_owned())
            }),
            ("--key-prefix", |args| {
                args.key_prefix = vec!["sk_test_".to_owned()]
            }),
            ("for dev", |args| args.key_prefix = vec!["dev=sk.".to_owned()]),
            ("another environment", |args| {
                args.key_prefix = vec!["dev=prod-".to_owned()]
            }),
        ];
        for (part, change) in faults {
            let fault = credentials(&settings(change)).expect_err(part);
            assert!(fault.0.contains(part), "{fault}");
        }
    }

    #[test]
    fn an_error_never_repeats_the_database_url() {
        let fault = database(&settings(|args| {
            args.database_url = Some("mysql://ana:secret@db".to_owned())
        }));
        assert!(!fault.expect_err("no PostgreSQL").0.contains("secret"));
    }
}

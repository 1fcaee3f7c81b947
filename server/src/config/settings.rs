//! Settings as text, and where each one was set.

use std::collections::HashMap;
use std::path::Path;

use super::ConfigError;
use crate::cli::{GatewayArgs, ServeArgs};

/// Every setting allowed in an environment variable or the file. `true` marks lists.
const NAMES: &[(&str, bool)] = &[
    ("name", false),
    ("data-dir", false),
    ("listen", false),
    ("gateway-listen", false),
    ("operator-listen", false),
    ("operator-host", true),
    ("public-url", false),
    ("gateway-url", false),
    ("upstream", true),
    ("upstream-http2", false),
    ("tls-certificate", false),
    ("tls-key", false),
    ("gateway-tls-certificate", false),
    ("gateway-tls-key", false),
    ("database-url", false),
    ("allow-network", true),
    ("trusted-proxy", true),
    ("verify-peer", true),
    ("completion-syslog", false),
    ("completion-file", true),
    ("completion-wait", false),
    ("public-path", true),
    ("cors-preflight", false),
    ("webhook-user-agent", false),
    ("webhook-sign-header", false),
    ("event-payloads", false),
    ("connections-per-address", false),
    ("rate-limit", false),
    ("redact-name", true),
    ("keep-name", true),
    ("log", false),
    ("log-days", false),
    ("body-days", false),
    ("log-bytes", false),
    ("client-id-header", false),
    ("secret-header", false),
    ("key-prefix", true),
    ("demo", false),
    ("handshake-timeout", false),
    ("http2-streams", false),
    ("head-timeout", false),
    ("body-idle", false),
    ("body-timeout", false),
    ("connect-timeout", false),
    ("answer-timeout", false),
    ("stream-idle", false),
    ("upstream-idle", false),
    ("write-idle", false),
    ("queue-timeout", false),
    ("drain-timeout", false),
    ("gateway-connections", false),
    ("gateway-requests", false),
    ("head-bytes", false),
    ("public-api-body-bytes", false),
];

/// A value and where it was set, as a person would say it: `--listen`, `GATEHOUSE_LISTEN`, `listen in gatehouse.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) place: String,
}

impl Value {
    /// `--listen is "x", but it must be …`
    pub(super) fn must_be(&self, what: &str) -> ConfigError {
        ConfigError::new(format!(
            "{} is {:?}, but it must be {what}.",
            self.place, self.text
        ))
    }
}

#[derive(Debug, Default)]
pub(super) struct Settings {
    values: HashMap<&'static str, Vec<Value>>,
}

impl Settings {
    pub(super) fn read(args: &ServeArgs, file: Option<&Path>) -> Result<Self, ConfigError> {
        let file = read_file(file)?;
        Self::layer(
            flags(args),
            |name| std::env::var(name).ok().filter(|text| !text.is_empty()),
            file,
        )
    }

    /// Flags win over variables, which win over the file.
    fn layer(
        mut flags: HashMap<&'static str, Vec<String>>,
        variable: impl Fn(&str) -> Option<String>,
        mut file: HashMap<String, Vec<Value>>,
    ) -> Result<Self, ConfigError> {
        let mut values = HashMap::new();
        for &(name, is_list) in NAMES {
            let from_file = file.remove(name);
            let variable_name = format!("GATEHOUSE_{}", name.to_uppercase().replace('-', "_"));
            let chosen = if let Some(texts) = flags.remove(name).filter(|texts| !texts.is_empty()) {
                texts
                    .into_iter()
                    .map(|text| Value {
                        text,
                        place: format!("--{name}"),
                    })
                    .collect()
            } else if let Some(text) = variable(&variable_name) {
                let place = variable_name;
                // A network with ports contains commas, so these lists are separated by spaces.
                let separators: &[char] = if name == "allow-network" {
                    &[' ', ';']
                } else {
                    &[',', ' ']
                };
                let parts: Vec<String> = match is_list {
                    true => text
                        .split(separators)
                        .filter(|part| !part.is_empty())
                        .map(str::to_owned)
                        .collect(),
                    false => vec![text],
                };
                parts
                    .into_iter()
                    .map(|text| Value {
                        text,
                        place: place.clone(),
                    })
                    .collect()
            } else {
                from_file.unwrap_or_default()
            };
            values.insert(name, chosen);
        }
        match file.into_keys().next() {
            Some(unknown) => Err(ConfigError::new(format!(
                "The settings file has an unknown setting: {unknown}."
            ))),
            None => Ok(Self { values }),
        }
    }

    /// The value of a setting that is not a list.
    pub(super) fn text(&self, name: &str) -> Option<Value> {
        self.values.get(name)?.first().cloned()
    }

    pub(super) fn list(&self, name: &str) -> &[Value] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }
}

fn flags(args: &ServeArgs) -> HashMap<&'static str, Vec<String>> {
    // Names every field: a flag that is left out would be read and then ignored.
    let ServeArgs {
        config: _,
        leptos_config: _,
        name,
        data_dir,
        listen,
        gateway_listen,
        operator_listen,
        operator_host,
        public_url,
        gateway_url,
        upstream,
        upstream_http2,
        tls_certificate,
        tls_key,
        gateway_tls_certificate,
        gateway_tls_key,
        database_url,
        allow_network,
        trusted_proxy,
        verify_peer,
        completion_syslog,
        completion_file,
        completion_wait,
        public_path,
        cors_preflight,
        webhook_user_agent,
        webhook_sign_header,
        event_payloads,
        connections_per_address,
        rate_limit,
        redact_name,
        keep_name,
        log,
        log_days,
        body_days,
        log_bytes,
        client_id_header,
        secret_header,
        key_prefix,
        demo,
        gateway,
    } = args;
    let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
    let mut flags = gateway_flags(gateway);
    flags.extend([
        ("name", one(name)),
        ("data-dir", one(data_dir)),
        ("listen", one(listen)),
        ("gateway-listen", one(gateway_listen)),
        ("operator-listen", one(operator_listen)),
        ("operator-host", operator_host.clone()),
        ("public-url", one(public_url)),
        ("gateway-url", one(gateway_url)),
        ("upstream", upstream.clone()),
        ("upstream-http2", one(upstream_http2)),
        ("tls-certificate", one(tls_certificate)),
        ("tls-key", one(tls_key)),
        ("gateway-tls-certificate", one(gateway_tls_certificate)),
        ("gateway-tls-key", one(gateway_tls_key)),
        ("database-url", one(database_url)),
        ("allow-network", allow_network.clone()),
        ("trusted-proxy", trusted_proxy.clone()),
        ("verify-peer", verify_peer.clone()),
        ("completion-syslog", one(completion_syslog)),
        ("completion-file", completion_file.clone()),
        ("completion-wait", one(completion_wait)),
        ("public-path", public_path.clone()),
        ("cors-preflight", one(cors_preflight)),
        ("webhook-user-agent", one(webhook_user_agent)),
        ("webhook-sign-header", one(webhook_sign_header)),
        ("event-payloads", one(event_payloads)),
        ("connections-per-address", one(connections_per_address)),
        ("rate-limit", one(rate_limit)),
        ("redact-name", redact_name.clone()),
        ("keep-name", keep_name.clone()),
        ("log", one(log)),
        ("log-days", one(log_days)),
        ("body-days", one(body_days)),
        ("log-bytes", one(log_bytes)),
        ("client-id-header", one(client_id_header)),
        ("secret-header", one(secret_header)),
        ("key-prefix", key_prefix.clone()),
        ("demo", one(demo)),
    ]);
    flags
}

fn gateway_flags(args: &GatewayArgs) -> HashMap<&'static str, Vec<String>> {
    let GatewayArgs {
        handshake_timeout,
        http2_streams,
        head_timeout,
        body_idle,
        body_timeout,
        connect_timeout,
        answer_timeout,
        stream_idle,
        upstream_idle,
        write_idle,
        queue_timeout,
        drain_timeout,
        gateway_connections,
        gateway_requests,
        head_bytes,
        public_api_body_bytes,
    } = args;
    let flags = [
        ("handshake-timeout", handshake_timeout),
        ("http2-streams", http2_streams),
        ("head-timeout", head_timeout),
        ("body-idle", body_idle),
        ("body-timeout", body_timeout),
        ("connect-timeout", connect_timeout),
        ("answer-timeout", answer_timeout),
        ("stream-idle", stream_idle),
        ("upstream-idle", upstream_idle),
        ("write-idle", write_idle),
        ("queue-timeout", queue_timeout),
        ("drain-timeout", drain_timeout),
        ("gateway-connections", gateway_connections),
        ("gateway-requests", gateway_requests),
        ("head-bytes", head_bytes),
        ("public-api-body-bytes", public_api_body_bytes),
    ];
    flags
        .into_iter()
        .map(|(name, value)| (name, value.iter().cloned().collect()))
        .collect()
}

/// Reads the given file, which must exist, or `gatehouse.toml` if there is one.
fn read_file(given: Option<&Path>) -> Result<HashMap<String, Vec<Value>>, ConfigError> {
    let path = given.unwrap_or(Path::new("gatehouse.toml"));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if given.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(HashMap::new());
        }
        Err(error) => {
            return Err(ConfigError::new(format!(
                "--config names {}, which cannot be read: {error}.",
                path.display()
            )));
        }
    };
    parse_file(&text, &path.display().to_string())
}

fn parse_file(text: &str, file: &str) -> Result<HashMap<String, Vec<Value>>, ConfigError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| {
            text[..span.start.min(text.len())].lines().count().max(1)
        });
        ConfigError::new(format!("{file} is not TOML: line {line}, {}.", error.message()))
    })?;
    table
        .into_iter()
        .map(|(name, value)| {
            let place = format!("{name} in {file}");
            let values = match value {
                toml::Value::Array(items) => items.into_iter().map(|item| scalar(item, &place)).collect(),
                single => scalar(single, &place).map(|value| vec![value]),
            };
            Ok((name, values?))
        })
        .collect()
}

fn scalar(value: toml::Value, place: &str) -> Result<Value, ConfigError> {
    let text = match value {
        toml::Value::String(text) => text,
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(true) => "full".to_owned(),
        _ => {
            return Err(ConfigError::new(format!(
                "{place} must be a string, a number, or a list of strings."
            )));
        }
    };
    Ok(Value {
        text,
        place: place.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> HashMap<String, Vec<Value>> {
        parse_file(text, "gatehouse.toml").expect("TOML")
    }

    #[test]
    fn a_flag_overrides_a_variable_and_a_variable_overrides_the_file() {
        let text = "listen = \"file\"\ngateway-listen = \"file\"\noperator-listen = \"file\"\n";
        let flags = HashMap::from([("listen", vec!["flag".to_owned()])]);
        let variable = |name: &str| (name != "GATEHOUSE_OPERATOR_LISTEN").then(|| "variable".to_owned());
        let settings = Settings::layer(flags, variable, file(text)).expect("settings");
        assert_eq!(settings.text("listen").expect("set").place, "--listen");
        assert_eq!(
            settings.text("gateway-listen").expect("set").place,
            "GATEHOUSE_GATEWAY_LISTEN"
        );
        assert_eq!(
            settings.text("operator-listen").expect("set").place,
            "operator-listen in gatehouse.toml"
        );
    }

    #[test]
    fn an_unknown_setting_is_named_in_the_error() {
        let error = Settings::layer(HashMap::new(), |_| None, file("lisen = \"x\"")).expect_err("unknown");
        assert!(error.0.contains("lisen"), "{error}");
    }

    #[test]
    fn one_variable_can_hold_a_list() {
        let variable = |name: &str| (name == "GATEHOUSE_UPSTREAM").then(|| "sandbox=a, prod=b".to_owned());
        let settings = Settings::layer(HashMap::new(), variable, HashMap::new()).expect("settings");
        let texts: Vec<_> = settings
            .list("upstream")
            .iter()
            .map(|value| value.text.as_str())
            .collect();
        assert_eq!(texts, ["sandbox=a", "prod=b"]);
    }
}

//! Reading a webhook from a request's body, field by field, so that every fault is named at once.

use bytes::Bytes;
use model::{Environment, EventType, InvalidWebhook, WebhookEvents};
use serde_json::{Map, Value};
use webhooks::fault;

/// The members of the body that say something. What is read-only or unknown is passed over, as it always was.
#[derive(Debug, Default, PartialEq)]
pub(super) struct WebhookBody {
    pub(super) name: Option<String>,
    pub(super) webhook_url: Option<String>,
    pub(super) env_type: Option<Environment>,
    pub(super) events: Option<WebhookEvents>,
    pub(super) enabled: Option<bool>,
}

/// For a create, with the required members there; all faults at once.
pub(super) fn complete(body: &Bytes) -> Result<WebhookBody, Vec<InvalidWebhook>> {
    let members = object(body)?;
    let mut faults: Vec<InvalidWebhook> = ["name", "webhook_url", "env_type"]
        .into_iter()
        .filter(|field| !members.contains_key(*field))
        .map(|field| fault(field, "This field is required."))
        .collect();
    match read(&members) {
        Ok(body) if faults.is_empty() => Ok(body),
        Ok(_) => Err(faults),
        Err(wrong) => {
            faults.extend(wrong);
            Err(faults)
        }
    }
}

/// For a change: whatever is there.
pub(super) fn partial(body: &Bytes) -> Result<WebhookBody, Vec<InvalidWebhook>> {
    read(&object(body)?)
}

fn object(body: &Bytes) -> Result<Map<String, Value>, Vec<InvalidWebhook>> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(vec![fault(
            "non_field_errors",
            "Invalid data. Expected an object.",
        )]),
        Err(error) => {
            let message = format!(
                "JSON parse error at line {}, column {}.",
                error.line(),
                error.column()
            );
            Err(vec![fault("non_field_errors", message)])
        }
    }
}

fn read(members: &Map<String, Value>) -> Result<WebhookBody, Vec<InvalidWebhook>> {
    let mut faults = Vec::new();
    let mut text = |field: &str| match members.get(field)? {
        Value::String(text) => Some(text.clone()),
        other => {
            faults.push(fault(field, wrong_type(other, "Not a valid string.")));
            None
        }
    };
    let (name, webhook_url, env_type) = (text("name"), text("webhook_url"), text("env_type"));
    let env_type = env_type.and_then(|text| {
        let read = text.parse().ok();
        if read.is_none() {
            faults.push(fault("env_type", format!("\"{text}\" is not a valid choice.")));
        }
        read
    });
    let events = members
        .get("events")
        .and_then(|value| events(value).map_err(|wrong| faults.push(wrong)).ok());
    let enabled = members.get("enabled").and_then(|value| {
        if value.as_bool().is_none() {
            faults.push(fault("enabled", wrong_type(value, "Must be a valid boolean.")));
        }
        value.as_bool()
    });
    if faults.is_empty() {
        Ok(WebhookBody {
            name,
            webhook_url,
            env_type,
            events,
            enabled,
        })
    } else {
        Err(faults)
    }
}

fn events(value: &Value) -> Result<WebhookEvents, InvalidWebhook> {
    let Value::Array(items) = value else {
        return Err(fault("events", wrong_type(value, "Expected a list of items.")));
    };
    let types = items.iter().map(|item| {
        let known = item.as_str().and_then(|text| text.parse::<EventType>().ok());
        let shown = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
        known.ok_or_else(|| fault("events", format!("\"{shown}\" is not a valid choice.")))
    });
    types.collect::<Result<_, _>>().map(WebhookEvents::Only)
}

fn wrong_type(value: &Value, otherwise: &'static str) -> &'static str {
    if value.is_null() {
        "This field may not be null."
    } else {
        otherwise
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(body: &'static str) -> Vec<(String, String)> {
        let faults = complete(&Bytes::from_static(body.as_bytes())).expect_err(body);
        faults
            .into_iter()
            .map(|fault| (fault.field, fault.message))
            .collect()
    }

    #[test]
    fn every_member_is_read() {
        let body = r#"{"name":"a","webhook_url":"https://b","env_type":"prod","events":["order-created"],"enabled":false,"id":"x"}"#;
        assert_eq!(
            complete(&Bytes::from_static(body.as_bytes())),
            Ok(WebhookBody {
                name: Some("a".to_owned()),
                webhook_url: Some("https://b".to_owned()),
                env_type: Some(Environment::Prod),
                events: Some(WebhookEvents::Only(vec![EventType::OrderCreated])),
                enabled: Some(false),
            })
        );
        assert_eq!(partial(&Bytes::from_static(b"{}")), Ok(WebhookBody::default()));
    }

    #[test]
    fn every_fault_is_named() {
        let found =
            faults(r#"{"name":7,"env_type":"production","events":["order-created","x"],"enabled":"yes"}"#);
        let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["webhook_url", "name", "env_type", "events", "enabled"]);
        assert_eq!(found[2].1, "\"production\" is not a valid choice.");
        assert_eq!(
            faults(r#"{"name":null,"webhook_url":"a","env_type":"dev"}"#)[0].1,
            "This field may not be null."
        );
        for nonsense in ["", "[]", "{", "null"] {
            assert_eq!(faults(nonsense)[0].0, "non_field_errors", "{nonsense}");
        }
    }
}

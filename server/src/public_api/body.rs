//! Reads a webhook from a request body, field by field, so one response can list every error.

use bytes::Bytes;
use model::{Environment, EventType, InvalidWebhook, WebhookEvents};
use serde_json::{Map, Value};
use webhooks::event_types::KnownTypes;
use webhooks::{MOST_NAMED, fault, not_a_choice};

/// The members of the body that can be set. Read-only and unknown members are ignored.
#[derive(Debug, Default, PartialEq)]
pub(super) struct WebhookBody {
    pub(super) name: Option<String>,
    pub(super) webhook_url: Option<String>,
    pub(super) env_type: Option<Environment>,
    pub(super) events: Option<WebhookEvents>,
    pub(super) enabled: Option<bool>,
}

/// Reads the body of a create, in which some members are required. Returns what could be read and all errors.
pub(super) fn complete(body: &Bytes, known: &KnownTypes) -> (WebhookBody, Vec<InvalidWebhook>) {
    read(body, known, &["name", "webhook_url", "env_type"])
}

/// Reads the body of an update, in which every member is optional.
pub(super) fn partial(body: &Bytes, known: &KnownTypes) -> (WebhookBody, Vec<InvalidWebhook>) {
    read(body, known, &[])
}

/// Sorts errors into the order in which the contract lists the members.
pub(super) fn in_order(mut faults: Vec<InvalidWebhook>) -> Vec<InvalidWebhook> {
    const ORDER: [&str; 5] = ["name", "webhook_url", "env_type", "events", "enabled"];
    faults.sort_by_key(|fault| ORDER.iter().position(|field| *field == fault.field));
    faults
}

fn read(body: &Bytes, known: &KnownTypes, required: &[&str]) -> (WebhookBody, Vec<InvalidWebhook>) {
    let members = match object(body) {
        Ok(members) => members,
        Err(wrong) => return (WebhookBody::default(), vec![wrong]),
    };
    let mut reading = Reading {
        members: &members,
        faults: required
            .iter()
            .filter(|field| !members.contains_key(**field))
            .map(|field| fault(field, "This field is required."))
            .collect(),
    };
    let body = WebhookBody {
        name: reading.text("name"),
        webhook_url: reading.text("webhook_url"),
        env_type: reading.environment(),
        events: reading.events(known),
        enabled: reading.truth("enabled"),
    };
    (body, reading.faults)
}

/// The members of a body that is an object.
pub(super) fn object(body: &Bytes) -> Result<Map<String, Value>, InvalidWebhook> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(fault("non_field_errors", "Invalid data. Expected an object.")),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let message = format!("JSON parse error at line {line}, column {column}.");
            Err(fault("non_field_errors", message))
        }
    }
}

/// The members of a body, and the errors in those read so far.
struct Reading<'a> {
    members: &'a Map<String, Value>,
    faults: Vec<InvalidWebhook>,
}

impl Reading<'_> {
    fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.faults.push(fault(field, message));
    }

    fn text(&mut self, field: &str) -> Option<String> {
        match self.members.get(field)? {
            Value::String(text) => Some(text.clone()),
            other => {
                self.wrong(field, wrong_type(other, "Not a valid string."));
                None
            }
        }
    }

    fn truth(&mut self, field: &str) -> Option<bool> {
        match self.members.get(field)? {
            Value::Bool(truth) => Some(*truth),
            other => {
                self.wrong(field, wrong_type(other, "Must be a valid boolean."));
                None
            }
        }
    }

    fn environment(&mut self) -> Option<Environment> {
        let text = self.text("env_type")?;
        let read = text.parse().ok();
        if read.is_none() {
            self.faults.push(not_a_choice("env_type", &text));
        }
        read
    }

    /// A type that the operator has removed is read here: a webhook that has it keeps it. The rules refuse it elsewhere.
    fn events(&mut self, known: &KnownTypes) -> Option<WebhookEvents> {
        let items = match self.members.get("events")? {
            Value::Array(items) => items,
            other => {
                self.wrong("events", wrong_type(other, "Expected a list of items."));
                return None;
            }
        };
        let mut types: Vec<EventType> = Vec::new();
        let mut unknown = 0;
        for item in items {
            let event_type = item.as_str().and_then(|text| text.parse().ok());
            match event_type.filter(|event_type| known.get(event_type).is_some()) {
                Some(event_type) => types.push(event_type),
                None => {
                    unknown += 1;
                    if unknown <= MOST_NAMED {
                        let shown = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                        self.faults.push(not_a_choice("events", &shown));
                    }
                }
            }
        }
        (unknown == 0).then_some(WebhookEvents::Only(types))
    }
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

    fn documented() -> KnownTypes {
        KnownTypes::documented()
    }

    fn faults(body: &'static str) -> Vec<(String, String)> {
        let (_, faults) = complete(&Bytes::from_static(body.as_bytes()), &documented());
        in_order(faults)
            .into_iter()
            .map(|fault| (fault.field, fault.message))
            .collect()
    }

    #[test]
    fn every_member_of_the_body_is_read() {
        let body = r#"{"name":"a","webhook_url":"https://b","env_type":"prod","events":["order-created"],"enabled":false,"id":"x"}"#;
        assert_eq!(
            complete(&Bytes::from_static(body.as_bytes()), &documented()).0,
            WebhookBody {
                name: Some("a".to_owned()),
                webhook_url: Some("https://b".to_owned()),
                env_type: Some(Environment::Prod),
                events: Some(WebhookEvents::Only(vec![EventType::from_static("order-created")])),
                enabled: Some(false),
            }
        );
        assert_eq!(
            partial(&Bytes::from_static(b"{}"), &documented()),
            (WebhookBody::default(), Vec::new())
        );
    }

    #[test]
    fn every_error_in_the_body_is_named() {
        let found =
            faults(r#"{"name":7,"env_type":"production","events":["order-created","x",5],"enabled":"yes"}"#);
        let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            fields,
            ["name", "webhook_url", "env_type", "events", "events", "enabled"]
        );
        assert_eq!(found[2].1, "\"production\" is not a valid choice.");
        assert_eq!(found[4].1, "\"5\" is not a valid choice.");
        assert_eq!(
            faults(r#"{"name":null,"webhook_url":"a","env_type":"dev"}"#)[0].1,
            "This field may not be null."
        );
        for nonsense in ["", "[]", "{", "null"] {
            assert_eq!(faults(nonsense)[0].0, "non_field_errors", "{nonsense}");
        }
    }

    #[test]
    fn valid_members_are_read_even_if_others_are_wrong() {
        let (read, faults) = complete(
            &Bytes::from_static(br#"{"name":"a","webhook_url":"b","env_type":7}"#),
            &documented(),
        );
        assert_eq!(
            (read.name.as_deref(), read.webhook_url.as_deref()),
            (Some("a"), Some("b"))
        );
        assert_eq!(faults.len(), 1);
    }
}

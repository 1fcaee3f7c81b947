//! Event types as they are written in a file or sent by a program, checked one by one.

use std::fmt;
use std::sync::LazyLock;

use model::{EventEntry, EventType};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::event_body;

/// The documented event types, which a new installation has.
const DOCUMENTED: &str = include_str!("../../event-types.json");

/// The most types a catalogue can have.
pub const MOST_EVENT_TYPES: usize = 1_000;
/// The longest file, in bytes.
pub const LONGEST_FILE: usize = 4 * 1024 * 1024;
/// The longest sample and the longest schema, in bytes without white space between their parts.
pub const LONGEST_PART: usize = 32 * 1024;
/// In characters.
const LONGEST_GROUP: usize = 64;
const LONGEST_DESCRIPTION: usize = 500;

/// What is wrong with an event type, or with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidEntry {
    /// Which member: `event_type`, `group`, `description`, `sample`, `schema`; `file` for the whole.
    pub field: &'static str,
    pub message: String,
}

impl fmt::Display for InvalidEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for InvalidEntry {}

/// An event type before it is checked.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    pub event_type: &'a str,
    pub group: &'a str,
    pub description: &'a str,
    /// JSON. An empty object if there is none.
    pub sample: Option<&'a str>,
    /// JSON.
    pub schema: Option<&'a str>,
    pub removed: bool,
}

/// An event type in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    event_type: String,
    group: String,
    description: String,
    sample: Option<Box<RawValue>>,
    schema: Option<Box<RawValue>>,
    #[serde(default)]
    removed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    event_types: Vec<Written>,
}

/// The documented types.
pub fn documented() -> Vec<EventEntry> {
    static ENTRIES: LazyLock<Vec<EventEntry>> = LazyLock::new(|| {
        // A test reads the file.
        read_file(DOCUMENTED).unwrap_or_default()
    });
    ENTRIES.clone()
}

/// Reads `{"event_types":[…]}`. The error says which type is wrong and why.
pub fn read_file(text: &str) -> Result<Vec<EventEntry>, InvalidEntry> {
    let whole = |message: String| invalid("file", message);
    let file: File = serde_json::from_str(text)
        .map_err(|error| whole(format!("it is not a catalogue of event types: {error}")))?;
    // It would remove all types, which is hardly what is meant.
    if file.event_types.is_empty() {
        return Err(whole("it has no event types".to_owned()));
    }
    if file.event_types.len() > MOST_EVENT_TYPES {
        return Err(whole(format!("it has more than {MOST_EVENT_TYPES} event types")));
    }
    let mut entries: Vec<EventEntry> = Vec::with_capacity(file.event_types.len());
    for written in file.event_types {
        let name = &written.event_type;
        let draft = Draft {
            event_type: name,
            group: &written.group,
            description: &written.description,
            sample: written.sample.as_deref().map(RawValue::get),
            schema: written.schema.as_deref().map(RawValue::get),
            removed: written.removed,
        };
        let entry = check(&draft).map_err(|fault| InvalidEntry {
            message: format!("{} (event type {name:?})", fault.message),
            ..fault
        })?;
        if entries.iter().any(|one| one.event_type == entry.event_type) {
            return Err(whole(format!("it has {name:?} twice")));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Checks one type.
pub fn check(draft: &Draft<'_>) -> Result<EventEntry, InvalidEntry> {
    let event_type: EventType = draft
        .event_type
        .parse()
        .map_err(|error: model::InvalidEventType| invalid("event_type", error.to_string()))?;
    let group = words("group", draft.group, LONGEST_GROUP)?;
    let description = words("description", draft.description, LONGEST_DESCRIPTION)?;
    let sample = compact("sample", draft.sample.unwrap_or("{}"))?;
    event_body::members_of(&sample).map_err(|error| {
        let message = error.to_string();
        invalid("sample", message.replacen("payload", "a sample", 1))
    })?;
    let schema = draft.schema.map(|schema| compact("schema", schema)).transpose()?;
    if let Some(schema) = &schema {
        let read = serde_json::from_str(schema).map_err(|error| invalid("schema", error.to_string()))?;
        let compiled = super::schema::check(&read).map_err(|fault| invalid("schema", fault))?;
        if let Some(fault) = compiled.sample_fault(&sample) {
            return Err(invalid("sample", fault));
        }
    }
    Ok(EventEntry {
        event_type,
        group,
        description,
        fields: names(&sample),
        sample,
        schema,
        removed: draft.removed,
    })
}

fn invalid(field: &'static str, message: String) -> InvalidEntry {
    InvalidEntry { field, message }
}

fn words(field: &'static str, given: &str, longest: usize) -> Result<String, InvalidEntry> {
    let text = given.trim();
    if text.is_empty() || text.chars().count() > longest || text.chars().any(char::is_control) {
        let message = format!("use 1 to {longest} characters without control characters");
        return Err(invalid(field, message));
    }
    Ok(text.to_owned())
}

fn compact(field: &'static str, json: &str) -> Result<String, InvalidEntry> {
    serde_json::from_str::<&RawValue>(json)
        .map_err(|error| invalid(field, format!("it is not JSON: {error}")))?;
    let text = without_spaces(json);
    if text.len() > LONGEST_PART {
        return Err(invalid(field, format!("use at most {} KiB", LONGEST_PART / 1024)));
    }
    Ok(text)
}

/// The same JSON without white space between its parts. Its members keep their order.
fn without_spaces(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    json.chars()
        .filter(|char| {
            if in_text {
                in_text = escaped || *char != '"';
                escaped = !escaped && *char == '\\';
                return true;
            }
            in_text = *char == '"';
            !char.is_ascii_whitespace()
        })
        .collect()
}

/// The names of an object's members, in order. The text has been checked.
pub fn names(object: &str) -> Vec<String> {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut names: Vec<String> = Vec::new();
            while let Some(name) = map.next_key::<String>()? {
                map.next_value::<IgnoredAny>()?;
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            Ok(names)
        }
    }
    serde_json::Deserializer::from_str(object)
        .deserialize_map(Names)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(members: &str) -> Result<EventEntry, InvalidEntry> {
        let text = format!(
            r#"{{"event_types":[{{"event_type":"invoice.paid","group":" Invoices ","description":"Paid."{members}}}]}}"#
        );
        read_file(&text).map(|mut entries| entries.remove(0))
    }

    #[test]
    fn the_documented_file_has_the_nineteen_types_and_each_sample_can_be_published() {
        let entries = read_file(DOCUMENTED).expect("the documented types");
        assert_eq!(entries.len(), 19);
        for entry in entries {
            let (id, at) = (
                model::EventId::from_random([1; 16]),
                model::Timestamp::from_millis(0),
            );
            event_body::build(id, &entry.event_type, at, &entry.sample)
                .unwrap_or_else(|error| panic!("{}: {error}", entry.event_type));
            assert!(
                entry.fields.len() > 3 && entry.schema.is_some(),
                "{}",
                entry.event_type
            );
        }
    }

    #[test]
    fn a_type_keeps_the_order_of_its_members_and_loses_white_space() {
        let entry = one(", \"sample\": { \"z\" : \"a \\\" { b\" ,\n \"a\" : [ 1 , { } ] }").expect("a type");
        assert_eq!(entry.sample, r#"{"z":"a \" { b","a":[1,{}]}"#);
        assert_eq!(entry.fields, ["z", "a"]);
        assert_eq!((entry.group.as_str(), entry.schema), ("Invoices", None));
        assert_eq!(one("").expect("a type").sample, "{}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = format!(r#","sample":{{"a":"{}"}}"#, "x".repeat(LONGEST_PART));
        for (members, field) in [
            (r#","sample":[]"#, "sample"),
            (r#","sample":{"webhook_id":"x"}"#, "sample"),
            (long.as_str(), "sample"),
            (r#","schema":true"#, "schema"),
            (r#","schema":{"$ref":"https://example.com/"}"#, "schema"),
            (r#","scheme":{}"#, "file"),
            (
                r#"},{"event_type":"invoice.paid","group":"A","description":"B""#,
                "file",
            ),
            (
                r#"},{"event_type":"Paid","group":"A","description":"B""#,
                "event_type",
            ),
            (
                r#"},{"event_type":"paid","group":"  ","description":"B""#,
                "group",
            ),
            (
                r#"},{"event_type":"paid","group":"A","description":"B\u0007""#,
                "description",
            ),
        ] {
            assert_eq!(one(members).expect_err(members).field, field, "{members}");
        }
        let empty = read_file(r#"{"event_types":[]}"#).expect_err("no types");
        assert_eq!(empty.field, "file");
    }
}

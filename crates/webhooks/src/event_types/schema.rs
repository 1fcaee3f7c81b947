//! What a JSON Schema of the catalogue may contain, and what is wrong with a payload. A schema is complete in itself: nothing is
//! ever fetched for it. Its regular expressions run in time proportional to the text, and checking takes time proportional to the
//! payload ([`super::growth`]).

use boon::{CompileError, Compiler, ErrorKind, SchemaIndex, Schemas, ValidationError};
use serde_json::Value;

use super::growth;

/// A name for the document. Nothing is ever fetched from there.
const PLACE: &str = "https://schema.invalid/";
/// The most regular expressions in a schema, and the most bytes that each takes when it is compiled.
const MOST_PATTERNS: usize = 100;
const PATTERN_BYTES: usize = 256 * 1024;
/// The most work ([`Compiled::work`]) that is done for a payload.
pub(super) const MOST_WORK: u64 = 200_000;
/// The most faults of a payload that are told.
const MOST_FAULTS: usize = 20;

/// Members whose values are data, in which `$ref` means nothing.
const DATA: [&str; 5] = ["const", "enum", "examples", "example", "default"];

/// The schema, if payloads can be checked with it. The error is a sentence without its full stop.
pub(super) fn check(schema: &Value) -> Result<Compiled, String> {
    if !schema.is_object() {
        return Err("a schema is a JSON object".to_owned());
    }
    if let Some(reference) = outside(schema) {
        let shown: String = reference.chars().take(100).collect();
        return Err(format!(
            "{shown:?} is outside the schema: a reference must begin with #"
        ));
    }
    let mut left = MOST_PATTERNS;
    match patterns(schema, &mut left) {
        Some(fault) => Err(fault),
        None => Compiled::new(schema),
    }
}

/// A schema that payloads are checked with.
pub(super) struct Compiled {
    schemas: Schemas,
    root: SchemaIndex,
    /// See [`growth::levels`].
    levels: Vec<u64>,
}

/// What is wrong with a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadFault {
    /// Where, as a JSON pointer. Empty for the payload itself.
    pub pointer: String,
    /// What, without values of the payload.
    pub message: String,
}

impl Compiled {
    /// The error is a sentence without its full stop.
    pub(super) fn new(schema: &Value) -> Result<Self, String> {
        let levels = growth::levels(schema)?;
        let mut compiler = Compiler::new();
        let mut schemas = Schemas::new();
        let wrong = |error: CompileError| {
            let text = format!("{error:#}").replace(PLACE, "");
            let text = text.lines().collect::<Vec<_>>().join(" ");
            format!("it is not a JSON Schema: {text}")
        };
        compiler.add_resource(PLACE, schema.clone()).map_err(wrong)?;
        let root = compiler.compile(PLACE, &mut schemas).map_err(wrong)?;
        Ok(Self {
            schemas,
            root,
            levels,
        })
    }

    /// At most how many times a schema is applied to a value of this payload. Each can leave an error of half a kilobyte.
    pub(super) fn work(&self, payload: &Value) -> u64 {
        let (values, depth) = size(payload);
        let along_a_path = self.levels[depth.min(self.levels.len() - 1)];
        values.saturating_mul(along_a_path)
    }

    /// What is wrong with the sample of the type, in a sentence without its full stop.
    pub(super) fn sample_fault(&self, sample: &str) -> Option<String> {
        let sample = serde_json::from_str(sample).ok()?;
        if self.work(&sample) > MOST_WORK {
            return Some("it is too large to be checked with this schema".to_owned());
        }
        let faults = self.faults(&sample);
        faults.first().map(|fault| match fault.pointer.as_str() {
            "" => format!("it is not what the schema says: {}", fault.message),
            pointer => format!("it is not what the schema says: {pointer} {}", fault.message),
        })
    }

    /// What is wrong with this payload, at most 20 faults.
    pub(super) fn faults(&self, payload: &Value) -> Vec<PayloadFault> {
        let mut faults = Vec::new();
        if let Err(error) = self.schemas.validate(payload, self.root) {
            collect(&error, &mut faults);
        }
        faults
    }
}

/// How many values are in this one, with itself, and how many levels are below it.
fn size(value: &Value) -> (u64, usize) {
    let inner: Vec<(u64, usize)> = match value {
        Value::Array(items) => items.iter().map(size).collect(),
        Value::Object(members) => members.values().map(size).collect(),
        _ => return (1, 0),
    };
    let values = inner.iter().map(|(values, _)| values).sum::<u64>();
    let below = inner.iter().map(|(_, depth)| depth + 1).max();
    (values + 1, below.unwrap_or(0))
}

/// The errors that have no others below them.
fn collect(error: &ValidationError<'_, '_>, faults: &mut Vec<PayloadFault>) {
    if faults.len() == MOST_FAULTS {
        return;
    }
    if error.causes.is_empty() {
        faults.push(PayloadFault {
            pointer: error.instance_location.to_string(),
            message: message(&error.kind),
        });
    }
    for cause in &error.causes {
        collect(cause, faults);
    }
}

/// The library's sentences, except where those repeat a value of the payload.
fn message(kind: &ErrorKind<'_, '_>) -> String {
    match kind {
        ErrorKind::Type { got, want } => {
            let types: Vec<String> = want.iter().map(|one| one.to_string()).collect();
            format!("must be {}, not {got}", types.join(" or "))
        }
        ErrorKind::Format { want, .. } => format!("must have the format {want}"),
        ErrorKind::Pattern { want, .. } => format!("must match {want:?}"),
        ErrorKind::Minimum { want, .. } => format!("must be {want} or more"),
        ErrorKind::Maximum { want, .. } => format!("must be {want} or less"),
        ErrorKind::ExclusiveMinimum { want, .. } => format!("must be more than {want}"),
        ErrorKind::ExclusiveMaximum { want, .. } => format!("must be less than {want}"),
        ErrorKind::MultipleOf { want, .. } => format!("must be a multiple of {want}"),
        ErrorKind::ContentEncoding { want, .. } | ErrorKind::ContentMediaType { want, .. } => {
            format!("must be a text of {want}")
        }
        ErrorKind::FalseSchema => "must not be there".to_owned(),
        kind => kind.to_string(),
    }
}

/// The first regular expression that is none, is too large, or is one too many.
fn patterns(value: &Value, left: &mut usize) -> Option<String> {
    let check = |pattern: &str, left: &mut usize| {
        if *left == 0 {
            return Some(format!(
                "a schema has at most {MOST_PATTERNS} regular expressions"
            ));
        }
        *left -= 1;
        let built = regex::RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES)
            .build();
        built.err().map(|error| {
            let shown: String = pattern.chars().take(100).collect();
            match error {
                regex::Error::CompiledTooBig(_) => format!("the regular expression {shown:?} is too large"),
                _ => format!("{shown:?} is not a regular expression that can be checked in bounded time"),
            }
        })
    };
    match value {
        Value::Array(items) => items.iter().find_map(|item| patterns(item, left)),
        Value::Object(members) => members
            .iter()
            .find_map(|(name, value)| match (name.as_str(), value) {
                ("pattern", Value::String(pattern)) => check(pattern, left),
                ("patternProperties", Value::Object(by_pattern)) => by_pattern
                    .iter()
                    .find_map(|(pattern, value)| check(pattern, left).or_else(|| patterns(value, left))),
                (name, _) if DATA.contains(&name) => None,
                (_, value) => patterns(value, left),
            }),
        _ => None,
    }
}

/// The first reference that leads out of the document.
fn outside(value: &Value) -> Option<&str> {
    match value {
        Value::Array(items) => items.iter().find_map(outside),
        Value::Object(members) => members
            .iter()
            .find_map(|(name, value)| match (name.as_str(), value) {
                ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference)) => {
                    (!reference.starts_with('#')).then_some(reference.as_str())
                }
                // It would change what the references below it are relative to.
                ("$id", Value::String(base)) => Some(base.as_str()),
                (name, _) if DATA.contains(&name) => None,
                (_, value) => outside(value),
            }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(schema: &Value) -> Option<String> {
        check(schema).err()
    }

    #[test]
    fn references_stay_within_the_document() {
        for schema in [
            json!({}),
            json!({ "properties": { "a": { "$ref": "#/$defs/a" } }, "$defs": { "a": { "type": "string" } } }),
            json!({ "properties": { "$ref": { "type": "string" }, "id": { "type": "string" } } }),
            json!({ "const": { "$ref": "https://example.com/" }, "anyOf": [{ "$dynamicRef": "#a" }], "$defs": { "a": { "$dynamicAnchor": "a" } } }),
        ] {
            assert_eq!(fault(&schema), None, "{schema}");
        }
        for schema in [
            json!(true),
            json!({ "$ref": "https://example.com/schema.json" }),
            json!({ "items": [{ "$ref": "other.json#/a" }] }),
            json!({ "properties": { "a": { "allOf": [{ "$dynamicRef": "file:///etc/passwd" }] } } }),
            json!({ "$defs": { "a": { "$id": "https://example.com/", "$ref": "#/b" } } }),
        ] {
            assert!(fault(&schema).is_some(), "{schema}");
        }
    }

    #[test]
    fn a_schema_that_cannot_be_used_is_refused() {
        for (schema, part) in [
            (json!({ "type": "text" }), "not a JSON Schema"),
            (json!({ "minLength": -1 }), "not a JSON Schema"),
            (json!({ "$ref": "#/$defs/none" }), "not a JSON Schema"),
            (json!({ "pattern": "(a" }), "bounded time"),
            (json!({ "pattern": "(?=a)b" }), "bounded time"),
            (
                json!({ "properties": { "a": { "pattern": "((a{100}){100}){100}" } } }),
                "too large",
            ),
            (json!({ "patternProperties": { "(a": {} } }), "bounded time"),
            (json!({ "$ref": "#" }), "no end"),
        ] {
            let fault = fault(&schema);
            assert!(
                fault.as_ref().is_some_and(|fault| fault.contains(part)),
                "{schema}: {fault:?}"
            );
        }
        let many: Vec<_> = (0..=MOST_PATTERNS).map(|_| json!({ "pattern": "a" })).collect();
        assert!(fault(&json!({ "anyOf": many })).is_some_and(|fault| fault.contains("at most 100")));
        // A member with this name is data of the payload.
        assert_eq!(
            fault(&json!({ "properties": { "pattern": { "type": "string" } } })),
            None
        );
    }

    #[test]
    fn a_payloads_faults_say_where_and_repeat_no_value() {
        let schema = json!({
            "type": "object",
            "properties": {
                "amount": { "type": "number" },
                "items": { "items": { "properties": { "id": { "pattern": "^[a-z]+$" } } } },
                "kind": { "enum": ["one", "two"] },
            },
            "required": ["order_id"],
        });
        let compiled = Compiled::new(&schema).expect("a schema");
        let good = json!({ "order_id": 1, "amount": 2.5, "items": [{ "id": "ab" }], "kind": "two" });
        assert_eq!(compiled.faults(&good), []);
        let bad = json!({ "amount": "s3cret", "items": [{}, { "id": "S3CRET" }], "kind": "s3cret" });
        let mut faults = compiled.faults(&bad);
        faults.sort_by(|one, other| one.pointer.cmp(&other.pointer));
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["", "/amount", "/items/1/id", "/kind"]);
        for fault in &faults {
            assert!(!fault.message.to_lowercase().contains("s3cret"), "{fault:?}");
        }
    }

    #[test]
    fn a_payload_that_would_take_too_much_memory_is_not_checked() {
        let choices: Vec<_> = (0..1200).map(|n| json!({ "const": format!("v{n}") })).collect();
        let compiled = Compiled::new(&json!({ "properties": { "a": { "items": { "anyOf": choices } } } }));
        let compiled = compiled.expect("a schema");
        let payload = |count: usize| json!({ "a": vec!["z"; count] });
        assert!(compiled.work(&payload(100)) <= MOST_WORK);
        assert!(compiled.work(&payload(1000)) > MOST_WORK);
        // An ordinary payload of the largest size can be checked.
        let ordinary = Compiled::new(&json!({ "properties": { "a": { "items": { "type": "string" } } } }));
        assert!(ordinary.expect("a schema").work(&payload(60_000)) <= MOST_WORK);
    }

    #[test]
    fn a_deep_payload_is_checked_quickly() {
        let schema = json!({ "anyOf": [{ "type": "number" }, { "items": { "$ref": "#" } }] });
        assert_eq!(fault(&schema), None);
        let compiled = Compiled::new(&schema).expect("a schema");
        let mut payload = json!("x");
        for _ in 0..120 {
            payload = json!([payload]);
        }
        let started = std::time::Instant::now();
        assert_eq!(compiled.faults(&payload), []);
        assert!(started.elapsed() < std::time::Duration::from_secs(2));
    }
}

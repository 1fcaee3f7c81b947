//! What a JSON Schema of the catalogue may contain. It is complete in itself: nothing is ever fetched for it.

use serde_json::Value;

/// Members whose values are data, in which `$ref` means nothing.
const DATA: [&str; 5] = ["const", "enum", "examples", "example", "default"];

/// What is wrong with a schema, in a sentence without its full stop.
pub(super) fn fault(schema: &Value) -> Option<String> {
    if !schema.is_object() {
        return Some("a schema is a JSON object".to_owned());
    }
    outside(schema).map(|reference| {
        let shown: String = reference.chars().take(100).collect();
        format!("{shown:?} is outside the schema: a reference must begin with #")
    })
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

    #[test]
    fn references_stay_within_the_document() {
        for schema in [
            json!({}),
            json!({ "properties": { "a": { "$ref": "#/$defs/a" } }, "$defs": { "a": { "type": "string" } } }),
            json!({ "properties": { "$ref": { "type": "string" }, "id": { "type": "string" } } }),
            json!({ "const": { "$ref": "https://example.com/" }, "anyOf": [{ "$dynamicRef": "#a" }] }),
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
}

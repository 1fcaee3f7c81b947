//! Whether checking a payload with a schema takes time in proportion to the payload. A schema that refers to itself twice for the
//! same value doubles the work at each level of nesting, and a payload may have 127.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// The levels of nesting for which the work is counted.
const LEVELS: usize = 127;
/// The most schemas that may be applied along one path of a payload.
const MOST: u64 = 50_000;

/// Members whose schemas apply to the same value. References are read beside them.
const SAME_VALUE: [&str; 9] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
];
/// Members that hold schemas by name.
const MAPS: [&str; 4] = [
    "properties",
    "patternProperties",
    "dependentSchemas",
    "dependencies",
];
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
/// Members whose schemas apply to what is in the value: each to the member of its name, or all to the same.
const WITHIN: [(&str, Way); 10] = [
    ("properties", Way::ByName),
    ("prefixItems", Way::ByName),
    ("patternProperties", Way::Always),
    ("additionalProperties", Way::Rest),
    ("unevaluatedProperties", Way::Rest),
    ("propertyNames", Way::Rest),
    ("items", Way::Items),
    ("additionalItems", Way::Items),
    ("unevaluatedItems", Way::Items),
    ("contains", Way::Items),
];

#[derive(Clone, Copy)]
enum Way {
    ByName,
    /// Beside any other.
    Always,
    /// To members that no other names.
    Rest,
    Items,
}

/// The schemas in a document, by their places in a list.
struct Graph<'a> {
    document: &'a Value,
    nodes: Vec<Node<'a>>,
    known: HashMap<*const Value, usize>,
}

#[derive(Default)]
struct Node<'a> {
    same_value: Vec<usize>,
    within: Vec<(Key<'a>, usize)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'a> {
    Name(&'a str),
    Place(usize),
    Rest,
    Items,
    Always,
}

/// The schemas that are applied to one value, and to what is in it.
#[derive(Clone, Default)]
struct Work<'a> {
    here: u64,
    within: HashMap<Key<'a>, u64>,
}

impl Work<'_> {
    /// Along the path that takes the most.
    fn most(&self) -> u64 {
        let of = |key: &Key<'_>| self.within.get(key).copied().unwrap_or(0);
        let others = self.within.iter().filter(|(key, _)| **key != Key::Always);
        let deepest = others.map(|(_, work)| *work).max().unwrap_or(0);
        self.here.saturating_add(of(&Key::Always)).saturating_add(deepest)
    }
}

/// What is wrong, as a sentence without its full stop. References that lead nowhere are left to the compiler.
pub(super) fn fault(schema: &Value) -> Option<String> {
    let mut graph = Graph {
        document: schema,
        nodes: Vec::new(),
        known: HashMap::new(),
    };
    let root = graph.node(schema);
    let Some(order) = graph.inner_first() else {
        return Some("a schema refers to itself for the same value, which has no end".to_owned());
    };
    let mut below = vec![0_u64; graph.nodes.len()];
    for _ in 0..LEVELS {
        let mut works: Vec<Work<'_>> = vec![Work::default(); graph.nodes.len()];
        for at in &order {
            works[*at] = graph.work(*at, &works, &below);
        }
        below = works.iter().map(Work::most).collect();
    }
    (below[root] > MOST).then(|| {
        "schemas that refer to each other apply to the same value more than once: a nested payload would take too long to check"
            .to_owned()
    })
}

impl<'a> Graph<'a> {
    /// The place of a schema in the list. Reads it and what it refers to if it is new.
    fn node(&mut self, schema: &'a Value) -> usize {
        if let Some(at) = self.known.get(&std::ptr::from_ref(schema)) {
            return *at;
        }
        let at = self.nodes.len();
        self.known.insert(std::ptr::from_ref(schema), at);
        self.nodes.push(Node::default());
        let Value::Object(members) = schema else { return at };
        for name in SAME_VALUE {
            for (_, one) in parts(name, members) {
                let one = self.node(one);
                self.nodes[at].same_value.push(one);
            }
        }
        for name in REFERENCES {
            let reference = members.get(name).and_then(Value::as_str);
            if let Some(to) = reference.and_then(|reference| self.lookup(reference)) {
                let to = self.node(to);
                self.nodes[at].same_value.push(to);
            }
        }
        for (name, way) in WITHIN {
            for (key, one) in parts(name, members) {
                let key = match (way, key) {
                    (Way::ByName, key) | (Way::Items, key @ Key::Place(_)) => key,
                    (Way::Always, _) => Key::Always,
                    (Way::Rest, _) => Key::Rest,
                    (Way::Items, _) => Key::Items,
                };
                let one = self.node(one);
                self.nodes[at].within.push((key, one));
            }
        }
        at
    }

    /// `#`, `#/a/b` and `#anchor`.
    fn lookup(&self, reference: &str) -> Option<&'a Value> {
        let fragment = reference.strip_prefix('#')?;
        if fragment.is_empty() || fragment.starts_with('/') {
            return self.document.pointer(fragment);
        }
        anchored(self.document, fragment)
    }

    /// The schemas in an order in which those for the same value come before the one that has them. `None` if there is none.
    fn inner_first(&self) -> Option<Vec<usize>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; self.nodes.len()];
        let mut order = Vec::with_capacity(self.nodes.len());
        for start in 0..self.nodes.len() {
            let mut stack = vec![(start, false)];
            while let Some((at, is_left)) = stack.pop() {
                match (marks[at], is_left) {
                    (_, true) => {
                        marks[at] = Mark::Done;
                        order.push(at);
                    }
                    (Mark::Open, false) => return None,
                    (Mark::Done, false) => {}
                    (Mark::New, false) => {
                        marks[at] = Mark::Open;
                        stack.push((at, true));
                        let inner = self.nodes[at].same_value.iter();
                        // One that is on the stack twice is done when it comes up again, unless it is open.
                        stack.extend(inner.map(|one| (*one, false)));
                    }
                }
            }
        }
        Some(order)
    }

    fn work(&self, at: usize, works: &[Work<'a>], below: &[u64]) -> Work<'a> {
        let node = &self.nodes[at];
        let mut work = Work {
            here: 1,
            within: HashMap::new(),
        };
        let inner = node.same_value.iter().flat_map(|one| &works[*one].within);
        let own = node.within.iter().map(|(key, one)| (*key, below[*one]));
        for (key, more) in inner.map(|(key, more)| (*key, *more)).chain(own) {
            let sum = work.within.entry(key).or_insert(0);
            *sum = sum.saturating_add(more);
        }
        for one in &node.same_value {
            work.here = work.here.saturating_add(works[*one].here);
        }
        work
    }
}

/// The schemas in a member: by name, in an array, or just one.
fn parts<'a>(name: &str, members: &'a Map<String, Value>) -> Vec<(Key<'a>, &'a Value)> {
    match members.get(name) {
        Some(Value::Object(all)) if MAPS.contains(&name) => {
            all.iter().map(|(name, one)| (Key::Name(name), one)).collect()
        }
        Some(Value::Array(items)) => {
            let items = items.iter().enumerate();
            items.map(|(at, one)| (Key::Place(at), one)).collect()
        }
        Some(one) => vec![(Key::Rest, one)],
        None => Vec::new(),
    }
}

/// The schema with this anchor.
fn anchored<'a>(value: &'a Value, anchor: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.iter().find_map(|one| anchored(one, anchor)),
        Value::Object(members) => {
            let has = ["$anchor", "$dynamicAnchor"]
                .iter()
                .any(|name| members.get(*name).and_then(Value::as_str) == Some(anchor));
            if has {
                return Some(value);
            }
            members.values().find_map(|one| anchored(one, anchor))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ordinary_recursion_is_possible() {
        for schema in [
            json!({ "type": "object", "properties": { "a": { "type": "string" } } }),
            // A tree, a list of lists, and an expression of several kinds.
            json!({ "properties": { "left": { "$ref": "#" }, "right": { "$ref": "#" } } }),
            json!({ "anyOf": [{ "type": "number" }, { "type": "array", "items": { "$ref": "#" } }] }),
            json!({ "oneOf": [
                { "properties": { "and": { "type": "array", "items": { "$ref": "#" } } }, "required": ["and"] },
                { "properties": { "or": { "type": "array", "items": { "$ref": "#" } } }, "required": ["or"] },
                { "properties": { "not": { "$ref": "#" } }, "required": ["not"] },
            ] }),
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "additionalProperties": { "$ref": "#/$defs/a" } } } }),
        ] {
            assert_eq!(fault(&schema), None, "{schema}");
        }
    }

    #[test]
    fn work_that_doubles_at_each_level_is_refused() {
        let x = json!({ "properties": { "x": { "$ref": "#" } } });
        let list = json!({ "items": { "$ref": "#/$defs/a" } });
        for schema in [
            json!({ "allOf": [x, x] }),
            json!({ "properties": { "x": { "$ref": "#" } }, "patternProperties": { "": { "$ref": "#" } } }),
            json!({ "$defs": { "a": { "anyOf": [list, list] } }, "$ref": "#/$defs/a" }),
            json!({ "$dynamicAnchor": "top", "oneOf": [
                { "properties": { "x": { "$dynamicRef": "#top" } } },
                { "properties": { "x": { "$dynamicRef": "#top" } } },
            ] }),
        ] {
            assert!(
                fault(&schema).is_some_and(|fault| fault.contains("too long")),
                "{schema}"
            );
        }
        // Without recursion: each part refers twice to the next one.
        let mut parts = serde_json::Map::new();
        for n in 0..20 {
            let next = json!({ "$ref": format!("#/$defs/p{}", n + 1) });
            parts.insert(format!("p{n}"), json!({ "allOf": [next, next] }));
        }
        parts.insert("p20".to_owned(), json!({}));
        assert!(fault(&json!({ "$ref": "#/$defs/p0", "$defs": parts })).is_some());
    }

    #[test]
    fn a_reference_back_to_itself_is_refused() {
        for schema in [
            json!({ "$ref": "#" }),
            json!({ "allOf": [{ "not": { "$ref": "#/$defs/a" } }], "$defs": { "a": { "$ref": "#" } } }),
        ] {
            assert!(
                fault(&schema).is_some_and(|fault| fault.contains("no end")),
                "{schema}"
            );
        }
    }
}

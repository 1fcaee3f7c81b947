//! How much work it is to check a payload with a schema. A schema that refers to itself twice for the same value doubles the
//! work at each level of nesting, and a payload may have 127; such a schema is refused. For the others, [`levels`] says how many
//! schemas can be applied along one path of a payload, by its depth.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// The levels of nesting for which the work is counted.
pub(super) const LEVELS: usize = 127;
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
/// Members whose schemas apply to what is in the value, and to which part of it.
const WITHIN: [(&str, Part<'static>); 10] = [
    ("properties", Part::Named("")),
    ("prefixItems", Part::Place(0)),
    ("patternProperties", Part::Any),
    ("propertyNames", Part::Any),
    ("contains", Part::Any),
    ("additionalProperties", Part::OtherMembers),
    ("unevaluatedProperties", Part::OtherMembers),
    ("items", Part::OtherItems),
    ("additionalItems", Part::OtherItems),
    ("unevaluatedItems", Part::OtherItems),
];

/// A part of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part<'a> {
    Named(&'a str),
    Place(usize),
    /// Any member or item, beside whatever else applies to it.
    Any,
    /// Members that the same schema does not name.
    OtherMembers,
    /// Items to whose places the same schema has nothing else.
    OtherItems,
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
    within: Vec<(Part<'a>, usize)>,
}

/// The schemas that are applied to one value, and to what is in it.
#[derive(Clone, Default)]
struct Work<'a> {
    here: u64,
    within: HashMap<Part<'a>, u64>,
}

impl<'a> Work<'a> {
    fn of(&self, part: Part<'a>) -> u64 {
        let found = self.within.get(&part).copied();
        match part {
            Part::Named(_) => found.unwrap_or_else(|| self.of(Part::OtherMembers)),
            Part::Place(_) => found.unwrap_or_else(|| self.of(Part::OtherItems)),
            Part::Any | Part::OtherMembers | Part::OtherItems => found.unwrap_or(0),
        }
    }

    /// What is applied to a value if both are.
    fn and(self, other: &Self) -> Self {
        let parts = self.within.keys().chain(other.within.keys());
        Self {
            here: self.here.saturating_add(other.here),
            within: parts
                .map(|part| (*part, self.of(*part).saturating_add(other.of(*part))))
                .collect(),
        }
    }

    /// Along the path that takes the most.
    fn most(&self) -> u64 {
        let beside = self.of(Part::Any);
        let others = self.within.iter().filter(|(part, _)| **part != Part::Any);
        let deepest = others.map(|(_, work)| *work).max().unwrap_or(0);
        self.here.saturating_add(beside).saturating_add(deepest)
    }
}

/// How many schemas can be applied along one path of a payload with a number of levels: of one without any, of one with one, and
/// so on. The error is a sentence without its full stop. References that lead nowhere are left to the compiler.
pub(super) fn levels(schema: &Value) -> Result<Vec<u64>, String> {
    let mut graph = Graph {
        document: schema,
        nodes: Vec::new(),
        known: HashMap::new(),
    };
    let root = graph.node(schema);
    let Some(order) = graph.inner_first() else {
        return Err("a schema refers to itself for the same value, which has no end".to_owned());
    };
    let mut below = vec![0_u64; graph.nodes.len()];
    let mut levels = Vec::with_capacity(LEVELS + 1);
    for _ in 0..=LEVELS {
        let mut works: Vec<Work<'_>> = vec![Work::default(); graph.nodes.len()];
        for at in &order {
            works[*at] = graph.work(*at, &works, &below);
        }
        below = works.iter().map(Work::most).collect();
        levels.push(below[root]);
        if below[root] > MOST {
            return Err(
                "schemas that refer to each other apply to the same value more than once: a nested payload would take too long to check"
                    .to_owned(),
            );
        }
    }
    Ok(levels)
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
        for (name, part) in WITHIN {
            for (found, one) in parts(name, members) {
                let part = match (part, found) {
                    (Part::Named(_) | Part::Place(_), found) | (Part::OtherItems, found @ Part::Place(_)) => {
                        found
                    }
                    (part, _) => part,
                };
                let one = self.node(one);
                self.nodes[at].within.push((part, one));
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
        let mut own = Work {
            here: 1,
            within: HashMap::new(),
        };
        for (part, one) in &node.within {
            let sum = own.within.entry(*part).or_insert(0);
            *sum = sum.saturating_add(below[*one]);
        }
        node.same_value
            .iter()
            .fold(own, |work, one| work.and(&works[*one]))
    }
}

/// The schemas in a member: by name, in an array, or just one.
fn parts<'a>(name: &str, members: &'a Map<String, Value>) -> Vec<(Part<'a>, &'a Value)> {
    match members.get(name) {
        Some(Value::Object(all)) if MAPS.contains(&name) => {
            all.iter().map(|(name, one)| (Part::Named(name), one)).collect()
        }
        Some(Value::Array(items)) => {
            let items = items.iter().enumerate();
            items.map(|(at, one)| (Part::Place(at), one)).collect()
        }
        Some(one) => vec![(Part::Any, one)],
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

    fn fault(schema: &Value) -> Option<String> {
        levels(schema).err()
    }

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
            json!({ "properties": { "a": { "$ref": "#" } }, "additionalProperties": { "$ref": "#" } }),
            json!({ "prefixItems": [{ "$ref": "#" }], "items": { "$ref": "#" } }),
            json!({ "patternProperties": { "": { "$ref": "#" } } }),
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
            json!({ "$defs": { "n": { "prefixItems": [{ "$ref": "#/$defs/n" }], "contains": { "$ref": "#/$defs/n" } } }, "$ref": "#/$defs/n" }),
            json!({ "properties": { "x": { "$ref": "#" } }, "allOf": [{ "additionalProperties": { "$ref": "#" } }] }),
            json!({ "items": { "$ref": "#" }, "anyOf": [{ "prefixItems": [{ "$ref": "#" }] }] }),
            json!({ "$dynamicAnchor": "n", "properties": { "x": { "$dynamicRef": "#n" } }, "allOf": [{ "additionalProperties": { "$dynamicRef": "#n" } }] }),
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

    #[test]
    fn the_work_follows_the_depth_of_the_payload() {
        let list = json!({ "type": "array", "items": { "$ref": "#" } });
        let levels = levels(&list).expect("it can be used");
        assert_eq!(levels.len(), LEVELS + 1);
        assert_eq!(
            levels[..3],
            [1, 3, 5],
            "a schema and a reference for each level below the first"
        );
        let choices: Vec<_> = (0..1000).map(|n| json!({ "const": n })).collect();
        let wide = json!({ "properties": { "a": { "items": { "anyOf": choices } } } });
        assert_eq!(super::levels(&wide).expect("it can be used")[2], 1003);
    }
}

//! The result of a command and how it is printed: named values, as one object or a list.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;

use model::SecretText;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use vault::Zeroizing;

use crate::error::StartError;
use crate::wiped;

/// One object or several. `Debug` shows no more of a secret than [`SecretText`] does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    One(Object),
    List(Vec<Object>),
}

/// Named values, in the order in which they are printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object(Vec<(String, Value)>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Value {
    Text(String),
    Secret(SecretText),
    Nothing,
}

impl Value {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Secret(secret) => secret.expose(),
            Self::Nothing => "-",
        }
    }
}

impl Object {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.push((name.to_owned(), Value::Text(value.to_string())));
        self
    }

    /// `null` in JSON if there is no value.
    pub fn with_maybe(mut self, name: &str, value: Option<impl ToString>) -> Self {
        let value = value.map_or(Value::Nothing, |value| Value::Text(value.to_string()));
        self.0.push((name.to_owned(), value));
        self
    }

    pub fn with_secret(mut self, name: &str, secret: Option<SecretText>) -> Self {
        self.0
            .push((name.to_owned(), secret.map_or(Value::Nothing, Value::Secret)));
        self
    }

    fn holds_a_secret(&self) -> bool {
        self.0.iter().any(|(_, value)| matches!(value, Value::Secret(_)))
    }
}

/// An object as `--json` and the operator API print it.
struct Printed<'a>(&'a Object);

impl Serialize for Printed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.0.len()))?;
        for (name, value) in &self.0.0 {
            match value {
                Value::Nothing => map.serialize_entry(name, &())?,
                other => map.serialize_entry(name, other.text())?,
            }
        }
        map.end()
    }
}

impl Answer {
    /// One line of JSON.
    pub(crate) fn json(&self) -> serde_json::Result<Zeroizing<Vec<u8>>> {
        match self {
            Self::One(object) => wiped::json(&Printed(object)),
            Self::List(objects) => wiped::json(&objects.iter().map(Printed).collect::<Vec<_>>()),
        }
    }

    /// For a person: names followed by values, or a table.
    fn text(&self) -> Zeroizing<Vec<u8>> {
        let mut text = Zeroizing::new(Vec::with_capacity(4096));
        match self {
            Self::One(object) => {
                for (name, value) in object.0.iter().filter(|(_, value)| *value != Value::Nothing) {
                    // Writing to memory cannot fail.
                    let _ = writeln!(text, "{name:<14} {}", value.text());
                }
            }
            Self::List(objects) => table(objects, &mut text),
        }
        text
    }

    /// Bypasses the buffer of standard output, because no one could wipe it.
    pub(crate) fn print(&self, as_json: bool) -> Result<(), StartError> {
        let mut text = match as_json {
            true => self.json().map_err(StartError::failed("printing the answer"))?,
            false => self.text(),
        };
        if as_json {
            text.push(b'\n');
        }
        let written = std::io::stdout()
            .as_fd()
            .try_clone_to_owned()
            .and_then(|output| File::from(output).write_all(&text));
        written.map_err(|error| StartError::Refused(self.unread(&error)))
    }

    /// What to do if the output could not be delivered, for example because the reader of a pipe has exited.
    fn unread(&self, error: &std::io::Error) -> String {
        let secret = match self {
            Self::One(object) => object.holds_a_secret(),
            Self::List(_) => false,
        };
        let next = if secret {
            "The output contained a secret that is shown only once: delete or revoke what was created, then run the command again."
        } else {
            "The command itself was carried out."
        };
        format!("The output could not be written to standard output ({error}). {next}")
    }
}

fn table(objects: &[Object], text: &mut Vec<u8>) {
    let Some(first) = objects.first() else {
        // Writing to memory cannot fail.
        let _ = writeln!(text, "(none)");
        return;
    };
    let width = |column: usize| {
        let values = objects
            .iter()
            .filter_map(|object| object.0.get(column))
            .map(|(_, value)| value.text().chars().count());
        let name = first.0[column].0.len();
        values.max().unwrap_or(0).max(name)
    };
    let widths: Vec<usize> = (0..first.0.len()).map(width).collect();
    let mut line = |values: &mut dyn Iterator<Item = &str>| {
        let columns: Vec<String> = values
            .zip(&widths)
            .map(|(value, width)| format!("{value:<width$}"))
            .collect();
        let _ = writeln!(text, "{}", columns.join("  ").trim_end());
    };
    line(&mut first.0.iter().map(|(name, _)| name.as_str()));
    for object in objects {
        line(&mut object.0.iter().map(|(_, value)| value.text()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> Object {
        Object::new()
            .with("name", name)
            .with_maybe("parent", None::<&str>)
    }

    #[test]
    fn json_keeps_the_order_and_prints_null() {
        let json = |answer: Answer| String::from_utf8(answer.json().expect("JSON").to_vec()).expect("text");
        assert_eq!(
            json(Answer::One(object("A \"b\""))),
            r#"{"name":"A \"b\"","parent":null}"#
        );
        assert_eq!(json(Answer::List(Vec::new())), "[]");
        assert_eq!(
            json(Answer::List(vec![object("A")])),
            r#"[{"name":"A","parent":null}]"#
        );
    }

    #[test]
    fn a_list_is_a_table() {
        let list = Answer::List(vec![object("Acme"), object("Zebra Cards")]);
        let text = String::from_utf8(list.text().to_vec()).expect("text");
        assert_eq!(text, "name         parent\nAcme         -\nZebra Cards  -\n");
        assert_eq!(&*Answer::List(Vec::new()).text(), b"(none)\n");
    }
}

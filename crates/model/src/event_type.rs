//! The name of an event type: text with a checked form. Which types there are is the installation's own choice, in its
//! [`crate::Catalogue`].

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What happened, as a webhook names it: lower-case words of letters and digits with a `-`, `.` or `_` between them, 64
/// characters at most. Cheap to clone.
#[derive(Clone)]
pub struct EventType(Text);

#[derive(Clone)]
enum Text {
    /// Named in the program.
    Fixed(&'static str),
    Shared(Arc<str>),
}

impl EventType {
    /// In characters.
    pub const LONGEST: usize = 64;

    /// A type that the program names. In a constant, a text of another form does not compile.
    ///
    /// # Panics
    ///
    /// If the text does not have the form.
    pub const fn from_static(text: &'static str) -> Self {
        assert!(has_the_form(text), "this is not the name of an event type");
        Self(Text::Fixed(text))
    }

    /// The name in data.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Fixed(text) => text,
            Text::Shared(text) => text,
        }
    }
}

const fn has_the_form(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut after_word = false;
    let mut at = 0;
    while at < bytes.len() {
        after_word = match bytes[at] {
            b'a'..=b'z' | b'0'..=b'9' => true,
            b'-' | b'.' | b'_' if after_word => false,
            _ => return false,
        };
        at += 1;
    }
    after_word && bytes.len() <= EventType::LONGEST
}

/// The text does not have the form of an event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEventType;

impl fmt::Display for InvalidEventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an event type is 1 to 64 lower-case letters and digits, with single -, . or _ between them",
        )
    }
}

impl std::error::Error for InvalidEventType {}

impl FromStr for EventType {
    type Err = InvalidEventType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if has_the_form(text) {
            Ok(Self(Text::Shared(text.into())))
        } else {
            Err(InvalidEventType)
        }
    }
}

// Two of the same text are equal, however they were made.

impl PartialEq for EventType {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for EventType {}

impl PartialOrd for EventType {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EventType {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for EventType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// A map whose keys are types can be asked for a text.
impl std::borrow::Borrow<str> for EventType {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_type_is_lower_case_words_with_single_marks_between_them() {
        let longest = "x".repeat(EventType::LONGEST);
        for text in [
            "a",
            "7",
            "order-created",
            "invoice.paid",
            "kyc_check.v2-done",
            &longest,
        ] {
            assert_eq!(text.parse::<EventType>().expect(text).as_str(), text);
        }
        let too_long = "x".repeat(EventType::LONGEST + 1);
        for text in [
            "", "-", "a-", "-a", "a--b", "a.-b", "Order", "a b", "a,b", "a\"b", "ö", "a/b", "a\n", &too_long,
        ] {
            assert_eq!(text.parse::<EventType>(), Err(InvalidEventType), "{text:?}");
        }
    }

    #[test]
    fn a_type_that_was_read_equals_the_one_that_the_program_names() {
        const NAMED: EventType = EventType::from_static("order-created");
        let read: EventType = "order-created".parse().expect("an event type");
        assert_eq!(read, NAMED);
        assert!(std::collections::HashSet::from([NAMED]).contains("order-created"));
        assert_eq!(std::collections::BTreeSet::from([NAMED, read]).len(), 1);
    }
}

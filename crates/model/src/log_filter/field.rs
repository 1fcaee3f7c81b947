//! The fields of a filter by name: what the address and the search line have in common. Each value goes in and out as text.

use std::borrow::Cow;
use std::fmt::Display;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::values::{DurationFilter, StatusFilter};
use super::{Choice, InvalidFilter, LogFilter};
use crate::{Environment, LONGEST_ERROR_CODE, LONGEST_TEMPLATE, Recorded};

/// How many values a field can have, those to exclude included.
pub const MOST_VALUES: usize = 32;

/// Bytes of a part of a path.
pub const LONGEST_PATH: usize = 1024;

/// Bytes of a method.
const LONGEST_METHOD: usize = 64;

/// A field with values to include and to exclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterField {
    Status,
    Brand,
    Environment,
    Key,
    Method,
    Verdict,
    Error,
    Recorded,
    Path,
    Endpoint,
    Address,
    Duration,
    Request,
}

impl Serialize for FilterField {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for FilterField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <Cow<'_, str>>::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| serde::de::Error::custom("no field of a filter"))
    }
}

impl FilterField {
    /// In the canonical order.
    pub const ALL: [Self; 13] = [
        Self::Status,
        Self::Brand,
        Self::Environment,
        Self::Key,
        Self::Method,
        Self::Verdict,
        Self::Error,
        Self::Recorded,
        Self::Path,
        Self::Endpoint,
        Self::Address,
        Self::Duration,
        Self::Request,
    ];

    /// The name in the search line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Brand => "brand",
            Self::Environment => "env",
            Self::Key => "key",
            Self::Method => "method",
            Self::Verdict => "verdict",
            Self::Error => "error",
            Self::Recorded => "recorded",
            Self::Path => "path",
            Self::Endpoint => "endpoint",
            Self::Address => "ip",
            Self::Duration => "duration",
            Self::Request => "id",
        }
    }

    /// The name in the address, which also is its name in messages about the address.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            other => other.name(),
        }
    }

    /// Reads both names.
    pub fn from_name(text: &str) -> Option<Self> {
        let is_named = |field: &Self| field.name() == text || field.parameter() == text;
        Self::ALL.into_iter().find(is_named)
    }

    /// What its values look like: the rest of a sentence that begins with "status wants" or "status must be".
    pub const fn wants(self) -> &'static str {
        match self {
            Self::Status => "a class such as 5xx, a code, >=500 or unknown",
            Self::Brand => "\"own\", the name of a brand, or its Client ID",
            Self::Environment => "one of sandbox, dev, prod",
            Self::Key => "the last four characters of a key, or its id",
            Self::Method => "a method such as POST",
            Self::Verdict => "a reason such as deleted_key",
            Self::Error => "an error code such as card_declined, or none",
            Self::Recorded => "one of gateway, verify, public_api, sent",
            Self::Path => "a part of a path, 1,024 bytes at most",
            Self::Endpoint => "a path with {id} in place of ids, such as /v1/users/{id}",
            Self::Address => "an IP address",
            Self::Duration => ">500ms, <2s, or 500ms..2s",
            Self::Request => "a request ID",
        }
    }

    const fn invalid(self, wants: &'static str) -> InvalidFilter {
        InvalidFilter {
            name: self.parameter(),
            wants,
        }
    }
}

impl LogFilter {
    /// Reads a value and includes or excludes it. Leaves the filter as it is if the text is no value of this field, or there
    /// are [`MOST_VALUES`] already.
    pub fn add(&mut self, field: FilterField, exclude: bool, text: &str) -> Result<(), InvalidFilter> {
        let invalid = || field.invalid(field.wants());
        let method = |text: &str| {
            let method = text.trim().to_ascii_uppercase();
            (1..=LONGEST_METHOD).contains(&method.len()).then_some(method)
        };
        let path = || (1..=LONGEST_PATH).contains(&text.len()).then(|| text.to_owned());
        let endpoint = || {
            (1..=LONGEST_TEMPLATE)
                .contains(&text.len())
                .then(|| text.to_owned())
        };
        let added = match field {
            FilterField::Status => put(
                &mut self.status,
                exclude,
                text.parse().ok(),
                Some(StatusFilter::joined),
            ),
            FilterField::Brand => put(&mut self.brand, exclude, text.parse().ok(), None),
            FilterField::Environment => put(&mut self.environment, exclude, environment(text), None),
            FilterField::Key => put(&mut self.key, exclude, text.parse().ok(), None),
            FilterField::Method => put(&mut self.method, exclude, method(text), None),
            FilterField::Verdict => put(&mut self.verdict, exclude, text.parse().ok(), None),
            FilterField::Error => put(&mut self.error, exclude, error(text), None),
            FilterField::Recorded => put(&mut self.recorded, exclude, Recorded::from_name(text), None),
            FilterField::Path => put(&mut self.path, exclude, path(), None),
            FilterField::Endpoint => put(&mut self.endpoint, exclude, endpoint(), None),
            FilterField::Address => put(&mut self.address, exclude, address(text), None),
            FilterField::Duration => put(
                &mut self.duration,
                exclude,
                text.parse().ok(),
                Some(DurationFilter::joined),
            ),
            FilterField::Request => put(&mut self.request, exclude, text.parse().ok(), None),
        };
        added
            .ok_or_else(invalid)?
            .then_some(())
            .ok_or(field.invalid("32 values at most"))
    }

    /// The values to include, or those to exclude, as [`Self::add`] reads them.
    pub fn texts(&self, field: FilterField, exclude: bool) -> Vec<String> {
        match field {
            FilterField::Status => texts(&self.status, exclude),
            FilterField::Brand => texts(&self.brand, exclude),
            FilterField::Environment => texts(&self.environment, exclude),
            FilterField::Key => texts(&self.key, exclude),
            FilterField::Method => self.method.values(exclude).clone(),
            FilterField::Verdict => texts(&self.verdict, exclude),
            FilterField::Recorded => {
                let names = self.recorded.values(exclude).iter();
                names.map(|one| one.as_str().to_owned()).collect()
            }
            FilterField::Path => self.path.values(exclude).clone(),
            FilterField::Endpoint => self.endpoint.values(exclude).clone(),
            FilterField::Error => self.error.values(exclude).clone(),
            FilterField::Address => self.address.values(exclude).clone(),
            FilterField::Duration => texts(&self.duration, exclude),
            FilterField::Request => texts(&self.request, exclude),
        }
    }

    /// Forgets one value, named by its text.
    pub fn remove(&mut self, field: FilterField, exclude: bool, text: &str) {
        let [included, excluded] = [false, true].map(|exclude| self.texts(field, exclude));
        self.clear(field);
        for (of, texts) in [(false, included), (true, excluded)] {
            for one in texts.iter().filter(|one| of != exclude || *one != text) {
                // What was a value is one, and there was room for it.
                let _ = self.add(field, of, one);
            }
        }
    }

    /// Forgets every value of the field.
    pub fn clear(&mut self, field: FilterField) {
        match field {
            FilterField::Status => self.status = Choice::default(),
            FilterField::Brand => self.brand = Choice::default(),
            FilterField::Environment => self.environment = Choice::default(),
            FilterField::Key => self.key = Choice::default(),
            FilterField::Method => self.method = Choice::default(),
            FilterField::Verdict => self.verdict = Choice::default(),
            FilterField::Recorded => self.recorded = Choice::default(),
            FilterField::Path => self.path = Choice::default(),
            FilterField::Endpoint => self.endpoint = Choice::default(),
            FilterField::Error => self.error = Choice::default(),
            FilterField::Address => self.address = Choice::default(),
            FilterField::Duration => self.duration = Choice::default(),
            FilterField::Request => self.request = Choice::default(),
        }
    }
}

/// Two values that are one together, if they are.
type Join<T> = fn(&T, &T) -> Option<T>;

/// `None` if there is no value, and false if there is no room for it.
fn put<T: PartialEq>(
    choice: &mut Choice<T>,
    exclude: bool,
    value: Option<T>,
    join: Option<Join<T>>,
) -> Option<bool> {
    let mut value = value?;
    let partner = |one: &T| join.filter(|_| !exclude).and_then(|join| join(one, &value));
    let joined = (choice.any_of.iter().enumerate()).find_map(|(at, one)| Some((at, partner(one)?)));
    if let Some((at, both)) = joined {
        choice.any_of.remove(at);
        value = both;
    }
    let is_new = !choice.any_of.contains(&value) && !choice.none_of.contains(&value);
    if is_new && choice.any_of.len() + choice.none_of.len() >= MOST_VALUES {
        return Some(false);
    }
    if !choice.values(exclude).contains(&value) {
        choice.set(exclude, value);
    }
    Some(true)
}

fn texts<T: Display>(choice: &Choice<T>, exclude: bool) -> Vec<String> {
    choice.values(exclude).iter().map(T::to_string).collect()
}

/// Also reads the name on pages, such as "Production".
fn environment(text: &str) -> Option<Environment> {
    let is_named = |one: &Environment| one.as_str() == text || one.label().eq_ignore_ascii_case(text);
    Environment::ALL.into_iter().find(is_named)
}

/// What is made of the characters of a code. Whether it is one does not matter: no row has another.
fn error(text: &str) -> Option<String> {
    let text = text.trim();
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    ((1..=LONGEST_ERROR_CODE).contains(&text.len()) && text.bytes().all(is_part)).then(|| text.to_owned())
}

/// What is made of the characters of an address. Whether it is one does not matter: no row has another.
fn address(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b'.' || byte == b':';
    ((2..=45).contains(&text.len()) && text.bytes().all(is_part)).then_some(text)
}

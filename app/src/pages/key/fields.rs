//! The forms of a key as names and values: what a browser posts, what the query holds after a refusal, and what the page
//! fills in again. `server` reads plain submissions with this too.

use model::{KeyAddress, KeyTerms, Timestamp};
use serde::{Deserialize, Serialize};

use crate::browser::clock;

/// Which form it is: each has its own button, and changes only what is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPart {
    #[default]
    Name,
    Expiry,
    Deletion,
    Limits,
}

impl KeyPart {
    pub const ALL: [Self; 4] = [Self::Name, Self::Expiry, Self::Deletion, Self::Limits];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Expiry => "expiry",
            Self::Deletion => "deletion",
            Self::Limits => "limits",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == name)
    }

    /// What the page says once it was saved.
    pub(super) const fn saved(self) -> &'static str {
        match self {
            Self::Name => "Name and note saved.",
            Self::Expiry => "Expiry saved. It is in force on every node.",
            Self::Deletion => "Scheduled deletion saved. It is in force on every node.",
            Self::Limits => "Limits saved. They are in force on every node.",
        }
    }
}

/// The fields as they were entered, right or wrong. Times are in UTC, as `datetime-local` inputs write them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFields {
    pub part: KeyPart,
    pub name: String,
    pub note: String,
    /// Empty: never.
    pub expires_at: String,
    /// One of [`DELETIONS`].
    pub delete: String,
    pub delete_at: String,
    pub read_only: bool,
    /// Separated by white space or commas.
    pub networks: String,
    /// Empty: no limit of its own.
    pub requests_a_minute: String,
    /// The networks for which the addresses that they shut out were named. If they are those of the form, they are saved.
    pub anyway: String,
}

/// When a key is deleted: name in the form, and words.
pub const DELETIONS: [(&str, &str); 5] = [
    ("never", "Not scheduled"),
    ("1h", "In 1 hour"),
    ("24h", "In 24 hours"),
    ("7d", "In 7 days"),
    ("at", "At the time below"),
];

/// The value of a `datetime-local` input, in UTC.
pub fn input_text(at: Option<Timestamp>) -> String {
    at.map(|at| clock::input_text(at, false)).unwrap_or_default()
}

impl From<&KeyTerms> for KeyFields {
    fn from(terms: &KeyTerms) -> Self {
        let delete = if terms.delete_at.is_some() { "at" } else { "never" };
        let requests = terms.requests_a_minute.map(|requests| requests.to_string());
        Self {
            part: KeyPart::Name,
            name: terms.name.clone(),
            note: terms.note.clone(),
            expires_at: input_text(terms.expires_at),
            delete: delete.to_owned(),
            delete_at: input_text(terms.delete_at),
            read_only: terms.read_only,
            networks: terms.networks.join("\n"),
            requests_a_minute: requests.unwrap_or_default(),
            anyway: String::new(),
        }
    }
}

impl KeyFields {
    /// From what a form sent or a query holds; unknown names are passed over.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut fields = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "part" => fields.part = KeyPart::from_name(&value).unwrap_or_default(),
                "name" => fields.name = value,
                "note" => fields.note = value,
                "expires_at" => fields.expires_at = value,
                "delete" => fields.delete = value,
                "delete_at" => fields.delete_at = value,
                "read_only" => fields.read_only = value == "true",
                "networks" => fields.networks = value,
                "requests_a_minute" => fields.requests_a_minute = value,
                "anyway" => fields.anyway = value,
                _ => (),
            }
        }
        fields
    }

    /// For a query that brings the form back as it was, with its faults named.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let part = ("part", self.part.as_str().to_owned());
        let mut pairs = vec![part];
        pairs.extend(match self.part {
            KeyPart::Name => vec![("name", self.name.clone()), ("note", self.note.clone())],
            KeyPart::Expiry => vec![("expires_at", self.expires_at.clone())],
            KeyPart::Deletion => vec![
                ("delete", self.delete.clone()),
                ("delete_at", self.delete_at.clone()),
            ],
            KeyPart::Limits => vec![
                ("read_only", self.read_only.to_string()),
                ("networks", self.networks.clone()),
                ("requests_a_minute", self.requests_a_minute.clone()),
            ],
        });
        pairs
    }

    /// The networks one by one.
    pub fn networks(&self) -> Vec<String> {
        one_by_one(&self.networks)
    }

    /// Whether the addresses that these networks shut out were named, and are to be shut out.
    pub fn is_confirmed(&self) -> bool {
        one_by_one(&self.anyway) == self.networks()
    }

    /// Those of `entered` in its part, and of `self` in the others.
    pub(super) fn with(self, entered: &Self) -> Self {
        let mut fields = self;
        fields.part = entered.part;
        match entered.part {
            KeyPart::Name => (fields.name, fields.note) = (entered.name.clone(), entered.note.clone()),
            KeyPart::Expiry => fields.expires_at.clone_from(&entered.expires_at),
            KeyPart::Deletion => {
                (fields.delete, fields.delete_at) = (entered.delete.clone(), entered.delete_at.clone());
            }
            KeyPart::Limits => {
                fields.read_only = entered.read_only;
                fields.networks.clone_from(&entered.networks);
                fields.requests_a_minute.clone_from(&entered.requests_a_minute);
            }
        }
        fields
    }
}

fn one_by_one(networks: &str) -> Vec<String> {
    networks
        .split(|letter: char| letter.is_whitespace() || letter == ',')
        .filter(|network| !network.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFault {
    /// The form's name of it.
    pub field: String,
    pub message: String,
}

/// What became of a form. Nothing was saved if there is a fault, or an address that would be shut out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySaved {
    pub faults: Vec<KeyFault>,
    /// Addresses of the last 7 days that may use the key now and could not afterwards. They need [`KeyFields::anyway`].
    pub shuts_out: Vec<KeyAddress>,
    /// There was no time to look at all requests: those from before this may have come from other addresses.
    pub looked_back_to: Option<Timestamp>,
}

impl KeySaved {
    pub const fn is_saved(&self) -> bool {
        self.faults.is_empty() && self.shuts_out.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_survives_the_way_through_a_query_and_leaves_the_others_as_they_are() {
        let terms = KeyTerms {
            name: "Billing".to_owned(),
            networks: vec!["192.0.2.0/24".to_owned(), "2001:db8::/32".to_owned()],
            requests_a_minute: Some(60),
            expires_at: Some(Timestamp::from_millis(1_767_614_400_000)),
            ..KeyTerms::default()
        };
        let saved = KeyFields::from(&terms);
        assert_eq!(saved.expires_at, "2026-01-05T12:00");
        let entered = KeyFields {
            name: "a&b=<c>".to_owned(),
            note: "two\nlines".to_owned(),
            expires_at: "soon".to_owned(),
            delete: "at".to_owned(),
            delete_at: "2026-01-06T12:00".to_owned(),
            read_only: true,
            networks: "10.0.0.0/8".to_owned(),
            requests_a_minute: "many".to_owned(),
            anyway: String::new(),
            part: KeyPart::Name,
        };
        for part in KeyPart::ALL {
            let entered = KeyFields {
                part,
                ..entered.clone()
            };
            let pairs = entered.to_pairs().into_iter();
            let read = KeyFields::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value)));
            let shown = saved.clone().with(&read);
            let of_part = |fields: &KeyFields| {
                KeyFields {
                    part,
                    ..fields.clone()
                }
                .to_pairs()
            };
            assert_eq!(of_part(&shown), entered.to_pairs(), "{part:?}");
            for other in KeyPart::ALL.into_iter().filter(|other| *other != part) {
                let of_other = |fields: &KeyFields| {
                    KeyFields {
                        part: other,
                        ..fields.clone()
                    }
                    .to_pairs()
                };
                assert_eq!(of_other(&shown), of_other(&saved), "{part:?}, {other:?}");
            }
        }
    }
}
